"""Settings from the environment: what is taken, and what the refusal of the rest says."""

from datetime import timedelta
from pathlib import Path

import pytest

from datahub_dagster.errors import SettingsError
from datahub_dagster.settings import Settings, known_variables


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
        "SAMPLE_ROWS": "0",
        "INBOX_DAYS": "30",
        "DOCS_URL": "https://hub.example.com/docs",
        "DOCS_INTERVAL_MINUTES": "720",
        "SENSOR_INTERVAL_SECONDS": "5",
        "NIGHTLY_CHECKS_CRON": "0 4  * * mon-fri",
        "RECONCILE_CRON": "*/5 * * * *",
        "TIMEZONE": "Asia/Tokyo",
    }
    assert {f"DATAHUB_{name}" for name in given} == set(known_variables())

    settings = Settings.from_environment({f"DATAHUB_{name}": text for name, text in given.items()})

    assert (settings.root, settings.cache) == (Path("/srv/hub"), Path("/srv/cache"))
    assert settings.teams == ("markets", "weather")
    assert timedelta(minutes=settings.docs_interval_minutes) == timedelta(hours=12)
    assert settings.nightly_checks_cron == "0 4 * * mon-fri"


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
        "DATAHUB_ATHENA_WORKGROUP": "y",
        "DATAHUB_ROOOT": "",
        "DATAHUB_TIMEZONE": " ",
        "DATAHUBS": "1",
        "HOME": "/",
    }
    assert Settings.from_environment(others) == Settings.from_environment({})


@pytest.mark.parametrize("text", ["many", "-1", "1.5", "٣", "²", "1_000", "9" * 5000, "10001"])
def test_a_number_is_of_ascii_digits_and_within_reason(text: str) -> None:
    assert "a whole number, 0 to 10,000" in str(refused(SAMPLE_ROWS=text))


@pytest.mark.parametrize("minutes", ["0", "7", "45", "90", "1440", "x"])
def test_the_docs_interval_divides_an_hour_or_a_day_since_it_becomes_a_cron(minutes: str) -> None:
    assert "1, 2, 3, 4, 5, 6, 10, 12, 15" in str(refused(DOCS_INTERVAL_MINUTES=minutes))


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
