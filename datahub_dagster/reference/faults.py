"""docs/reference/faults.md: why a delivery is rejected. Tests look that every code of the package stands here."""

from collections.abc import Iterator

from datahub_dagster.domain.audit import BlockCode
from datahub_dagster.reference.markdown import head, table

# code → when it is found, and what to do.
FAULTS: dict[str, tuple[str, str]] = {
    "no-files": (
        "The delivery has `_SUCCESS` and no data file. Names that start with `_` or `.` don't count.",
        "Deliver the files. A day without data needs no delivery, or a contract whose calendar leaves it out.",
    ),
    "bad-file": (
        "A name leads out of the folder, holds control characters or is not UTF-8; or it is a link, or no plain file.",
        "Write plain files with plain names.",
    ),
    "unreadable-file": (
        "The file is not Parquet, or it is cut off.",
        "Write it again. Write `_SUCCESS` only once all files are whole.",
    ),
    "no-rows": (
        "All files together have no rows.",
        "Look at the query upstream. To publish an empty dataset is not possible, on purpose.",
    ),
    "missing-column": (
        "A promised column is in no place: not in the file, and not in its path.",
        "Deliver it; or take the promise back, which breaks consumers.",
    ),
    "retyped-column": (
        "A column's type is not the promised one, nor a narrower one that fits. Without a promised type: not the type that is published.",
        "Cast it when writing; or change the contract. Widening, `integer` to `bigint`, harms nobody.",
    ),
    "extra-column": (
        "The contract is closed (each column has a `data_type`), and the file has a column more.",
        "Leave it out; or promise it.",
    ),
    "duplicate-column": (
        "Two columns have the same name, upper and lower case being the same.",
        "Rename one.",
    ),
    "mixed-types": (
        "A column without a promised type has one type in one file and another in the next.",
        "Write all files with one schema; better, promise a type.",
    ),
    "type-not-in-catalog": (
        "The catalog's engine has no type for what a column holds (Athena: `time`, large unsigned integers), or can't have its name.",
        "Write another type: text for a time of day, signed integers for unsigned ones. docs/explanation/athena.md has the list.",
    ),
    "mixed-partition-column": (
        "Some files have the partition column in their path only; others, here or published, hold instants or days of a month in it.",
        "Write the column into all files, or into none. To change that, deliver the whole dataset once, with `--full`.",
    ),
    "no-partition": (
        "The file has no partition column, and its path has no `column=value/`.",
        "Write the column, or put the file into such a folder.",
    ),
    "no-bounds": (
        "The file's footer has no smallest and largest value of the partition column.",
        "Switch statistics on in the writer (they are on by default), or name the folder `column=value/` and leave the column out.",
    ),
    "null-partition": ("Rows have no value in the partition column.", "Fill it, or leave those rows out."),
    "many-partitions": ("One file holds several partitions.", "Write one file, or more, for each."),
    "path-disagrees": (
        "The path says one partition, the data inside another.",
        "Find out which is right: publishing it would put data into the wrong day.",
    ),
    "bad-partition": (
        "The partition's key is no day (`YYYY-MM-DD`) or month (`YYYY-MM`), by the contract's granularity.",
        "Name the folder so, or write dates.",
    ),
    "before-start": (
        "The partition lies before `delivery.partitions.start`.",
        "Move `start` in the contract, if the history is meant.",
    ),
    "off-calendar": (
        "The partition's day is no session of `delivery.partitions.calendar`.",
        "Look at the date. If the market really was open, add the day under `slo.freshness.overrides`, or name another calendar.",
    ),
    "mode-changed": (
        "The contract's mode is now `partition`; what is published came in one piece.",
        "Deliver the whole dataset once, in partitions, with `datahub deliver --full`.",
    ),
    "changed-file": (
        "A file changed, or went away, after the delivery was received.",
        "Don't write into a delivery that has its `_SUCCESS`. Deliver again under a new name.",
    ),
}

BLOCKS: dict[BlockCode, tuple[str, str]] = {
    BlockCode.TEST_FAILED: (
        "A data test of severity `error` found rows.",
        "`datahub show DATASET --release RELEASE` lists the rows. Repair the data, or the test.",
    ),
    BlockCode.TEST_ERRORED: (
        "A test could not run, whatever its severity: an SQL error, or it reads a dataset that was never released.",
        "The message says why. Mend the test; or release the other dataset first.",
    ),
    BlockCode.TEST_MISSING: (
        "A declared test gave no answer.",
        "`datahub doctor`; if it stays so, tell the platform team: this is a bug.",
    ),
    BlockCode.NO_TEST_RAN: ("The contract has tests, and none gave an answer.", "As `test-missing`."),
}


def faults_page() -> Iterator[str]:
    """Every fault of validation, and every block of the audit."""
    yield from head(
        "Why a delivery is rejected",
        "A rejected delivery stays in the inbox, and consumers keep what they had. The record lists every reason, under `faults` "
        "or `blocks`; so do `datahub show DATASET --release RELEASE`, the pages, and the checks in Dagster. "
        "[What to do when a delivery is refused](../how-to/when-a-delivery-is-refused.md) goes through it step by step.",
        "## Faults",
        "Found by *validate*, which reads footers only, before anything is copied; `changed-file` by *stage*.",
    )
    yield from table(
        ("code", "when", "what to do"), ((f"`{code}`", *texts) for code, texts in FAULTS.items())
    )
    yield "## Blocks"
    yield ""
    yield "Found by *audit*, on the dataset as it would be."
    yield ""
    yield from table(
        ("code", "when", "what to do"), ((f"`{code}`", *texts) for code, texts in BLOCKS.items())
    )
