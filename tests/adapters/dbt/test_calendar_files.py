"""The hub's calendar files: what they may say, what a wrong one is told, and that it stops nobody."""

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from textwrap import dedent

import pytest

from datahub_dagster.adapters.dbt.calendar_files import HubCalendars, read_calendars
from datahub_dagster.adapters.dbt.project import scan
from datahub_dagster.domain.calendars import calendar_named
from datahub_dagster.domain.contract import CalendarFile, ContractBook
from datahub_dagster.domain.due import calendar_of
from tests.adapters.dbt.project_files import Project, contracts_in
from tests.conftest import REPO
from tests.projects.running import HUB_PROJECT

SETTLEMENT = """\
description: Days on which trades are settled.
base: XTKS and JP
first: 2024-01-01
last: 2027-12-31
removed:
  - {on: 2026-11-24, reason: migration of the clearing house}
"""
PLAIN = "description: x\nbase: {}\n"


def read(folder: Path, files: Mapping[str, str], last_good: Mapping[str, str] | None = None) -> HubCalendars:
    """What calendar files are read as, by name, where others were good before."""
    (folder / "calendars").mkdir(exist_ok=True)
    (folder / "dbt_project.yml").write_text("name: shop\n", encoding="utf-8")
    for name, text in files.items():
        (folder / "calendars" / name).write_text(text, encoding="utf-8")
    state = scan(folder, folder / "index.json", adapter="duckdb")
    return read_calendars(state, {name: text.encode() for name, text in (last_good or {}).items()})


def told(found: HubCalendars) -> list[tuple[str, str, bool]]:
    return [(str(problem.origin), problem.message, problem.is_broken) for problem in found.problems]


def test_a_file_becomes_a_calendar(tmp_path: Path) -> None:
    found = read(tmp_path, {"settlement.yml": SETTLEMENT})

    assert found.problems == ()
    calendar = calendar_named("settlement", files=tuple(found.known.files.values()))
    assert (calendar.first, calendar.last) == (date(2024, 1, 1), date(2027, 12, 31))
    assert not calendar.is_session(date(2026, 11, 24))
    assert found.known.files["settlement"].overrides[0].reason == "migration of the clearing house"


