"""The tests' own PostgreSQL: private, and gone however its owner ends."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest

from tests import postgres
from tests.conftest import REPO
from tests.postgres import connect, find_programs, start_postgres

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("postgres_programs")]

OWNER = """
import time
from tests.postgres import start_postgres
with start_postgres() as server:
    print(server.port, flush=True)
    time.sleep(600)
"""


def test_it_answers_to_its_user_on_this_machine_and_to_nobody_without_the_password() -> None:
    with start_postgres() as server:
        with connect(server) as connection, connection.cursor() as cursor:
            cursor.execute(
                "select current_user, inet_server_addr()::text, current_setting('listen_addresses')"
            )
            assert cursor.fetchone() == ("dagster", "127.0.0.1/32", "127.0.0.1")
            cursor.execute("show unix_socket_directories")
            assert cursor.fetchone() == ("",)
        connection.close()
        with pytest.raises(psycopg2.OperationalError, match="password"):
            connect(replace(server, password="guessed"))
        assert server.password not in repr(server)

    assert is_gone(server.port)


def test_it_stops_and_leaves_no_folder_when_its_user_fails() -> None:
    before = folders()
    ports: list[int] = []

    def fail() -> None:
        with start_postgres() as server:
            ports.append(server.port)
            assert folders() > before
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert is_gone(*ports)
    assert folders() == before


def test_it_ends_with_its_owner_who_was_killed() -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER], cwd=REPO, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    port = int(owner.stdout.readline())
    assert not is_gone(port, within=0)

    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()

    assert is_gone(port)
    for left in Path(tempfile.gettempdir()).glob(f"{postgres.FOLDER}{owner.pid}-*"):
        shutil.rmtree(left)  # nobody is there to do it


def test_without_a_server_the_message_names_the_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(postgres, "DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(RuntimeError, match="sudo apt-get install postgresql"):
        find_programs()


def folders() -> set[Path]:
    """The data folders of servers that this process started."""
    return set(Path(tempfile.gettempdir()).glob(f"{postgres.FOLDER}{os.getpid()}-*"))


def is_gone(port: int, within: float = 20.0) -> bool:
    """Whether nobody listens there any more."""
    give_up_at = time.monotonic() + within
    while True:
        try:
            connect(postgres.Postgres(port=port, password="x")).close()
        except psycopg2.OperationalError as error:
            if "refused" in str(error):
                return True
        if time.monotonic() >= give_up_at:
            return False
        time.sleep(0.1)
