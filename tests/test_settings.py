"""Settings from the environment: what is taken, and what the refusal of the rest says."""

from datetime import timedelta
from pathlib import Path

import pytest

from datahub_dagster.domain.contract import Language
from datahub_dagster.errors import SettingsError
from datahub_dagster.settings import S3Root, Settings, known_variables


def refused(**variables: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({f"DATAHUB_{name}": text for name, text in variables.items()})
    error = caught.value
    assert error.subject is not None
    assert error.subject.startswith("DATAHUB_")
    assert error.promised
    assert error.found in {repr(text) for text in variables.values()}
    assert error.next_step
    return error


def test_without_any_variable_it_is_the_embedded_hub() -> None:
    settings = Settings.from_environment({})

    assert settings.root == Path.cwd() / "hub"
    assert settings.timezone == "UTC"


def test_every_setting_can_be_given() -> None:
    given = {
        "ROOT": "/srv/hub",
        "DBT_PROJECT_DIR": "/srv/dbt",
        "CACHE_DIR": "/srv/cache",
        "TEAMS": "markets, weather,",
        "SHARED_WORK": "true",
        "SAMPLE_ROWS": "0",
        "INBOX_DAYS": "30",
        "DOCS_URL": "https://hub.example.com/docs",
        "DOCS_INTERVAL_MINUTES": "720",
        "DOCS_SAMPLE_ROWS": "0",
        "SENSOR_INTERVAL_SECONDS": "5",
        "NIGHTLY_CHECKS_CRON": "0 4  * * mon-fri",
        "RECONCILE_CRON": "*/5 * * * *",
        "TIMEZONE": "Asia/Tokyo",
        "ATHENA_WORKGROUP": "hub",
        "ATHENA_READER_WORKGROUP": "readers",
        "ATHENA_STAGING_DIR": "s3://acme-results/athena",
        "ATHENA_CANDIDATES": "audits",
        "GLUE_PREFIX": "prod_",
        "KMS_KEY": "alias/hub",
        "INBOX_QUEUE": "https://sqs.eu-west-1.example.com/1/inbox",
        "INBOX_LISTING_MINUTES": "60",
        "NOTIFY_WEBHOOK_SECRET": "secretsmanager:datahub/webhook",
        "ALERT_TARGETS": "/srv/targets.yaml",
        "ALERT_LANGUAGE": "ja",
        "ALERT_REMIND_HOURS": "0",
        "PLATFORM_SUPPORT": "slack:#data-platform, email:ops@example.com,",
        "DAGSTER_URL": "https://dagster.example.com",
        "MONITOR_INTERVAL_SECONDS": "30",
        "DOCS_ROOT": "s3://acme-docs",
        "DOCS_PUBLIC": "True",
    }
    assert {f"DATAHUB_{name}" for name in given} == set(known_variables())

    settings = Settings.from_environment({f"DATAHUB_{name}": text for name, text in given.items()})

    assert (settings.root, settings.cache) == (Path("/srv/hub"), Path("/srv/cache"))
    assert settings.teams == ("markets", "weather")
    assert settings.shared_work is True
    assert timedelta(minutes=settings.docs_interval_minutes) == timedelta(hours=12)
    assert settings.nightly_checks_cron == "0 4 * * mon-fri"
    assert settings.athena_staging_dir == S3Root("acme-results", "athena")
    assert settings.docs_root == S3Root("acme-docs")
    assert settings.docs_public is True
    assert settings.alert_targets == Path("/srv/targets.yaml")
    assert settings.alert_language is Language.JAPANESE
    assert [(each.tool, each.channel) for each in settings.platform_support] == [
        ("slack", "#data-platform"),
        ("email", "ops@example.com"),
    ]


@pytest.mark.parametrize(
    ("variables", "does"),
    [
        ({}, True),
        ({"TEAMS": "markets"}, False),
        ({"TEAMS": "markets", "SHARED_WORK": "true"}, True),
        ({"SHARED_WORK": "false"}, False),
    ],
)
def test_shared_work_is_done_where_no_team_is_named_unless_told(
    variables: dict[str, str], does: bool
) -> None:
    settings = Settings.from_environment({f"DATAHUB_{name}": text for name, text in variables.items()})

    assert settings.does_shared_work is does


def test_an_s3_address_is_a_hub_on_aws_whose_cache_is_on_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/srv/cache")

    settings = Settings.from_environment({"DATAHUB_ROOT": "s3://acme-datahub/prod/"})

    assert settings.is_on_aws
    assert str(settings.root) == "s3://acme-datahub/prod"
    assert settings.cache == Path("/srv/cache/datahub/acme-datahub/prod")


def test_what_needs_a_folder_says_so_on_aws() -> None:
    with pytest.raises(SettingsError, match="needs a folder of this machine"):
        _ = Settings(root=S3Root("acme-datahub")).folder


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ROOT", "s3://"),
        ("ROOT", "s3://Acme_Hub/prod"),
        ("ROOT", "s3://acme/../prod"),
        ("ROOT", "gs://acme/prod"),
        ("DOCS_ROOT", "/srv/docs"),
        ("GLUE_PREFIX", "prod-"),
        ("DOCS_PUBLIC", "yes"),
        ("SHARED_WORK", "1"),
        ("INBOX_LISTING_MINUTES", "0"),
    ],
)
def test_what_aws_would_not_take_is_refused(name: str, text: str) -> None:
    refused(**{name: text})


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [("ROOOT", "ROOT"), ("TIMEZON", "TIMEZONE"), ("INBOX_DAY", "INBOX_DAYS"), ("SAMPLE_ROW", "SAMPLE_ROWS")],
)
def test_a_variable_that_is_not_known_names_the_nearest(misspelt: str, meant: str) -> None:
    error = refused(**{misspelt: "x"})

    assert error.subject == f"DATAHUB_{misspelt}"
    assert error.next_step == f"unset DATAHUB_{misspelt}, or rename it to DATAHUB_{meant}"


