"""What AWS may answer to each call of a release: a clear error, the former release is still read, and the next run recovers."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from datahub_dagster import pipeline
from datahub_dagster.errors import CatalogError, HubError, StorageError
from tests.aws import AwsAccount
from tests.aws_faults import FAULTS, SAID, At, call_of
from tests.pipeline.acts import ACTS, Act, released
from tests.pipeline.processes import ids_read
from tests.pipeline.where import HubOnAws
from tests.places import OnAws

pytestmark = pytest.mark.aws

_ACTION = re.compile(r"\b(s3|glue):[A-Z]\w+")


@pytest.fixture
def where(aws_account: AwsAccount, tmp_path: Path) -> Iterator[HubOnAws]:
    place = OnAws(aws_account, "prepared")
    yield HubOnAws(place, tmp_path / "given")
    place.close()


# --- Each call -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("a release that replaces", kind) for kind in FAULTS),
        # Calls that only partitions need; what AWS says to them has the same forms.
        *(("a release of partitions", kind) for kind in ("its answer is lost",)),
    ],
)
def test_whatever_goes_wrong_with_a_call_readers_read_on_and_the_next_run_recovers(
    name: str, kind: str, where: HubOnAws
) -> None:
    act = ACTS[name]
    act.prepare(where)
    undisturbed = where.copied("undisturbed", act.of)
    act.do(undisturbed.hub(act.of, years=11), undisturbed)
    wanted = undisturbed.state()
    met = set[str]()
    calls = calls_of(act, where)

    for number, call in enumerate(calls, start=1):
        if call in met:  # the same call for another file
            continue
        met.add(call)
        copy = where.copied(f"fault-{number}", act.of)
        at = At(number, FAULTS[kind])
        try:
            act.do(copy.faulty_hub(act.of, at.request, years=11), copy)
        except (StorageError, CatalogError) as error:
            must_be_clear(error, kind, copy, at)
        assert ids_read(copy.hub(act.of), act.of) in (act.before, act.after)
        act.do(copy.hub(act.of, years=11), copy)
        assert ids_read(copy.hub(act.of), act.of) == act.after, at.call
        assert copy.state() == wanted, at.call
        copy.remove()
    assert len(met) > 15


def calls_of(act: Act, where: HubOnAws) -> list[str]:
    """The calls of an undisturbed release, in order."""
    calls: list[str] = []
    copy = where.copied("counted", act.of)
    act.do(copy.faulty_hub(act.of, lambda request: calls.append(call_of(request)), years=11), copy)
    return calls


def must_be_clear(error: HubError, kind: str, where: HubOnAws, at: At) -> None:
    text = str(error)
    assert _ACTION.search(text), f"{at.call}: no action in {text}"
    assert where.place.account.bucket in text or "payments" in text, f"{at.call}: no place in {text}"
    assert error.next_step, f"{at.call}: no next step in {text}"
    assert error.consumers
    is_head = at.call.startswith("HEAD ")  # whose answer has no body that could say why
    assert SAID[kind] in text or is_head, f"{at.call}: {text}"
    assert "Traceback" not in text


# --- Behind the hub's back -------------------------------------------------------------------------------------------


def test_a_released_file_that_somebody_removed_is_named_and_the_next_release_is_not_stopped(
    where: HubOnAws,
) -> None:
    act = ACTS["a release that replaces"]
    act.prepare(where)
    hub = where.hub(act.of, years=11)
    current = hub.log.current(act.of.name)
    assert current is not None
    files = hub.log.file_list(act.of.name, current.release_id)
    assert files is not None
    where.place.remove(files.files[0].path)

    with pytest.raises((StorageError, FileNotFoundError)) as caught:
        ids_read(hub, act.of)
    assert files.files[0].path in str(caught.value)

    act.do(where.hub(act.of, years=11), where)
    assert ids_read(where.hub(act.of), act.of) == act.after


def test_a_delivered_file_that_is_replaced_on_the_way_is_refused(where: HubOnAws) -> None:
    act = ACTS["a release that replaces"]
    act.prepare(where)
    hub = where.hub(act.of, years=11)
    swapped: list[str] = []

    def swap(event: Any) -> None:
        if event.step == "stage" and not swapped:
            swapped.append("a.parquet")
            where.place.write("inbox/payments/orders/next/a.parquet", b"something else")

    outcome = pipeline.release(hub, act.of, "next", actor="test", on_step=swap)

    assert outcome.refused
    assert outcome.record is not None
    assert [fault.code for fault in outcome.record.faults] == ["changed-file"]
    assert ids_read(where.hub(act.of), act.of) == act.before


def test_a_bucket_that_does_not_exist_is_named(where: HubOnAws) -> None:
    act = ACTS["a first release"]
    released(where, act.of)
    where.place.account.bucket = "no-such-bucket-of-ours"

    (told,) = pipeline.status(where.hub(act.of))

    assert told.problem
    assert "no such bucket" in told.problem
    assert "no-such-bucket-of-ours" in told.problem
    with pytest.raises(StorageError, match="no such bucket") as caught:
        act.do(where.hub(act.of), where)
    assert "DATAHUB_ROOT" in str(caught.value)
