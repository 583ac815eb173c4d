"""What a command prints: text and tables for people, one JSON document for programs.

Results go to stdout, everything else (progress, notes) to stderr. Commands hand over values, `Rows` and lines;
only this module knows rich, which it imports when there is something to draw.
"""

import dataclasses
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from enum import Enum
from pathlib import PurePath
from typing import IO, TYPE_CHECKING, NamedTuple

from datahub_dagster.domain.names import DatasetName, Location, ReleaseId
from datahub_dagster.ports import StepEvent

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

PLAIN_WIDTH = 160  # columns where nobody watches: a file, a log, a pipe


class Styled(NamedTuple):
    """Text with a colour or weight, in rich's words."""

    text: str
    style: str


Cell = str | Styled


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A table.

    Args:
        columns: Their titles.
        rows: A cell for each column; a cell may have several lines.
        title: Stands above.
        numbers: Columns to be aligned right.
        narrow: Columns that never wrap.
        indent: In characters.
        needs_width: In a narrower terminal each row becomes a paragraph; 0 = never.
        headline: So many of the first columns begin the paragraph.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    numbers: tuple[str, ...] = ()
    narrow: tuple[str, ...] = ()
    indent: int = 0
    needs_width: int = 0
    headline: int = 1


Line = str | Styled | Rows


class Output:
    """Prints for people or for programs."""

    def __init__(self, *, as_json: bool = False, quiet: bool = False) -> None:
        self.as_json = as_json
        self.quiet = quiet

    def result(self, value: Mapping[str, object], lines: Iterable[Line]) -> None:
        """Print the outcome of a command: `value` for programs, `lines` (drawn only if needed) for people."""
        if self.as_json:
            sys.stdout.write(json.dumps(plain(value), ensure_ascii=False, indent=2) + "\n")
        else:
            self.lines(lines)

    def document(self, text: str) -> None:
        """Print a text for other programs as it is."""
        sys.stdout.write(text)

    def lines(self, lines: Iterable[Line]) -> None:
        """Print for people; nothing where programs listen."""
        if self.as_json:
            return
        for line in lines:
            _draw(line, sys.stdout)

    def note(self, line: Cell, style: str = "") -> None:
        """Say something beside the result, on stderr."""
        if not self.quiet:
            _draw(Styled(line, style) if style and isinstance(line, str) else line, sys.stderr)

    @contextmanager
    def progress(self, *, steps: bool = True) -> Iterator["Progress"]:
        """Show what happens while it happens: one moving line in a terminal, a line a step elsewhere.

        Args:
            steps: Whether each step is worth a line where there is no terminal.
        """
        if self.quiet:
            yield Progress()
        elif not sys.stderr.isatty():
            yield Progress(say=self.note, show=self.note if steps else None)
        else:
            with _console(sys.stderr).status("...") as status:
                yield Progress(say=self.note, show=lambda text: status.update(_text(text)))


class Progress:
    """Takes the steps of the pipeline. `title` stands before each, such as 3/12."""

    def __init__(
        self,
        *,
        say: Callable[[Cell], None] = lambda _line: None,
        show: Callable[[str], None] | None = None,
    ) -> None:
        self.title = ""
        self.say = say  # leaves a line behind
        self._show = show
        self._shown = ""

    def on_step(self, event: StepEvent) -> None:
        """Show one step. What it says of each single file is for a moving line only."""
        step = f"{event.dataset}: {event.step}"
        if event.step == "stage" and self._shown.startswith(step) and not sys.stderr.isatty():
            return
        self.show(step + (f" - {event.message}" if event.message else ""))

    def show(self, text: str) -> None:
        """Show what is being done now."""
        self._shown = text
        if self._show is not None:
            self._show(f"{self.title} {text}".strip())


def plain(value: object) -> object:
    """A value as JSON has it: dates and durations (seconds) spelled out, names as text, fields by their name.

    >>> plain({"release": ReleaseId(date(2026, 11, 20), 7), "took": timedelta(minutes=1)})
    {'release': '2026-11-20.7', 'took': 60.0}
    """
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, DatasetName | ReleaseId | Location | PurePath):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, Set):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, Iterable):
        return [plain(item) for item in value]
    return str(value)


def printable(text: str) -> str:
    r"""Text that can't move a terminal's cursor, recolour it or reverse a line: names come from strangers.

    >>> printable("red\x1b[31m")
    'red\\x1b[31m'
    """
    return "".join(char if _is_harmless(char) else char.encode("unicode_escape").decode() for char in text)


def _is_harmless(char: str) -> bool:
    code = ord(char)
    if char in "\n\t":
        return True
    direction = 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069
    return not (code < 32 or 127 <= code < 160 or 0xD800 <= code <= 0xDFFF or direction)


def _draw(line: Line, stream: IO[str]) -> None:
    if isinstance(line, str):
        stream.write(printable(line) + "\n")  # most lines: no reason to import rich
    elif isinstance(line, Styled) and not stream.isatty():
        stream.write(printable(line.text) + "\n")
    elif isinstance(line, Rows):
        _draw_table(line, stream)
    else:
        _console(stream).print(_text(line), soft_wrap=True)


def _draw_table(rows: Rows, stream: IO[str]) -> None:
    console = _console(stream)
    if console.width < rows.needs_width:
        for paragraph in _paragraphs(rows):
            console.print(_text(paragraph), soft_wrap=True)
        return
    if stream.isatty():
        console.print(_table(rows))
        return
    with console.capture() as drawn:
        console.print(_table(rows))
    lines = [line.rstrip() for line in drawn.get().splitlines()]
    stream.write("\n".join(line for line in lines if line) + "\n")


def _paragraphs(rows: Rows) -> Iterator[Cell]:
    """Each row as a headline and a line for each other column that says something."""
    width = max(len(column) for column in rows.columns[rows.headline :])
    if rows.title:
        yield Styled(rows.title, "bold")
    for row in rows.rows:
        yield Styled(" ".join(text_of(cell).replace("\n", "  ") for cell in row[: rows.headline]), "bold")
        for label, cell in zip(rows.columns[rows.headline :], row[rows.headline :], strict=True):
            if not text_of(cell):
                continue
            first, *others = text_of(cell).split("\n")
            lines = [f"  {label:<{width}}  {first}", *(f"  {'':<{width}}  {line}" for line in others)]
            yield Styled("\n".join(lines), cell.style if isinstance(cell, Styled) else "")


def text_of(cell: Cell) -> str:
    """The text alone."""
    return cell.text if isinstance(cell, Styled) else cell


def _console(stream: IO[str]) -> "Console":
    import os

    from rich.console import Console

    width = None if stream.isatty() or os.environ.get("COLUMNS") else PLAIN_WIDTH
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)


def _text(cell: Cell) -> "RenderableType":
    from rich.text import Text

    return Text(printable(cell.text), style=cell.style) if isinstance(cell, Styled) else Text(printable(cell))


def _table(rows: Rows) -> "RenderableType":
    from rich import box
    from rich.padding import Padding
    from rich.table import Table

    table = Table(
        box=box.SIMPLE_HEAD,
        title=rows.title or None,
        title_justify="left",
        title_style="bold",
        pad_edge=False,
    )
    for column in rows.columns:
        table.add_column(
            column,
            justify="right" if column in rows.numbers else "left",
            no_wrap=column in rows.narrow or column in rows.numbers,
            overflow="fold",
        )
    for row in rows.rows:
        table.add_row(*(_text(cell) for cell in row))
    return Padding(table, (0, 0, 0, rows.indent))
