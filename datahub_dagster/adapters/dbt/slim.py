"""A manifest cut down to what one audit needs.

Most of what a dbt command does grows with the project: at 1,000 datasets the tests of one take 6 seconds with the whole manifest and a
third of a second with this one. What is left out can't run either, so that no selector is needed, and none can match too much or nothing.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from datahub_dagster.adapters.duckdb_views import quoted
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.errors import CorruptError

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

# By these a source would be read from elsewhere than from where the hub shows it.
_READ_FROM_ELSEWHERE = ("external_location", "formatter", "plugin")


@dataclass(frozen=True, slots=True)
class Relation:
    """The view or table by which dbt reads a source."""

    database: str
    schema: str
    table: str


class RawManifest:
    """dbt's `manifest.json` as it is; only what is needed becomes objects of dbt's, which takes time."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.nodes: Mapping[str, Any] = content["nodes"]
        self.sources: Mapping[str, Any] = content["sources"]
        self._content = content
        self._shared: dict[str, Any] | None = None

    @classmethod
    def read(cls, path: Path) -> "RawManifest":
        """Read a manifest; the newest one is kept in memory.

        Raises:
            CorruptError: It can't be read.
        """
        try:
            status = path.stat()
            return _read(path, status.st_mtime_ns, status.st_size)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CorruptError(
                "dbt's manifest can't be read",
                subject=str(path),
                found=f"{type(error).__name__}: {error}",
                next_step=f"remove {path.parent} (dbt makes it again), then: datahub doctor",
            ) from error

    def dataset_of(self, source_id: str) -> DatasetName:
        """The dataset that a source node is."""
        source = self.sources[source_id]
        return DatasetName(source["source_name"], source["name"])

    def sources_read_by(self, node_id: str) -> frozenset[str]:
        """Ids of all sources that a test reads, through models too."""
        return frozenset(name for name in self._needed([node_id]) if name in self.sources)

    def slim(self, tests: Collection[str], relation_of: Callable[[str], Relation]) -> "Manifest":
        """A manifest of these tests, what they read, and all macros.

        Args:
            tests: Ids of the tests; those that the manifest does not have are left out.
            relation_of: Where dbt reads a source, by its id.
        """
        from dbt.contracts.graph.manifest import Manifest

        shared = self._macros_and_metadata()
        needed = set(self._needed(tests))
        found = Manifest.from_dict(
            {
                "nodes": {name: _writing_nothing(self.nodes[name]) for name in needed if name in self.nodes},
                "sources": {
                    name: _read_from(self.sources[name], relation_of(name))
                    for name in needed
                    if name in self.sources
                },
                "groups": self._content.get("groups", {}),
            }
        )
        found.macros = dict(shared["macros"])
        found.metadata = shared["metadata"]
        found.build_flat_graph()
        return found

    def published(
        self, relation_of: Callable[[str, str], Relation], has_schema: Callable[[str], bool]
    ) -> tuple["Manifest", dict[str, Any]]:
        """The project with every source read where readers find it: for dbt the sources alone, and as in JSON everything.

        Args:
            relation_of: Where that is, by the source's schema and the table's name.
            has_schema: Whether dbt may look for a source of that schema. It is on the page all the same.
        """
        from dbt.contracts.graph.manifest import Manifest

        sources = {
            name: _read_from(node, relation_of(node["schema"], node["identifier"]))
            for name, node in self.sources.items()
        }
        # What dbt calls statistics is a script from another host on the page.
        metadata = {**self._content["metadata"], "send_anonymous_usage_stats": False, "user_id": None}
        content = {**self._content, "sources": sources, "metadata": metadata}
        # A hub builds no models: there is nothing else to look for than sources.
        there = {name: node for name, node in sources.items() if has_schema(self.sources[name]["schema"])}
        found = Manifest.from_dict({**content, "nodes": {}, "sources": there, "disabled": {}})
        found.build_flat_graph()
        return found, content

    def _needed(self, names: Collection[str]) -> Iterator[str]:
        seen: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            if name in self.nodes:
                waiting += self.nodes[name].get("depends_on", {}).get("nodes", [])
                yield name
            elif name in self.sources:
                yield name

    def _macros_and_metadata(self) -> dict[str, Any]:
        # Several hundred macros: more than everything else of a slim manifest together, and the same each time.
        if self._shared is None:
            from dbt.contracts.graph.manifest import Manifest

            parts = ("macros", "metadata")
            made = Manifest.from_dict({part: self._content[part] for part in parts})
            self._shared = {part: getattr(made, part) for part in parts}
        return self._shared


@lru_cache(maxsize=1)
def _read(path: Path, _modified_ns: int, _size: int) -> RawManifest:
    return RawManifest(
        from_json(path.read_bytes())
    )  # in half the time of the standard library: 23 MB at 1,000 datasets


def _read_from(source: Mapping[str, Any], relation: Relation) -> dict[str, Any]:
    def cleaned(values: Mapping[str, Any] | None) -> dict[str, Any]:
        return {key: value for key, value in (values or {}).items() if key not in _READ_FROM_ELSEWHERE}

    config = cleaned(source.get("config"))
    if "meta" in config:
        config["meta"] = cleaned(config["meta"])
    return {
        **source,
        "database": _in_quotes(relation.database),
        "schema": _in_quotes(relation.schema),
        "identifier": _in_quotes(relation.table),
        "relation_name": ".".join(
            quoted(part) for part in (relation.database, relation.schema, relation.table)
        ),
        "quoting": {"database": True, "schema": True, "identifier": True, "column": None},
        "meta": cleaned(source.get("meta")),
        "source_meta": cleaned(source.get("source_meta")),
        "config": config,
    }


def _writing_nothing(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """A test that asks for its failures to be kept would write a table: the record keeps them."""
    if node["resource_type"] != "test":
        return node
    return {**node, "config": {**node["config"], "store_failures": False, "store_failures_as": "ephemeral"}}


def _in_quotes(name: str) -> str:
    """A name for dbt, which puts quotes around it, but does not look for those in it."""
    return quoted(name)[1:-1]
