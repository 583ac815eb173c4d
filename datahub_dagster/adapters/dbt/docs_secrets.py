"""What of the project dbt's page may hold: nothing that the hub's own pages hide."""

import re
from collections.abc import Mapping
from typing import Any

from datahub_dagster.adapters.dbt.privacy import MASK, confidential
from datahub_dagster.domain.redact_rules import QUOTE_NO_VALUE

_KEPT_OF_A_TEST = (
    "resource_type", "package_name", "original_file_path", "column_name", "description", "tags", "docs", "depends_on",
    "refs", "sources",
)  # fmt: skip
_NO_VALUES = ("column_name", "model")
_NOT_SHOWN = "-- not shown: it reads confidential data"


def open_manifest(content: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest without what the hub's pages don't show either.

    That is examples of confidential columns, values that rules quote of them, the SQL of tests that read a confidential dataset, and
    variables of the machine's environment.
    """
    sources: Mapping[str, Any] = content["sources"]
    secrets = {name: confidential(source) for name, source in sources.items()}
    nodes = [
        _open_node(content["nodes"][name], secrets, number)
        for number, name in enumerate(sorted(content["nodes"]))
    ]
    names = dict(zip(sorted(content["nodes"]), (node["unique_id"] for node in nodes), strict=True))
    maps = {
        key: {
            names.get(name, name): [names.get(each, each) for each in others]
            for name, others in content[key].items()
        }
        for key in ("parent_map", "child_map")
    }
    return {
        **content,
        **maps,
        "metadata": _without_environment(content["metadata"]),
        "sources": {name: _without_examples(source) for name, source in sources.items()},
        "nodes": {node["unique_id"]: node for node in nodes},
        "disabled": {},  # not on the page
    }


def open_catalog(content: Mapping[str, Any]) -> dict[str, Any]:
    """A catalog without variables of the machine's environment."""
    return {**content, "metadata": _without_environment(content["metadata"])}


def _without_environment(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {**metadata, "env": {}}


def _open_node(
    node: Mapping[str, Any], secrets: Mapping[str, tuple[set[str], bool]], number: int
) -> Mapping[str, Any]:
    read = [secrets[name] for name in node.get("depends_on", {}).get("nodes", []) if name in secrets]
    columns = {column for names, _ in read for column in names}
    is_whole = any(whole for _, whole in read)
    if "test_metadata" in node:
        return _masked(node, number) if _quotes_a_secret(node, columns, is_whole) else node
    return {**node, "raw_code": _NOT_SHOWN} if is_whole else node


def _quotes_a_secret(test: Mapping[str, Any], columns: set[str], is_whole: bool) -> bool:
    kind: str = test["test_metadata"]["name"]
    quoted = [
        test.get("config", {}).get("where"),
        *(() if kind in QUOTE_NO_VALUE else _arguments(test).values()),
    ]
    text = " ".join(str(value) for value in quoted if value is not None).lower()
    if not text:
        return False
    own = (test.get("column_name") or "").strip('"`').lower()
    return is_whole or own in columns or not columns.isdisjoint(re.findall(r"\w+", text))


def _arguments(test: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in test["test_metadata"]["kwargs"].items() if key not in _NO_VALUES}


def _masked(test: Mapping[str, Any], number: int) -> dict[str, Any]:
    """A test as kind and column. dbt puts the arguments into the name, and a digest of them into the id."""
    metadata = test["test_metadata"]
    name = test["name"]
    if name.startswith("source_"):  # else it is the team's own
        name = f"{metadata['name']}_{test.get('column_name') or 'table'}"
    kwargs = {"column_name": test.get("column_name"), **dict.fromkeys(_arguments(test), MASK)}
    return {
        **{key: test[key] for key in _KEPT_OF_A_TEST if key in test},
        "unique_id": f"test.{test['package_name']}.{name}.{number}",
        "name": name,
        "raw_code": _NOT_SHOWN,  # dbt writes a `where` into it
        "test_metadata": {"name": metadata["name"], "namespace": metadata.get("namespace"), "kwargs": kwargs},
    }


def _without_examples(source: Mapping[str, Any]) -> dict[str, Any]:
    names, _ = confidential(source)
    columns = {
        key: _cut(column) if column["name"].lower() in names else column
        for key, column in source.get("columns", {}).items()
    }
    return {**source, "columns": columns}


def _cut(column: Mapping[str, Any]) -> dict[str, Any]:
    config = column.get("config") or {}
    return {**column, "meta": _open_meta(column), "config": {**config, "meta": _open_meta(config)}}


def _open_meta(holder: Mapping[str, Any]) -> dict[str, Any]:
    meta = holder.get("meta") or {}
    hub = meta.get("hub")
    if not isinstance(hub, Mapping):
        return dict(meta)
    return {**meta, "hub": {key: value for key, value in hub.items() if key != "examples"}}