def test_a_variable_that_resembles_no_setting_is_another_products() -> None:
    assert Settings.from_environment({"DATAHUB_GMS_URL": "x"}) == Settings.from_environment({})


def test_what_profiles_yml_reads_and_what_is_empty_is_left_alone() -> None:
    others = {
        "DATAHUB_DBT_TARGET": "aws",
        "DATAHUB_ATHENA_SCHEMA": "x",
        "DATAHUB_ATHENA_DATA_DIR": "y",
        "DATAHUB_ROOOT": "",
        "DATAHUB_TIMEZONE": " ",
        "DATAHUBS": "1",
        "HOME": "/",
    }
    assert Settings.from_environment(others) == Settings.from_environment({})


@pytest.mark.parametrize("text", ["many", "-1", "1.5", "٣", "²", "1_000", "9" * 5000, "10001"])
def test_a_number_is_of_ascii_digits_and_within_reason(text: str) -> None:
    assert "a whole number, 0 to 10,000" in str(refused(SAMPLE_ROWS=text))


def test_a_page_shows_a_handful_of_rows_and_never_more_than_fifty() -> None:
    assert Settings.from_environment({}).docs_sample_rows == 5
    assert Settings.from_environment({"DATAHUB_DOCS_SAMPLE_ROWS": "50"}).docs_sample_rows == 50
    assert "a whole number, 0 to 50" in str(refused(DOCS_SAMPLE_ROWS="51"))


def test_readers_query_in_a_workgroup_of_their_own_or_in_that_of_the_audits() -> None:
    assert Settings(athena_workgroup="hub").reader_workgroup == "hub"
    assert Settings(athena_workgroup="hub", athena_reader_workgroup="readers").reader_workgroup == "readers"


@pytest.mark.parametrize("minutes", ["0", "1441", "x"])
def test_the_docs_are_looked_at_each_minute_to_once_a_day(minutes: str) -> None:
    assert "a whole number, 1 to 1,440" in str(refused(DOCS_INTERVAL_MINUTES=minutes))


@pytest.mark.parametrize("variable", ["NIGHTLY_CHECKS_CRON", "RECONCILE_CRON"])
@pytest.mark.parametrize(
    ("cron", "why"),
    [
        ("0 3 * *", "4 cron fields"),
        ("daily", "1 cron field and needs five"),
        ("61 3 * * *", "its minute"),
        ("٣ 3 * * *", "its minute"),
        ("0 3 * * 9", "its day of week"),
    ],
)
def test_a_cron_has_five_fields_that_can_be_read(variable: str, cron: str, why: str) -> None:
    assert why in str(refused(**{variable: cron}))


@pytest.mark.parametrize("zone", ["Asia/Tokio", "Asia", "JST+9:00", "../etc/passwd"])
def test_a_time_zone_is_one_of_the_iana_database(zone: str) -> None:
    assert "a time zone, such as Asia/Tokyo" in str(refused(TIMEZONE=zone))


@pytest.mark.parametrize("address", ["hub.example.com", "javascript:alert(1)", "https://"])
def test_an_address_of_the_docs_is_one_that_a_browser_opens(address: str) -> None:
    assert "such as https://hub.example.com/docs" in str(refused(DOCS_URL=address))


@pytest.mark.parametrize(
    "text", ["https://hooks.example.com/T0KEN", "vault:T0KEN", "ssm:", "secretsmanager:T0 KEN"]
)
def test_an_address_in_the_place_of_its_secrets_name_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(SettingsError, match="secretsmanager:NAME or ssm:NAME") as caught:
        Settings.from_environment({"DATAHUB_NOTIFY_WEBHOOK_SECRET": text})
    assert "T0" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:datahub/webhook-a1B2c3",
        "ssm:/datahub/prod/webhook",
        "ssm:arn:aws:ssm:eu-west-1:123456789012:parameter/datahub/webhook",
    ],
)
def test_a_secret_is_named_by_its_name_or_its_arn(name: str) -> None:
    assert Settings.from_environment({"DATAHUB_NOTIFY_WEBHOOK_SECRET": name}).notify_webhook_secret == name


def test_targets_of_alerts_are_in_a_file_or_a_secret(tmp_path: Path) -> None:
    def given(text: str) -> Path | str | None:
        return Settings.from_environment({"DATAHUB_ALERT_TARGETS": text}).alert_targets

    assert given("targets.yaml") == Path("targets.yaml").absolute()
    assert given("ssm:/datahub/targets") == "ssm:/datahub/targets"
    assert given("") is None


@pytest.mark.parametrize(
    "text", ["json://hub:T0KEN@example.com", "ssm:", "secretsmanager:a b", "slack:T0KEN"]
)
def test_an_address_in_place_of_the_targets_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(SettingsError, match="names neither a file nor a secret") as caught:
        Settings.from_environment({"DATAHUB_ALERT_TARGETS": text})

    assert "T0KEN" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [("PLATFORM_SUPPORT", "#data-platform"), ("PLATFORM_SUPPORT", "slack:"), ("ALERT_LANGUAGE", "fr")],
)
def test_a_channel_or_a_language_that_is_none_is_refused(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"DATAHUB_{name}"):
        Settings.from_environment({f"DATAHUB_{name}": text})
