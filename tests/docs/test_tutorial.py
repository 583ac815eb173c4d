"""The tutorial, done by a machine: its files are written, its commands are run, and what it shows must come.

A block that begins with `# <path>` (SQL: `-- <path>`) is a file. Output is compared loosely: spaces count as one, `...`
stands for anything, and the day in a release's name is today's.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, Block, Call, blocks, calls

pytestmark = pytest.mark.slow

TUTORIAL = DOCS / "tutorial.md"
RELEASE = re.compile(r"\b20\d\d-\d\d-\d\d\.(\d+)\b")  # 2026-11-23.7
FILE = re.compile(r"(?:#|--) (\S+/\S+|\S+\.py)\n")


class Reader:
    """Somebody who does what the page says, in one shell."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self.home = home
        self.folder = home
        self.state = home / ".shell"
        self.environment = dict(environment)
        self.code = 0

    def writes(self, path: str, text: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def types(self, call: Call) -> str:
        """Run a command, in the folder and with the variables that the one before left; its output."""
        command = RELEASE.sub(lambda match: self.release(match[1]), call.command)
        load = f". {self.state}; " if self.state.exists() else ""
        leave = f"code=$?; export -p > {self.state}; pwd > {self.state}.pwd; exit $code"
        script = f"{load}cd {self.folder}; (exit {self.code}); {command}\n{leave}"
        run = subprocess.run(
            ["bash", "-c", script],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        self.code = run.returncode
        self.folder = Path(Path(f"{self.state}.pwd").read_text(encoding="utf-8").strip())
        return run.stdout

    def release(self, number: str) -> str:
        """The release's real name: the page was not written today."""
        (found,) = (self.folder / "hub/releases/payments/orders").glob(f"*.{number}")
        return found.name


def test_the_tutorial_goes_as_it_says(tmp_path: Path) -> None:
    reader = Reader(
        tmp_path,
        {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "300"},
    )
    done = 0
    for block in blocks(TUTORIAL, "console", "yaml", "python", "sql"):
        if block.language == "console":
            for call in calls(block):
                must_show(call, reader.types(call))
                done += 1
        elif match := FILE.match(block.text):
            reader.writes(match[1], block.text)

    assert done > 25


@pytest.mark.parametrize(
    ("shown", "output", "fits"),
    [
        pytest.param(["a  b"], "x a b y", True, id="spaces"),
        pytest.param(["a ... c"], "a b c", True, id="dots"),
        pytest.param(["release 2026-11-23.1"], "release 2027-01-05.1", True, id="another day"),
        pytest.param(["release 2026-11-23.1"], "release 2027-01-05.2", False, id="another number"),
        pytest.param(["one", "two"], "two\none", False, id="another order"),
    ],
)
def test_output_is_compared_loosely_but_compared(shown: list[str], output: str, fits: bool) -> None:
    call = Call("true", tuple(shown), "here:1")
    if fits:
        must_show(call, output)
    else:
        with pytest.raises(AssertionError):
            must_show(call, output)


def must_show(call: Call, output: str) -> None:
    """Every line that the page shows comes, in its order."""
    rest = normal(output)
    for line in (normal(line) for line in call.shown if line.strip(" .")):
        pattern = ".*?".join(re.escape(part.strip()) for part in line.split("..."))
        match = re.search(pattern, rest, flags=re.DOTALL)
        assert match, f"{call.place}: $ {call.command}\ndoes not show\n  {line}\nbut\n{output}"
        rest = rest[match.end() :]


def normal(text: str) -> str:
    """With single spaces, and all releases of one day."""
    return RELEASE.sub(r"DAY.\1", " ".join(text.split()))


def test_every_command_of_the_tutorial_is_in_a_block_that_runs() -> None:
    found: list[Block] = list(blocks(TUTORIAL, "sh"))

    assert all(block.text.startswith("dagster dev") for block in found)
