"""What all pictures are made of: escaped text, short numbers, the frame of an SVG."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from markupsafe import Markup, escape

_NOT_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(value: object) -> Markup:
    """A text as XML can hold it: escaped, without control characters."""
    return escape(_NOT_XML.sub("", str(value)))


def number(value: float) -> str:
    """A coordinate, to a tenth of a pixel.

    >>> number(12.0), number(3.14159)
    ('12', '3.1')
    """
    return f"{value:.1f}".removesuffix(".0")


def titled(title: str) -> Markup:
    """What is shown when a shape is pointed at."""
    return Markup(f"<title>{text(title)}</title>")


def path(kind: str, d: str, title: str = "") -> Markup:
    """A shape; `kind` is its class. Both are ours, and hold nothing to escape."""
    return Markup(f'<path class="{kind}" d="{d}"' + (f">{titled(title)}</path>" if title else "/>"))


def label(x: float, y: float, value: str, kind: str = "") -> Markup:
    """A text at a place."""
    of_kind = f' class="{kind}"' if kind else ""
    return Markup(f'<text x="{number(x)}" y="{number(y)}"{of_kind}>{text(value)}</text>')


def picture(
    kind: str,
    width: float,
    height: float,
    name: str,
    body: Iterable[Markup],
    *,
    role: str = "img",
    more: str = "",
) -> Markup:
    """An SVG of a size in pixels, which shrinks with the screen.

    Args:
        kind: Its class.
        width: In pixels.
        height: In pixels.
        name: What it says, in a sentence: for those who don't see it.
        body: What is in it.
        role: `group` for one with links in it; the parts of an `img` are nobody's to reach.
        more: Further attributes.
    """
    size = f'width="{number(width)}" height="{number(height)}" viewBox="0 0 {number(width)} {number(height)}"'
    start = f'<svg class="{kind}" role="{role}" aria-label="{text(name)}" {size}{" " + more if more else ""}>'
    return Markup(start + "".join(body) + "</svg>")


def empty(sentence: str) -> Markup:
    """Instead of a picture of nothing."""
    return Markup('<p class="muted small">{}</p>').format(text(sentence))


def fitted(value: str, width: float, size: float = 12) -> str:
    """A text that fits into a width, cut with an ellipsis; widths of letters are estimated, wide ones count twice.

    >>> fitted("card_settlements", 200), fitted("card_settlements", 60)
    ('card_settlements', 'card_set…')
    """
    room = width / (size * 0.53)
    for index, letter in enumerate(value):
        room -= 1.8 if unicodedata.east_asian_width(letter) in "WF" else 1
        if room < 0:
            return value[: max(index - 1, 1)] + "…"
    return value


def zone_of(key: str) -> ZoneInfo:
    """A time zone by its name; UTC where nobody knows it."""
    try:
        return ZoneInfo(key)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def day_in(zone: ZoneInfo, iso: str) -> date:
    """The day of an instant on the clocks of a zone."""
    return instant(iso).astimezone(zone).date()


def instant(iso: str) -> datetime:
    """An instant of a document, in UTC."""
    return datetime.fromisoformat(iso).astimezone(UTC)
