"""Starts the AWS emulator as a process of its own, and ends it, whatever happens in between."""

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
PYTHON = REPO / ".venv-emulator" / "bin" / "python"

START_SECONDS = 60.0  # it takes one; a busy machine more
STOP_SECONDS = 5.0


class EmulatorError(Exception):
    """The emulator can't be started; says what to do."""


@dataclass(frozen=True)
class Emulator:
    """A running emulator.

    Attributes:
        endpoint: What AWS_ENDPOINT_URL has to be, `http://127.0.0.1:<port>`.
        pid: Its process, which leads a process group of its own.
        log: What it printed.
    """

    endpoint: str
    pid: int
    log: Path


@contextlib.contextmanager
def start_emulator(*, auth: bool = False) -> Iterator[Emulator]:
    """An emulator on a free port of 127.0.0.1, empty, which ends with the block or with this process.

    With `auth`, signatures are verified and the policies of roles and buckets are enforced; an access key of twelve
    digits is that account's root and may do everything.

    Raises:
        EmulatorError: Its environment is missing, or it didn't answer in time; with what it printed.
    """
    if not PYTHON.exists():
        raise EmulatorError(f"The AWS emulator is not installed ({PYTHON} is missing). Run: make setup")
    with tempfile.TemporaryDirectory(prefix="datahub-emulator-", ignore_cleanup_errors=True) as folder:
        log = Path(folder) / "emulator.log"
        port = _free_port()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment |= {"GATEWAY_PORT": str(port), "TMPDIR": folder, "PYTHONPATH": str(REPO)}
        environment |= {"AUTH": "true" if auth else "false", "EMULATOR_ENDS_WITH_STDIN": "1"}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(PYTHON), "-m", "tests.emulator"],
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        endpoint = f"http://127.0.0.1:{port}"
        try:
            _wait(process, endpoint, log)
            yield Emulator(endpoint, process.pid, log)
        finally:
            _stop(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait(process: subprocess.Popen[bytes], endpoint: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=5):
                return
        except OSError:  # not listening yet, or not answering 200
            time.sleep(0.05)
    state = "is still silent" if process.poll() is None else f"ended with exit code {process.returncode}"
    raise EmulatorError(f"The AWS emulator {state}. It printed:\n{log.read_text(errors='replace')[-4000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the emulator and whatever it started: it leads its own process group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdin is not None
    process.stdin.close()
