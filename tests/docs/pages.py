"""The documents as data: their blocks of code, their links, their commands."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import REPO

DOCS = REPO / "docs"
PAGES = sorted([REPO / "README.md", REPO / "CHANGELOG.md", REPO / "CONTRIBUTING.md", *DOCS.rglob("*.md")])

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code; `line` is that of its first line."""

    language: str
    text: str
    page: Path
    line: int

    def __str__(self) -> str:
        return f"{self.page.relative_to(REPO)}:{self.line}"


@dataclass(frozen=True, slots=True)
class Call:
    """A command as a reader types it, and what the page shows of its output."""

    command: str
    shown: tuple[str, ...]
    place: str

    @property
    def words(self) -> list[str]:
        """The command in words, without variables before it and what follows a pipe or `;`."""
        words = shlex.split(self.command.split(" | ")[0].split(";")[0], comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words = words[1:]
        return words


def blocks(page: Path, *languages: str) -> Iterator[Block]:
    """The blocks of a page in these languages (none: all), in order."""
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        if not languages or match[1] in languages:
            yield Block(match[1], match[2], page, text[: match.start(2)].count("\n") + 1)


def calls(block: Block) -> list[Call]:
    """The commands of a console block: lines after `$ `, continued by a backslash."""
    found: list[Call] = []
    lines = iter(enumerate(block.text.splitlines(), start=block.line))
    for number, line in lines:
        if line.startswith("$ "):
            command = line[2:]
            while command.endswith("\\"):
                command = command[:-1] + next(lines)[1].strip()
            found.append(Call(command, (), f"{block.page.relative_to(REPO)}:{number}"))
        elif found:
            found[-1] = Call(found[-1].command, (*found[-1].shown, line), found[-1].place)
    return found


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def name_of(page: Path) -> str:
    """How a page is called in the list of tests."""
    return page.relative_to(REPO).as_posix()
