"""Where channels lead is read from a file of secrets: strictly, and without showing any."""

from os import utime
from pathlib import Path
from typing import Any

import pytest

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.aws.secrets import AwsSecret
from datahub_dagster.adapters.notify import targets as module
from datahub_dagster.adapters.notify.examine import examine_targets
from datahub_dagster.adapters.notify.targets import TargetFile, Targets, TargetSecret, parse_targets
from datahub_dagster.domain.contract import Support
from datahub_dagster.domain.finding import Finding, Level
from datahub_dagster.errors import HubError, SettingsError
from tests.aws import AwsAccount
from tests.builders import contract

TOKEN = "T0KEN-that-nobody-may-see"
REPOSITORY = Path(__file__).parents[2]


def parse(text: str, **variables: str) -> Targets:
    return parse_targets(text, "targets.yaml", variables)


def url_of(targets: Targets, route: str) -> str | None:
    tool, _, channel = route.partition(":")
    target = targets.of(Support(tool=tool, channel=channel))
    return target.url if target else None


def test_a_channel_has_its_own_target_or_that_of_its_tool() -> None:
    targets = parse(
        '"slack:#markets-data": slack://own\n"slack:*": slack://any/{channel}\nemail: mailtos://x?to={channel}\n'
    )

    assert url_of(targets, "slack:#markets-data") == "slack://own"
    assert url_of(targets, "slack:#other") == "slack://any/%23other"
    assert url_of(targets, "email:a+b@example.com") == "mailtos://x?to=a%2Bb%40example.com"
    assert url_of(targets, "teams:data") is None


def test_a_channels_name_adds_nothing_to_an_address() -> None:
    targets = parse("email: mailtos://x?to={channel}")

    assert url_of(targets, "email:a@example.com&bcc=all@example.com#/../") == (
        "mailtos://x?to=a%40example.com%26bcc%3Dall%40example.com%23%2F..%2F"
    )
    target = targets.of(Support(tool="email", channel="a@example.com\nBcc: x"))
    assert target is not None
    assert "can't be shown" in target.fault


def test_variables_come_from_the_environment() -> None:
    targets = parse('webhook: "jsons://hub:${PASSWORD}@${HOST}/x"', PASSWORD="p%40ss", HOST="ops.example.com")

    assert url_of(targets, "webhook:any") == "jsons://hub:p%40ss@ops.example.com/x"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("webhook: json://${MISSING}/" + TOKEN, "the variable MISSING is not set"),
        ("webhook: {channel}", "the address is not a text"),
        (f"webhook: [json://{TOKEN}]", "the address is not a text"),
        ("webhook:", "the address is not a text"),
        (f"webhook: {TOKEN}", "the address has no ://"),
        (f"webhook: json://{TOKEN}\nwebhook: json://{TOKEN}", "is there twice"),
    ],
)
def test_a_target_that_cant_be_used_stops_no_other(line: str, fault: str) -> None:
    targets = parse(f"email: mailto://example.com\n{line}\n")

    assert url_of(targets, "email:x") == "mailto://example.com"
    broken = targets.by_key["webhook"]
    assert broken.fault.startswith(fault)
    assert broken.place in ("targets.yaml:2", "targets.yaml:3")
    assert TOKEN not in repr(targets)


@pytest.mark.parametrize(
    ("text", "where", "reason"),
    [
        (f"slack: json://x\n- {TOKEN}\n", "targets.yaml:2", "is no YAML"),
        (f"slack: '{TOKEN}", "targets.yaml:1", "is no YAML"),
        (f"a: *{TOKEN}", "targets.yaml:1", "is no YAML"),
        (f"- json://{TOKEN}", "targets.yaml:1", "is no map"),
        (f"\njson://{TOKEN}: slack", "targets.yaml:2", "the key is none of"),
        (f"\nslack:{TOKEN}\x01: x", "targets.yaml", "is no YAML"),
        ("Slack: json://x", "targets.yaml:1", "the key is none of"),
        ("? [a]\n: json://x", "targets.yaml:1", "the key is none of"),
    ],
)
def test_what_is_no_map_of_targets_is_refused_with_its_line_and_without_its_text(
    text: str, where: str, reason: str
) -> None:
    with pytest.raises(SettingsError, match=reason) as caught:
        parse(text)

    assert str(caught.value.subject).startswith(where)
    assert TOKEN not in str(caught.value)


def test_an_empty_file_names_no_target() -> None:
    assert parse("# nothing yet\n").by_key == {}


