"""These tests write, and flush, thousands of small files: in memory, where the machine lets them."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.places import OnAws, OnDisk, Place


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="datahub-") as folder:
        yield Path(folder)


@pytest.fixture(params=["on disk", pytest.param("on aws", marks=pytest.mark.aws)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A place for a hub: what a test says of it holds on a disk and on AWS."""
    if request.param == "on disk":
        yield OnDisk(tmp_path)
        return
    found = OnAws(request.getfixturevalue("aws_account"))
    yield found
    found.close()
