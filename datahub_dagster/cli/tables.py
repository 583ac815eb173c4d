"""A table in the forms that other programs read: CSV for spreadsheets, Markdown for chats and wikis."""

import csv
import io
from collections.abc import Iterable, Sequence


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """CSV as RFC 4180 has it, with Unix line ends; `true` and `false` as JSON has them, nothing for None.

    >>> print(csv_text(["name", "kept"], [["a, b", True], ["c", None]]), end="")
    name,kept
    "a, b",true
    c,
    """
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([str(cell).lower() if isinstance(cell, bool) else cell for cell in row] for row in rows)
    return written.getvalue()


def markdown_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    r"""A table in Markdown. What a team wrote stays text: no cell, line or markup of its own.

    >>> print(markdown_text(["name"], [["a|b\nc"], ["<b>*"]]), end="")
    | name |
    |---|
    | a\|b<br>c |
    | &lt;b&gt;\* |
    """
    lines = [columns, *rows]
    drawn = ["| " + " | ".join(markdown_cell(cell) for cell in line) + " |" for line in lines]
    return "\n".join([drawn[0], "|" + "---|" * len(columns), *drawn[1:]]) + "\n"


def markdown_cell(value: object) -> str:
    """A value as Markdown's own characters can't change it."""
    text = "" if value is None else str(value)
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(char, entity)
    for char in "\\|`*_[]":
        text = text.replace(char, "\\" + char)
    return "<br>".join(text.splitlines())
