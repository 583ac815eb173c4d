"""The demo's hub: made anew where it may be, and nowhere else."""

import subprocess
import sys
from pathlib import Path

import pytest

from datahub_dagster.demo.story import demo_hub
from datahub_dagster.errors import ConflictError, UsageError
from tests.conftest import REPO


def test_a_demo_begins_with_an_empty_hub_and_keeps_the_caches(tmp_path: Path) -> None:
    with demo_hub(tmp_path, fresh=False):
        for file in ("log/x.json", ".cache/contracts.json", ".dagster/dagster.yaml"):
            (tmp_path / file).parent.mkdir()
            (tmp_path / file).touch()

    with demo_hub(tmp_path, fresh=False):
        assert sorted(path.name for path in tmp_path.iterdir()) == [".cache", ".demo"]

    with demo_hub(tmp_path, fresh=True):
        assert sorted(path.name for path in tmp_path.iterdir()) == [".demo"]


def test_a_folder_that_is_not_a_demo_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log/state.json").write_text("precious")

    with (
        pytest.raises(UsageError, match="not a demo's hub; nothing was removed"),
        demo_hub(tmp_path, fresh=True),
    ):
        pytest.fail("it began")

    assert (tmp_path / "log/state.json").read_text() == "precious"
    assert not (tmp_path / ".demo").exists()


def test_a_folder_with_nothing_but_caches_may_become_a_demo(tmp_path: Path) -> None:
    (tmp_path / ".cache").mkdir()  # `datahub status` was called before

    with demo_hub(tmp_path, fresh=False):
        assert (tmp_path / ".demo").exists()


def test_emptying_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/precious").touch()
    root = tmp_path / "hub"
    with demo_hub(root, fresh=False):
        (root / "link").symlink_to(tmp_path / "elsewhere")

    with demo_hub(root, fresh=False):
        assert not (root / "link").exists()

    assert (tmp_path / "elsewhere/precious").exists()


def test_two_demos_do_not_share_a_hub(tmp_path: Path) -> None:
    with (
        demo_hub(tmp_path, fresh=False),
        pytest.raises(ConflictError, match="another demo is running"),
        demo_hub(tmp_path, fresh=False),
    ):
        pytest.fail("it began")


def test_the_command_refuses_a_foreign_folder_with_the_next_command(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()

    end = subprocess.run(
        [sys.executable, "-m", "datahub_dagster.cli", "demo", "--no-serve", "--root", str(tmp_path)],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=False,
    )

    assert end.returncode == 2
    assert "thesis.tex" in end.stderr
    assert "next       DATAHUB_ROOT=./demo-hub datahub demo" in end.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
