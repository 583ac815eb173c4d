"""Clients of AWS: what is missing or wrong in the environment is said before anything is asked."""

import pytest

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.errors import SettingsError


def test_without_a_region_the_error_names_the_variable() -> None:
    with pytest.raises(SettingsError, match="AWS_REGION") as raised:
        _ = AwsClients().glue
    assert raised.value.next_step == "export AWS_REGION=eu-west-1"
    with pytest.raises(SettingsError, match="AWS_REGION"):
        _ = AwsClients().region


def test_what_can_do_without_a_region_gets_none_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert AwsClients().known_region == ""
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert AwsClients().known_region == "eu-west-1"
    monkeypatch.setenv("AWS_PROFILE", "nobody-has-this-one")
    assert AwsClients().known_region == ""


def test_the_region_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert AwsClients().region == "eu-west-1"
    monkeypatch.setenv("AWS_REGION", "ap-northeast-1")
    assert AwsClients().region == "ap-northeast-1"
    clients = AwsClients()
    assert clients.glue.meta.region_name == "ap-northeast-1"
    clients.close()


def test_a_profile_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(SettingsError, match=r"AWS_PROFILE: .*nobody"):
        _ = AwsClients().s3


@pytest.mark.parametrize(
    ("variable", "value"),
    [("AWS_MAX_ATTEMPTS", "many"), ("AWS_MAX_ATTEMPTS", "-1"), ("AWS_RETRY_MODE", "stubborn")],
)
def test_a_retry_setting_that_cant_be_used_is_an_error(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match="can't be used") as raised:
        AwsClients()
    assert variable in str(raised.value.next_step)


def test_an_endpoint_that_is_no_address_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nowhere")
    with pytest.raises(SettingsError, match="AWS can't be reached with these settings"):
        _ = AwsClients().s3


@pytest.mark.parametrize(("attempts", "times"), [(None, 8), ("3", 3)])
def test_a_call_is_tried_so_often(monkeypatch: pytest.MonkeyPatch, attempts: str | None, times: int) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    if attempts:
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", attempts)
    clients = AwsClients()
    assert clients.s3.meta.config.retries == {"mode": "adaptive", "total_max_attempts": times}
    assert clients.s3 is clients.s3
    clients.close()
