"""docs/reference/settings.md, from the fields of `Settings`."""

from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from datahub_dagster.reference.markdown import head, table
from datahub_dagster.settings import Settings


def settings_page() -> Iterator[str]:
    """Every variable with its default and meaning."""
    yield from head(
        "Settings",
        "Each setting is an environment variable. Without any, you have the embedded hub: files in `./hub`, read through DuckDB. "
        "Relative paths start from the folder in which the command runs. `datahub doctor` shows which are set, and finds misspelt ones.",
    )
    yield from table(("variable", "default", "meaning"), (_row(field) for field in fields(Settings)))
    yield "Two of them have an option on every command, which wins: `--root` and `--project-dir`."
    yield ""
    yield from head_of_others()


def head_of_others() -> Iterator[str]:
    """Variables that are read by others than the hub."""
    yield "## Read by others"
    yield ""
    yield from table(
        ("variable", "who reads it"),
        [
            (
                "`DAGSTER_HOME`",
                "Dagster: where runs and events are kept. Without it `dagster dev` forgets them when it stops.",
            ),
            ("`NO_COLOR`", "The command line: no colours."),
            (
                (
                    "`DATAHUB_DBT_TARGET`, `DATAHUB_ATHENA_SCHEMA`, `DATAHUB_ATHENA_WORKGROUP`, `DATAHUB_ATHENA_STAGING_DIR`, "
                    "`DATAHUB_ATHENA_DATA_DIR`"
                ),
                "`dbt_project/profiles.yml`, for people who type `dbt test` themselves. The hub's own audits don't use that file.",
            ),
        ],
    )


def _row(field: "Field[Any]") -> tuple[str, str, str]:
    return f"`DATAHUB_{field.name.upper()}`", _default(field), str(field.metadata["help"])


def _default(field: "Field[Any]") -> str:
    value = field.default
    if value is MISSING or value is None or value in ("", ()):
        return ""
    if isinstance(value, Path) and value.is_absolute():
        return f"`{value.name}` of the checkout"
    return f"`{value}`"
