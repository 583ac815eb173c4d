"""Tests of the repository itself: what a reader relies on without looking."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import REPO

PYPROJECT = (REPO / "pyproject.toml").read_text(encoding="utf-8")
PROJECT = tomllib.loads(PYPROJECT)["project"]
CONSTRAINTS = (REPO / "constraints.txt").read_text(encoding="utf-8").splitlines()

PACKAGE = sorted((REPO / "datahub_dagster").rglob("*.py"))
ALL_CODE = [*PACKAGE, *sorted((REPO / "tests").rglob("*.py")), *sorted((REPO / "benchmarks").rglob("*.py"))]

EXTRAS = PROJECT["optional-dependencies"].values()
REQUIREMENTS = sorted({*PROJECT["dependencies"], *(line for extra in EXTRAS for line in extra)})

# Halves of a declared package, from the same makers: to declare them apart could only go wrong.
PARTS = {"botocore": "boto3", "markupsafe": "jinja2", "pydantic-core": "pydantic"}


def where(path: Path) -> str:
    """How a file is named in the list of tests."""
    return path.relative_to(REPO).as_posix()


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_every_dependency_says_why_it_is_here(requirement: str) -> None:
    lines = [line for line in PYPROJECT.splitlines() if line.strip().startswith(f'"{requirement}"')]

    assert lines
    for line in lines:
        _, _, reason = line.partition("#")
        assert len(reason.split()) >= 2, f"no reason beside {requirement}"


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_every_dependency_is_bounded_and_locked_within_its_bounds(requirement: str) -> None:
    wanted = Requirement(requirement)
    locked = [pin for pin in map(Requirement, CONSTRAINTS) if distribution(pin) == distribution(wanted)]

    assert any(clause.operator in {"<", "~="} for clause in wanted.specifier), "no upper bound"
    assert locked, "run `make lock`"
    for pin in locked:
        (version,) = (clause.version for clause in pin.specifier)
        assert wanted.specifier.contains(version), f"{pin} is outside {requirement}: run `make lock`"


def test_constraints_are_names_and_versions_and_no_address() -> None:
    line_form = re.compile(r"[a-z0-9-]+==[0-9][0-9a-z.]*( ; [a-z_]+ .+)?")

    assert [line for line in CONSTRAINTS if not line_form.fullmatch(line)] == []


def test_the_package_imports_only_what_it_declares() -> None:
    declared = {distribution(Requirement(line)) for line in REQUIREMENTS}
    distributions = packages_distributions()

    undeclared: dict[str, str] = {}
    for path in PACKAGE:
        for module in imported_modules(path):
            if module in sys.stdlib_module_names or module == "datahub_dagster":
                continue
            offered_by = {canonicalize_name(name) for name in distributions.get(module, [])}
            if not {PARTS.get(name, name) for name in offered_by} & declared:
                undeclared[module] = where(path)

    assert not undeclared, "add these to pyproject.toml, with the reason"


def test_every_target_of_make_explains_itself() -> None:
    makefile = (REPO / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, flags=re.MULTILINE))
    phony = set(re.findall(r"^\.PHONY: (.+)$", makefile, flags=re.MULTILINE))

    shown = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=REPO, capture_output=True, text=True, check=True
    ).stdout
    explained = {line.split()[0] for line in shown.splitlines()[1:] if len(line.split()) > 2}

    assert targets == phony == explained


@pytest.mark.parametrize("path", ALL_CODE, ids=where)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(parse(path))


@pytest.mark.parametrize("path", ALL_CODE, ids=where)
def test_annotations_stay_what_dagster_and_pydantic_can_read(path: Path) -> None:
    futures = {
        alias.name
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
        for alias in node.names
    }

    assert "annotations" not in futures


def test_the_package_carries_its_types() -> None:
    assert (REPO / "datahub_dagster" / "py.typed").exists()


def test_ci_can_start() -> None:
    assert os.access(REPO / ".ci" / "run", os.X_OK)


def distribution(requirement: Requirement) -> str:
    """The package's name as registries compare it: `PyYAML` and `pyyaml` are one."""
    return canonicalize_name(requirement.name)


def parse(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported_modules(path: Path) -> set[str]:
    """The top-level names that a file imports, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names
