"""What may stand after `calendar:` in a contract, read into a tree.

    calendar := rule "of" term | term ("and" term)* | term ("or" term)*
    term     := name | "(" calendar ")"
    rule     := ("first" | "2nd" | "3rd" | "4th" | ...) ["last"] | "last"
    name     := "daily" | "weekdays" | a country (JP) | an exchange (XTKS) | a calendar file of the hub

`XTKS and JP` are the days on which both have a session, `XTKS or XNYS` those on which either has. A rule takes one session of each month:
`5th of JP`, `last of XTKS`, `2nd last of (XTKS and JP)`. What could be read in two ways is refused: it wants parentheses.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

KEYWORDS = frozenset({"and", "or", "of", "first", "last"})
"""No calendar file may be called so."""

_TOKEN = re.compile(r"[()]|[^\s()]+")
_ORDINAL = re.compile(r"(\d{1,2})(st|nd|rd|th)")
_MOST_TOKENS = 60
_MOST_DAYS = 31


@dataclass(frozen=True, slots=True)
class Named:
    """The sessions of a calendar, by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Both:
    """The days on which all parts have a session."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """The days on which any part has a session."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class OfMonth:
    """One session of each month: 1 = its first, -1 = its last, -2 = the one before that."""

    number: int
    base: "Expression"


Expression = Named | Both | Either | OfMonth


@lru_cache(maxsize=4096)
def parse_calendar(text: str) -> Expression:
    """The calendar that a text describes. Whether its names are those of calendars is not asked here.

    Raises:
        ValueError: The text follows no rule of the module's grammar; the message says what to write.

    >>> parse_calendar("2nd last of (XTKS and JP)")
    OfMonth(number=-2, base=Both(parts=(Named(name='XTKS'), Named(name='JP'))))
    """
    tokens = _TOKEN.findall(text)
    if not tokens or len(tokens) > _MOST_TOKENS:
        raise ValueError(f"there is no calendar {text[:80]!r}")
    return _Parser(tokens).whole()


def names_in(expression: Expression) -> Iterator[str]:
    """The names of all calendars that a text mentions, in its order."""
    match expression:
        case Named(name):
            yield name
        case OfMonth(_, base):
            yield from names_in(base)
        case Both(parts) | Either(parts):
            for part in parts:
                yield from names_in(part)


def ordinal(number: int) -> str:
    """A number as the place in an order.

    >>> ordinal(1), ordinal(2), ordinal(13), ordinal(22)
    ('1st', '2nd', '13th', '22nd')
    """
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


class _Parser:
    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def whole(self) -> Expression:
        found = self._calendar()
        if (token := self._peek()) is None:
            return found
        before = self._tokens[self._at - 1]
        if token == ")":
            raise ValueError("there is a ) without its (")
        if token in ("and", "or"):
            raise ValueError(f"put parentheses around what belongs together, before and after {token!r}")
        if token == "of":
            raise ValueError(f"before 'of' stands {before!r}: write first, 2nd, 3rd, ..., last, or 2nd last")
        raise ValueError(f"after {before!r} stands {token!r}: write 'and', 'or', or nothing")

    def _calendar(self) -> Expression:
        if (number := self._rule()) is not None:
            return OfMonth(number, self._term())
        parts = [self._term()]
        word = self._peek()
        while word in ("and", "or") and self._peek() == word:
            self._at += 1
            parts.append(self._term())
        if len(parts) == 1:
            return parts[0]
        return Both(tuple(parts)) if word == "and" else Either(tuple(parts))

    def _rule(self) -> int | None:
        token = self._peek() or ""
        if token == "last":
            self._at += 1
            self._expect_of()
            return -1
        match = _ORDINAL.fullmatch(token)
        if token != "first" and match is None:
            return None
        number = int(match[1]) if match else 1
        if match and (ordinal(number) != token or not 1 <= number <= _MOST_DAYS):
            meant = f"write {ordinal(number)}" if 1 <= number <= _MOST_DAYS else "a month has 1st to 31st"
            raise ValueError(f"{token!r} is no place in a month: {meant}")
        self._at += 1
        if self._peek() == "last":
            self._at += 1
            number = -number
        self._expect_of()
        return number

    def _expect_of(self) -> None:
        if self._peek() != "of":
            before = self._tokens[self._at - 1]
            raise ValueError(f"after {before!r} must stand 'of' and a calendar, such as {before} of XTKS")
        self._at += 1

    def _term(self) -> Expression:
        token = self._peek()
        if token is None or token in KEYWORDS or token == ")" or _ORDINAL.fullmatch(token):
            found = "nothing" if token is None else repr(token)
            before = f"after {self._tokens[self._at - 1]!r}" if self._at else "at its beginning"
            raise ValueError(f"{before} stands {found}, where a calendar's name or ( must stand")
        self._at += 1
        if token != "(":
            return Named(token)
        inside = self._calendar()
        if self._peek() != ")":
            raise ValueError(
                "there is a ( without its ), or too much between them: each pair holds one calendar"
            )
        self._at += 1
        return inside

    def _peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None
