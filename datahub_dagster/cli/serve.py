"""What runs until Ctrl-C: a server for the docs in this process, and `dagster dev` as a family of children."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from datahub_dagster.errors import OutsideError, UsageError

HOST = "127.0.0.1"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
DAGSTER_YAML = "telemetry:\n  enabled: false\nnux:\n  enabled: false\n"
# As workspace.yaml in the repository: the code location is called after the hub, not after a module.
WORKSPACE_YAML = """\
load_from:
  - python_module:
      module_name: datahub_dagster.definitions
      location_name: datahub
"""
STARTS_WITHIN = 180.0  # seconds; a cold start with a large project takes half of that
STOPS_WITHIN = 20.0  # seconds for an orderly end, before what is left is killed


def free_port(preferred: int) -> int:
    """The preferred port of this machine, or any other if it is taken."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OutsideError("no port is free on 127.0.0.1", next_step="stop a server, and try again")


def chosen_port(wanted: int | None, preferred: int) -> int:
    """The port asked for, or a free one.

    Raises:
        UsageError: The one asked for is taken.
    """
    port = free_port(wanted or preferred)
    if wanted is not None and port != wanted:
        raise UsageError(f"port {wanted} is taken", next_step="choose another with --port, or leave it out")
    return port


class _Quiet(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")  # a page that was rendered again shows at once
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        del format, args


@contextmanager
def serve_folder(folder: Path, port: int | None = None, *, preferred: int) -> Iterator[str]:
    """Serve a folder to this machine alone; gives the address.

    Raises:
        UsageError: The port is taken.
    """
    handler = partial(_Quiet, directory=str(folder))
    server = ThreadingHTTPServer((HOST, chosen_port(port, preferred)), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="docs", daemon=True).start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def dagster_dev(home: Path, environment: Mapping[str, str], port: int | None = None) -> Iterator[str]:
    """Run Dagster's UI and daemon over the hub; gives the address once it answers. Stops them all at the end.

    Args:
        home: Dagster's own folder; a `dagster.yaml` without telemetry is put there, unless there is one, and a
            `workspace.yaml`, which names the code location.
        environment: What the children see, `DATAHUB_ROOT` among it.
        port: Of the UI; None = 3000, or any that is free.

    Raises:
        OutsideError: It ended, or didn't answer in time; the message has the end of its log.
    """
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        (home / "dagster.yaml").write_text(DAGSTER_YAML, encoding="utf-8")
    workspace = home / "workspace.yaml"
    workspace.write_text(WORKSPACE_YAML, encoding="utf-8")
    chosen = chosen_port(port, 3000)
    address = f"http://{HOST}:{chosen}/"
    log = home / "dagster-dev.log"
    command = [
        sys.executable,
        "-m",
        "dagster",
        "dev",
        "-w",
        str(workspace),
        "-h",
        HOST,
        "-p",
        str(chosen),
    ]
    with log.open("wb") as sink:
        # A session of its own: Ctrl-C reaches this process alone, which then ends the children in order.
        child = subprocess.Popen(
            command,
            env={**environment, "DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "yes"},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_up(child, address, log)
        yield address
    finally:
        stop_family(child)


def _wait_until_up(child: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    open_url = build_opener(ProxyHandler({})).open  # never through a proxy: it is this machine
    give_up_at = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < give_up_at:
        if child.poll() is not None:
            break
        try:
            with open_url(f"{address}server_info", timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.3)
    why = (
        f"ended with code {child.returncode}"
        if child.poll() is not None
        else f"gave no answer in {STARTS_WITHIN:.0f} s"
    )
    tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
    raise OutsideError(
        f"Dagster {why}", subject=str(log), found=f"\n{tail}", next_step=f"read {log}, or: datahub doctor"
    )


def stop_family(child: "subprocess.Popen[bytes]") -> None:
    """End a child and all that it started: politely, then not. Whoever presses Ctrl-C again needn't wait.

    The child alone is asked first, since it ends its own children in order; what is left of them has nothing to lose.
    """
    impatience: list[int] = []
    with _handling_signals(lambda number, _frame: impatience.append(number)):
        if child.poll() is None:
            child.send_signal(signal.SIGINT)
            _wait_while(lambda: child.poll() is None and not impatience, STOPS_WITHIN)
        for sign in (signal.SIGTERM, signal.SIGKILL):
            if not _signal_family(child.pid, sign):
                break
            # `poll` reaps the child, or its group would look alive for ever.
            _wait_while(lambda: child.poll() is None or _signal_family(child.pid, 0), 1.0)
        child.wait()


def _wait_while(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and condition():
        time.sleep(0.05)


def _signal_family(pid: int, sign: int) -> bool:
    """Signal the group; whether anybody of it was there."""
    try:
        os.killpg(pid, sign)
    except (ProcessLookupError, PermissionError):
        return False
    return True


@contextmanager
def _handling_signals(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    before = {sign: signal.signal(sign, handler) for sign in STOP_SIGNALS}
    try:
        yield
    finally:
        for sign, former in before.items():
            signal.signal(sign, former)


@contextmanager
def ends_on_signals() -> Iterator[None]:
    """Makes SIGTERM and SIGHUP an orderly end like Ctrl-C, so that children are stopped."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handling_signals(interrupt):
        yield


def wait_for_signal() -> None:
    """Block until Ctrl-C, SIGTERM or SIGHUP."""
    with ends_on_signals():
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return