def test_a_file_is_read_again_when_it_changed(tmp_path: Path) -> None:
    file = tmp_path / "targets.yaml"
    file.write_text("slack: slack://old")
    utime(file, (1, 1))
    source = TargetFile(file, {})
    assert url_of(source.current(), "slack:x") == "slack://old"

    file.write_text("slack: slack://new")

    assert url_of(source.current(), "slack:x") == "slack://new"


@pytest.mark.parametrize("content", [None, b"slack: \xff"])
def test_a_file_that_cant_be_read_is_told_with_its_path(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "targets.yaml"
    if content:
        file.write_bytes(content)

    with pytest.raises(SettingsError) as caught:
        TargetFile(file).current()

    assert caught.value.subject == "DATAHUB_ALERT_TARGETS"
    assert str(file) in str(caught.value.found)


@pytest.mark.aws
def test_a_secret_of_aws_is_read_once_in_five_minutes(
    aws_account: AwsAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = aws_account.client("secretsmanager")
    secrets.create_secret(Name="datahub/targets", SecretString="slack: slack://${TOKEN}/old")
    clients = AwsClients()
    source = TargetSecret(AwsSecret(clients, "secretsmanager:datahub/targets"), {"TOKEN": "t"})
    try:
        assert url_of(source.current(), "slack:x") == "slack://t/old"
        secrets.put_secret_value(SecretId="datahub/targets", SecretString="slack: slack://${TOKEN}/new")

        assert url_of(source.current(), "slack:x") == "slack://t/old"
        monkeypatch.setattr(module, "_FRESH_SECONDS", 0.0)
        assert url_of(source.current(), "slack:x") == "slack://t/new"
    finally:
        clients.close()


# ── The doctor ───────────────────────────────────────────────────────────────────────────────────────────────────────


def examine(file: Path | None, *platform: Support, **values: Any) -> list[Finding]:
    source = TargetFile(file, {}) if file else None
    return list(examine_targets(source, file, [contract(**values)], platform))


def test_the_doctor_is_content_without_targets() -> None:
    assert [finding.level for finding in examine(None)] == [Level.FINE]


def test_the_doctor_finds_secrets_that_everybody_can_read(tmp_path: Path) -> None:
    file = tmp_path / "targets.yaml"
    file.write_text("email: mailto://example.com?from=hub@example.com&to={channel}\n")
    file.chmod(0o644)

    (found, *_) = examine(file)

    assert found.level is Level.FAULT
    assert found.next_step == f"chmod 600 {file}"
    file.chmod(0o600)
    assert not [each for each in examine(file, owners=()) if each.level is not Level.FINE]


def test_the_doctor_names_targets_that_cant_be_used_and_shows_none(tmp_path: Path) -> None:
    file = tmp_path / "targets.yaml"
    file.write_text(f"email: json://localhost\nslack: slak://{TOKEN}\nteams: json://${{NOT_SET}}/{TOKEN}\n")
    file.chmod(0o600)

    faults = [each.found for each in examine(file) if each.level is Level.FAULT]

    assert faults == [
        f"{file}:2: slack: its address is none that apprise knows",
        f"{file}:3: teams: the variable NOT_SET is not set",
    ]


def test_the_doctor_names_channels_without_a_target(tmp_path: Path) -> None:
    file = tmp_path / "targets.yaml"
    file.write_text('"slack:#a": json://localhost\n')
    file.chmod(0o600)
    support = (Support(tool="slack", channel="#a"), Support(tool="slack", channel="#b"))

    notes = [
        each.found
        for each in examine(
            file, Support(tool="pagerduty", channel="data"), support=support, owners=("o@example.com",)
        )
        if each.level is Level.NOTE
    ]

    assert [note.split(":")[1] for note in notes] == [
        "o@example.com of payments.orders",
        "data of the platform",
        "#b of payments.orders",
    ]


def test_the_doctor_says_that_targets_cant_be_read(tmp_path: Path) -> None:
    with pytest.raises((HubError, OSError)):
        examine(tmp_path / "gone.yaml")


def test_the_example_in_deploy_can_be_read() -> None:
    text = (REPOSITORY / "deploy/alert-targets.example.yaml").read_text(encoding="utf-8")
    variables = dict.fromkeys(module._VARIABLE.findall(text), "x")

    targets = parse_targets(text, "example", variables)

    assert {key.partition(":")[0] for key in targets.by_key} == {
        "slack",
        "email",
        "webhook",
        "pagerduty",
        "teams",
    }
    assert not [target for target in targets.by_key.values() if target.fault]
