"""The reference of the command line is generated, complete, and committed as it is generated."""

import pytest

from datahub_dagster.cli import COMMANDS, reference
from datahub_dagster.errors import ExitCode
from tests.conftest import REPO


def test_the_committed_reference_is_current() -> None:
    committed = (REPO / reference.PAGE).read_text(encoding="utf-8")

    assert committed == reference.page(), f"run `python -m {reference.__name__}`"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_reference(name: str) -> None:
    assert f"\n## datahub {name}\n" in reference.page()


def test_every_exit_code_is_explained() -> None:
    assert set(reference.CODES) == set(ExitCode)
    assert all(f"| {int(code)} | " in reference.page() for code in ExitCode)
