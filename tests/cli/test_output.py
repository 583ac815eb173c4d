"""What is printed: values for programs, lines and tables for people."""

import doctest
import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import ModuleType

import pytest

from datahub_dagster.cli import deliver, output, tables, texts
from datahub_dagster.cli.output import Output, Progress, Rows, Styled, plain
from datahub_dagster.domain.names import DatasetName, Location, ReleaseId
from datahub_dagster.domain.release import ReleaseState
from datahub_dagster.ports import StepEvent
from tests import builders


@pytest.mark.parametrize("module", [texts, output, tables, deliver], ids=lambda module: module.__name__)
def test_the_examples_in_docstrings_are_true(module: ModuleType) -> None:
    tried = doctest.testmod(module)

    assert tried.attempted
    assert not tried.failed


def test_values_are_told_by_their_own_words() -> None:
    told = plain(
        {
            DatasetName("a", "b"): ReleaseId(date(2026, 11, 20), 7),
            "state": ReleaseState.REJECTED,
            "at": datetime(2026, 11, 20, 9, tzinfo=UTC),
            "due": time(18, 30),
            "took": timedelta(minutes=2),
            "where": Location("inbox/a"),
            "path": Path("x/y"),
            "nothing": None,
            "not a number": float("nan"),
            "some": frozenset({"b", "a"}),
        }
    )

    assert told == {
        "a.b": "2026-11-20.7",
        "state": "rejected",
        "at": "2026-11-20T09:00:00+00:00",
        "due": "18:30:00",
        "took": 120.0,
        "where": "inbox/a",
        "path": "x/y",
        "nothing": None,
        "not a number": None,
        "some": ["a", "b"],
    }


def test_a_record_and_a_contract_are_json_as_they_are() -> None:
    orders = builders.contract()

    told = json.loads(json.dumps(plain({"contract": orders, "record": builders.record(orders)})))

    assert told["contract"]["columns"][0]["name"] == "id"
    assert told["record"]["audit"]["results"][0]["status"] == "pass"
    assert told["record"]["release_id"] == "2026-11-20.1"


def test_programs_get_one_document_and_no_lines(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output(as_json=True)
    out.result({"text": "日本語"}, ["for people"])
    out.lines(["for people"])

    assert capsys.readouterr().out == '{\n  "text": "日本語"\n}\n'


def test_lines_for_people_have_no_colour_outside_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Output().result({}, [Styled("red", "red"), "plain [bold]not markup[/bold]"])

    assert capsys.readouterr().out == "red\nplain [bold]not markup[/bold]\n"


def test_a_table_keeps_what_looks_like_markup_and_shows_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = Rows(
        columns=("name", "count"),
        rows=((":smile: [red]x[/red]", "1"), (Styled("\x1b[2J", "bold"), "2")),
        numbers=("count",),
    )
    Output().lines([rows])

    printed = capsys.readouterr().out
    assert ":smile: [red]x[/red]" in printed
    assert "\x1b" not in printed
    assert "\\x1b[2J" in printed


def test_a_wide_table_in_a_log_is_not_squeezed_into_eighty_columns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Output().lines([Rows(columns=("why",), rows=(("x" * 140,),))])

    assert "x" * 140 in capsys.readouterr().out


def test_progress_outside_a_terminal_is_a_line_a_step(capsys: pytest.CaptureFixture[str]) -> None:
    with Output().progress() as progress:
        progress.title = "3/12"
        for step, message in (("stage", "2 files"), ("stage", "file 1 of 2"), ("audit", "14 tests")):
            progress.on_step(StepEvent(dataset=DatasetName("a", "b"), step=step, message=message))

    printed = capsys.readouterr()
    assert printed.err == "3/12 a.b: stage - 2 files\n3/12 a.b: audit - 14 tests\n"
    assert printed.out == ""


def test_quiet_says_nothing_beside_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output(quiet=True)
    out.note("note")
    with out.progress() as progress:
        progress.show("work")
        progress.say("work")
    out.result({}, ["result"])

    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("result\n", "")


def test_progress_without_anybody_listening_is_silent() -> None:
    Progress().show("y")


def test_a_row_becomes_a_paragraph_where_the_table_would_not_fit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = Rows(
        columns=("dataset", "promised", "why", "rest"),
        rows=(("a.b\nteam", "by ten", Styled("one\ntwo", "red"), ""),),
        needs_width=120,
    )

    monkeypatch.setenv("COLUMNS", "80")
    Output().lines([rows])

    assert capsys.readouterr().out.splitlines() == [
        "a.b  team",
        "  promised  by ten",
        "  why       one",
        "            two",
    ]
