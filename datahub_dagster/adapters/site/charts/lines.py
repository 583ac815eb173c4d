"""Numbers over time: what was left of an error budget, how many rows releases had."""

from markupsafe import Markup

from datahub_dagster.adapters.site.charts import svg
from datahub_dagster.adapters.site.charts.calendar import counts, leaves_out, slo_name
from datahub_dagster.adapters.site.documents.schema import DeliveryDocument, SloHistory
from datahub_dagster.adapters.site.speech import Speech

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 420, 132, 44, 10, 22
_MOST_RELEASES = 60


def budget_curve(history: SloHistory, speech: Speech) -> Markup:
    """How many more due times could have been broken, from the begin of the window to its newest result."""
    results = [result for result in history["results"] if result["verdict"] in ("met", "late", "missed")]
    if not results:
        return svg.empty(speech.gettext("Nothing was due yet."))
    allowed, zone = history["budget_allowed"], svg.zone_of(history["timezone"])
    begin = results[0]["at"] if leaves_out(history) else min(history["since"], results[0]["at"])
    start = svg.instant(begin).timestamp()
    end = max(svg.instant(results[-1]["at"]).timestamp(), start + 1)
    broken = sum(result["verdict"] != "met" for result in results)
    left = allowed - (
        history["late"] + history["missed"] - broken
    )  # what was broken before the first that is here
    before, steps = left, dict[int, float]()  # by pixel, so that any number of results makes a bounded curve
    for result in results:
        if result["verdict"] != "met":
            left -= 1
            at = svg.instant(result["at"]).timestamp()
            steps[_LEFT + round((at - start) / (end - start) * (_WIDTH - _LEFT))] = left
    steps[_WIDTH] = left
    scale = _Scale(min(left, 0.0), allowed or 1.0)
    curve = f"M{_LEFT} {scale.y(before)}" + "".join(f"H{x}V{scale.y(y)}" for x, y in steps.items())
    zero, top = scale.y(0), scale.y(allowed)
    first, last = (svg.day_in(zone, at).isoformat() for at in (begin, results[-1]["at"]))
    name = speech.gettext("Error budget of %(slo)s, from %(first)s to %(last)s: %(budget)s (%(counts)s)") % {
        "slo": slo_name(history, speech),
        "first": speech.day(first),
        "last": speech.day(last),
        "budget": speech.budget(history),
        "counts": counts(history, speech),
    }
    over = scale.y(scale.low)
    body = [
        svg.path("over", f"M{_LEFT} {zero}H{_WIDTH}V{over}H{_LEFT}z") if scale.low < 0 else Markup(""),
        svg.path("axis", f"M{_LEFT} {zero}H{_WIDTH}"),
        svg.path("allowed", f"M{_LEFT} {top}H{_WIDTH}") if allowed else Markup(""),
        svg.path("spent" if left < 0 else "curve", curve),
        svg.label(_LEFT - 6, float(zero) + 4, "0", "end"),
        svg.label(_LEFT - 6, float(top) + 4, _amount(allowed), "end") if _apart(top, zero) else Markup(""),
        svg.label(_LEFT - 6, float(over) + 4, _amount(left), "end")
        if left < 0 and _apart(over, zero)
        else Markup(""),
        *_dates(speech.day(first), speech.day(last)),
    ]
    return _figure("curve-of-budget", name, body)


def trend(deliveries: list[DeliveryDocument], speech: Speech) -> Markup:
    """A point for each of the newest published releases, at the rows that readers had with it."""
    published = [each for each in deliveries if each["published_at"] and _published_rows(each) is not None]
    points = [
        (svg.instant(each["published_at"] or "").timestamp(), _published_rows(each) or 0, each)
        for each in published[:_MOST_RELEASES]
    ]
    points.sort(key=lambda point: point[0])
    if len(points) < 2:
        return Markup("")
    start, end = points[0][0], max(points[-1][0], points[0][0] + 1)
    most = max(rows for _, rows, _ in points)
    scale = _Scale(0.0, float(max(most, 1)))
    places = [
        (svg.number(_LEFT + 4 + (at - start) / (end - start) * (_WIDTH - _LEFT - 8)), scale.y(rows), each)
        for at, rows, each in points
    ]
    line = "M" + "L".join(f"{x} {y}" for x, y, _ in places)
    first, last = (_day_of(each, speech) for each in (places[0][2], places[-1][2]))
    name = speech.gettext(
        "Rows of %(number)s releases, from %(first)s to %(last)s: %(was)s at first, %(now)s at last"
    ) % {
        "number": speech.count(len(points)),
        "first": first,
        "last": last,
        "was": speech.count(points[0][1]),
        "now": speech.count(points[-1][1]),
    }
    body = [
        svg.path("axis", f"M{_LEFT} {scale.y(0)}H{_WIDTH}"),
        svg.path("curve", line),
        *(
            Markup('<circle class="point" cx="{}" cy="{}" r="3">{}</circle>').format(
                x, y, svg.titled(f"{each['release']}: {speech.count(_published_rows(each))}")
            )
            for x, y, each in places
        ),
        svg.label(_LEFT - 6, float(scale.y(0)) + 4, "0", "end"),
        svg.label(_LEFT - 6, float(scale.y(most)) + 4, _short(most), "end"),
        *_dates(first, last),
    ]
    return _figure("trend", name, body)


def _published_rows(delivery: DeliveryDocument) -> int | None:
    """Of the whole dataset; a release that brings some of its partitions has fewer."""
    return delivery["dataset_rows"] if delivery["partitions"] else delivery["rows"]


class _Scale:
    """From values to pixels, upside down as SVG counts them."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def y(self, value: float) -> str:
        share = (self.high - value) / (self.high - self.low)
        return svg.number(_TOP + share * (_HEIGHT - _TOP - _BOTTOM))


def _figure(kind: str, name: str, body: list[Markup]) -> Markup:
    return Markup('<figure class="chart">{}</figure>').format(
        svg.picture(f"lines {kind}", _WIDTH, _HEIGHT, name, body)
    )


def _dates(first: str, last: str) -> list[Markup]:
    return [svg.label(_LEFT, _HEIGHT - 5, first), svg.label(_WIDTH, _HEIGHT - 5, last, "end")]


def _apart(one: str, other: str) -> bool:
    """Whether two labels don't lie upon each other."""
    return abs(float(one) - float(other)) >= 12


def _day_of(delivery: DeliveryDocument, speech: Speech) -> str:
    return speech.day(svg.day_in(svg.zone_of(speech.zone.key), delivery["published_at"] or "").isoformat())


def _amount(value: float) -> str:
    """How many due times, which need not be whole.

    >>> _amount(3.25), _amount(-12000.0)
    ('3.25', '−12,000')
    """
    return f"{value:,.2f}".rstrip("0").rstrip(".").replace("-", "−")


def _short(number: int) -> str:
    """A number in the room beside an axis.

    >>> _short(950), _short(1_204_113), _short(10_000)
    ('950', '1.2M', '10k')
    """
    for unit, factor in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= factor:
            return f"{number / factor:.1f}".removesuffix(".0") + unit
    return str(number)
