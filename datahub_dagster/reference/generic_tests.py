"""docs/reference/generic-tests.md, from what the macros say of themselves."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datahub_dagster.reference.markdown import head, table

SOURCE = Path("dbt_project/macros/hub_tests/_docs.yml")

# The arguments of each test as a team would write them.
EXAMPLES = {
    "hub_between": "{min_value: 0, max_value: 150, strictly: true}",
    "hub_date_between": "{min_date: 2023-01-01, max_date: today}",
    "hub_unique_combination": "{columns: [ticker, trade_date]}",
    "hub_row_count": "{min: 3000}",
    "hub_matches": "{pattern: '^[A-Z]{3}$'}",
    "hub_not_empty_string": "",
    "hub_recency": "{days: 4}",
    "hub_relationship_rate": "{to: \"source('transport', 'airports')\", field: iata, min_rate: 0.99}",
    "hub_no_gaps": "{unit: month, group_by: [symbol]}",
    "hub_expression": "{expression: 'high >= low'}",
}


def generic_tests_page(repository: Path) -> Iterator[str]:
    """Every generic test of the hub's own dbt project."""
    import yaml

    macros: list[dict[str, Any]] = yaml.safe_load((repository / SOURCE).read_text(encoding="utf-8"))["macros"]
    tests = {
        macro["name"].removeprefix("test_"): macro for macro in macros if macro["name"].startswith("test_")
    }
    yield from head(
        "Generic tests",
        "These come with the hub's own dbt project, beside dbt's `not_null`, `unique`, `accepted_values` and `relationships`. They are "
        "plain SQL that DuckDB and Athena both run. In another dbt project, copy the folders `macros/hub_tests` "
        "and `macros/hub_sql`.",
        "All take dbt's usual `name`, `description` and `config` (`severity`, `where`, `warn_if`, `error_if`). "
        "[How to write a data test](../how-to/write-a-data-test.md) tells the rest.",
    )
    for name, macro in tests.items():
        on_column = any(argument["name"] == "column_name" for argument in macro["arguments"])
        yield f"## {name}"
        yield ""
        yield str(macro["description"]).strip()
        yield ""
        yield (
            "Stands below a column."
            if on_column and name != "hub_expression"
            else "Stands below a table, or a column."
            if on_column
            else "Stands below a table."
        )
        yield ""
        yield "```yaml"
        yield "data_tests:"
        yield f"  - {name}: {{arguments: {EXAMPLES[name]}}}" if EXAMPLES[name] else f"  - {name}"
        yield "```"
        yield ""
        rows = [
            (f"`{each['name']}`", str(each["type"]), str(each["description"]))
            for each in macro["arguments"]
            if each["name"] != "column_name"
        ]
        if rows:
            yield from table(("argument", "type", "meaning"), rows)