def test_a_project_without_calendars_has_none(tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").write_text("name: shop\n", encoding="utf-8")

    found = read_calendars(scan(tmp_path, tmp_path / "index.json", adapter="duckdb"), {})

    assert (found.known.files, found.problems, found.contents) == ({}, (), {})


def test_the_hubs_own_calendars_can_be_used(tmp_path: Path) -> None:
    state = scan(HUB_PROJECT, tmp_path / "index.json", adapter="duckdb")

    found = read_calendars(state, {})

    assert found.problems == ()
    settled = calendar_named("new_york_settlement", files=tuple(found.known.files.values()))
    traded = calendar_named("XNYS")
    columbus_day, veterans_day = date(2026, 10, 12), date(2026, 11, 11)
    assert (traded.is_session(columbus_day), settled.is_session(columbus_day)) == (True, False)
    assert (traded.is_session(veterans_day), settled.is_session(veterans_day)) == (True, False)


def test_every_file_that_the_how_to_shows_can_be_used(tmp_path: Path) -> None:
    page = (REPO / "docs/how-to/write-a-calendar.md").read_text(encoding="utf-8")
    shown = [
        block
        for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
        if block.startswith("description")
    ]

    found = read(tmp_path, {f"example_{number}.yml": text for number, text in enumerate(shown)})

    assert len(found.known.files) == len(shown) == 4
    assert found.problems == ()


@pytest.mark.parametrize(
    ("name", "text", "place", "says"),
    [
        ("x.yml", "base: XTKS\n", 1, "calendar.description is missing"),
        ("x.yml", "", 1, "calendar.description is missing"),
        ("x.yml", "description: x\nbase: XTKS\nremovd: []\n", 3, "unknown key 'removd' under calendar; the nearest known key is 'removed'"),
        ("x.yml", "description: x\nbase: XTSK\n", 2, "there is no calendar 'XTSK'; the nearest: XTSE, XTKS"),
        ("x.yml", "description: x\nbase: XTKS JP\n", 2, "calendar.base: after 'XTKS' stands 'JP'"),
        ("x.yml", "description: x\nbase: x\n", 2, "base leads back to x itself: x"),
        ("x.yml", "description: x\nfirst: 2026-01-01\n", 1, "without a base it needs first and last"),
        ("x.yml", PLAIN.format("JP") + "first: 2027-01-01\nlast: 2026-01-01\n", 1, "first, 2027-01-01, lies after last"),
        ("x.yml", PLAIN.format("JP") + "added:\n  - {on: 2026-13-01, reason: y}\n", 4, "'2026-13-01' is not a date"),
        ("x.yml", PLAIN.format("JP") + "added:\n  - {on: 2026-01-01}\n", 4, "calendar.added.0.reason is missing"),
        ("x.yml", "description: [\n", 2, "not valid YAML"),
        ("x.yml", "- a\n", 1, "must be a map of keys"),
        ("Tokyo.yml", SETTLEMENT, 1, "'Tokyo' is no name for a calendar: small letters"),
        ("daily.yml", SETTLEMENT, 1, "the name 'daily' is taken"),
        ("xtks.yml", SETTLEMENT, 1, "the name 'xtks' is taken"),
        ("jp.yml", SETTLEMENT, 1, "the name 'jp' is taken"),
        ("last.yml", SETTLEMENT, 1, "the name 'last' is taken"),
    ],
)  # fmt: skip
def test_a_file_that_can_not_be_used_is_told_with_its_line(
    tmp_path: Path, name: str, text: str, place: int, says: str
) -> None:
    found = read(tmp_path, {name: text, "good.yml": SETTLEMENT})

    ((at, message, _),) = told(found)
    assert at == f"calendars/{name}:{place}"
    assert says in message
    assert list(found.known.files) == ["good"]


def test_days_that_do_not_fit_the_base_are_told_and_the_file_is_used_all_the_same(tmp_path: Path) -> None:
    text = PLAIN.format("XTKS") + "added:\n  - {on: 2026-11-21, reason: y}\n  - {on: 2026-11-20, reason: y}\n"

    found = read(tmp_path, {"x.yml": text})

    assert told(found) == [("calendars/x.yml:5", "2026-11-20 (Friday) already is a session of XTKS", False)]
    assert "x" in found.known.files


def test_the_last_good_copy_stands_in_for_a_broken_file(tmp_path: Path) -> None:
    found = read(tmp_path, {"x.yml": "description: [\n"}, {"x": SETTLEMENT})

    ((_, _, is_broken),) = told(found)
    assert is_broken
    assert found.known.files["x"].base == "XTKS and JP"
    assert found.contents == {"x": SETTLEMENT.encode()}


def test_of_a_circle_the_file_that_changed_is_to_blame_and_the_others_stay(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {
            "one.yml": PLAIN.format("two"),
            "two.yml": PLAIN.format("one"),
            "three.yml": PLAIN.format("one and JP"),
        },
        {"one": PLAIN.format("XTKS"), "two": PLAIN.format("one"), "three": PLAIN.format("one and JP")},
    )

    assert told(found) == [("calendars/one.yml:2", "base leads back to one itself: two", True)]
    assert {name: file.base for name, file in found.known.files.items()} == {
        "one": "XTKS", "two": "one", "three": "one and JP"
    }  # fmt: skip


def test_a_calendar_whose_base_is_broken_says_so(tmp_path: Path) -> None:
    found = read(tmp_path, {"one.yml": "description: [\n", "two.yml": PLAIN.format("one")})

    assert [message for _, message, _ in told(found)][1] == (
        "its base one can't be used: something is wrong with calendars/one.yml"
    )
    assert found.known.unreadable == {"one", "two"}


def test_a_file_that_is_gone_is_kept_while_something_uses_it(tmp_path: Path) -> None:
    found = read(
        tmp_path, {"two.yml": PLAIN.format("one")}, {"one": SETTLEMENT, "old": SETTLEMENT, "own": SETTLEMENT}
    )

    kept, problems = found.still_used({"own": CalendarFile(name="own")})

    assert set(kept) == {"one", "two", "own"}
    assert [problem.message for problem in problems] == [
        "the calendar one is gone, and something still uses it",
        "the calendar own is gone, and something still uses it",
    ]


# With contracts: real dbt reads the project


def team(name: str, calendar: str, more: str = "") -> str:
    return dedent(
        f"""\
        sources:
          - name: {name}
            config:
              meta:
                hub:
                  owners: [{name}@example.com]
                  delivery: {{mode: partition, partitions: {{column: day, start: 2024-01-04, calendar: {calendar}}}}}
                  slo:
                    freshness:
                      due: "18:30"
                      calendar: {calendar}{more}
            tables:
              - name: orders
                columns:
                  - {{name: day, data_type: date}}
        """
    )


def calendars_used(book: ContractBook) -> dict[str, tuple[str, ...]]:
    """For each dataset the calendar files that its promises carry."""
    return {
        str(name): tuple(
            file.name
            for promise in (*contract.freshness_slos, contract.partitions)
            if promise
            for file in promise.calendar_files
        )
        for name, contract in book.datasets.items()
    }


@pytest.mark.slow
def test_a_broken_calendar_stops_nobody(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("calendars/base.yml", SETTLEMENT)
    project.write("calendars/settlement.yml", PLAIN.format("base"))
    project.write("models/alpha/a.yml", team("alpha", "settlement"))
    project.write("models/beta/b.yml", team("beta", "XTKS"))

    before = project.load()

    assert before.faults == ()
    assert calendars_used(before) == {"alpha.orders": ("base", "settlement") * 2, "beta.orders": ()}
    (promise,) = before.find("alpha.orders").freshness_slos
    assert not calendar_of(promise).is_session(date(2026, 11, 24))
    assert contracts_in(project.folder, project.cache).load() == before  # from the cache

    project.write("calendars/base.yml", SETTLEMENT.replace("2027-12-31", "2027-13-31"))
    broken = project.load()

    assert broken.datasets == before.datasets
    assert [(str(fault), fault.team, fault.is_broken) for fault in broken.faults] == [
        (
            "calendars/base.yml:4: '2027-13-31' is not a date: write it as 2026-11-20",
            "shop",
            True,
        )
    ]

    project.remove("calendars/settlement.yml")
    gone = project.load()

    assert gone.datasets == before.datasets
    assert "the calendar settlement is gone" in str(gone.faults[1])

    project.write("calendars/base.yml", SETTLEMENT)
    project.write("calendars/settlement.yml", PLAIN.format("base") + "last: 2026-12-31\n")
    mended = project.load()

    assert mended.faults == ()
    (promise,) = mended.find("alpha.orders").freshness_slos
    assert calendar_of(promise).last == date(2026, 12, 31)


@pytest.mark.slow
def test_what_is_wrong_with_promises_and_consumers_is_told_with_file_and_line(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("calendars/broken.yml", "description: [\n")
    project.write("models/alpha/a.yml", team("alpha", "broken"))
    overrides = """
                      overrides:
                        - {on: 2026-05-01, kind: removed, reason: bridge day}
                        - {on: 2026-05-04, kind: removed, reason: bridge day}"""
    project.write("models/beta/b.yml", team("beta", "XTKS", overrides))
    project.write(
        "models/gamma/c.yml",
        team("gamma", "5th of JP").replace("column: day,", "column: day, granularity: month,"),
    )
    project.write(
        "models/beta/exposures.yml",
        """\
        exposures:
          - name: feed
            type: application
            owner: {email: customer@example.com}
            depends_on:
              - source('beta', 'orders')
            config:
              meta:
                hub:
                  consumer: customer
                  columns:
                    beta.orders: [day, price]
                  slo:
                    beta.order: {due: "09:00"}
        """,
    )

    book = project.load()

    assert set(map(str, book.datasets)) == {"beta.orders"}
    found = {f"{fault.path}:{fault.line}": fault for fault in book.faults}
    says = {
        "calendars/broken.yml:2": "not valid YAML",
        "models/alpha/a.yml:7": "hub.delivery.partitions.calendar: the calendar 'broken' can't be used",
        "models/alpha/a.yml:11": "hub.slo.freshness.calendar: the calendar 'broken' can't be used",
        "models/beta/b.yml:14": "2026-05-04 (Monday) is no session of XTKS",
        "models/beta/exposures.yml:10": "feed is a customer, and beta.orders states no license",
        "models/beta/exposures.yml:12": "beta.orders promises no column 'price'",
        "models/beta/exposures.yml:14": "hub.slo names 'beta.order', and there is no such dataset; perhaps 'beta.orders'",
        "models/gamma/c.yml:7": "'5th of JP' takes one day of each month, and a partition is a month",
        "models/gamma/c.yml:11": "'5th of JP' takes one session of each month",
    }
    assert found.keys() == says.keys()
    assert all(text in found[place].message for place, text in says.items())
    assert {place for place, fault in found.items() if fault.is_broken} == {
        "models/alpha/a.yml:7", "models/alpha/a.yml:11", "models/gamma/c.yml:7", "models/gamma/c.yml:11"
    }  # fmt: skip
    (consumer,) = book.consumers
    assert (consumer.columns, consumer.slos) == ({"beta.orders": ("day", "price")}, {})
    assert "ask beta@example.com" in found["models/beta/exposures.yml:10"].next_step
