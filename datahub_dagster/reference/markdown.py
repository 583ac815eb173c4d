"""Markdown as the reference pages need it."""

from collections.abc import Iterable, Iterator, Sequence

NOTE = "<!-- Written by `make docs`; change the code, not this page. -->"


def head(title: str, *paragraphs: str) -> Iterator[str]:
    """A page's title, the note for whoever edits it, and what it is about."""
    yield f"# {title}"
    yield ""
    yield NOTE
    yield ""
    for paragraph in paragraphs:
        yield paragraph
        yield ""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table, and an empty line after it."""
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    yield from (f"| {' | '.join(cell(text) for text in row)} |" for row in rows)
    yield ""


def cell(text: str) -> str:
    r"""A text in one line, with `|` written so that it doesn't end the cell.

    >>> cell("a\n b | c")
    'a b \\| c'
    """
    return " ".join(text.split()).replace("|", "\\|")


def first_paragraph(text: str | None) -> str:
    r"""The first paragraph of a docstring, in one line.

    >>> first_paragraph("What it\n    is.\n\n    More.")
    'What it is.'
    """
    return " ".join((text or "").split("\n\n")[0].split())


def page(lines: Iterable[str]) -> str:
    """The whole text, with one line break at the end."""
    return "\n".join(lines).rstrip() + "\n"
