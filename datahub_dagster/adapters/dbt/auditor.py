"""The audit: a dataset's dbt tests, run by dbt itself, on data that nobody sees yet."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from datahub_dagster.adapters.dbt.invocation import DBT_LOCK, engine_words, invoke_dbt, temporary_target
from datahub_dagster.adapters.dbt.profiles import LOCAL_TARGET, write_profiles
from datahub_dagster.adapters.dbt.slim import RawManifest, Relation
from datahub_dagster.adapters.duckdb_views import view_sql
from datahub_dagster.domain.audit import AuditReport, CheckResult, CheckStatus
from datahub_dagster.domain.contract import DataTest, Severity
from datahub_dagster.domain.names import DatasetName, Location
from datahub_dagster.domain.view import DatasetView
from datahub_dagster.ports import Auditor, AuditRequest

_STATUS = {
    "pass": CheckStatus.PASS,
    "warn": CheckStatus.WARN,
    "fail": CheckStatus.FAIL,
}  # error, skipped: no answer
_LONGEST_MESSAGE = 500


class ParsedFiles(Protocol):
    """What the audit needs of a parsed project (`adapters.dbt.contracts.ParsedProject`)."""

    @property
    def project_dir(self) -> Path: ...

    @property
    def manifest_path(self) -> Path: ...


class DbtAuditor(Auditor):
    """Runs tests in this process, in a database in memory that holds views of the candidate and of what its tests read beside it.

    Args:
        parsed: Gives the project as it is now.
        engine_path: How DuckDB addresses a file of the hub.
        cache_dir: Where the profile lies; the project itself is never written to.
        sample_rows: How many failing rows are kept at most; 0 = none.
    """

    def __init__(
        self,
        parsed: Callable[[], ParsedFiles],
        engine_path: Callable[[Location], str],
        *,
        cache_dir: Path,
        sample_rows: int = 20,
    ) -> None:
        self._parsed = parsed
        self._engine_path = engine_path
        self._cache_dir = cache_dir
        self._sample_rows = sample_rows

    def audit(self, requests: Sequence[AuditRequest]) -> Sequence[AuditReport]:
        answers: dict[int, dict[str, CheckResult]] = {}
        if any(request.contract.tests for request in requests):
            project = self._parsed()
            manifest = RawManifest.read(project.manifest_path)
            for world in _worlds(requests, manifest):
                answers.update(self._run(project, manifest, world))
        return [_report(request, answers.get(place, {})) for place, request in enumerate(requests)]

    def _run(
        self, project: ParsedFiles, manifest: RawManifest, world: "_World"
    ) -> dict[int, dict[str, CheckResult]]:
        from datahub_dagster.adapters.dbt.duckdb_plugin import handing_over

        ids = {
            test.unique_id for _, request in world.requests for test in request.contract.tests
        } & manifest.nodes.keys()
        if not ids:
            return {}
        views = {str(name): view_sql(view, self._engine_path) for name, view in world.views.items()}
        relations = {
            unique_id: Relation(view.schema, view.table)
            for unique_id in manifest.sources
            if (view := world.views.get(manifest.dataset_of(unique_id))) is not None
        }
        with DBT_LOCK, handing_over(views) as seen, temporary_target() as target_dir:
            outcome = invoke_dbt(
                # Only the wanted tests are in the manifest; a selector keeps the project's default one from choosing among them.
                [
                    "test",
                    "--select=resource_type:test",
                    "--indirect-selection=empty",
                    "--threads=1",
                    "--no-write-json",
                ],
                project_dir=project.project_dir,
                profiles_dir=write_profiles(project.project_dir, self._cache_dir),
                target=LOCAL_TARGET,
                target_dir=target_dir,
                manifest=manifest.slim(ids, relations),
            )
            unreadable = dict(seen.left_out)
        answers: Any = outcome.result
        by_id = {answer.node.unique_id: answer for answer in answers.results}
        with closing(_Reader(manifest, views, unreadable, self._sample_rows)) as reader:
            return {
                place: {
                    test.unique_id: reader.result(request, test, by_id[test.unique_id])
                    for test in request.contract.tests
                    if test.unique_id in by_id
                }
                for place, request in world.requests
            }


@dataclass(slots=True)
class _World:
    """Requests that may be answered together, since each dataset looks the same to all of them; None = it was never released."""

    seen: dict[object, object] = field(default_factory=dict[object, object])
    requests: list[tuple[int, AuditRequest]] = field(default_factory=list[tuple[int, AuditRequest]])

    @property
    def views(self) -> dict[DatasetName, DatasetView]:
        return {view.dataset: view for view in self.seen.values() if isinstance(view, DatasetView)}

    def admits(self, seen: Mapping[object, object]) -> bool:
        return all(self.seen.get(key, value) == value for key, value in seen.items())


def _worlds(requests: Sequence[AuditRequest], manifest: RawManifest) -> Sequence[_World]:
    worlds: list[_World] = []
    for place, request in enumerate(requests):
        if not request.contract.tests:
            continue
        seen = _seen_by(request, manifest)
        world = next((world for world in worlds if world.admits(seen)), None)
        if world is None:
            worlds.append(world := _World())
        world.seen.update(seen)
        world.requests.append((place, request))
    return worlds


def _seen_by(request: AuditRequest, manifest: RawManifest) -> dict[object, object]:
    views = {**request.neighbours, request.contract.name: request.view}
    read = {name for test in request.contract.tests for name in _datasets_of(test, manifest)}
    seen: dict[object, object] = {name: views.get(name) for name in read | views.keys()}
    # Two sources may name the same table: the engine can hold one view of that name.
    seen.update({(view.schema.lower(), view.table.lower()): name for name, view in views.items()})
    return seen


def _datasets_of(test: DataTest, manifest: RawManifest) -> set[DatasetName]:
    read = {manifest.dataset_of(source_id) for source_id in manifest.sources_read_by(test.unique_id)}
    return read | set(test.depends_on)


@dataclass(slots=True)
class _Reader:
    """Reads dbt's answers."""

    manifest: RawManifest
    views: Mapping[str, Sequence[str]]
    unreadable: Mapping[str, str]
    sample_rows: int
    connection: Any = None

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()

    def result(self, request: AuditRequest, test: DataTest, answer: Any) -> CheckResult:
        from datahub_dagster.adapters.dbt.samples import Privacy

        status = _STATUS.get(str(answer.status), CheckStatus.ERROR)
        privacy = Privacy.of(request.contract, self._others(request.contract.name, test))
        message = _without_places(answer.message or "")
        if status is CheckStatus.ERROR:
            message = privacy.message(self._reason(request, test) or message or "dbt skipped it")
        sql = (answer.node.compiled_code or "").strip()
        return CheckResult(
            unique_id=test.unique_id,
            check_name=test.check_name,
            status=status,
            severity=Severity(str(answer.node.config.severity).lower()),
            failures=None if status is CheckStatus.ERROR else int(answer.failures or 0),
            column=test.column,
            message=message,
            compiled_sql=sql,
            sample=self._sample(sql, privacy) if status in {CheckStatus.WARN, CheckStatus.FAIL} else None,
            seconds=float(answer.execution_time or 0.0),
        )

    def _others(self, name: DatasetName, test: DataTest) -> list[Mapping[str, Any]]:
        read = self.manifest.sources_read_by(test.unique_id)
        return [
            self.manifest.sources[source_id]
            for source_id in read
            if self.manifest.dataset_of(source_id) != name
        ]

    def _reason(self, request: AuditRequest, test: DataTest) -> str | None:
        """Why a test could not run, where the hub knows better than the engine."""
        read = sorted(_datasets_of(test, self.manifest))
        missing = [
            str(name) for name in read if name != request.contract.name and name not in request.neighbours
        ]
        if missing:
            return f"needs {' and '.join(missing)}, which was never released"
        unreadable = [str(name) for name in read if str(name) in self.unreadable]
        if unreadable:
            return (
                f"IO Error: {unreadable[0]} can't be read: {_without_places(self.unreadable[unreadable[0]])}"
            )
        return None

    def _sample(self, sql: str, privacy: Any) -> Any:
        import duckdb

        from datahub_dagster.adapters.dbt.duckdb_plugin import make_views
        from datahub_dagster.adapters.dbt.samples import take_sample

        if not self.sample_rows or not sql:
            return None
        if self.connection is None:
            self.connection = duckdb.connect(":memory:")
            make_views(self.connection, self.views)
        return take_sample(self.connection, sql, self.sample_rows, privacy)


def _without_places(message: str) -> str:
    """An engine's message without dbt's headline, the line of the SQL and the name of a temporary file."""
    text = re.sub(r"\A\s*\w[\w ]* Error in test [^\n]*\n", "", message)
    text = re.split(r"\n\s*(?:LINE \d+:|compiled code at |> in macro |> called by )", text, maxsplit=1)[0]
    text = " ".join(line.strip() for line in text.splitlines() if line.strip())
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"


def _report(request: AuditRequest, answers: Mapping[str, CheckResult]) -> AuditReport:
    results = tuple(answers[test.unique_id] for test in request.contract.tests if test.unique_id in answers)
    return AuditReport(
        dataset=request.contract.name,
        base_generation=request.base_generation,
        results=results,
        contract_fingerprint=request.contract.fingerprint,
        engine=engine_words(),
        seconds=round(sum(result.seconds for result in results), 6),
    )
