"""The generated reference: as the code is, and complete."""

import ast
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from datahub_dagster.domain.audit import BlockCode
from datahub_dagster.errors import ExitCode
from datahub_dagster.reference.__main__ import FOLDER, PAGES
from datahub_dagster.reference.errors_page import all_errors
from datahub_dagster.reference.faults import BLOCKS, FAULTS
from datahub_dagster.reference.markdown import page
from datahub_dagster.reference.record_page import KINDS, meanings
from tests.conftest import REPO

PACKAGE = sorted((REPO / "datahub_dagster").rglob("*.py"))


@pytest.mark.parametrize(("name", "lines"), list(PAGES.items()), ids=list(PAGES))
def test_the_committed_page_is_current(name: str, lines: Callable[[], Iterable[str]]) -> None:
    committed = (REPO / FOLDER / name).read_text(encoding="utf-8")

    assert committed == page(lines()), "run `make docs`"


def test_every_page_of_the_folder_is_generated() -> None:
    pages = {path.name for path in (REPO / FOLDER).iterdir()} - {"README.md"}

    assert pages == set(PAGES)


def test_every_fault_is_explained_and_none_that_does_not_exist() -> None:
    raised = {code for path in PACKAGE for code in codes_of("Fault", path)}

    assert raised == set(FAULTS)


def test_every_block_is_explained() -> None:
    assert set(BLOCKS) == set(BlockCode)


def test_every_error_of_the_package_is_listed() -> None:
    defined = {
        node.name
        for path in PACKAGE
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and any(is_hub_error(base) for base in node.bases)
    }

    assert defined - {"HubError"} == {error.__name__ for error in all_errors()}


def test_every_exit_code_of_the_errors_has_its_line() -> None:
    text = (REPO / FOLDER / "errors.md").read_text(encoding="utf-8")

    assert all(f"\n| {int(code)} | " in text for code in ExitCode)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_field_of_the_record_is_explained(kind: type) -> None:
    assert all(text.strip() for text in meanings(kind).values())


def codes_of(name: str, path: Path) -> set[str]:
    """The codes with which a module makes faults."""
    calls = (
        node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
    )
    faults = (call for call in calls if isinstance(call.func, ast.Name) and call.func.id == name)
    return {
        str(keyword.value.value)
        for call in faults
        for keyword in call.keywords
        if keyword.arg == "code" and isinstance(keyword.value, ast.Constant)
    }


def is_hub_error(base: ast.expr) -> bool:
    """Whether a class is derived from one of the hub's errors, by its name."""
    names = {"HubError"} | {error.__name__ for error in all_errors()}
    return isinstance(base, ast.Name) and base.id in names
