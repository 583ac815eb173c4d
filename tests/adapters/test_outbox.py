"""The outbox keeps every message, and never stops a release."""

import json
import logging
import multiprocessing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from datahub_dagster.adapters.notify.object_outbox import ObjectOutbox
from datahub_dagster.adapters.notify.outbox import OutboxNotifier
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.ports import Notification

AT = datetime(2026, 11, 20, 9, 12, tzinfo=UTC)
MESSAGE = Notification(
    kind="rejected",
    team="markets",
    datasets=("equities.daily_prices",),
    release="2026-11-20.7",
    to=("markets-data@example.com",),
    subject="equities.daily_prices: 2026-11-20 was rejected",
    text="Zwei Zeilen:\n重複した行が3つあります。",
    at=AT,
)


def lines(root: Path, month: str = "2026-11") -> list[dict[str, object]]:
    return [json.loads(line) for line in (root / "outbox" / f"{month}.jsonl").read_bytes().splitlines()]


def test_a_message_is_one_line_of_json(tmp_path: Path) -> None:
    OutboxNotifier(tmp_path).notify(MESSAGE)

    assert lines(tmp_path) == [
        {
            "at": "2026-11-20T09:12:00+00:00",
            "kind": "rejected",
            "team": "markets",
            "dataset": "equities.daily_prices",
            "datasets": ["equities.daily_prices"],
            "release": "2026-11-20.7",
            "to": ["markets-data@example.com"],
            "subject": "equities.daily_prices: 2026-11-20 was rejected",
            "text": "Zwei Zeilen:\n重複した行が3つあります。",
        }
    ]


def test_a_message_about_several_datasets_names_none_as_the_one(tmp_path: Path) -> None:
    several = ("equities.daily_prices", "equities.sectors")

    OutboxNotifier(tmp_path).notify(replace(MESSAGE, datasets=several, release=None, kind="alerts"))

    (line,) = lines(tmp_path)
    assert (line["dataset"], line["datasets"], line["release"]) == (None, list(several), None)


def test_the_month_is_that_of_utc(tmp_path: Path) -> None:
    tokyo = timezone(timedelta(hours=9))

    OutboxNotifier(tmp_path).notify(replace(MESSAGE, at=datetime(2026, 12, 1, 8, 0, tzinfo=tokyo)))

    assert len(lines(tmp_path, "2026-11")) == 1


def test_a_text_that_is_not_unicode_is_kept(tmp_path: Path) -> None:
    OutboxNotifier(tmp_path).notify(replace(MESSAGE, text="part-\udcff.parquet"))

    assert lines(tmp_path)[0]["text"] == "part-\udcff.parquet"


def test_a_torn_line_does_not_spoil_the_next(tmp_path: Path) -> None:
    outbox = OutboxNotifier(tmp_path)
    outbox.notify(MESSAGE)
    path = tmp_path / "outbox" / "2026-11.jsonl"
    path.write_bytes(path.read_bytes() + b'{"at": "2026-')

    outbox.notify(replace(MESSAGE, kind="released"))

    assert json.loads(path.read_bytes().splitlines()[-1])["kind"] == "released"


@pytest.mark.parametrize("in_the_way", ["outbox", "outbox/2026-11.jsonl"])
def test_what_goes_wrong_is_logged_and_not_raised(
    tmp_path: Path, in_the_way: str, caplog: pytest.LogCaptureFixture
) -> None:
    obstacle = tmp_path / in_the_way
    if in_the_way == "outbox":
        obstacle.write_text("a file where the folder should be")
    else:
        obstacle.mkdir(parents=True)

    with caplog.at_level(logging.WARNING):
        OutboxNotifier(tmp_path).notify(MESSAGE)

    assert "equities.daily_prices: 2026-11-20 was rejected" in caplog.text
    assert "was not kept in the outbox" in caplog.text


def test_processes_that_write_at_once_mix_no_lines(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(tmp_path, number)) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert sorted({line["text"] for line in lines(tmp_path)}) == [str(number) * 9_000 for number in range(3)]  # pyright: ignore
    assert len(lines(tmp_path)) == 60


def write_many(root: Path, number: int) -> None:
    outbox = OutboxNotifier(root)
    for _ in range(20):
        outbox.notify(replace(MESSAGE, text=str(number) * 9_000))


def test_in_a_storage_each_message_is_a_file_of_its_own(tmp_path: Path) -> None:
    outbox = ObjectOutbox(LocalStorage(tmp_path))
    outbox.notify(MESSAGE)
    outbox.notify(replace(MESSAGE, kind="released", text="part-\udcff.parquet"))

    files = sorted((tmp_path / "outbox" / "2026-11").iterdir())
    assert all(file.name.startswith("2026-11-20T09-12-00.000000Z.") for file in files)
    messages = {
        message["kind"]: message for message in map(json.loads, (file.read_bytes() for file in files))
    }
    assert messages["rejected"]["text"] == MESSAGE.text
    assert messages["released"]["text"] == "part-\udcff.parquet"


def test_a_storage_that_refuses_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "outbox").write_text("a file where the folder should be")
    ObjectOutbox(LocalStorage(tmp_path)).notify(MESSAGE)
    assert "was not kept in the outbox" in caplog.text
