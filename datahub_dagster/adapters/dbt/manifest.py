"""dbt's manifest as contracts and consumers."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from datahub_dagster.adapters.dbt.data_tests import DataTestReader, Node, OwnedTest, file_of
from datahub_dagster.adapters.dbt.hub_block import ColumnBlock, ConsumerBlock, HubBlock, inherited
from datahub_dagster.adapters.dbt.hub_faults import BlockFault, as_written, check
from datahub_dagster.adapters.dbt.hub_types import KnownCalendars
from datahub_dagster.adapters.dbt.problems import Problem
from datahub_dagster.adapters.dbt.project import ProjectPaths
from datahub_dagster.adapters.dbt.yaml_lines import Entry, YamlLines
from datahub_dagster.domain.calendar_files import consumer_with_files, contract_with_files
from datahub_dagster.domain.consumer_faults import consumer_faults
from datahub_dagster.domain.contract import (
    Column,
    Consumer,
    Contract,
    DbtFreshness,
    DeliverySpec,
    Origin,
    digest,
)
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.domain.promise_faults import PromiseFault, partition_spec_faults, slo_faults

STUB = "datahub_stub"
"""In a source's `meta`: it stands in for one that a broken team would declare, and is no dataset."""

_PERIODS = {"minute": "minutes", "hour": "hours", "day": "days"}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a manifest says."""

    datasets: Mapping[DatasetName, Contract]
    consumers: tuple[Consumer, ...]
    problems: tuple[Problem, ...]


def read_manifest(
    manifest: Node, paths: ProjectPaths, lines: YamlLines, calendars: KnownCalendars
) -> Reading:
    """All contracts and consumers of a manifest, and every problem in it.

    A source table that can't be used as it is written is not among the contracts.
    """
    return _Reader(manifest, paths, lines, calendars).read()


class _Reader:
    def __init__(
        self, manifest: Node, paths: ProjectPaths, lines: YamlLines, calendars: KnownCalendars
    ) -> None:
        self.calendars = calendars
        self.manifest = manifest
        self.paths = paths
        self.lines = lines
        self.problems: list[Problem] = []
        self.nodes: dict[DatasetName, Node] = {}
        self.stubs: set[tuple[str, str]] = set()

    def read(self) -> Reading:
        for node in self.manifest["sources"].values():
            self._register(node)
        disabled = (node for nodes in self.manifest["disabled"].values() for node in nodes)
        absent = frozenset((n["source_name"], n["name"]) for n in disabled if n["resource_type"] == "source")
        pairs = {(name.source, name.table): name for name in self.nodes}
        reader = DataTestReader(
            self.manifest, self.lines, pairs, absent - pairs.keys(), frozenset(self.stubs)
        )
        tests = reader.read()
        contracts = {
            name: self._contract(name, node, tests.get(name, ())) for name, node in sorted(self.nodes.items())
        }
        read = {name: contract for name, contract in contracts.items() if contract}
        consumers = tuple(self._consumers({str(name): contract for name, contract in read.items()}))
        problems = tuple(dict.fromkeys([*self.problems, *reader.problems]))
        return Reading(read, consumers, problems)

    def _register(self, node: Node) -> None:
        source, table = node["source_name"], node["name"]
        if STUB in (node["config"].get("meta") or {}):
            self.stubs.add((source, table))
            return
        path = file_of(self.manifest, node)
        try:
            name = DatasetName(source, table)
        except ValueError as error:
            origin = self.lines.origin(path, self.lines.table(path, source, table))
            self.problems.append(
                Problem(origin, str(error), "rename it; identifier: keeps the table's name", is_broken=False)
            )
            return
        # A package may bring a source of the same name; the project's own one counts.
        if name not in self.nodes or node["package_name"] == self.manifest["metadata"]["project_name"]:
            self.nodes[name] = node

    def _contract(self, name: DatasetName, node: Node, tests: Sequence[OwnedTest]) -> Contract | None:
        path = file_of(self.manifest, node)
        entry = self.lines.table(path, name.source, name.table)
        hub = inherited((node.get("source_meta") or {}).get("hub"), _meta(node).get("hub"))
        block = self._checked(HubBlock, hub, path, entry)
        columns = [self._column(column, path, entry, tests) for column in node["columns"].values()]
        if block is None or None in columns:
            return None
        values = block.contract_values()
        promised = tuple(column for column in columns if column)
        contract = Contract(
            **values,
            name=name,
            unique_id=node["unique_id"],
            team=block.team or self._team(node, path),
            schema=node["schema"],
            identifier=node["identifier"],
            origin=self.lines.origin(path, entry),
            fingerprint="",
            declared=hub is not None,
            description=node["description"] or "",
            tags=tuple(node["tags"]),
            dbt_freshness=_freshness(node),
            columns=promised,
            tests=tuple(owned.test for owned in tests),
            constraints=tuple(owned.phrase for owned in tests if owned.phrase and not owned.test.column),
        )
        contract = contract_with_files(contract, self.calendars.files)
        faults = list(_promise_faults(contract))
        self._tell(faults, hub, path, entry)
        if any(fault.is_broken for fault in faults):
            return None
        return replace(contract, fingerprint=_fingerprint(promised, contract.delivery, tests))

    def _column(self, column: Node, path: str, table: Entry, tests: Sequence[OwnedTest]) -> Column | None:
        entry = replace(table.named("columns", column["name"]), parent=None)
        block = self._checked(ColumnBlock, _meta(column).get("hub"), path, entry)
        if block is None:
            return None
        own = [owned for owned in tests if (owned.test.column or "").lower() == column["name"].lower()]
        firm = {owned.test.kind for owned in own if owned.test.blocks_on_each_row}
        shown = [
            owned.phrase
            for owned in own
            if not (owned.test.blocks_on_each_row and owned.test.kind in ("not_null", "unique"))
        ]
        return Column(
            name=column["name"],
            data_type=column.get("data_type") or None,
            description=column["description"] or "",
            nullable="not_null" not in firm,
            unique="unique" in firm,
            classification=block.classification,
            deprecated=block.deprecated,
            examples=block.examples,
            tags=tuple(column.get("tags") or ()),
            constraints=tuple(text for text in shown if text),
            origin=self.lines.origin(path, entry),
        )

    def _consumers(self, contracts: Mapping[str, Contract]) -> Iterator[Consumer]:
        for node in self.manifest["exposures"].values():
            path = file_of(self.manifest, node)
            entry = self.lines.exposure(path, node["name"])
            origin = self.lines.origin(path, entry)
            hub = _meta(node).get("hub")
            block = self._checked(ConsumerBlock, hub, path, entry)
            if block is None:
                continue
            depends_on, missing = self._read_by(node)
            for text in missing:
                message = f"the consumer {node['name']} reads {text}, whose team's files are broken"
                next_step = f"mend the file that declares {text}"
                self.problems.append(Problem(origin, message, next_step, is_broken=False, reads=text))
            known = {str(name) for name in depends_on}
            owner = node["owner"]
            written = Consumer(
                name=node["name"],
                unique_id=node["unique_id"],
                label=node["label"] or node["name"],
                kind=block.consumer,
                exposure_type=node["type"],
                owner_name=owner.get("name"),
                owner_email=_first(owner.get("email")),
                depends_on=depends_on,
                description=node["description"] or "",
                url=node["url"],
                columns=block.columns,
                slos={text: slo.to_domain() for text, slo in block.slo.items()},
                notice=block.notice,
                origin=origin,
            )
            consumer = consumer_with_files(written, self.calendars.files)
            self._tell(consumer_faults(consumer, contracts, missing), hub, path, entry)
            yield replace(
                consumer,
                columns={text: names for text, names in consumer.columns.items() if text in known},
                slos={text: slo for text, slo in consumer.slos.items() if text in known},
            )

    def _read_by(self, node: Node) -> tuple[tuple[DatasetName, ...], tuple[str, ...]]:
        """The datasets that an exposure reads, through models too, and those that are missing."""
        seen: set[str] = set()
        waiting = list(node["depends_on"]["nodes"])
        pairs: dict[tuple[str, str], None] = {}
        while waiting:
            unique_id = waiting.pop(0)
            if unique_id in seen:
                continue
            seen.add(unique_id)
            if source := self.manifest["sources"].get(unique_id):
                pairs[source["source_name"], source["name"]] = None
            else:
                waiting += (
                    (self.manifest["nodes"].get(unique_id) or {}).get("depends_on", {}).get("nodes", [])
                )
        names = {(name.source, name.table): name for name in self.nodes}
        missing = tuple(".".join(pair) for pair in pairs if pair in self.stubs)
        return tuple(names[pair] for pair in pairs if pair in names), missing

    def _checked(self, model: type[Any], hub: Any, path: str, entry: Entry) -> Any:
        block, faults = check(model, hub, self.calendars)
        self.problems += [self._problem(fault, path, entry) for fault in faults]
        return block

    def _tell(self, faults: Iterable[PromiseFault], hub: Any, path: str, entry: Entry) -> None:
        for fault in faults:
            keys = as_written(hub, fault.path)
            message = f"{'.'.join(['hub', *map(str, keys)])}: {fault.message}"
            self.problems.append(
                Problem(Origin(path, entry.hub_line(keys)), message, fault.next_step, fault.is_broken)
            )

    def _problem(self, fault: BlockFault, path: str, entry: Entry) -> Problem:
        return Problem(Origin(path, entry.hub_line(fault.path)), fault.message, fault.next_step)

    def _team(self, node: Node, path: str) -> str:
        project = self.manifest["metadata"]["project_name"]
        return self.paths.team_of(path) or str(node["package_name"] or project)


def _promise_faults(contract: Contract) -> Iterator[PromiseFault]:
    """What can't be so in a contract's promises, with the keys that lead there from its `hub` block."""
    if cut := contract.delivery.partitions:
        for fault in partition_spec_faults(cut):
            yield replace(fault, path=("delivery", "partitions", *fault.path))
    for place, slo in enumerate(contract.freshness_slos):
        for fault in slo_faults(slo, contract.partitions):
            yield replace(fault, path=("slo", "freshness", place, *fault.path))


def _meta(node: Node) -> Mapping[str, Any]:
    """A node's `meta`; dbt keeps both spellings in both places, older versions in one."""
    return {**(node.get("meta") or {}), **((node.get("config") or {}).get("meta") or {})}


def _first(value: Any) -> str | None:
    """Dbt takes one address or a list."""
    values = value if isinstance(value, list) else [value]
    return str(values[0]) if values and values[0] else None


def _freshness(node: Node) -> DbtFreshness | None:
    freshness = node.get("freshness") or {}
    warn, error = (_age(freshness.get(key)) for key in ("warn_after", "error_after"))
    if warn is None and error is None:
        return None
    return DbtFreshness(warn_after=warn, error_after=error, loaded_at_field=node.get("loaded_at_field"))


def _age(threshold: Node | None) -> timedelta | None:
    if not threshold or threshold.get("count") is None or threshold.get("period") not in _PERIODS:
        return None
    return timedelta(**{_PERIODS[threshold["period"]]: threshold["count"]})


def _fingerprint(columns: Sequence[Column], delivery: DeliverySpec, tests: Sequence[OwnedTest]) -> str:
    promised = json.dumps([[column.name, column.data_type] for column in columns])
    return digest(
        promised, delivery.mode, repr(delivery.partitions), *sorted(owned.fingerprint for owned in tests)
    )
