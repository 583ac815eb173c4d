# ruff: noqa: E501  a table reads best with one row a line
"""What bad input gets: its record and its message; and that the former release, and the delivery, stay as they were."""

import base64
import io
import json
import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from errno import ENOSPC
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow.parquet import encryption

from datahub_dagster import pipeline
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.domain.audit import AuditReport, CheckResult
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.names import Location
from datahub_dagster.domain.outcome import Outcome
from datahub_dagster.domain.release import OutcomeKind, ReleaseState
from datahub_dagster.errors import (
    AlreadyExistsError,
    CorruptError,
    DeliveryError,
    ExitCode,
    HubError,
    StorageError,
)
from datahub_dagster.ports import Auditor, AuditRequest, Hub, StepEvent
from tests.builders import by_day, by_month, column, contract, data_test, result
from tests.hubs import PlainSqlAuditor, SetClock, hub_at, ids_published, orders, put_delivery

ORDERS = contract()
OPEN = contract(columns=(column("id", "bigint"), column("amount", None)), tests=ORDERS.tests)
UNTESTED = contract(tests=())
DAILY_COLUMNS = (column("id", "bigint"), column("amount", "double"), column("day", "date"))
DAILY = contract(delivery=by_day(), columns=DAILY_COLUMNS)
TOKYO = contract(delivery=by_day(calendar="XTKS"), columns=DAILY_COLUMNS)
MONTHLY = contract(delivery=by_month(), columns=())

GOOD_IDS = [1, 2, 3]
GOOD_DAY = "day=2026-11-18/part-0.parquet"
GOOD_FILES: Mapping[str, dict[str, pa.Table | bytes]] = {
    "": {"part-0.parquet": orders(GOOD_IDS)},
    "day": {GOOD_DAY: orders(GOOD_IDS)},
    "month": {"month=2026-10/part-0.parquet": orders(GOOD_IDS)},
}


def as_bytes(table: pa.Table, **options: Any) -> bytes:
    stream = io.BytesIO()
    pq.write_table(table, stream, **options)
    return stream.getvalue()


def part(**columns: Any) -> dict[str, pa.Table | bytes]:
    """One file with these columns and no others."""
    return {"part-0.parquet": pa.table(columns)}


def encrypted(*, plaintext_footer: bool) -> bytes:
    class Keys(encryption.KmsClient):
        def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
            del master_key_identifier
            return base64.b64encode(key_bytes)

        def unwrap_key(self, wrapped_key: bytes, master_key_identifier: str) -> bytes:
            del master_key_identifier
            return base64.b64decode(wrapped_key)

    table = orders([9], day=date(2026, 11, 19))
    properties = encryption.CryptoFactory(lambda _: Keys()).file_encryption_properties(
        encryption.KmsConnectionConfig(),
        encryption.EncryptionConfiguration(
            footer_key="footer", column_keys={"key": table.column_names}, plaintext_footer=plaintext_footer
        ),
    )
    stream = io.BytesIO()
    with pq.ParquetWriter(stream, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)
    return stream.getvalue()


# --- What else may be in the way -------------------------------------------------------------------------------------


@dataclass
class OddAuditor(Auditor):
    """Answers as told, whatever the data are: what dbt gives back when a test's SQL is broken, or was never run."""

    answer: Callable[[AuditRequest], Sequence[CheckResult]]

    def audit(self, requests: Sequence[AuditRequest]) -> Sequence[AuditReport]:
        return [
            AuditReport(
                dataset=request.contract.name,
                base_generation=request.base_generation,
                results=tuple(self.answer(request)),
                contract_fingerprint=request.contract.fingerprint,
            )
            for request in requests
        ]


