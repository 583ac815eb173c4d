"""What a team may write under `meta.hub`, and what it is told when it writes something else."""

from datetime import date, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datahub_dagster.adapters.dbt.block import Block
from datahub_dagster.adapters.dbt.hub_block import ColumnBlock, ConsumerBlock, HubBlock, inherited
from datahub_dagster.adapters.dbt.hub_faults import check
from datahub_dagster.adapters.dbt.hub_types import parse_cron, parse_duration
from datahub_dagster.domain import words
from datahub_dagster.domain.contract import (
    DeliverySpec,
    Language,
    Lifecycle,
    Mode,
    Override,
    PartitionSpec,
    QuietHours,
    Retention,
)


def values(block: dict[str, Any]) -> dict[str, Any]:
    read, faults = check(HubBlock, block)
    assert read is not None, faults
    return read.contract_values()


def faults_of(block: Any) -> dict[tuple[str | int, ...], str]:
    read, faults = check(HubBlock, block)
    assert read is None
    return {fault.path: fault.message for fault in faults}


def test_an_empty_block_is_all_defaults() -> None:
    read = values({})

    assert read["version"] == "0.1.0"
    assert read["lifecycle"] is Lifecycle.PREVIEW
    assert read["delivery"] == DeliverySpec()
    assert read["retention"] == Retention(releases=30, days=365)
    assert read["owners"] == read["freshness_slos"] == ()
    assert read["quality_slo"] is read["license"] is None


def test_every_key_of_the_team_api_is_read() -> None:
    read = values(
        {
            "team": "markets",
            "owners": ["markets-data@example.com"],
            "support": [{"tool": "slack", "channel": "#markets-data"}],
            "version": "1.2.0",
            "lifecycle": "deprecated",
            "sunset_date": "2027-12-31",
            "successor": "equities.prices",
            "classification": "confidential",
            "delivery": {
                "mode": "partition",
                "partitions": {
                    "column": "trade_date",
                    "granularity": "day",
                    "start": "2024-01-04",
                    "calendar": "XTKS",
                },
                "source": "file:/drop",
                "schedule": {"cron": "0 6 * * mon-fri", "timezone": "Asia/Tokyo"},
            },
            "slo": {
                "freshness": {
                    "due": "18:30",
                    "timezone": "Asia/Tokyo",
                    "calendar": "XTKS",
                    "covers": 1,
                    "grace": "30m",
                    "overrides": [
                        {"on": "2026-05-01", "kind": "moved", "reason": "bridge day", "due_on": "2026-05-07"}
                    ],
                    "objective": 0.99,
                    "window": "90d",
                },
                "quality": {"objective": 0.95},
            },
            "retention": {"releases": 3, "days": 7},
            "license": {"terms": "internal use", "redistribution": False},
        }
    )

    (slo,) = read["freshness_slos"]
    assert (slo.due, slo.timezone, slo.covers) == (time(18, 30), "Asia/Tokyo", 1)
    assert (slo.grace, slo.window) == (timedelta(minutes=30), timedelta(days=90))
    assert slo.overrides == (
        Override(on=date(2026, 5, 1), kind="moved", reason="bridge day", due_on=date(2026, 5, 7)),
    )
    assert read["delivery"].partitions == PartitionSpec(
        column="trade_date", start=date(2024, 1, 4), calendar="XTKS"
    )
    assert read["delivery"].schedule.cron == "0 6 * * mon-fri"
    assert read["sunset_date"] == date(2027, 12, 31)
    assert read["license"].redistribution is False


def test_several_freshness_promises_stand_in_a_list_with_names() -> None:
    read = values(
        {"slo": {"freshness": [{"name": "morning", "due": "10:00"}, {"name": "monthly", "max_age": "35d"}]}}
    )

    assert [slo.name for slo in read["freshness_slos"]] == ["morning", "monthly"]
    assert "a name of its own" in str(faults_of({"slo": {"freshness": [{"due": "10:00"}, {"due": "11:00"}]}}))


