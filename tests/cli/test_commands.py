"""The commands over a hub on a disk, each as a person or a program would call it. No dbt: an auditor in plain SQL."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from datahub_dagster import pipeline
from datahub_dagster.cli import run
from datahub_dagster.cli.context import Session
from datahub_dagster.cli.releases import Chapter
from datahub_dagster.domain.contract import ContractFault
from datahub_dagster.domain.names import Location, ReleaseId
from datahub_dagster.errors import StorageError
from datahub_dagster.ports import Hub, Rendered, Site, Storage
from tests.builders import book, by_day, column, consumer, contract, data_test
from tests.hubs import hub_at, orders, put_delivery

ORDERS = contract()
REFUNDS = contract("payments.refunds")
DAILY = contract(
    "shop.daily",
    delivery=by_day(),
    columns=(column("id", "bigint"), column("amount", "double"), column("day", "date")),
    tests=(data_test("not_null", "id", "shop.daily"),),
)

Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return hub_at(tmp_path / "hub", book=book(ORDERS, REFUNDS, DAILY, consumers=(consumer(),)))


@pytest.fixture
def text(hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command; exit code and what it printed, stderr included."""

    def call(*arguments: object) -> tuple[int, str]:
        session = Session(root=str(tmp_path / "hub"))
        session.hub = hub
        code = run([str(argument) for argument in arguments], session)
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return call