class FullDisk(LocalStorage):
    """A disk that takes small notes, and fills up in the middle of the first data file."""

    def _copy_bytes(self, source: Path, target: Path) -> str:
        target.write_bytes(source.read_bytes()[:100])
        raise OSError(ENOSPC, os.strerror(ENOSPC))


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """A limit that the operating system itself enforces, as a full disk or a quota does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def mounted(*arguments: str, at: Path, then: Sequence[str] = ()) -> Iterator[None]:
    at.mkdir(parents=True, exist_ok=True)
    if (
        os.geteuid()
        or subprocess.run(["mount", *arguments, str(at)], capture_output=True, check=False).returncode
    ):
        pytest.skip("may not mount anything here")
    try:
        if then:
            subprocess.run(["mount", *then, str(at)], check=True)
        yield
    finally:
        subprocess.run(["umount", str(at)], check=True)


def read_only(root: Path) -> AbstractContextManager[None]:
    return mounted("--bind", str(root), at=root, then=("-o", "remount,ro,bind"))


# --- The table -------------------------------------------------------------------------------------------------------


@dataclass
class Case:
    """One thing that goes wrong.

    Args:
        it: A sentence, what is delivered.
        gets: Codes of the record's faults and blocks; an error; or how a delivery that is taken ends.
        says: Part of the message.
        files: The delivery `bad`.
        of: The contract; what was published before fits it.
        then: Done to the delivery's folder before its marker is written.
        when: Done to the hub's root as soon as a step begins.
        auditor: In the place of the one that asks DuckDB.
        name: What is asked for, where it isn't `bad`.
    """

    it: str
    gets: tuple[str, ...] | type[HubError] | OutcomeKind
    says: str
    files: dict[str, pa.Table | bytes] = field(default_factory=lambda: {"part-0.parquet": orders([9])})
    of: Contract = ORDERS
    then: Callable[[Path], object] = lambda folder: None
    when: tuple[str, Callable[[Path], object]] = ("", lambda folder: None)
    auditor: Callable[[AuditRequest], Sequence[CheckResult]] | None = None
    name: str = "bad"
    complete: bool = True
    exit_code: ExitCode = ExitCode.REFUSED
    becomes: Contract | None = None
    storage: type[LocalStorage] = LocalStorage
    inside: Callable[[Path], AbstractContextManager[None]] = lambda root: nullcontext()


def good_table_with_text(text: str) -> pa.Table:
    return orders([9]).append_column(text, pa.array([1.0]))


def day_file(day: Any, name: str = "x.parquet") -> dict[str, pa.Table | bytes]:
    return {name: orders([9], day=day)}


def bare(path: str) -> dict[str, pa.Table | bytes]:
    """A file whose day is in its path only."""
    return {path: orders([9])}


def link_inside(folder: Path) -> None:
    (folder / "more.parquet").symlink_to("/etc/passwd")


def linked_folder(folder: Path) -> None:
    outside = folder.parents[3] / "outside"
    outside.mkdir()
    pq.write_table(orders([8]), outside / "part-1.parquet")
    (folder / "more").symlink_to(outside)


def is_itself_a_link(folder: Path) -> None:
    outside = folder.parents[3] / "elsewhere"
    folder.rename(outside)
    (outside / "_SUCCESS").touch()
    folder.symlink_to(outside)


def named_in_latin_1(folder: Path) -> None:
    (folder / os.fsdecode(b"caf\xe9.parquet")).write_bytes(as_bytes(orders([8])))


def deep_folder(folder: Path) -> None:
    deep = folder.joinpath(*["d" * 200] * 3)
    deep.mkdir(parents=True)
    pq.write_table(orders([8]), deep / "x.parquet")


def rewritten(folder: Path) -> None:
    pq.write_table(orders([666]), folder / "part-0.parquet")


def gone(folder: Path) -> None:
    (folder / "part-0.parquet").unlink(missing_ok=True)


def errored(request: AuditRequest) -> Sequence[CheckResult]:
    first, *others = request.contract.tests
    return [result(first, None, message='Parser Error: syntax error at "selec"'), *map(result, others)]


WIDE = pa.table({"id": pa.array([9], pa.int64())} | {f"c{number}": [1.0] for number in range(10_000)})
JUNK = bytes(range(256)) * 40
NAN_DAYS = pa.array([10_000_000], pa.int32()).cast(pa.date32())

FILES = [
    Case("a truncated Parquet file", ("unreadable-file",), "not a readable Parquet file", {"part-0.parquet": as_bytes(orders([9]))[:-20]}),
    Case("a Parquet file whose end alone is left", ("unreadable-file",), "not a readable Parquet file", {"part-0.parquet": as_bytes(orders([9]))[-60:]}),
    Case("an empty file", ("unreadable-file",), "not a readable Parquet file", {"part-0.parquet": b""}),
    Case("a CSV file called Parquet", ("unreadable-file",), "not a readable Parquet file", {"part-0.parquet": b"id,amount\n9,1.0\n"}),
    Case("random bytes", ("unreadable-file",), "not a readable Parquet file", {"part-0.parquet": JUNK}),
    Case("random bytes between the marks of Parquet", ("unreadable-file",), "not a readable Parquet file", {"part-0.parquet": b"PAR1" + JUNK + b"\xff\x10\0\0PAR1"}),
    Case("a good file beside a broken one", ("unreadable-file",), "not a readable Parquet file", {"a.parquet": orders([9]), "b.parquet": b"no"}),
    Case("a README beside the data", ("unreadable-file",), "not a readable Parquet file", {"a.parquet": orders([9]), "README.md": b"# Orders"}),
    Case("a file whose footer is encrypted", ("unreadable-file",), "encrypted", {"part-0.parquet": encrypted(plaintext_footer=False)}),
    Case("a file whose columns are encrypted", ("unreadable-file",), "encrypted", {"x.parquet": encrypted(plaintext_footer=True)}, of=DAILY),
    Case("a column whose name is not UTF-8", ("unreadable-file",), "utf-8", {"part-0.parquet": as_bytes(good_table_with_text("caXfe"), store_schema=False).replace(b"caXfe", b"ca\xfffe")}),
    Case("escape sequences in columns' names", ("extra-column",), r"nobody promised \x1b[31mred", {"part-0.parquet": good_table_with_text("\x1b[31mred\n")}),
    Case("no data file at all", ("no-files",), "holds no data file", {}),
    Case("notes alone", ("no-files",), "holds no data file", {"_notes.parquet": orders([9]), ".hidden/x.parquet": orders([9])}),
    Case("no rows", ("no-rows",), "no rows", {"part-0.parquet": orders([])}),
]  # fmt: skip

COLUMNS = [
    Case("a missing column", ("missing-column",), "no column amount", part(id=[9])),
    Case("no column at all", ("missing-column", "missing-column", "no-rows"), "no column id", {"part-0.parquet": pa.table({})}),
    Case("one column more than was promised", ("extra-column",), "nobody promised surprise", {"part-0.parquet": orders([9], surprise=1)}),
    Case("10,000 columns more than were promised", ("missing-column", "extra-column"), "no column amount", {"part-0.parquet": WIDE}),
    Case("text where a number was promised", ("retyped-column",), "column id is varchar, not bigint", part(id=["9"], amount=[1.0])),
    Case("a fraction where a whole number was promised", ("retyped-column",), "column id is double, not bigint", part(id=[9.0], amount=[1.0])),
    Case("a list where a number was promised", ("retyped-column",), "column amount is array<double>, not double", part(id=[9], amount=[[1.0]])),
    Case("a struct where a number was promised", ("retyped-column",), "column amount is struct<x:bigint>, not double", part(id=[9], amount=[{"x": 1}])),
    Case("a number too wide for its promise", ("retyped-column",), "column id is ubigint, not bigint", part(id=pa.array([9], pa.uint64()), amount=[1.0])),
    Case("nulls without a type", ("retyped-column",), "column amount is null, not double", part(id=[9], amount=pa.nulls(1))),
    Case("two faults at once", ("retyped-column", "missing-column"), "(and 1 more)", part(id=["9"])),
    Case("a column twice", ("duplicate-column",), "two columns are called id", {"part-0.parquet": pa.Table.from_arrays([pa.array([9]), pa.array([9]), pa.array([1.0])], ["id", "id", "amount"])}),
    Case("columns that differ by case only", ("duplicate-column",), "upper and lower case are the same", {"part-0.parquet": pa.table({"id": [9], "ID": [9], "amount": [1.0]})}),
    Case("a type that changes from file to file", ("mixed-types",), "column amount is double in one file and varchar in another", {"a.parquet": orders([9]), "b.parquet": pa.table({"id": [8], "amount": ["x"]})}, of=OPEN),
]  # fmt: skip

NAMES = [
    Case("a link among the files", ("bad-file",), "link or no regular file", then=link_inside),
    Case("a linked folder among the files", ("bad-file",), "link or no regular file", then=linked_folder),
    Case("a pipe among the files", ("bad-file",), "link or no regular file", then=lambda folder: os.mkfifo(folder / "pipe.parquet")),
    Case("a line break in a file's name", ("bad-file",), "control character", {"a\nb.parquet": orders([9])}),
    Case("an escape sequence in a file's name", ("bad-file",), "control character", {"\x1b[31mred.parquet": orders([9])}),
    Case("a backslash in a file's name", ("bad-file",), "not a relative path", {"a\\x.parquet": orders([9])}),
    Case("a file's name in Latin-1", ("bad-file",), "not UTF-8", then=named_in_latin_1),
    Case("a path of 600 bytes", ("bad-file",), "too long", then=deep_folder),
    Case("a folder that is itself a link", DeliveryError, "a link or a file, not a folder", then=is_itself_a_link),
    Case("a name that leads elsewhere", DeliveryError, "can't name a delivery", name="../orders/bad"),
    Case("a name that is two dots", DeliveryError, "can't name a delivery", name=".."),
    Case("a name with a space", DeliveryError, "can't name a delivery", name="bad one"),
    Case("a name with a line break", DeliveryError, "can't name a delivery", name="bad\n"),
    Case("a name that looks like an option", DeliveryError, "can't name a delivery", name="-rf"),
    Case("a name of 300 letters", DeliveryError, "can't name a delivery", name="b" * 300),
    Case("no name", DeliveryError, "can't name a delivery", name=""),
    Case("a name that nobody delivered", DeliveryError, "there is no delivery ghost", name="ghost"),
    Case("no marker", DeliveryError, "not complete: it has no _SUCCESS", complete=False),
    Case("a marker that is a link", DeliveryError, "not complete: it has no _SUCCESS", complete=False, then=lambda folder: (folder / "_SUCCESS").symlink_to("part-0.parquet")),
    Case("an empty folder without a marker", DeliveryError, "there is no delivery bad", {}, complete=False),
]  # fmt: skip

PARTITIONS = [
    Case("a day before the start", ("before-start",), "2026-11-01 lies before the start, 2026-11-02", bare("day=2026-11-01/x.parquet"), of=DAILY),
    Case("a Sunday of an exchange", ("off-calendar",), "2026-11-22 (Sunday) is not a session of XTKS", bare("day=2026-11-22/x.parquet"), of=TOKYO),
    Case("New Year's Day of an exchange", ("off-calendar",), "2027-01-01 (Friday) is not a session of XTKS", bare("day=2027-01-01/x.parquet"), of=TOKYO),
    Case("a day that no calendar has", ("bad-partition",), "'2026-02-30' is not a day", bare("day=2026-02-30/x.parquet"), of=DAILY),
    Case("a day that is a word", ("bad-partition",), "'latest' is not a day", bare("day=latest/x.parquet"), of=DAILY),
    Case("a week where a day was promised", ("bad-partition",), "'2026-W47-5' is not a day", bare("day=2026-W47-5/x.parquet"), of=DAILY),
    Case("Hive's word for no day", ("bad-partition",), "is not a day", bare("day=__HIVE_DEFAULT_PARTITION__/x.parquet"), of=DAILY),
    Case("a day where a month was promised", ("bad-partition",), "'2026-11-18' is not a month", bare("month=2026-11-18/x.parquet"), of=MONTHLY),
    Case("two days in one file", ("many-partitions",), "from 2026-11-19 to 2026-11-20", {"x.parquet": orders([8, 9], day=[date(2026, 11, 19), date(2026, 11, 20)])}, of=DAILY),
    Case("a row without a day", ("null-partition",), "day is null in 1 row", {"x.parquet": orders([8, 9], day=pa.array([date(2026, 11, 19), None], pa.date32()))}, of=DAILY),
    Case("rows without a day, all of them", ("null-partition",), "day is null in 1 row", {"x.parquet": orders([9], day=pa.nulls(1, pa.date32()))}, of=DAILY),
    Case("another day in the path than in the file", ("path-disagrees",), "the path says day=2026-11-19, the file holds 2026-11-20", day_file(date(2026, 11, 20), "day=2026-11-19/x.parquet"), of=DAILY),
    Case("a file without statistics", ("no-bounds",), "no smallest and largest day", {"x.parquet": as_bytes(orders([9], day=date(2026, 11, 19)), write_statistics=False)}, of=DAILY),
    Case("no day, neither inside nor in the path", ("missing-column", "no-partition"), "no column day", bare("x.parquet"), of=DAILY),
    Case("a day beyond the end of time", ("unreadable-file",), "out of range", {"x.parquet": orders([9], day=NAN_DAYS)}, of=DAILY),
    Case("days as text that only begin like one", ("bad-partition",), "is not a day", {"x.parquet": orders([9], day="2026-11-19; drop table")}, of=replace(DAILY, columns=())),
    Case("a partition of what is published in one piece", ("mode-changed",), "deliver the whole dataset once, with --full", bare("day=2026-11-19/x.parquet"), of=ORDERS, becomes=DAILY),
]  # fmt: skip

MEANWHILE = [
    Case("a file that changes while it is staged", ("changed-file",), "changed after the delivery was received", when=("stage", rewritten)),
    Case("a file that goes away while it is staged", ("changed-file",), "changed after the delivery was received", when=("stage", gone)),
    Case("a file that changes before it is looked at", ("changed-file",), "changed after the delivery was received", when=("validate", rewritten)),
    Case("a file that goes away before it is looked at", ("unreadable-file",), "the file has gone", when=("validate", gone)),
]  # fmt: skip

TESTS = [
    Case("rows that break a test", ("test-failed",), "unique of id: 1 failure", {"part-0.parquet": orders([5, 5])}),
    Case("an id that is missing", ("test-failed",), "not_null of id: 1 failure", {"part-0.parquet": orders([5, None])}),
    Case("a test with an SQL error", ("test-errored",), "syntax error", auditor=errored),
    Case("a test that gave no answer", ("test-missing",), "gave no answer", auditor=lambda request: [result(request.contract.tests[0])]),
    Case("tests of which none ran", ("no-test-ran",), "none of 2 tests ran", auditor=lambda _: []),
    Case("a test's answer under another name", ("test-missing", "test-missing"), "gave no answer", auditor=lambda _: [result(data_test("unique", "other"))]),
]  # fmt: skip

OUTSIDE = [
    Case("a disk that is full (said by the storage)", StorageError, "No space left on device", storage=FullDisk, exit_code=ExitCode.OUTSIDE),
    Case("a file larger than the system allows", StorageError, "File too large", {"part-0.parquet": orders(list(range(10, 40_000)))}, inside=lambda _: files_no_larger_than(60_000), exit_code=ExitCode.OUTSIDE),
    Case("a root that is read-only", StorageError, "Read-only file system", inside=read_only, exit_code=ExitCode.OUTSIDE),
]  # fmt: skip

TAKEN = [
    Case("one column more in an open contract", OutcomeKind.PUBLISHED, "published", {"part-0.parquet": orders([9], surprise=1)}, of=OPEN),
    Case("10,000 columns in an open contract", OutcomeKind.PUBLISHED, "published", {"part-0.parquet": WIDE.append_column("amount", pa.array([1.0]))}, of=OPEN),
    Case("a narrower number than was promised", OutcomeKind.PUBLISHED, "published", part(id=pa.array([9], pa.int32()), amount=pa.array([1.0], pa.float32()))),
    Case("columns in capitals and in another order", OutcomeKind.PUBLISHED, "published", {"part-0.parquet": pa.table({"AMOUNT": [1.0], "ID": [9]})}),
    Case("no test to pass", OutcomeKind.PUBLISHED, "published as generation 2; 1 warning", of=UNTESTED),
    Case("text that is not UTF-8 in the file's own notes", OutcomeKind.PUBLISHED, "published", {"part-0.parquet": orders([9]).replace_schema_metadata({b"by": b"\xff\xfe"})}),
    Case("a file's name of 255 bytes", OutcomeKind.PUBLISHED, "published", {"x" * 247 + ".parquet": orders([9])}),
    Case("two files that differ by their folder only", OutcomeKind.PUBLISHED, "published", day_file(date(2026, 11, 19)) | {"day=2026-11-19/x.parquet": orders([8])}, of=DAILY),
    Case("a file that is called like a folder", OutcomeKind.PUBLISHED, "published", day_file(date(2026, 11, 19), "day=2026-11-19") | {"day=2026-11-20/x.parquet": orders([8])}, of=DAILY),
]  # fmt: skip

CASES = [*FILES, *COLUMNS, *NAMES, *PARTITIONS, *MEANWHILE, *TESTS, *OUTSIDE, *TAKEN]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.it)
def test_bad_input_gets_its_answer_and_harms_nothing(case: Case, tmp_path: Path) -> None:
    hub = hub_with_a_release(tmp_path, case.of)
    hub = changed(hub, case)
    judged_by = case.becomes or case.of
    folder = put_delivery(hub, judged_by, "bad", case.files, complete=False)
    case.then(folder)
    if case.complete:
        (folder / "_SUCCESS").touch()
    before = everything_published(hub, case.of), listing(folder)

    step, do = case.when
    with case.inside(tmp_path):
        told = release(hub, judged_by, case.name, lambda event: do(folder) if event.step == step else None)

    if isinstance(case.gets, OutcomeKind):
        assert isinstance(told, Outcome), told
        assert told.kind is case.gets, told.why
        assert case.says in told.why
        rows = sum(
            pq.read_metadata(path).num_rows
            for path in folder.rglob("*")
            if path.is_file() and path.name != "_SUCCESS"
        )
        assert hub.log.current(case.of.name).number == 2  # pyright: ignore[reportOptionalMemberAccess]
        assert told.record is not None
        assert told.record.rows == rows
        assert len(ids_published(hub, case.of)) == rows + (len(GOOD_IDS) if case.of.partitions else 0)
        return
    if isinstance(case.gets, tuple):
        assert isinstance(told, Outcome), told
        assert told.record is not None
        codes = [fault.code for fault in told.record.faults] + [
            str(block.code) for block in told.record.blocks
        ]
        assert tuple(codes) == case.gets, told.record.faults
        assert case.says in told.why
        assert step or release(hub, judged_by, case.name) == replace(told, is_news=False)
    else:
        assert isinstance(told, case.gets), told
        assert told.exit_code is case.exit_code
        assert case.says in str(told)
    assert everything_published(hub, case.of) == before[0]
    assert listing(folder) == before[1] or step
    assert no_half_release(hub, case.of)
    assert printable(told)
    assert hub_goes_on(hub, case.of, judged_by)


def test_the_table_is_long_enough_and_reads_as_sentences() -> None:
    assert len(CASES) >= 60
    assert len({case.it for case in CASES}) == len(CASES)


def test_a_disk_that_is_really_full_keeps_the_former_release(tmp_path: Path) -> None:
    with mounted("-t", "tmpfs", "-o", "size=400k", "tmpfs", at=tmp_path / "disk"):
        hub = hub_with_a_release(tmp_path / "disk", ORDERS)
        ids = [digit * 7_919_999_999_983 % 2**61 for digit in range(1, 25_000)]  # nothing to compress
        put_delivery(hub, ORDERS, "bad", {"part-0.parquet": as_bytes(orders(ids), use_dictionary=False)})
        told = release(hub, ORDERS, "bad")
        assert isinstance(told, StorageError)
        assert "No space left on device" in str(told)
        assert ids_published(hub, ORDERS) == GOOD_IDS
        assert no_half_release(hub, ORDERS)
        subprocess.run(["mount", "-o", "remount,size=20m", str(tmp_path / "disk")], check=True)
        again = release(hub, ORDERS, "bad")  # space was made, and the same command is given again
        assert isinstance(again, Outcome)
        assert again.kind is OutcomeKind.PUBLISHED


# --- What the hub itself wrote, broken -------------------------------------------------------------------------------

GENERATION = "log/payments/orders/generations/00000001.json"
RECEIPT = "log/payments/orders/receipts/00000001.json"
RECORD = "releases/payments/orders/*/_record.json"
FILE_LIST = "releases/payments/orders/*/_files.json"

BREAKAGES: Mapping[str, Callable[[bytes], bytes]] = {
    "cut in half": lambda content: content[: len(content) // 2],
    "empty": lambda _: b"",
    "not UTF-8": lambda content: b"\xff\xfe" + content,
    "JSON of something else": lambda _: b'{"hello": "world"}',
}


@pytest.mark.parametrize("breakage", BREAKAGES)
@pytest.mark.parametrize(
    ("place", "says"),
    [
        (GENERATION, "can't be read as a generation"),
        (RECEIPT, "can't be read as a receipt"),
        (FILE_LIST, "can't be read as a list of files"),
        (RECORD, "can't be read as a release record"),
    ],
)
def test_what_the_hub_wrote_is_never_guessed_at_once_it_is_broken(
    place: str, says: str, breakage: str, tmp_path: Path
) -> None:
    hub = hub_with_a_release(tmp_path, ORDERS)
    path = next(tmp_path.glob(place))
    whole = path.read_bytes()
    path.write_bytes(BREAKAGES[breakage](whole))
    catalog = hub.catalog.applied(ORDERS.name)
    hub = hub_at(tmp_path, ORDERS)  # without what the other one remembers
    put_delivery(hub, ORDERS, "next", {"part-0.parquet": orders([9])})
    broken = path.read_bytes()
    files = {p: p.read_bytes() for p in tmp_path.rglob("*.json")}

    told = release(hub, ORDERS, "good" if place == RECORD else "next")

    assert isinstance(told, CorruptError), told
    assert says in str(told)
    assert told.next_step
    assert path.read_bytes() == broken
    assert {p: p.read_bytes() for p in files} == files
    assert hub.catalog.applied(ORDERS.name) == catalog
    assert pipeline.status(hub)[0].problem
    path.write_bytes(whole)
    mended = release(hub_at(tmp_path, ORDERS), ORDERS, "next")
    assert isinstance(mended, Outcome), mended
    assert mended.kind is OutcomeKind.PUBLISHED


def test_a_strange_file_among_the_generations_is_no_generation(tmp_path: Path) -> None:
    hub_with_a_release(tmp_path, ORDERS)
    generations = tmp_path / "log/payments/orders/generations"
    for name in ("zzz.json", "00000001 (copy).json", "notes.txt", ".DS_Store"):
        (generations / name).write_bytes(b"{}")
    assert ids_published(hub_at(tmp_path, ORDERS), ORDERS) == GOOD_IDS


def test_a_generation_in_the_wrong_place_is_corrupt(tmp_path: Path) -> None:
    hub = hub_with_a_release(tmp_path, ORDERS)
    generations = tmp_path / "log/payments/orders/generations"
    (generations / "00000002.json").write_bytes((generations / "00000001.json").read_bytes())
    with pytest.raises(CorruptError, match="what belongs to 00000001"):
        hub.log.current(ORDERS.name)


def test_a_broken_pin_stops_what_would_remove_and_nothing_else(tmp_path: Path) -> None:
    hub = hub_with_a_release(tmp_path, ORDERS)
    pins = tmp_path / "log/payments/orders/pins"
    pins.mkdir()
    (pins / f"{hub.log.receipts(ORDERS.name)[0].release_id}.json").write_bytes(b"{")
    with pytest.raises(CorruptError, match="pin"):
        pipeline.collect(hub, ORDERS, dry_run=False)
    put_delivery(hub, ORDERS, "next", {"part-0.parquet": orders([9])})
    assert isinstance(release(hub, ORDERS, "next"), Outcome)


# --- Time ------------------------------------------------------------------------------------------------------------


def test_a_clock_that_goes_backwards_puts_nothing_out_of_order(tmp_path: Path) -> None:
    clock = SetClock(datetime(2036, 5, 1, 12, tzinfo=UTC))
    hub = hub_at(tmp_path, ORDERS, clock=clock)
    for number, back in enumerate([0, 2, 400, 1], start=1):
        clock.at -= timedelta(days=back)
        put_delivery(hub, ORDERS, f"d{number}", {"part-0.parquet": orders([number])})
        told = release(hub, ORDERS, f"d{number}")
        assert isinstance(told, Outcome)
        assert told.record is not None
        assert told.record.generation == number
        assert told.record.finished_at >= told.record.received_at
        assert told.record.published_at is not None
        assert told.record.finished_at >= told.record.published_at
    assert ids_published(hub, ORDERS) == [4]
    published = [generation.published_at for generation in hub.log.generations(ORDERS.name)]
    assert published == sorted(published)
    assert any(generation.clock_at for generation in hub.log.generations(ORDERS.name)), "what it said is kept"
    assert pipeline.inbox(hub, ORDERS)
    assert not pipeline.reconcile(hub, ORDERS)


def test_a_file_from_the_far_future_is_a_file(tmp_path: Path) -> None:
    hub = hub_with_a_release(tmp_path, ORDERS)
    folder = put_delivery(hub, ORDERS, "future", {"part-0.parquet": orders([9])})
    os.utime(folder / "part-0.parquet", (9e11, 9e11))
    told = release(hub, ORDERS, "future")
    assert isinstance(told, Outcome)
    assert told.kind is OutcomeKind.PUBLISHED


def test_ten_thousand_columns_are_judged_within_seconds(tmp_path: Path) -> None:
    hub = hub_with_a_release(tmp_path, ORDERS)
    put_delivery(hub, ORDERS, "wide", {f"part-{n}.parquet": WIDE for n in range(3)})
    begun = time.perf_counter()
    told = release(hub, ORDERS, "wide")
    assert time.perf_counter() - begun < 20  # a second on an idle machine
    assert isinstance(told, Outcome)
    assert told.record is not None
    extra = told.record.faults[1]
    assert extra.message == "nobody promised c0, c1, c2, c3, c4 and 9,995 more"
    assert extra.files == 3


# --- What must hold after each of them -------------------------------------------------------------------------------


def hub_with_a_release(root: Path, of: Contract) -> Hub:
    hub = hub_at(root, of)
    cut = str(of.partitions.granularity) if of.partitions else ""
    put_delivery(hub, of, "good", GOOD_FILES[cut])
    assert pipeline.release(hub, of, "good", actor="test").kind is OutcomeKind.PUBLISHED
    return hub


def changed(hub: Hub, case: Case) -> Hub:
    storage = hub.storage
    assert isinstance(storage, LocalStorage)
    if case.storage is not LocalStorage:
        hub = hub_at(storage.root, case.of, storage=case.storage(storage.root))
    auditor = OddAuditor(case.auditor) if case.auditor else PlainSqlAuditor(storage)
    return replace(hub, auditor=auditor)


def release(
    hub: Hub, of: Contract, name: str, on_step: Callable[[StepEvent], object] = lambda event: None
) -> Outcome | HubError:
    """What came of it. Anything but an outcome or one of the hub's own errors is a failure of the test."""
    try:
        return pipeline.release(hub, of, name, actor="test", on_step=lambda event: (on_step(event), None)[1])
    except HubError as error:
        return error


