"""However the demo is stopped, and whatever it is at, none of its processes is left."""

import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import REPO

pytestmark = [pytest.mark.slow, pytest.mark.aws, pytest.mark.usefixtures("postgres_programs")]

PATIENCE = 240.0  # seconds
MARK = "DEMO_STARTED_BY"


@pytest.mark.parametrize(
    ("sign", "at"),
    [(signal.SIGINT, "Dagster: code server"), (signal.SIGTERM, "part 1: ")],
    ids=["Ctrl-C while it starts", "SIGTERM while it releases"],
)
def test_nothing_is_left_of_a_demo_that_is_stopped(tmp_path: Path, sign: signal.Signals, at: str) -> None:
    mark = secrets.token_hex(8)
    output = tmp_path / "output.txt"
    with output.open("wb") as sink:
        demo = subprocess.Popen(
            [sys.executable, "-m", "tests.demo_on_aws", "--no-serve"],
            cwd=REPO,
            env={**os.environ, MARK: mark, "TMPDIR": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for_line(output, at)
        assert len(left(mark, tmp_path)) > 3, "the demo, the emulator, PostgreSQL and its helpers at least"
        demo.send_signal(sign)
        assert demo.wait(PATIENCE) == 130, output.read_text(encoding="utf-8")
    finally:
        demo.kill()
        demo.wait()

    assert "stopped" in output.read_text(encoding="utf-8")
    assert left(mark, tmp_path) == []


def wait_for_line(output: Path, text: str) -> None:
    give_up_at = time.monotonic() + PATIENCE
    while text not in output.read_text(encoding="utf-8"):
        assert time.monotonic() < give_up_at, output.read_text(encoding="utf-8")
        time.sleep(0.2)


def left(mark: str, folder: Path) -> list[str]:
    """The commands of all processes that have the mark, or work in the folder (PostgreSQL gets a clean environment)."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
            folder_of = (process / "cwd").readlink()
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended, or is another user's
            continue
        if command and (f"{MARK}={mark}".encode() in environment or folder_of.is_relative_to(folder)):
            found.append(command)
    return found