@pytest.fixture
def program(hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command for its JSON; exit code and the document."""

    def call(*arguments: object) -> tuple[int, dict[str, Any]]:
        session = Session(root=str(tmp_path / "hub"))
        session.hub = hub
        code = run(["--output", "json", *(str(argument) for argument in arguments)], session)
        return code, json.loads(capsys.readouterr().out)

    return call


def a_file(folder: Path, ids: list[int | None], name: str = "orders.parquet") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(orders(ids), folder / name)
    return folder / name


# deliver


def test_a_folder_is_delivered_under_its_name(text: Run, hub: Hub, tmp_path: Path) -> None:
    a_file(tmp_path / "2026-11-20", [1, 2])

    code, said = text("deliver", "payments.orders", tmp_path / "2026-11-20")

    assert code == 0
    assert "delivery 2026-11-20 lies in inbox/payments/orders/2026-11-20" in said
    assert hub.storage.exists(Location("inbox/payments/orders/2026-11-20/_SUCCESS"))


def test_a_file_is_delivered_under_the_date(program: Run, hub: Hub, tmp_path: Path) -> None:
    code, told = program("deliver", "payments.orders", a_file(tmp_path, [1]))

    assert (code, told["kind"]) == (0, "delivered")
    assert told["delivery"] == f"{hub.clock.now():%Y-%m-%d}"


def test_delivering_the_same_again_is_fine_so_that_a_scheduler_can_retry(text: Run, tmp_path: Path) -> None:
    path = a_file(tmp_path, [1])
    text("deliver", "payments.orders", path, "--name", "a")

    assert text("deliver", "payments.orders", path, "--name", "a")[0] == 0


def test_a_name_that_is_taken_is_explained_with_the_next_one(text: Run, tmp_path: Path) -> None:
    text("deliver", "payments.orders", a_file(tmp_path, [1]))

    code, said = text("deliver", "payments.orders", a_file(tmp_path, [2]))

    assert code == 1
    assert "with other content; it is the default name, since no --name was given" in said
    assert "_2\n" in said


def test_delivering_and_releasing_at_once_says_how_it_ended(program: Run, tmp_path: Path) -> None:
    code, told = program("deliver", "payments.orders", a_file(tmp_path, [1, 2]), "--name", "a", "--release")
    assert (code, told["kind"], told["record"]["generation"]) == (0, "published", 1)

    code, told = program(
        "deliver", "payments.orders", tmp_path / "orders.parquet", "--name", "b", "--release"
    )
    assert (code, told["kind"], told["record"]) == (0, "repeat", None)

    code, told = program(
        "deliver", "payments.orders", a_file(tmp_path, [1, None]), "--name", "c", "--release"
    )
    assert (code, told["kind"]) == (1, "rejected")


def test_waiting_ends_when_somebody_else_has_released_it(text: Run, hub: Hub, tmp_path: Path) -> None:
    def sensor() -> None:
        while not hub.storage.exists(Location("inbox/payments/orders/a/_SUCCESS")):
            time.sleep(0.02)
        pipeline.release(hub, ORDERS, "a", actor="sensor")

    thread = threading.Thread(target=sensor)
    thread.start()
    code, said = text(
        "deliver", "payments.orders", a_file(tmp_path, [1]), "--name", "a", "--wait", "--timeout", "30s"
    )
    thread.join()

    assert code == 0
    assert "is published as generation 1" in said


def test_waiting_for_a_rejection_ends_with_one(text: Run, hub: Hub, tmp_path: Path) -> None:
    path = a_file(tmp_path, [None])
    text("deliver", "payments.orders", path, "--name", "a")
    pipeline.release(hub, ORDERS, "a", actor="sensor")

    code, said = text("deliver", "payments.orders", path, "--name", "a", "--wait")

    assert code == 1
    assert "was rejected" in said
    assert "consumers  have nothing to read yet" in said


def test_waiting_in_vain_ends_with_three_and_leaves_the_delivery(text: Run, hub: Hub, tmp_path: Path) -> None:
    code, said = text(
        "deliver", "payments.orders", a_file(tmp_path, [1]), "--name", "a", "--wait", "--timeout", "0"
    )

    assert code == 3
    assert "was not released within 0 s" in said
    assert "datahub release payments.orders --delivery a" in said
    assert hub.storage.exists(Location("inbox/payments/orders/a/_SUCCESS"))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["payments.order", "."], 2, "the nearest: payments.orders"),
        (["payments.orders", "/no/such/path"], 2, "does not exist"),
        (["payments.orders", ".", "--wait", "--release"], 2, "take one of them"),
        (["payments.orders", ".", "--timeout", "soon"], 2, "is not a duration"),
        (["payments.orders", ".", "--name", "../x"], 1, "can't be the name of a delivery"),
    ],
)
def test_what_can_not_be_delivered_is_told(text: Run, arguments: list[str], code: int, words: str) -> None:
    end, said = text("deliver", *arguments)

    assert end == code
    assert words in said


# release


def test_what_is_ready_is_released_in_order_and_the_rest_is_named(text: Run, hub: Hub) -> None:
    put_delivery(hub, ORDERS, "a", {"x.parquet": orders([1])})
    put_delivery(hub, ORDERS, "b", {"x.parquet": orders([1, 2])})
    put_delivery(hub, ORDERS, "c", {"x.parquet": orders([3])}, complete=False)

    code, said = text("release", "payments.orders")

    assert code == 0
    assert "generation 1" in said
    assert "generation 2" in said
    assert "delivery c stays in the inbox: it has no _SUCCESS yet" in said


def test_a_rejected_delivery_stops_no_other(program: Run, hub: Hub) -> None:
    put_delivery(hub, ORDERS, "a", {"x.parquet": orders([None])})
    put_delivery(hub, REFUNDS, "a", {"x.parquet": orders([1])})

    code, told = program("release", "--all")

    assert code == 1
    assert [(end["dataset"], end["kind"]) for end in told["outcomes"]] == [
        ("payments.orders", "rejected"),
        ("payments.refunds", "published"),
    ]


def test_a_dataset_whose_log_is_broken_stops_no_other(program: Run, hub: Hub, tmp_path: Path) -> None:
    broken = tmp_path / "hub/log/payments/orders/receipts/00000001.json"
    broken.parent.mkdir(parents=True)
    broken.write_text("{")
    put_delivery(hub, ORDERS, "a", {"x.parquet": orders([1])})
    put_delivery(hub, REFUNDS, "a", {"x.parquet": orders([1])})

    code, told = program("release", "--all")

    assert code == 3
    assert [error["kind"] for error in told["errors"]] == ["CorruptError"]
    assert [end["dataset"] for end in told["outcomes"]] == ["payments.refunds"]


def test_the_deliveries_of_a_team_are_released(program: Run, hub: Hub) -> None:
    put_delivery(hub, ORDERS, "a", {"x.parquet": orders([1])})
    put_delivery(hub, DAILY, "a", {"x.parquet": orders([1], day="2026-11-03")})

    code, told = program("release", "--team", "payments")

    assert code == 0
    assert [end["dataset"] for end in told["outcomes"]] == ["payments.orders"]


def test_a_dry_run_prints_the_plan_and_does_nothing(text: Run, hub: Hub) -> None:
    put_delivery(hub, ORDERS, "a", {"x.parquet": orders([1, 2])})

    code, said = text("release", "payments.orders", "--dry-run")

    assert code == 0
    assert "delivery a (1 file, " in said
    assert "2 rows) would become generation 1" in said
    assert "  add        the whole dataset\n" in said
    assert hub.log.receipts(ORDERS.name) == []


def test_a_dry_run_of_a_bad_delivery_names_its_faults(text: Run, hub: Hub) -> None:
    put_delivery(hub, ORDERS, "a", {"x.parquet": orders([1]).drop_columns(["amount"])})

    code, said = text("release", "payments.orders", "--dry-run")

    assert code == 1
    assert "would be rejected: 1 fault" in said
    assert "amount" in said


def test_releasing_again_does_nothing_and_says_so(text: Run, hub: Hub) -> None:
    put_delivery(hub, ORDERS, "a", {"x.parquet": orders([1])})
    text("release", "payments.orders")

    assert text("release", "payments.orders") == (0, "nothing waits in the inbox\n")
    code, said = text("release", "payments.orders", "--delivery", "a")
    assert code == 0
    assert "nothing was done" in said


@pytest.mark.parametrize("arguments", [[], ["payments.orders", "--all"], ["--all", "--delivery", "a"]])
def test_what_to_release_must_be_said_once(text: Run, arguments: list[str]) -> None:
    assert text("release", *arguments)[0] == 2


def test_an_unknown_team_is_told_the_teams(text: Run) -> None:
    code, said = text("release", "--team", "payment")

    assert code == 2
    assert "the teams payments, shop" in said


def test_pages_that_can_not_be_rendered_do_not_undo_a_release(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class BrokenSite(Site):
        def render(self, hub: Hub, *, with_dbt_docs: bool) -> Rendered:
            raise StorageError("the disk is full")

        def is_stale(self, hub: Hub) -> bool:
            raise StorageError("the disk is full")

        def copy(self, target: Storage) -> int:
            raise StorageError("the disk is full")

    session = Session(root=str(tmp_path))
    session.hub = hub_at(tmp_path, ORDERS, site=BrokenSite())
    put_delivery(session.hub, ORDERS, "a", {"x.parquet": orders([1])})

    assert run(["release", "payments.orders"], session) == 0
    printed = capsys.readouterr()
    assert "generation 1" in printed.out
    assert "the disk is full" in printed.err
    assert "datahub docs build" in printed.err


# afterwards


@pytest.fixture
def released(hub: Hub) -> Hub:
    """Two generations of orders, a refusal and a repeat."""
    for name, ids in {"a": [1], "b": [1, 2], "c": [None], "d": [1, 2]}.items():
        put_delivery(hub, ORDERS, name, {"x.parquet": orders(ids)})
        pipeline.release(hub, ORDERS, name, actor="kenji")
    return hub


def test_rolling_back_by_number_or_by_release(text: Run, program: Run, released: Hub) -> None:
    code, said = text("rollback", "payments.orders", "--to", "1", "--reason", "wrong ids")
    assert code == 0
    assert "generation 3 is published, with the content of 1" in said
    assert "wrong ids" in said

    second = str(released.log.generations(ORDERS.name)[1].release_id)
    code, told = program("rollback", "payments.orders", "--to", second, "--reason", "they were right")
    assert (code, told["generation"]["restores"]) == (0, 2)


@pytest.mark.parametrize("target", ["7", "2026-11-20.9", "yesterday"])
def test_rolling_back_to_what_never_was_lists_what_was(text: Run, released: Hub, target: str) -> None:
    code, said = text("rollback", "payments.orders", "--to", target, "--reason", "x")

    assert code == 2
    assert "generations 2 (release" in said
    assert "datahub releases payments.orders" in said


def test_rolling_back_needs_a_reason(text: Run, released: Hub) -> None:
    assert text("rollback", "payments.orders", "--to", "1")[0] == 2
    assert text("rollback", "payments.orders", "--to", "1", "--reason", "  ")[0] == 2


def test_the_history_has_refusals_repeats_and_rollbacks(program: Run, text: Run, released: Hub) -> None:
    text("rollback", "payments.orders", "--to", "1", "--reason", "wrong ids")

    code, told = program("releases", "payments.orders")

    assert code == 0
    assert [(line["state"], line["delivery"], line["is_current"]) for line in told["history"]] == [
        ("rollback", "", True),
        ("repeat", "d", False),
        ("rejected", "c", False),
        ("superseded", "b", False),
        ("published", "a", False),
    ]
    code, said = text("releases", "payments.orders")
    assert "to the content of generation 1: wrong ids" in said
    assert "kenji" in said


def test_a_release_whose_data_retention_removed_is_called_so(text: Run, program: Run, released: Hub) -> None:
    def lines() -> str:
        return text("releases", "payments.orders")[1]

    text("rollback", "payments.orders", "--to", "1", "--reason", "wrong ids")
    second = next(g.release_id for g in released.log.generations(ORDERS.name) if g.number == 2)
    assert "superseded" in lines()

    released.log.remove_file_list(ORDERS.name, second)  # as gc does; the record stays in the folder

    assert "superseded" not in lines()
    assert "removed" in lines()
    (told,) = (e for e in program("releases", "payments.orders")[1]["history"] if e["delivery"] == "b")
    assert (told["state"], told["is_kept"]) == ("superseded", False)
    assert told["why"].endswith("retention has removed its data")


def test_a_release_that_never_was_published_is_called_overtaken() -> None:
    release = ReleaseId(date(2026, 11, 20), 1)
    chapter = Chapter(at=datetime(2026, 11, 20, tzinfo=UTC), state="superseded", release=release)

    assert chapter.label == "overtaken"
    assert replace(chapter, generation=1, is_kept=True).label == "superseded"
    assert replace(chapter, state="published", generation=1).label == "published"


def test_a_dataset_without_a_history_says_how_to_begin(text: Run) -> None:
    assert "datahub deliver payments.orders PATH" in text("releases", "payments.orders")[1]


def test_a_release_is_pinned_with_a_reason_and_unpinned(text: Run, program: Run, released: Hub) -> None:
    first = released.log.generations(ORDERS.name)[0].release_id

    assert text("releases", "payments.orders", "--pin", first)[0] == 2
    assert text("releases", "payments.orders", "--pin", first, "--reason", "year end")[0] == 0
    assert program("releases", "payments.orders")[1]["history"][-1]["pinned"] == "year end"
    assert text("releases", "payments.orders", "--unpin", first)[0] == 0
    assert released.log.pins(ORDERS.name) == {}
    assert text("releases", "payments.orders", "--pin", "2026-01-01.9", "--reason", "x")[0] == 2


def test_the_promise_of_a_dataset_is_shown(text: Run, program: Run, released: Hub) -> None:
    code, said = text("show", "payments.orders")

    assert code == 0
    assert "amount" in said
    assert "not_null" in said
    assert "Morning report" in said
    assert "generation 2" in said
    assert program("show", "payments.orders")[1]["contract"]["name"] == "payments.orders"


def test_a_release_is_shown_in_full(text: Run, program: Run, released: Hub) -> None:
    refused = next(record for record in released.log.records(ORDERS.name) if record.refused)

    code, said = text("show", "payments.orders", "--release", refused.release_id)

    assert code == 0
    assert "was rejected" in said
    assert "its SQL" in said
    assert "took       receive" in said
    told = program("show", "payments.orders", "--release", refused.release_id)[1]
    assert told["record"]["delivery"] == "c"
    assert text("show", "payments.orders", "--release", "2026-01-01.77")[0] == 2


def test_checking_what_is_published(text: Run, program: Run, released: Hub) -> None:
    code, told = program("check", "--all")

    assert code == 0
    assert told["not_published"] == ["payments.refunds", "shop.daily"]
    assert len(told["reports"][0]["results"]) == 2
    assert "generation 2, 2 of 2 tests passed" in text("check", "payments.orders")[1]
    assert text("check")[0] == 2


def test_a_promise_made_after_the_release_can_fail_its_check(
    tmp_path: Path, released: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    stricter = contract(tests=(data_test("unique", "amount", name="amount_is_unique"),))
    session = Session(root=str(tmp_path))
    session.hub = hub_at(tmp_path / "hub", stricter)

    assert run(["check", "payments.orders"], session) == 1
    said = capsys.readouterr().out
    assert "amount_is_unique" in said
    assert "0 of 1 test passed, 1 fail" in said


def test_the_status_says_promised_published_refused_and_why(text: Run, program: Run, released: Hub) -> None:
    code, said = text("status")

    assert code == 0
    assert "before that c was rejected: not_null of id: 1 failure" in said
    told = program("status", "--team", "payments")[1]
    assert [dataset["dataset"] for dataset in told["datasets"]] == ["payments.orders", "payments.refunds"]
    (first, second) = told["datasets"]
    assert first["published"]["generation"] == 2
    assert (first["last"]["kind"], first["rejected_count"]) == ("repeat", 1)
    assert second["published"] is None
    assert second["last"] is None


def test_contract_faults_stand_above_the_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fault = ContractFault(
        team="shop", path="models/shop/x.yml", line=7, message="unknown key retension", has_last_good=False
    )
    session = Session(root=str(tmp_path))
    session.hub = hub_at(tmp_path, book=book(ORDERS, faults=(fault,)))

    assert run(["status"], session) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "contract fault in shop: models/shop/x.yml:7: unknown key retension"
    assert "the team's datasets are missing until it is mended" in lines[1]


def test_reconcile_says_what_it_mended(program: Run, released: Hub, tmp_path: Path) -> None:
    assert program("reconcile")[1] == {"mended": {}, "errors": []}

    for file in (tmp_path / "hub/catalog").rglob("*.json"):
        file.unlink()

    code, told = program("reconcile", "payments.orders")
    assert code == 0
    assert list(told["mended"]) == ["payments.orders"]


def test_gc_tells_what_it_would_remove(text: Run, program: Run, released: Hub) -> None:
    code, told = program("gc", "--dry-run")
    assert (code, told["dry_run"]) == (0, True)
    assert {removal["kind"] for removal in told["removals"]} <= {"delivery", "release", "debris"}
    before = hub_files(released)

    text("gc", "--dry-run")
    assert hub_files(released) == before
    assert text("gc")[0] == 0


def hub_files(hub: Hub) -> list[str]:
    return [
        file.path for folder in ("inbox", "releases") for file in hub.storage.list_files(Location(folder))
    ]


def test_the_docs_are_published_to_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = Session(root=str(tmp_path / "hub"))
    session.hub = hub_at(tmp_path / "hub", ORDERS)
    www = tmp_path / "www"

    assert run(["docs", "publish", str(www), "--output", "json"], session) == 0
    assert json.loads(capsys.readouterr().out)["page"] == (www / "docs" / "index.html").as_uri()


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("ftp://example.com", "is neither a folder nor s3://BUCKET/PREFIX"),
        ("{hub}", "is where the pages are built"),
        ("{file}", "is not a folder"),
    ],
)
def test_the_docs_are_not_published_to_what_can_not_hold_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], target: str, said: str
) -> None:
    session = Session(root=str(tmp_path / "hub"))
    session.hub = hub_at(tmp_path / "hub", ORDERS)
    (tmp_path / "file").write_text("")
    at = target.format(hub=tmp_path / "hub", file=tmp_path / "file")

    assert run(["docs", "publish", at], session) == 2
    assert said in capsys.readouterr().err


def test_the_docs_are_built(program: Run, tmp_path: Path) -> None:
    code, told = program("docs", "build")

    assert code == 0
    assert told["page"] == str(tmp_path / "hub/docs/index.html")