def test_an_unknown_key_names_the_nearest_known_one() -> None:
    assert faults_of({"retension": {}}) == {
        ("retension",): "unknown key 'retension' under hub; the nearest known key is 'retention'"
    }
    assert faults_of({"slo": {"freshness": {"due": "10:00", "timezon": "UTC"}}}) == {
        ("slo", "freshness", "timezon"): "unknown key 'timezon' under hub.slo.freshness; "
        "the nearest known key is 'timezone'"
    }


def test_a_key_that_resembles_nothing_lists_what_is_known() -> None:
    (message,) = faults_of({"retention": {"zzz": 1}}).values()
    assert message == "unknown key 'zzz' under hub.retention; known are days, releases"


def test_all_faults_are_told_at_once() -> None:
    found = faults_of({"retension": 1, "owners": ["nobody"], "version": 1.2, "lifecycle": "stabel"})
    assert set(found) == {("retension",), ("owners", 0), ("version",), ("lifecycle",)}


@pytest.mark.parametrize(
    ("block", "advice"),
    [
        ({"slo": {"freshness": {"due": 1110}}}, 'write "18:30", with the quotes'),
        ({"slo": {"freshness": {"due": "25:00"}}}, "not a time of day"),
        ({"slo": {"freshness": {"due": "24:30"}}}, "not a time of day (00:00 to 23:59)"),
        ({"slo": {"freshness": {"due": "10:00", "covers": -1}}}, "greater than or equal to 0, not -1"),
        ({"slo": {"freshness": {"due": "10:00", "grace": "-5m"}}}, "'-5m' is not a duration"),
        ({"slo": {"freshness": {"due": "10:00", "warn_before": "-5m"}}}, "'-5m' is not a duration"),
        ({"slo": {"freshness": {"due": "10:00", "objective": 1.5}}}, "less than or equal to 1, not 1.5"),
        ({"slo": {"quality": {"objective": 0}}}, "greater than 0, not 0"),
        (
            {"slo": {"quality": {"objective": True}}},
            "objective: true is not a number: write a number, without quotes",
        ),
        ({"slo": {"freshness": {"due": "10:00", "objective": True}}}, "true is not a number"),
        ({"slo": {"freshness": {"due": "10:00", "covers": True}}}, "covers: true is not a number"),
        ({"slo": {"freshness": {"due": "10:00", "covers": False}}}, "covers: false is not a number"),
        ({"retention": {"releases": True}}, "releases: true is not a number"),
        ({"retention": {"days": False}}, "days: false is not a number"),
        ({"slo": {"freshness": {"due": "10:00", "window": "0d"}}}, "a time of nothing can't be kept"),
        ({"slo": {"freshness": {"max_age": "0h"}}}, "a time of nothing can't be kept"),
        ({"slo": {"quality": {"window": "0d"}}}, "a time of nothing can't be kept"),
        (
            {"slo": {"freshness": {"due": "10:00", "timezone": "Asia/Tokio"}}},
            "no time zone 'Asia/Tokio'; the nearest: Asia/Tokyo",
        ),
        (
            {"slo": {"freshness": {"due": "10:00", "calendar": "5th of JPX"}}},
            "there is no calendar 'JPX'; the nearest: ",
        ),
        ({"slo": {"freshness": {"name": "quality", "due": "10:00"}}}, "can't be called 'quality'"),
        ({"slo": {"freshness": {"name": "for_report", "due": "10:00"}}}, "for_... are those of consumers"),
        (
            {
                "slo": {
                    "freshness": [{"name": "by noon", "due": "12:00"}, {"name": "by-noon", "due": "12:00"}]
                }
            },
            "would be the same check, slo_by_noon",
        ),
        (
            {
                "slo": {
                    "freshness": {
                        "due": "10:00",
                        "overrides": [
                            {"on": "2026-05-07", "kind": "moved", "reason": "x", "due_on": "2026-05-01"}
                        ],
                    }
                }
            },
            "lies before the day itself, 2026-05-07",
        ),
        (
            {"support": [{"tool": "telegram", "channel": "x"}]},
            "'slack', 'email', 'webhook', 'pagerduty' or 'teams'",
        ),
        ({"support": [{"tool": "slack", "channel": "x", "language": "de"}]}, "'en' or 'ja'"),
        (
            {"support": [{"tool": "slack", "channel": "x", "quiet": {"from": "22:00"}}]},
            "hub.support.0.quiet.to is missing",
        ),
        (
            {"support": [{"tool": "slack", "channel": "x", "quiet": {"from": "22:00", "until": "07:00"}}]},
            "unknown key 'until' under hub.support.0.quiet",
        ),
        (
            {"support": [{"tool": "slack", "channel": "x", "quiet": {"from": 1320, "to": "07:00"}}]},
            'write "22:00", with the quotes',
        ),
        (
            {"support": [{"tool": "slack", "channel": "x", "quiet": {"from": "22:00", "to": "22:00"}}]},
            "nobody would ever be told",
        ),
        ({"slo": {"freshness": {}}}, "exactly one of due and max_age"),
        ({"slo": {"freshness": {"due": "10:00", "max_age": "1d"}}}, "exactly one of due and max_age"),
        ({"slo": {"freshness": {"due": "10:00", "objective": 0}}}, "greater than 0"),
        ({"slo": {"freshness": {"due": "10:00", "objective": 99}}}, "less than or equal to 1"),
        ({"slo": {"freshness": {"due": "10:00", "window": "a while"}}}, "is not a duration"),
        ({"slo": {"freshness": {"due": "10:00", "timezone": "Tokyo"}}}, "IANA name"),
        ({"slo": {"freshness": {"due": "10:00", "timezone": "Asia"}}}, "IANA name"),
        ({"lifecycle": "deprecated"}, "needs sunset_date"),
        ({"lifecycle": "stabel"}, "'preview', 'stable' or 'deprecated'"),
        ({"delivery": {"mode": "partition"}}, "mode partition needs partitions"),
        ({"delivery": {"partitions": {"column": "d"}}}, "partitions need mode partition"),
        ({"delivery": {"schedule": {"cron": "0 6 * * *"}}}, "a schedule needs a source"),
        ({"delivery": {"source": "x", "schedule": {"cron": "0 6 * *"}}}, "4 cron fields and needs five"),
        ({"delivery": {"source": "x", "schedule": {"cron": "0 25 * * *"}}}, "its hour is '25'"),
        ({"version": 1.2}, "three numbers, such as 1.2.0"),
        ({"version": "1.2"}, "three numbers, such as 1.2.0"),
        ({"owners": "markets@example.com"}, "must be a list"),
        ({"owners": ["markets"]}, "not an e-mail address"),
        ({"sunset_date": "31.12.2027"}, "write it as 2026-11-20"),
        ({"license": {"redistribution": True}}, "hub.license.terms is missing"),
        ({"license": "internal"}, "must be a map of keys"),
        ("team: markets", "must be a map of keys"),
    ],
)
def test_a_wrong_value_says_what_is_wanted(block: Any, advice: str) -> None:
    assert advice in " ".join(faults_of(block).values())


