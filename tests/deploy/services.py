"""The hub as a service, out of the files of `deploy/`: a code server, the daemon and the webserver, as processes of their own."""

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from dagster._grpc.client import DagsterGrpcClient

from datahub_dagster.cli.serve import HOST, free_port, stop_family
from tests.conftest import REPO

DEPLOY = REPO / "deploy"
STARTS_WITHIN = 180.0  # seconds


@dataclass(frozen=True, slots=True)
class Services:
    """What is running: the folder of its logs, its environment, and the address of its UI."""

    home: Path
    environment: Mapping[str, str]
    address: str


@contextmanager
def run_services(home: Path, environment: Mapping[str, str]) -> Iterator[Services]:
    """Code server, daemon and webserver with `deploy/dagster.yaml` and `deploy/workspace.yaml`, once they answer.

    Args:
        home: Becomes DAGSTER_HOME; the logs of the processes are there.
        environment: Of all of them: places and secrets that the two files ask for, and the hub's.

    Raises:
        RuntimeError: One ended, or didn't answer in time; the message has the end of its log.
    """
    environment = prepare(home, environment)
    code, ui = free_port(0), free_port(0)
    environment |= {"DAGSTER_CODE_HOST": HOST, "DAGSTER_CODE_PORT": str(code)}
    workspace = ["--workspace", str(DEPLOY / "workspace.yaml")]
    address = f"http://{HOST}:{ui}/"
    daemon = ["dagster._daemon", "run", *workspace]
    webserver = ["dagster_webserver", *workspace, "--host", HOST, "--port", str(ui)]
    with (
        code_server(home, environment, code) as first,
        _process(home, environment, "daemon", daemon) as second,
        _process(home, environment, "webserver", webserver) as third,
    ):
        _wait(third, home, "webserver", lambda: _answers(f"{address}server_info"))
        try:
            yield Services(home, environment, address)
        finally:
            for child in (second, third, first):  # all at once; each is waited for in its turn
                child.send_signal(signal.SIGINT)


def prepare(home: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Make the folder that DAGSTER_HOME names, and the environment with it."""
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(DEPLOY / "dagster.yaml", home)
    return {**environment, "DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "yes"}


@contextmanager
def code_server(
    home: Path, environment: Mapping[str, str], port: int, name: str = "code"
) -> "Iterator[subprocess.Popen[bytes]]":
    """A code location's server, once it answers."""
    words = ["dagster", "code-server", "start", "--module-name", "datahub_dagster.definitions"]
    words += ["--host", HOST, "--port", str(port)]
    with _process(home, environment, name, words) as child:
        client = DagsterGrpcClient(host=HOST, port=port)
        # It prints a page of complaints where nobody listens yet.
        _wait(child, home, name, lambda: _listens(port) and client.health_check_query() == "SERVING")
        yield child


@contextmanager
def _process(
    home: Path, environment: Mapping[str, str], name: str, words: Sequence[str]
) -> "Iterator[subprocess.Popen[bytes]]":
    with (home / f"{name}.log").open("wb") as sink:
        # It ends with this process, should that be killed; and Ctrl-C reaches this process alone.
        child = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "--", sys.executable, "-m", *words],
            cwd=REPO,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield child
    finally:
        stop_family(child)


def _wait(child: "subprocess.Popen[bytes]", home: Path, name: str, until: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + STARTS_WITHIN
    while child.poll() is None and time.monotonic() < give_up_at:
        if until():
            return
        time.sleep(0.2)
    log = home / f"{name}.log"
    tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
    raise RuntimeError(f"the {name} did not start; the end of {log}:\n{tail}")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _answers(address: str) -> bool:
    try:
        with build_opener(ProxyHandler({})).open(address, timeout=5):
            return True
    except (URLError, OSError):
        return False