def everything_published(hub: Hub, of: Contract) -> tuple[Any, ...]:
    return (
        ids_published(hub, of),
        hub.log.generations(of.name),
        hub.catalog.applied(of.name),
        [record for record in hub.log.records(of.name) if record.state is ReleaseState.PUBLISHED],
    )


def listing(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.lstat().st_size) for path in folder.rglob("*"))


def no_half_release(hub: Hub, of: Contract) -> bool:
    """Each staged release has all its files; what is not staged is listed nowhere; no write is left unfinished."""
    for release_id in hub.log.releases_on_disk(of.name):
        folder = hub.log.release_folder(of.name, release_id)
        there = {f"{folder}/{file.path}": file.size for file in hub.storage.list_files(folder)}
        files = hub.log.file_list(of.name, release_id)
        for file in files.files if files else ():
            assert there[file.path] == file.size
            assert hub.storage.checksum(Location(file.path)) == file.sha256
    root = Path(hub.storage.engine_path(Location("x"))).parent
    return not list(root.rglob(".unfinished-*"))


def printable(told: Outcome | HubError) -> bool:
    """It can be written as UTF-8, and holds nothing that a terminal would obey."""
    text = str(told) if isinstance(told, HubError) else told.why
    text.encode("utf-8")
    return not any(ord(char) < 32 and char != "\n" for char in text)