def test_a_table_inherits_key_by_key_and_overrides() -> None:
    source = {"team": "markets", "retention": {"days": 7}, "slo": {"quality": {"objective": 0.9}}}
    table = {"retention": {"releases": 3}, "slo": {"freshness": {"due": "10:00"}}}

    assert inherited(source, table) == {
        "team": "markets",
        "retention": {"days": 7, "releases": 3},
        "slo": {"quality": {"objective": 0.9}, "freshness": {"due": "10:00"}},
    }


def test_a_licence_is_not_mixed_of_two() -> None:
    source = {"license": {"terms": "public domain", "redistribution": True}}
    assert inherited(source, {"license": {"terms": "internal"}}) == {"license": {"terms": "internal"}}


def test_a_table_that_replaces_does_not_inherit_partitions() -> None:
    source = {"delivery": {"mode": "partition", "partitions": {"column": "d"}}}
    read = values(inherited(source, {"delivery": {"mode": "replace"}}))
    assert read["delivery"] == DeliverySpec(mode=Mode.REPLACE)


def test_examples_are_texts_whatever_yaml_makes_of_them() -> None:
    read, _ = check(ColumnBlock, {"examples": [7203, 1.5, True, date(2026, 11, 20)]})
    assert read is not None
    assert read.examples == ("7203", "1.5", "True", "2026-11-20")


def test_a_consumers_fault_is_found_inside_the_dataset_that_it_is_about() -> None:
    _, faults = check(ConsumerBlock, {"slo": {"equities.prices": {"due": 480}}, "consumer": "friend"})
    assert {fault.path for fault in faults} == {("slo", "equities.prices", "due"), ("consumer",)}


