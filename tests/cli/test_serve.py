"""What runs until Ctrl-C, with real servers and real children."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import pytest
import yaml

from datahub_dagster.cli import serve
from datahub_dagster.errors import OutsideError, UsageError
from tests.conftest import REPO

open_url = build_opener(ProxyHandler({})).open

# A child that has a child, as `dagster dev` has; both write their ids. The stubborn one ignores all polite requests.
FAMILY = """
import os, signal, subprocess, sys, time
{stubborn}
child = subprocess.Popen([sys.executable, "-c", "{ignore}import time; time.sleep(600)"])
open(sys.argv[1] + ".tmp", "w").write(f"{{os.getpid()}} {{child.pid}}")
os.rename(sys.argv[1] + ".tmp", sys.argv[1])
time.sleep(600)
"""
IGNORE = "import signal; [signal.signal(s, signal.SIG_IGN) for s in (signal.SIGINT, signal.SIGTERM)];"


def start_family(folder: Path, *, stubborn: bool = False) -> tuple["subprocess.Popen[bytes]", list[int]]:
    ids = folder / "ids"
    code = FAMILY.format(stubborn=IGNORE if stubborn else "", ignore=IGNORE if stubborn else "")
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(ids)], start_new_session=True, stderr=subprocess.DEVNULL
    )
    wait_until(ids.exists)
    return child, [int(text) for text in ids.read_text().split()]


def wait_until(condition, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_family_is_stopped_whole(tmp_path: Path) -> None:
    child, ids = start_family(tmp_path)
    assert len(ids) == 2
    assert all(map(is_alive, ids))

    serve.stop_family(child)

    assert not any(map(is_alive, ids))


def test_one_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "STOPS_WITHIN", 0.3)
    child, ids = start_family(tmp_path, stubborn=True)

    serve.stop_family(child)

    assert not any(map(is_alive, ids))


def test_stopping_one_that_has_ended_is_fine(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""], start_new_session=True)
    child.wait()

    serve.stop_family(child)


def test_a_folder_is_served_to_this_machine(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("hello")

    with serve.serve_folder(tmp_path, preferred=0) as address:
        with open_url(address) as answer:
            assert answer.read() == b"hello"
            assert answer.headers["Cache-Control"] == "no-cache"
        assert address.startswith("http://127.0.0.1:")

    with pytest.raises(URLError):
        open_url(address, timeout=2)


def test_a_port_that_is_taken_is_told_if_asked_for_and_avoided_if_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert serve.chosen_port(None, port) != port
        with pytest.raises(UsageError, match="is taken"):
            serve.chosen_port(port, 0)


def test_dagster_that_does_not_start_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    nowhere = {**os.environ, "PYTHONPATH": str(tmp_path)}
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster/__main__.py").write_text("raise SystemExit('no such luck')")
    (tmp_path / "dagster/__init__.py").touch()

    with pytest.raises(OutsideError) as caught, serve.dagster_dev(tmp_path / "home", nowhere):
        pytest.fail("it started")

    assert "ended with code 1" in str(caught.value)
    assert "no such luck" in str(caught.value)
    assert "enabled: false" in (tmp_path / "home/dagster.yaml").read_text()


def test_the_code_location_is_called_as_in_the_repository(tmp_path: Path) -> None:
    workspace = tmp_path / "home/workspace.yaml"
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster/__main__.py").write_text("import sys; raise SystemExit(sys.argv[1:])")
    (tmp_path / "dagster/__init__.py").touch()

    with (
        pytest.raises(OutsideError) as caught,
        serve.dagster_dev(tmp_path / "home", {**os.environ, "PYTHONPATH": str(tmp_path)}),
    ):
        pytest.fail("it started")

    assert f"'-w', '{workspace}'" in str(caught.value)
    assert yaml.safe_load(workspace.read_text()) == yaml.safe_load((REPO / "workspace.yaml").read_text())


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_serving_the_docs_ends_on_any_signal(tmp_path: Path, sign: signal.Signals) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.html").write_text("hello")
    server = subprocess.Popen(
        [sys.executable, "-u", "-m", "datahub_dagster.cli", "docs", "serve", "--root", str(tmp_path)],
        cwd=REPO,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    address = server.stdout.readline().split()[0]
    with open_url(address) as answer:
        assert answer.read() == b"hello"

    server.send_signal(sign)

    assert server.wait(20) == 0
    server.stdout.close()
