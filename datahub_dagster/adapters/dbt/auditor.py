"""The audit: a dataset's dbt tests, run by dbt itself, on data that nobody sees yet."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from datahub_dagster.adapters.dbt.engine import Engine, World
from datahub_dagster.adapters.dbt.invocation import invoke_dbt, temporary_target
from datahub_dagster.adapters.dbt.privacy import Privacy
from datahub_dagster.adapters.dbt.profiles import write_profiles
from datahub_dagster.adapters.dbt.slim import RawManifest, Relation
from datahub_dagster.domain.audit import AuditReport, CheckResult, CheckStatus
from datahub_dagster.domain.contract import DataTest, Severity
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.domain.view import DatasetView
from datahub_dagster.ports import Auditor, AuditRequest

_STATUS = {
    "pass": CheckStatus.PASS,
    "warn": CheckStatus.WARN,
    "fail": CheckStatus.FAIL,
}  # error, skipped: no answer


class ParsedFiles(Protocol):
    """What the audit needs of a parsed project (`adapters.dbt.contracts.ParsedProject`)."""

    @property
    def project_dir(self) -> Path: ...

    @property
    def manifest_path(self) -> Path: ...


class DbtAuditor(Auditor):
    """Runs tests by a dbt in this process, which sees the candidate and what its tests read beside it, and nothing else.

    Args:
        parsed: Gives the project as it is now.
        engine: Where the tests' queries run.
        cache_dir: Where the profile lies; the project itself is never written to.
        sample_rows: How many failing rows are kept at most; 0 = none.
    """

    def __init__(
        self,
        parsed: Callable[[], ParsedFiles],
        engine: Engine,
        *,
        cache_dir: Path,
        sample_rows: int = 20,
    ) -> None:
        self._parsed = parsed
        self._engine = engine
        self._cache_dir = cache_dir
        self._sample_rows = sample_rows

    def audit(self, requests: Sequence[AuditRequest]) -> Sequence[AuditReport]:
        answers: dict[int, dict[str, CheckResult]] = {}
        if any(request.contract.tests for request in requests):
            project = self._parsed()
            manifest = RawManifest.read(project.manifest_path)
            for group in _groups(requests, manifest):
                answers.update(self._run(project, manifest, group))
        return [
            _report(request, answers.get(place, {}), self._engine.words())
            for place, request in enumerate(requests)
        ]

    def _run(
        self, project: ParsedFiles, manifest: RawManifest, group: "_Group"
    ) -> dict[int, dict[str, CheckResult]]:
        ids = {
            test.unique_id for _, request in group.requests for test in request.contract.tests
        } & manifest.nodes.keys()
        if not ids:
            return {}
        with self._engine.showing(group.views) as world:
            by_id = self._invoke(project, manifest, ids, world)
            reader = _Reader(manifest, world, world.left_out(), self._sample_rows)
            answered = [
                (place, request, test)
                for place, request in group.requests
                for test in request.contract.tests
                if test.unique_id in by_id
            ]
            results: dict[int, dict[str, CheckResult]] = {}
            with ThreadPoolExecutor(self._engine.threads) as pool:  # each sample is a query of its own
                waiting = [
                    (place, pool.submit(reader.result, request, test, by_id[test.unique_id]))
                    for place, request, test in answered
                ]
                for place, result in waiting:
                    results.setdefault(place, {})[result.result().unique_id] = result.result()
            return results

    def _invoke(
        self, project: ParsedFiles, manifest: RawManifest, ids: set[str], world: World
    ) -> Mapping[str, Any]:
        """What dbt answers, by the tests' ids."""

        def relation_of(source_id: str) -> Relation:
            source = manifest.sources[source_id]
            return world.relation(manifest.dataset_of(source_id), source["schema"], source["identifier"])

        engine = self._engine
        with world.connecting(), temporary_target() as target_dir:
            outcome = invoke_dbt(
                # Only the wanted tests are in the manifest; a selector keeps the project's default one from choosing among them.
                [
                    "test",
                    "--select=resource_type:test",
                    "--indirect-selection=empty",
                    f"--threads={engine.threads}",
                    "--no-write-json",
                    "--no-populate-cache",
                ],
                project_dir=project.project_dir,
                profiles_dir=write_profiles(
                    project.project_dir, self._cache_dir, engine.target, engine.output()
                ),
                target_dir=target_dir,
                manifest=manifest.slim(ids, relation_of),
            )
        answers: Any = outcome.result
        return {answer.node.unique_id: answer for answer in answers.results}


@dataclass(slots=True)
class _Group:
    """Requests that may be answered together, since each dataset looks the same to all of them; None = it was never released."""

    seen: dict[object, object] = field(default_factory=dict[object, object])
    requests: list[tuple[int, AuditRequest]] = field(default_factory=list[tuple[int, AuditRequest]])

    @property
    def views(self) -> list[DatasetView]:
        return [view for view in self.seen.values() if isinstance(view, DatasetView)]

    def admits(self, seen: Mapping[object, object]) -> bool:
        return all(self.seen.get(key, value) == value for key, value in seen.items())


def _groups(requests: Sequence[AuditRequest], manifest: RawManifest) -> Sequence[_Group]:
    groups: list[_Group] = []
    for place, request in enumerate(requests):
        if not request.contract.tests:
            continue
        seen = _seen_by(request, manifest)
        group = next((group for group in groups if group.admits(seen)), None)
        if group is None:
            groups.append(group := _Group())
        group.seen.update(seen)
        group.requests.append((place, request))
    return groups


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


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads dbt's answers."""

    manifest: RawManifest
    world: World
    left_out: Mapping[DatasetName, str]
    sample_rows: int

    def result(self, request: AuditRequest, test: DataTest, answer: Any) -> CheckResult:
        status = _STATUS.get(str(answer.status), CheckStatus.ERROR)
        privacy = Privacy.of(request.contract, self._others(request.contract.name, test))
        message = self.world.explain(test.unique_id, answer.message or "")
        if status is CheckStatus.ERROR:
            message = privacy.message(self._reason(request, test) or message or "dbt skipped it")
        sql = (answer.node.compiled_code or "").strip()
        is_sampled = status in {CheckStatus.WARN, CheckStatus.FAIL} and sql and self.sample_rows
        return CheckResult(
            unique_id=test.unique_id,
            check_name=test.check_name,
            status=status,
            severity=Severity(str(answer.node.config.severity).lower()),
            failures=None if status is CheckStatus.ERROR else int(answer.failures or 0),
            column=test.column,
            message=message,
            compiled_sql=sql,
            sample=self.world.sample(test.unique_id, sql, self.sample_rows, privacy) if is_sampled else None,
            seconds=float(answer.execution_time or 0.0),
            cost=self.world.cost(test.unique_id),
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
        return next((self.left_out[name] for name in read if name in self.left_out), None)


def _report(request: AuditRequest, answers: Mapping[str, CheckResult], engine: str) -> AuditReport:
    results = tuple(answers[test.unique_id] for test in request.contract.tests if test.unique_id in answers)
    return AuditReport(
        dataset=request.contract.name,
        base_generation=request.base_generation,
        results=results,
        contract_fingerprint=request.contract.fingerprint,
        engine=engine,
        seconds=round(sum(result.seconds for result in results), 6),
    )