@given(st.integers(0, 500), st.sampled_from("smhdw"))
def test_a_duration_is_a_number_and_a_unit(count: int, unit: str) -> None:
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[unit]
    assert parse_duration(f"{count}{unit}") == timedelta(seconds=count * seconds)


def test_a_promise_for_longer_than_ten_years_is_a_slip_of_the_pen() -> None:
    assert parse_duration("3660d") == timedelta(days=3660)
    for text in ("3661d", "1000000d", "99999999999999d"):
        with pytest.raises(ValueError, match="ten years"):
            parse_duration(text)


@given(st.text(max_size=30) | st.integers() | st.none() | st.lists(st.integers(), max_size=2))
def test_nothing_under_hub_ever_raises(value: Any) -> None:
    for key in HubBlock.model_fields:
        check(HubBlock, {key: value})
    check(HubBlock, {"slo": {"freshness": {"due": value, "window": value}}})
    check(HubBlock, value)


@pytest.mark.parametrize("cron", ["0 6 * * *", "*/15 8-18 1,15 jan-mar mon-fri", "0 0 1 1 0", "5/10 * * * 7"])
def test_cron_schedules_are_taken(cron: str) -> None:
    assert parse_cron(cron) == cron


@pytest.mark.parametrize(
    "cron", ["60 * * * *", "* * 0 * *", "* * * 13 *", "a b c d e", "*/0 * * * *", "9-5 * * * *"]
)
def test_what_is_no_cron_schedule_is_refused(cron: str) -> None:
    with pytest.raises(ValueError, match="is not a cron schedule"):
        parse_cron(cron)


@pytest.mark.parametrize("model", Block.__subclasses__())
def test_every_key_has_a_description_for_the_reference(model: type[Block]) -> None:
    assert model.__doc__
    assert [name for name, field in model.model_fields.items() if not field.description] == []


def test_a_calendar_that_nobody_knows_is_refused_with_the_nearest() -> None:
    faults = faults_of({"slo": {"freshness": {"due": "18:30", "calendar": "XTSK"}}})

    assert "XTKS" in faults[("slo", "freshness", "calendar")]


def test_a_due_time_for_months_is_taken_and_its_words_say_that_only_whole_months_are_owed() -> None:
    read = values(
        {
            "delivery": {"mode": "partition", "partitions": {"column": "day", "granularity": "month"}},
            "slo": {"freshness": {"due": "09:00", "calendar": "daily", "covers": 1}},
        }
    )

    (promise,) = read["freshness_slos"]
    said = words.freshness(promise, read["delivery"].partitions)
    assert said == "by 09:00 UTC, on the first day after each month, with the whole month"


def test_who_is_told_says_in_which_language_and_when_it_is_quiet() -> None:
    quiet = {"from": "22:00", "to": "07:00", "timezone": "Asia/Tokyo"}
    read = values(
        {"support": [{"tool": "email", "channel": "x@example.com", "language": "ja", "quiet": quiet}]}
    )

    (support,) = read["support"]
    assert support.language is Language.JAPANESE
    assert support.quiet == QuietHours(since=time(22), until=time(7), timezone="Asia/Tokyo")


def test_it_is_told_a_quarter_of_an_hour_ahead_that_nothing_came_unless_the_team_says_otherwise() -> None:
    def told_before(**more: str) -> timedelta:
        (slo,) = values({"slo": {"freshness": {"due": "18:30"} | more}})["freshness_slos"]
        return slo.warn_before

    assert told_before() == timedelta(minutes=15)
    assert told_before(warn_before="2h") == timedelta(hours=2)
    assert told_before(warn_before="0m") == timedelta(0)


def test_the_day_of_an_override_is_read_as_yaml_gives_it() -> None:
    # `on` without quotes is true to YAML 1.1.
    override = {True: date(2026, 5, 1), "kind": "removed", "reason": "bridge day"}
    (slo,) = values({"slo": {"freshness": {"due": "18:30", "overrides": [override]}}})["freshness_slos"]

    assert slo.overrides[0].on == date(2026, 5, 1)