def hub_goes_on(hub: Hub, of: Contract, judged_by: Contract) -> bool:
    """Nobody is hindered: the inbox and the status can be read, a dry run gives an answer, the next good delivery is released."""
    assert pipeline.inbox(hub, judged_by)
    assert not pipeline.status(hub)[0].problem
    with suppress(HubError):
        pipeline.preview(hub, judged_by, "bad")
    json.dumps([str(entry) for entry in pipeline.inbox(hub, judged_by)])
    storage = hub.storage
    assert isinstance(storage, LocalStorage)
    plain = hub_at(storage.root, of)
    put_delivery(plain, of, "next", {name: t.slice(0, 2) for name, t in good_tables(of).items()})
    told = release(plain, of, "next")
    assert isinstance(told, Outcome), told
    return told.kind is OutcomeKind.PUBLISHED and ids_published(plain, of) == GOOD_IDS[:2]


def good_tables(of: Contract) -> dict[str, pa.Table]:
    cut = str(of.partitions.granularity) if of.partitions else ""
    return {name: table for name, table in GOOD_FILES[cut].items() if isinstance(table, pa.Table)}


# --- What can't be handed in -----------------------------------------------------------------------------------------


def nothing(_source: Path) -> None:
    """An empty folder."""


def notes_alone(source: Path) -> None:
    (source / "_SUCCESS").touch()
    (source / ".DS_Store").touch()


