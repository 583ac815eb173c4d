"""What dbt's page holds of a project: nothing that the hub's own pages hide."""

import json
from typing import Any

import pytest

from datahub_dagster.adapters.dbt.docs_secrets import open_catalog, open_manifest


def source(hub: dict[str, Any] | None = None, **columns: dict[str, Any]) -> dict[str, Any]:
    """A source of a manifest; each column's hub block by its name."""
    return {
        "meta": {"hub": hub or {}},
        "config": {"meta": {"hub": hub or {}}},
        "columns": {
            name: {"name": name, "meta": {"hub": block}, "config": {"meta": {"hub": block}}}
            for name, block in columns.items()
        },
    }


def manifest(**parts: Any) -> dict[str, Any]:
    return {"metadata": {}, "nodes": {}, "sources": {}, "parent_map": {}, "child_map": {}, **parts}


def test_examples_of_confidential_columns_are_not_on_the_page() -> None:
    secret = {"classification": "confidential", "examples": ["hidden"]}
    shown = open_manifest(manifest(sources={"a": source(mail=secret, iata={"examples": ["HND"]})}))

    columns = shown["sources"]["a"]["columns"]
    assert "hidden" not in json.dumps(shown)
    assert columns["mail"]["meta"] == {"hub": {"classification": "confidential"}}
    assert columns["iata"]["meta"] == {"hub": {"examples": ["HND"]}}


def test_a_confidential_dataset_shows_neither_examples_nor_sql() -> None:
    nodes = {
        "own": {"unique_id": "own", "raw_code": "select 'hidden'", "depends_on": {"nodes": ["a"]}},
        "other": {"unique_id": "other", "raw_code": "select 1", "depends_on": {"nodes": ["b"]}},
    }
    sources = {"a": source({"classification": "confidential"}, mail={"examples": ["hidden"]}), "b": source()}
    shown = open_manifest(manifest(nodes=nodes, sources=sources, disabled={"c": ["hidden"]}))

    assert "hidden" not in json.dumps(shown)
    assert shown["nodes"]["own"]["raw_code"].startswith("-- not shown")
    assert shown["nodes"]["other"] == nodes["other"]


def rule(kind: str, column: str | None, *, where: str | None = None, **arguments: Any) -> dict[str, Any]:
    """A generic test of the source `a`, named by dbt."""
    name = f"source_{kind}_a_{column}_" + "_".join(map(str, arguments.values()))
    return {
        "unique_id": f"test.hub.{name}.5f",
        "name": name,
        "alias": name,
        "package_name": "hub",
        "column_name": column,
        "depends_on": {"nodes": ["a"]},
        "config": {"where": where},
        "raw_code": f"{{{{ test_{kind}() }}}}{{{{ config(where={where!r}) }}}}",
        "test_metadata": {"name": kind, "kwargs": {"model": "a", **arguments}},
    }


def with_rule(test: dict[str, Any]) -> dict[str, Any]:
    sources = {"a": source(mail={"classification": "confidential"}, iata={})}
    name = test["unique_id"]
    maps = {"parent_map": {name: ["a"], "a": []}, "child_map": {name: [], "a": [name]}}
    return open_manifest(manifest(nodes={name: test}, sources=sources, **maps))


@pytest.mark.parametrize(
    "test",
    [
        rule("accepted_values", "mail", values="hidden"),
        rule("accepted_values", '"MAIL"', values=["hidden"]),
        rule("not_null", "mail", where="mail <> 'hidden'"),
        rule("hub_expression", "iata", expression="mail = 'hidden'"),
    ],
)
def test_of_a_rule_that_quotes_a_confidential_value_kind_and_column_are_shown(test: dict[str, Any]) -> None:
    shown = with_rule(test)

    [(name, node)] = shown["nodes"].items()
    assert "hidden" not in json.dumps(shown)
    assert name == node["unique_id"] != test["unique_id"]
    assert (shown["child_map"]["a"], shown["parent_map"][name]) == ([name], ["a"])
    assert node["test_metadata"]["name"] == test["test_metadata"]["name"]
    assert node["column_name"] == test["column_name"]


@pytest.mark.parametrize(
    "test",
    [
        rule("not_null", "mail"),
        rule("relationships", "mail", to="source('b', 'c')", field="id"),
        rule("accepted_values", "iata", values=["HND"]),
    ],
)
def test_other_rules_are_shown_as_they_are(test: dict[str, Any]) -> None:
    assert list(with_rule(test)["nodes"].values()) == [test]


def test_the_machines_environment_is_not_on_the_page() -> None:
    metadata = {"env": {"TOKEN": "hidden"}, "adapter_type": "duckdb"}

    shown = [open_manifest(manifest(metadata=metadata)), open_catalog({"metadata": metadata})]

    assert [each["metadata"] for each in shown] == [{"env": {}, "adapter_type": "duckdb"}] * 2
