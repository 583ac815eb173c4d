"""The audit: what the data tests said, and whether that is enough to publish."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from datahub_dagster.domain.contract import Contract, DataTest, Severity
from datahub_dagster.domain.names import DatasetName


class CheckStatus(StrEnum):
    """What a data test answered; dbt's own words."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Some of the rows that failed. Values as text, None = null; confidential columns are masked; `truncated` if there are more."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    truncated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryCost:
    """What an engine that is paid by the byte says of a test's queries: bytes scanned, and their run time there.

    `query_id` is its name for the first of them, the test itself; a sample of the rows that failed takes one or two more.
    `bytes_by_query` is there if there was more than one.
    """

    bytes_scanned: int
    engine_seconds: float
    query_id: str = ""
    bytes_by_query: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The answer of one data test. `failures` is None where the test could not run; `seconds` is its run time.

    `cost` is None where the engine charges nothing, as DuckDB.
    """

    unique_id: str
    check_name: str
    status: CheckStatus
    severity: Severity
    failures: int | None
    column: str | None = None
    message: str = ""
    compiled_sql: str = ""
    sample: Sample | None = None
    seconds: float = 0.0
    cost: QueryCost | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """All answers for one dataset, seen at one generation. `base_generation` 0 = nothing was published before.

    `contract_fingerprint` is the state of the contract whose tests ran.
    """

    dataset: DatasetName
    base_generation: int
    results: tuple[CheckResult, ...]
    contract_fingerprint: str = ""
    engine: str = ""
    seconds: float = 0.0

    @property
    def bytes_scanned(self) -> int | None:
        """Bytes that the tests' queries scanned; None where the engine charges nothing."""
        costs = [result.cost.bytes_scanned for result in self.results if result.cost is not None]
        return sum(costs) if costs else None


class BlockCode(StrEnum):
    """Why a candidate may not be published."""

    TEST_FAILED = "test-failed"
    TEST_ERRORED = "test-errored"
    TEST_MISSING = "test-missing"
    NO_TEST_RAN = "no-test-ran"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One reason against publishing. `label` is what people call the test that stands against it."""

    code: BlockCode
    check_name: str | None
    message: str
    label: str = ""

    def __str__(self) -> str:
        return f"{self.label or self.check_name}: {self.message}" if self.check_name else self.message


_SPEAKS_AGAINST = (CheckStatus.PASS, CheckStatus.WARN, CheckStatus.FAIL, CheckStatus.ERROR)


def blocks(contract: Contract, results: Sequence[CheckResult]) -> tuple[Block, ...]:
    """Every reason against publishing, in the order of the contract's tests; empty = publish.

    The gate is strict. Each declared test must have answered; a test that errored proves nothing, whatever its
    severity. A contract without tests has nothing that could block; the release carries a warning instead.
    """
    if not contract.tests:
        return ()
    if not results:
        return (
            Block(
                code=BlockCode.NO_TEST_RAN,
                check_name=None,
                message=f"none of {len(contract.tests)} tests ran",
            ),
        )
    answers: dict[str, CheckResult] = {}
    for result in sorted(results, key=lambda result: _SPEAKS_AGAINST.index(result.status)):
        answers[result.unique_id] = result  # of two answers the worse one counts
    found: list[Block] = []
    for test in contract.tests:
        result = answers.get(test.unique_id)
        if result is None:
            code, message = BlockCode.TEST_MISSING, "the test gave no answer"
        elif result.status is CheckStatus.ERROR:
            code, message = BlockCode.TEST_ERRORED, result.message or "the test could not run"
        elif result.status is CheckStatus.FAIL:
            code = BlockCode.TEST_FAILED
            message = (
                f"{result.failures or 0:,} failure{'' if result.failures == 1 else 's'}{_threshold(test)}"
            )
        else:
            continue
        found.append(Block(code=code, check_name=test.check_name, message=message, label=test.label))
    return tuple(found)


def _threshold(test: DataTest) -> str:
    """From how many failures on the test blocks, where it is not the first one."""
    return "" if test.error_if == "!= 0" else f" (error if {test.error_if})"
