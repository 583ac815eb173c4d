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
from tests.postgres import FOLDER

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
            env={**os.environ, MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for_line(demo, output, at)
        assert len(left(mark, demo.pid)) > 3, "the demo, the emulator, PostgreSQL and its helpers at least"
        demo.send_signal(sign)
        assert demo.wait(PATIENCE) == 130, output.read_text(encoding="utf-8")
    finally:
        demo.kill()
        demo.wait()

    assert "stopped" in output.read_text(encoding="utf-8")
    assert left(mark, demo.pid) == []


def wait_for_line(demo: "subprocess.Popen[bytes]", output: Path, text: str) -> None:
    give_up_at = time.monotonic() + PATIENCE
    while text not in output.read_text(encoding="utf-8"):
        assert demo.poll() is None, output.read_text(encoding="utf-8")
        assert time.monotonic() < give_up_at, output.read_text(encoding="utf-8")
        time.sleep(0.2)


def left(mark: str, demo: int) -> list[str]:
    """The commands of all processes that have the mark; PostgreSQL, which gets a clean environment, names the demo in its folder."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended, or is another user's
            continue
        if command and (f"{MARK}={mark}".encode() in environment or f"{FOLDER}{demo}-" in command):
            found.append(command)
    return found
