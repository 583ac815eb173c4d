"""The demo's hub: made anew where it may be, and nowhere else."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import pytest

from datahub_dagster import pipeline
from datahub_dagster.demo.story import demo_hub
from datahub_dagster.demo.times import PACIFIC
from datahub_dagster.errors import ConflictError, UsageError
from datahub_dagster.settings import Settings
from datahub_dagster.wiring import open_hub
from tests.conftest import REPO
from tests.docs.pages import blocks, calls
from tests.docs.test_tutorial import must_show


def test_a_demo_begins_with_an_empty_hub_and_keeps_the_caches(tmp_path: Path) -> None:
    with demo_hub(tmp_path, fresh=False):
        for file in ("log/x.json", ".cache/contracts.json", ".dagster/dagster.yaml"):
            (tmp_path / file).parent.mkdir()
            (tmp_path / file).touch()

    with demo_hub(tmp_path, fresh=False):
        assert sorted(path.name for path in tmp_path.iterdir()) == [".cache", ".demo"]

    with demo_hub(tmp_path, fresh=True):
        assert sorted(path.name for path in tmp_path.iterdir()) == [".demo"]


def test_a_folder_that_is_not_a_demo_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log/state.json").write_text("precious")

    with (
        pytest.raises(UsageError, match="not a demo's hub; nothing was removed"),
        demo_hub(tmp_path, fresh=True),
    ):
        pytest.fail("it began")

    assert (tmp_path / "log/state.json").read_text() == "precious"
    assert not (tmp_path / ".demo").exists()


def test_a_folder_with_nothing_but_caches_may_become_a_demo(tmp_path: Path) -> None:
    (tmp_path / ".cache").mkdir()  # `datahub status` was called before

    with demo_hub(tmp_path, fresh=False):
        assert (tmp_path / ".demo").exists()


def test_emptying_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/precious").touch()
    root = tmp_path / "hub"
    with demo_hub(root, fresh=False):
        (root / "link").symlink_to(tmp_path / "elsewhere")

    with demo_hub(root, fresh=False):
        assert not (root / "link").exists()

    assert (tmp_path / "elsewhere/precious").exists()


def test_two_demos_do_not_share_a_hub(tmp_path: Path) -> None:
    with (
        demo_hub(tmp_path, fresh=False),
        pytest.raises(ConflictError, match="another demo is running"),
        demo_hub(tmp_path, fresh=False),
    ):
        pytest.fail("it began")


def test_the_command_refuses_a_foreign_folder_with_the_next_command(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()

    end = subprocess.run(
        [sys.executable, "-m", "datahub_dagster.cli", "demo", "--no-serve", "--root", str(tmp_path)],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=False,
    )

    assert end.returncode == 2
    assert "thesis.tex" in end.stderr
    assert "next       DATAHUB_ROOT=./demo-hub datahub demo" in end.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """The demo told twice into one folder: the folder, and both documents."""
    root = tmp_path_factory.mktemp("demo") / "hub"
    return root, [
        json.loads(datahub(root, "demo", "--no-serve", "--output", "json").stdout) for _ in range(2)
    ]


def datahub(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    end = subprocess.run(
        [sys.executable, "-m", "datahub_dagster.cli", "--root", str(root), *arguments],
        cwd=REPO,
        env={**os.environ, "COLUMNS": "160"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert end.returncode == 0, end.stderr
    return end


@pytest.mark.slow
def test_the_story_goes_as_told_each_time(told: tuple[Path, list[dict[str, Any]]]) -> None:
    for document in told[1]:
        assert document["went_as_told"]
        assert {delivery["kind"] for delivery in document["deliveries"]} == {
            "published",
            "repeat",
            "rejected",
        }
        assert document["rolled_back"]["restores"] == 1
    assert [delivery["why"] for delivery in told[1][0]["deliveries"]] == [
        delivery["why"] for delivery in told[1][1]["deliveries"]
    ]


@pytest.mark.slow
def test_the_story_shows_a_promise_that_was_kept_one_delivery_late_and_one_missed(
    told: tuple[Path, list[dict[str, Any]]],
) -> None:
    for document in told[1]:
        slos = {(each["dataset"], each["slo"]): each for each in document["slos"]}
        evenings = slos.pop(("weather.hourly_temperatures", "freshness"))

        assert (evenings["met"], evenings["late"], evenings["missed"]) == (7, 1, 1)
        assert slos["volatility.index_sessions", "freshness"]["met"] == 3
        assert slos["volatility.index_sessions", "for_hedging_desk"]["met"] == 3
        assert {each["late"] + each["missed"] for key, each in slos.items() if key[1] != "quality"} == {0}


@pytest.mark.slow
def test_people_were_told_when_the_evening_was_missed_and_when_it_came(
    told: tuple[Path, list[dict[str, Any]]],
) -> None:
    messages = [
        (each["at"], each["subject"])
        for each in told[1][0]["messages"]
        if each["to"] == "email flight-operations@example.com"
    ]

    late, came, missed = (datetime.fromisoformat(at) for at, _ in messages)
    assert ["is late" in subject for _, subject in messages] == [True, False, True]
    assert came - late == pytest.approx(timedelta(minutes=34), abs=timedelta(seconds=30))
    assert missed.astimezone(PACIFIC).time() < time(21, 2)
    assert missed < datetime.now(UTC)


@pytest.mark.slow
def test_after_the_story_nothing_waits_in_an_inbox(told: tuple[Path, list[dict[str, Any]]]) -> None:
    hub = open_hub(Settings(root=told[0]))

    assert [status.waiting for status in pipeline.status(hub)] == [()] * 7


@pytest.mark.slow
def test_what_the_readme_shows_after_the_demo_comes(told: tuple[Path, list[dict[str, Any]]]) -> None:
    shown = [
        call
        for block in blocks(REPO / "README.md", "console")
        for call in calls(block)
        if call.shown and call.command.startswith(".venv/bin/datahub ")
    ]

    assert len(shown) == 3
    for call in shown:
        printed = datahub(told[0], *call.words[1:]).stdout
        must_show(replace(call, shown=tuple(map(of_any_day, call.shown))), of_any_day(printed))


def of_any_day(text: str) -> str:
    """Without what depends on the day on which the demo is told."""
    return re.sub(r"\bP[SD]T\b", "PT", re.sub(r"(\b\w{3} )?20\d\d-\d\d-\d\d", "DAY", text))


@pytest.mark.slow
def test_after_the_story_status_needs_no_dbt(told: tuple[Path, list[dict[str, Any]]]) -> None:
    code = (
        "import sys; from datahub_dagster.cli import run; code = run(sys.argv[1:]);"
        "print(*sorted({module.split('.')[0] for module in sys.modules}), file=sys.stderr); sys.exit(code)"
    )
    arguments = ["--root", str(told[0]), "status"]

    end = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=REPO,
        env=dict(
            os.environ
        ),  # without it a child also gets COLUMNS=80, which readline sets behind Python's back
        capture_output=True,
        text=True,
        check=True,
    )

    assert {"dbt", "dagster", "boto3", "duckdb"} & set(end.stderr.split()) == set()
    assert "markets.monthly_prices" in end.stdout
    assert "(rolled back)" in end.stdout


@pytest.mark.slow
def test_after_the_story_nothing_is_to_be_mended(told: tuple[Path, list[dict[str, Any]]]) -> None:
    findings = json.loads(datahub(told[0], "doctor", "--output", "json").stdout)["findings"]

    assert [finding for finding in findings if finding["level"] == "fault"] == []
    assert json.loads(datahub(told[0], "reconcile", "--output", "json").stdout) == {
        "mended": {},
        "errors": [],
    }


@pytest.mark.slow
def test_what_the_story_left_passes_its_checks(told: tuple[Path, list[dict[str, Any]]]) -> None:
    document = json.loads(datahub(told[0], "check", "--all", "--output", "json").stdout)

    assert (document["failing"], document["not_published"]) == ([], [])
    assert len(document["reports"]) == 7


@pytest.mark.slow
def test_serving_answers_at_both_addresses_and_stops_everything(tmp_path: Path) -> None:
    demo = subprocess.Popen(
        [sys.executable, "-u", "-m", "datahub_dagster.cli", "--root", str(tmp_path / "hub"), "demo", "-q"],
        cwd=REPO,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert demo.stdout is not None
    printed: list[str] = []
    for line in demo.stdout:
        printed.append(line)
        if line.startswith("Ctrl-C"):
            break
    addresses = {
        line.split()[0]: line.split()[1] for line in printed if line.startswith(("Dagster ", "Docs "))
    }
    assert set(addresses) == {"Dagster", "Docs"}, "".join(printed)
    open_url = build_opener(ProxyHandler({})).open
    for address in addresses.values():
        with open_url(address, timeout=30) as answer:
            assert answer.status == 200

    demo.terminate()

    assert demo.wait(60) == 0
    demo.stdout.close()
    assert processes_that_mention(str(tmp_path)) == []
    with pytest.raises(URLError):
        open_url(addresses["Dagster"], timeout=2)


def processes_that_mention(text: str) -> list[str]:
    """Command lines and environments of living processes, such as those of a child that was left behind."""
    found: list[str] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            told = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if text.encode() in told and folder.name != str(os.getpid()):
            found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found
