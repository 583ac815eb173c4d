"""What the tests of the deployment need of the machine."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Postgres, find_programs, start_postgres


@pytest.fixture(scope="session")
def postgres_programs() -> Path:
    """Debian's PostgreSQL server. Where there is none the test is skipped; in CI it fails."""
    try:
        return find_programs()
    except RuntimeError as error:
        if os.environ.get("CI"):
            pytest.fail(f"{error}; add it to debian_packages in .ci/run")
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def postgres(postgres_programs: Path) -> Iterator[Postgres]:
    """A server for the tests of a module."""
    with start_postgres() as server:
        yield server
