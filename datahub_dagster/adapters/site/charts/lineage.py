"""Who is next to a dataset, as boxes with links: the datasets that its tests read, itself, and whoever reads it."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from datahub_dagster.adapters.site import paths
from datahub_dagster.adapters.site.charts import svg
from datahub_dagster.adapters.site.documents.schema import DatasetDocument, Lineage
from datahub_dagster.adapters.site.speech import Speech

_MOST_LEFT, _MOST_RIGHT = 8, 12
_BOX, _HIGH, _GAP = 220, 44, 10
_WIDE, _NARROW, _INDENT = 780, 320, 28


@dataclass(frozen=True, slots=True, kw_only=True)
class _Box:
    title: str
    below: str = ""  # a second line
    url: str | None = None
    kind: str = "dataset"
    is_test: bool = False  # whether a test links it: a dashed line


def lineage(doc: DatasetDocument, up: str, speech: Speech) -> Markup:
    """Two pictures: columns side by side, and boxes below each other for narrow screens."""
    near = doc["lineage"]
    left = _bounded(_reads(near, up, speech), _MOST_LEFT, speech)
    right = _bounded(_readers(near, up, speech), _MOST_RIGHT, speech)
    if not left and not right:
        return svg.empty(speech.gettext("No consumer and no other dataset is linked with it."))
    middle = _Box(title=doc["dataset"], below=doc["team"], kind="self")
    name = speech.gettext(
        "Neighbours of %(dataset)s: datasets that its tests read: %(reads)s, consumers: %(consumers)s, "
        "datasets whose tests read it: %(tests)s"
    ) % {
        "dataset": doc["dataset"],
        "reads": speech.count(len(near["reads"])),
        "consumers": speech.count(len(near["consumers"])),
        "tests": speech.count(len(near["read_by_tests"])),
    }
    return Markup('<figure class="chart">{}{}</figure>').format(
        _side_by_side(left, middle, right, name), _below_each_other(left, middle, right, name)
    )


def _reads(near: Lineage, up: str, speech: Speech) -> list[_Box]:
    below = speech.gettext("read by its tests")
    return [
        _Box(title=each["dataset"], below=below, url=_url(each["page"], up, speech), is_test=True)
        for each in near["reads"]
    ]


def _readers(near: Lineage, up: str, speech: Speech) -> list[_Box]:
    consumers = [
        _Box(
            title=each["label"] or each["name"],
            below=speech.word("kind", each["kind"] or each["type"])
            + (" · " + speech.gettext("affected") if each["is_affected"] else ""),
            url=_url(each["page"], up, speech),
            kind="consumer affected" if each["is_affected"] else "consumer",
        )
        for each in sorted(near["consumers"], key=lambda each: not each["is_affected"])
    ]
    below = speech.gettext("its tests read this")
    return consumers + [
        _Box(title=each["dataset"], below=below, url=_url(each["page"], up, speech), is_test=True)
        for each in near["read_by_tests"]
    ]


def _url(page: str | None, up: str, speech: Speech) -> str | None:
    return up + paths.in_language(page, speech.language) if page else None


def _bounded(boxes: list[_Box], most: int, speech: Speech) -> list[_Box]:
    if len(boxes) <= most:
        return boxes
    more = speech.gettext("and %(number)s more") % {"number": speech.count(len(boxes) - most + 1)}
    return [*boxes[: most - 1], _Box(title=more, kind="more", is_test=boxes[-1].is_test)]


def _side_by_side(left: Sequence[_Box], middle: _Box, right: Sequence[_Box], name: str) -> Markup:
    rows = max(len(left), len(right), 1)
    height = rows * (_HIGH + _GAP) - _GAP + 4
    columns = [boxes for boxes in (left, [middle], right) if boxes]
    across = (_WIDE - _BOX) / 2 if len(columns) == 3 else _BOX + 90
    width = across * (len(columns) - 1) + _BOX + 4
    at_middle = 2 + (across if left else 0)
    centre = height / 2
    edges: list[Markup] = []
    drawn: list[Markup] = []
    for index, boxes in enumerate(columns):
        x = 2 + index * across
        top = (height - len(boxes) * (_HIGH + _GAP) + _GAP) / 2
        for row, box in enumerate(boxes):
            y = top + row * (_HIGH + _GAP)
            drawn.append(_drawn(box, x, y, _BOX))
            if boxes is not columns[0] and x > at_middle:
                edges.append(_edge(box, at_middle + _BOX, centre, x, y + _HIGH / 2))
            elif x < at_middle:
                edges.append(_edge(box, x + _BOX, y + _HIGH / 2, at_middle, centre))
    return svg.picture("lineage wide", width, height, name, [*edges, *drawn], role="group")


def _below_each_other(left: Sequence[_Box], middle: _Box, right: Sequence[_Box], name: str) -> Markup:
    boxes = [*left, middle, *right]
    edges: list[Markup] = []
    drawn: list[Markup] = []
    at_middle = 2 + len(left) * (_HIGH + _GAP)
    trunk = 2 + _INDENT / 2
    for row, box in enumerate(boxes):
        y = 2 + row * (_HIGH + _GAP)
        is_middle = row == len(left)
        x = 2 if is_middle else 2 + _INDENT
        drawn.append(_drawn(box, x, y, _NARROW - x - 2))
        if not is_middle:
            end = at_middle if row < len(left) else at_middle + _HIGH
            line = f"M{svg.number(x)} {svg.number(y + _HIGH / 2)}H{svg.number(trunk)}V{svg.number(end)}"
            edges.append(svg.path(_edge_kind(box), line))
    height = len(boxes) * (_HIGH + _GAP) - _GAP + 4
    return svg.picture("lineage narrow", _NARROW, height, name, [*edges, *drawn], role="group")


def _drawn(box: _Box, x: float, y: float, width: float) -> Markup:
    room = width - 24
    corner = f'x="{svg.number(x)}" y="{svg.number(y)}"'
    shape = Markup(f'<rect class="box" {corner} width="{svg.number(width)}" height="{_HIGH}" rx="7"/>')
    first = y + (19 if box.below else 27)
    texts = svg.label(x + 12, first, svg.fitted(box.title, room, 13), "box-title")
    if box.below:
        texts += svg.label(x + 12, y + 35, svg.fitted(box.below, room, 11))
    inner = svg.titled(f"{box.title}, {box.below}" if box.below else box.title) + shape + texts
    if box.url is None:
        return Markup('<g class="{}">{}</g>').format(box.kind, inner)
    return Markup('<a class="{}" href="{}">{}</a>').format(box.kind, box.url, inner)


def _edge(box: _Box, x: float, y: float, to_x: float, to_y: float) -> Markup:
    between = svg.number((x + to_x) / 2)
    ends = (svg.number(value) for value in (x, y, to_x, to_y))
    start_x, start_y, end_x, end_y = ends
    curve = f"M{start_x} {start_y}C{between} {start_y} {between} {end_y} {end_x} {end_y}"
    return svg.path(_edge_kind(box), curve)


def _edge_kind(box: _Box) -> str:
    return "edge of-test" if box.is_test else "edge"