def broken_link(source: Path) -> None:
    (source / "x.parquet").symlink_to(source / "nowhere")


def odd_name(source: Path) -> None:
    (source / "a\nb").touch()


@pytest.mark.parametrize("make", [nothing, notes_alone, broken_link, odd_name, linked_folder])
def test_what_cannot_be_delivered_is_refused_before_anything_is_copied(
    make: Callable[[Path], object], tmp_path: Path
) -> None:
    source = tmp_path / "a/b/c/source"
    source.mkdir(parents=True)
    make(source)
    hub = hub_at(tmp_path / "hub", ORDERS)
    with pytest.raises(DeliveryError):
        pipeline.deliver(hub, ORDERS, source, "bad")
    assert not (tmp_path / "hub").exists()


@pytest.mark.parametrize("was_complete", [True, False])
def test_files_of_another_hand_in_are_never_mixed_in(tmp_path: Path, *, was_complete: bool) -> None:
    hub = hub_at(tmp_path / "hub", ORDERS)
    put_delivery(hub, ORDERS, "d", {"old.parquet": orders([1])}, complete=was_complete)
    source = tmp_path / "source"
    source.mkdir()
    pq.write_table(orders([2]), source / "new.parquet")
    with pytest.raises(AlreadyExistsError, match="other content"):
        pipeline.deliver(hub, ORDERS, source, "d")
    assert not (tmp_path / "hub/inbox/payments/orders/d/new.parquet").exists()
