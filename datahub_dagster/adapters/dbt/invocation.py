"""Runs dbt inside this process. What is shared in dbt, and so dangerous, is handled here once; what is the engine's, by the engine.

dbt keeps its flags and its adapters in module-level variables: two invocations at once would see each other's.
"""

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from datahub_dagster.adapters.dbt.parse import DBT_LOCK
from datahub_dagster.adapters.dbt.profiles import PROFILE
from datahub_dagster.errors import EngineError

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest

_ALWAYS = (
    "--no-send-anonymous-usage-stats",
    "--no-use-colors",
    "--no-print",
    "--no-fail-fast",
    "--no-defer",
    "--no-version-check",
    "--log-level=none",
    "--log-level-file=none",
    "--quiet",
)


def invoke_dbt(
    command: Sequence[str],
    *,
    project_dir: Path,
    profiles_dir: Path,
    target_dir: Path,
    manifest: "Manifest | None" = None,
) -> "dbtRunnerResult":
    """Run one dbt command, with a manifest that needs no parsing if there is one, and give back dbt's own result.

    Nothing is written but to `target_dir`. Threads wait for each other. A failed test is a result; dbt's own failure is an error.

    Raises:
        EngineError: dbt as a whole could not run.
    """
    # Importing dbt takes more than a second, and not every command of the hub needs it.
    from dbt.cli.main import dbtRunner

    arguments = [
        *command,
        f"--project-dir={project_dir}",
        f"--profiles-dir={profiles_dir}",
        f"--profile={PROFILE}",
        f"--target-path={target_dir}",
        f"--log-path={target_dir}",
        *_ALWAYS,
    ]
    with DBT_LOCK, _folder_left_as_found():
        result = dbtRunner(manifest=manifest).invoke(arguments)
    if result.exception is not None:
        raise engine_error(command[0], project_dir, result.exception) from result.exception
    return result


def engine_error(command: str, project_dir: Path, cause: BaseException) -> EngineError:
    """The failure of dbt in the hub's words."""
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return EngineError(
        f"dbt {command} could not run",
        subject=str(project_dir),
        found=f"{type(cause).__name__}: {' '.join(lines)[:1000]}",
        consumers="still read what was published before",
        next_step=f"dbt {command} --project-dir {project_dir}, or datahub doctor",
    )


def reason_in(message: str) -> str:
    """What dbt says of a test that could not run, without its headline, its traces, and the line of the SQL."""
    text = re.sub(r"\A\s*\w[\w ]* Error in test [^\n]*\n", "", message)
    text = re.split(r"\n\s*(?:LINE \d+:|compiled code at |> in macro |> called by )", text, maxsplit=1)[0]
    return " ".join(line.strip() for line in text.splitlines() if line.strip())


@contextmanager
def temporary_target() -> Iterator[Path]:
    """A folder for what dbt writes while it runs."""
    with tempfile.TemporaryDirectory(prefix="datahub-dbt-") as folder:
        yield Path(folder)


@contextmanager
def _folder_left_as_found() -> Iterator[None]:
    folder = _current_folder()
    try:
        yield
    finally:
        if folder is not None:
            os.chdir(folder)


def _current_folder() -> Path | None:
    try:
        return Path.cwd()
    except FileNotFoundError:  # somebody removed it
        return None
