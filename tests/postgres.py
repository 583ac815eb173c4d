"""A PostgreSQL of the tests' own: Debian's server on a private folder and a free port of this machine, gone afterwards."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2

from datahub_dagster.cli.serve import free_port

HOST = "127.0.0.1"
STARTS_WITHIN = 60.0  # seconds
STOPS_WITHIN = 20.0
FOLDER = "datahub-postgres-"  # then the process that started it
DEBIAN = Path("/usr/lib/postgresql")
UNPRIVILEGED = ("postgres", "nobody")  # who runs it for root, whom initdb refuses

# Nothing in it outlives the test, so nothing needs to reach the disk.
HURRY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """A running server. It takes this user by password, over TCP from this machine, and nobody else."""

    port: int
    password: str = field(repr=False)
    host: str = HOST
    user: str = "dagster"
    database: str = "postgres"

    def environment(self) -> dict[str, str]:
        """What `deploy/dagster.yaml` asks of the environment."""
        return {
            "DAGSTER_PG_HOST": self.host,
            "DAGSTER_PG_PORT": str(self.port),
            "DAGSTER_PG_USER": self.user,
            "DAGSTER_PG_PASSWORD": self.password,
            "DAGSTER_PG_DB": self.database,
        }


@contextmanager
def start_postgres() -> Iterator[Postgres]:
    """A server that lasts as long as the block, and no longer than this process.

    Raises:
        RuntimeError: There is no server program, or it doesn't start; the message has the end of its log.
    """
    programs = find_programs()
    folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-"))
    try:
        account = _account()
        if account:
            os.chown(folder, account.pw_uid, account.pw_gid)
        server = Postgres(port=free_port(0), password=secrets.token_urlsafe(16))
        _make_cluster(programs, folder, server, account)
        with _running(programs, folder, server, account):
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_programs() -> Path:
    """The folder of `initdb` and `postgres`: that of PATH, or else the newest of Debian's, which keeps them out of PATH.

    Raises:
        RuntimeError: There is none.
    """
    if (found := shutil.which("initdb")) and shutil.which("postgres"):
        return Path(found).resolve().parent
    versions = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]), reverse=True)
    if versions:
        return versions[0].parent
    raise RuntimeError("no PostgreSQL server here (Debian: sudo apt-get install postgresql)")


def _account() -> pwd.struct_passwd | None:
    """Whom the server runs as, if not as this user."""
    if os.geteuid() != 0:
        return None
    known = {each.pw_name: each for each in pwd.getpwall()}
    return next(known[name] for name in UNPRIVILEGED if name in known)


def _as(account: pwd.struct_passwd | None, *command: str | Path) -> list[str]:
    """The command as that user; it gets SIGINT, an orderly end, should this process die."""
    prefix = ["setpriv", "--pdeathsig", "INT"]
    if account:
        prefix += ["--reuid", str(account.pw_uid), "--regid", str(account.pw_gid), "--clear-groups"]
    return [*prefix, "--", *map(str, command)]


def _make_cluster(programs: Path, folder: Path, server: Postgres, account: pwd.struct_passwd | None) -> None:
    secret = folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(server.password, encoding="utf-8")
    if account:
        os.chown(secret, account.pw_uid, account.pw_gid)
    # SCRAM would take a client 3 ms each time, and Dagster makes ten thousand connections in a few minutes.
    options = ["--auth=md5", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
    command = _as(
        account,
        programs / "initdb",
        *options,
        f"--username={server.user}",
        f"--pwfile={secret}",
        folder / "data",
    )
    made = subprocess.run(
        command, cwd=folder, env=_environment(), capture_output=True, text=True, check=False
    )
    secret.unlink()
    if made.returncode:
        raise RuntimeError(f"initdb ended with code {made.returncode}:\n{made.stdout}{made.stderr}")


@contextmanager
def _running(
    programs: Path, folder: Path, server: Postgres, account: pwd.struct_passwd | None
) -> Iterator[None]:
    settings = [
        *HURRY,
        f"listen_addresses={server.host}",
        f"port={server.port}",
        "unix_socket_directories=",  # none: a socket would lie in a folder that others see
        "max_connections=200",
    ]
    words = [word for setting in settings for word in ("-c", setting)]
    log = folder / "server.log"
    with log.open("wb") as sink:
        child = subprocess.Popen(
            _as(account, programs / "postgres", "-D", folder / "data", *words),
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for whoever started it, who then stops it
        )
    try:
        _wait_until_up(child, server, log)
        yield
    finally:
        _stop(child)


def _wait_until_up(child: "subprocess.Popen[bytes]", server: Postgres, log: Path) -> None:
    give_up_at = time.monotonic() + STARTS_WITHIN
    while child.poll() is None and time.monotonic() < give_up_at:
        try:
            connect(server).close()
        except psycopg2.OperationalError:
            time.sleep(0.05)
        else:
            return
    said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise RuntimeError(f"PostgreSQL did not start on port {server.port}:\n{said}")


def connect(server: Postgres) -> "psycopg2.extensions.connection":
    """A connection to it; the caller closes it."""
    return psycopg2.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        dbname=server.database,
        connect_timeout=5,
    )


def _stop(child: "subprocess.Popen[bytes]") -> None:
    """Ask for an orderly end without waiting for clients, then insist."""
    for sign in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if child.poll() is None:
            child.send_signal(sign)
            try:
                child.wait(STOPS_WITHIN)
            except subprocess.TimeoutExpired:
                continue


def _environment() -> dict[str, str]:
    """Without the developer's own PG* variables, time zone and language."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C", "TZ": "UTC"}
