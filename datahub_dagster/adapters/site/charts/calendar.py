"""How an SLO was kept, day by day: a calendar for its own page, a strip for lists."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from itertools import groupby

from babel.dates import get_day_names, get_month_names
from markupsafe import Markup

from datahub_dagster.adapters.site.charts import svg
from datahub_dagster.adapters.site.documents.schema import SloHistory, SloResult, SloShort
from datahub_dagster.adapters.site.speech import Speech

WORST_FIRST = ("missed", "late", "unknown", "met", "excused")  # as in `documents.days`

_BEST_FIRST = ("met", "excused", "unknown", "late", "missed")
_MOST_WEEKS = 53
_MOST_TOLD = 3  # due times in the text of one day
_STEP, _CELL, _LEFT, _TOP = 16, 13, 36, 18
_LETTERS = {"m": "met", "l": "late", "x": "missed", "e": "excused", "u": "unknown"}
_DAY = 3  # pixels of a strip
_BARS = {
    "met": (5, 8),
    "late": (2, 14),
    "missed": (0, 18),
    "excused": (8, 2),
    "unknown": (11, 2),
}  # top, height


def heat_map(history: SloHistory, speech: Speech) -> Markup:
    """A calendar with a cell a day, weeks from left to right, and its legend.

    The day is that of the deadline, in the time zone of the SLO; of a delivery, that of its receipt.
    """
    days = _by_day(history)
    if not days:
        return svg.empty(speech.gettext("Nothing was due yet."))
    last = max(days)
    since = min(days)
    if not leaves_out(history):
        since = min(since, svg.day_in(svg.zone_of(history["timezone"]), history["since"]))
    monday = max(_monday(since), _monday(last) - timedelta(weeks=_MOST_WEEKS - 1))
    first = max(since, monday)
    shown = {day: results for day, results in days.items() if day >= first}
    quiet = (day for day in _each(first, last) if day not in shown)
    weeks = (last - monday).days // 7 + 1
    body = [
        *_weekdays(speech),
        *_months(monday, weeks, speech),
        svg.path("none", "".join(_cell(day, monday) for day in quiet)),
        *(
            svg.path(results[0]["verdict"], _cell(day, monday), _told(day, results, history, speech))
            for day, results in sorted(shown.items())
        ),
        svg.path(
            "mark", "".join(_mark(results[0]["verdict"], day, monday) for day, results in shown.items())
        ),
    ]
    name = speech.gettext("%(slo)s, day by day from %(first)s to %(last)s: %(counts)s") % {
        "slo": slo_name(history, speech),
        "first": speech.day(first.isoformat()),
        "last": speech.day(last.isoformat()),
        "counts": counts(history, speech),
    }
    found = {results[0]["verdict"] for results in shown.values()}
    drawn = svg.picture("calendar", _LEFT + weeks * _STEP, _TOP + 7 * _STEP, name, body)
    return Markup('<figure class="chart">{}{}</figure>').format(
        drawn, _legend([verdict for verdict in _BEST_FIRST if verdict in found], speech)
    )


def strip(slo: SloShort, speech: Speech) -> Markup:
    """A narrow bar for each of the last days: the worse, the taller."""
    shapes: dict[str, str] = {}
    at = 0
    for letter, run in groupby(slo["days"]):
        length = len(list(run))
        if letter in _LETTERS:
            verdict = _LETTERS[letter]
            top, height = _BARS[verdict]
            shapes[verdict] = (
                shapes.get(verdict, "") + f"M{at} {top}h{length * _DAY}v{height}h-{length * _DAY}z"
            )
        at += length * _DAY
    found = [
        _counted(speech.word("verdict", verdict), slo["days"].count(letter), speech)
        for letter, verdict in _LETTERS.items()
        if letter in slo["days"]
    ]
    name = speech.gettext("%(days)s days to %(last)s: %(counts)s") % {
        "days": len(slo["days"]),
        "last": speech.day(slo["days_end"]),
        "counts": speech.names(found) or speech.gettext("nothing due"),
    }
    base = svg.path("base", f"M0 18.5h{at}")
    bars = [base, *(svg.path(verdict, shape) for verdict, shape in shapes.items())]
    return svg.picture("strip", max(at, 1), 19, name, bars, more='preserveAspectRatio="none"')


def leaves_out(history: SloHistory) -> bool:
    """Whether the document holds only the newest of the window's results."""
    return sum(history[verdict] for verdict in WORST_FIRST) > len(history["results"])


def slo_name(history: SloHistory, speech: Speech) -> str:
    """What an SLO is called: by its consumer, if it is the promise to one."""
    common = {"freshness": speech.gettext("freshness"), "quality": speech.gettext("quality")}
    name = history["name"]
    return history["consumer_label"] or history["consumer"] or common.get(name, name)


def counts(history: SloHistory, speech: Speech) -> str:
    """How many due times there were of each verdict."""
    numbers = {verdict: history[verdict] for verdict in _BEST_FIRST}
    return speech.names(
        [
            _counted(speech.word("verdict", verdict), number, speech)
            for verdict, number in numbers.items()
            if number
        ]
    ) or speech.gettext("nothing due")


def _counted(word: str, number: int, speech: Speech) -> str:
    return speech.gettext("%(number)s %(word)s") % {"number": speech.count(number), "word": word.lower()}


def _by_day(history: SloHistory) -> Mapping[date, list[SloResult]]:
    """The results of each day, the worst first."""
    zone = svg.zone_of(history["timezone"])
    found: dict[date, list[SloResult]] = {}
    for result in history["results"]:
        found.setdefault(svg.day_in(zone, result["at"]), []).append(result)
    for results in found.values():
        results.sort(key=lambda result: WORST_FIRST.index(result["verdict"]))
    return found


def _told(day: date, results: list[SloResult], history: SloHistory, speech: Speech) -> str:
    """What a day's cell says when it is pointed at."""
    became = [_became(result, day, history, speech) for result in results[:_MOST_TOLD]]
    if len(results) > _MOST_TOLD:
        more = len(results) - _MOST_TOLD
        became.append(speech.gettext("and %(number)s more") % {"number": speech.count(more)})
    return speech.day(day.isoformat()) + ": " + "; ".join(became)


def _became(result: SloResult, day: date, history: SloHistory, speech: Speech) -> str:
    told = (
        speech.word("verdict", "met") if result["verdict"] == "met" else speech.became(result, history["slo"])
    )
    subject = result["business_date"] or result["release"]
    if subject in (None, day.isoformat()):
        return told
    named = speech.day(subject) if result["business_date"] else subject
    return f"{told} ({named})"


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _each(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=index) for index in range((last - first).days + 1))


def _corner(day: date, monday: date) -> tuple[int, int]:
    weeks, weekday = divmod((day - monday).days, 7)
    return _LEFT + weeks * _STEP, _TOP + weekday * _STEP


def _cell(day: date, monday: date) -> str:
    x, y = _corner(day, monday)
    return _square(x, y)


def _square(x: int, y: int) -> str:
    return f"M{x} {y}h{_CELL}v{_CELL}h-{_CELL}z"


def _mark(verdict: str, day: date, monday: date) -> str:
    return _sign(verdict, *_corner(day, monday))


def _sign(verdict: str, x: int, y: int) -> str:
    """What tells a state without its colour: a cross, a stroke, a bar, a point."""
    return {
        "missed": f"M{x + 3} {y + 3}l7 7m0-7l-7 7",
        "late": f"M{x + 3} {y + 10}l7-7",
        "excused": f"M{x + 3} {y + 6.5}h7",
        "unknown": f"M{x + 6.5} {y + 6.5}h.1",
    }.get(verdict, "")


def _weekdays(speech: Speech) -> list[Markup]:
    names = get_day_names("abbreviated", locale=speech.language.value)
    return [svg.label(0, _TOP + row * _STEP + 10, names[row]) for row in (0, 2, 4)]


def _months(monday: date, weeks: int, speech: Speech) -> list[Markup]:
    """A name above the week in which a month begins, and above the first if there is room."""
    names = get_month_names("abbreviated", locale=speech.language.value)
    labels: list[Markup] = []
    former, room = 0, 0
    for week in range(weeks):
        sunday = monday + timedelta(days=7 * week + 6)
        begins = sunday.month != former and (week > 0 or sunday.day < 22 or weeks < 3)
        if begins and week >= room:
            labels.append(svg.label(_LEFT + week * _STEP, 11, names[sunday.month]))
            room = week + 2
        former = sunday.month
    return labels


def _legend(verdicts: list[str], speech: Speech) -> Markup:
    swatch = Markup(
        '<li><svg class="calendar" aria-hidden="true" viewBox="0 0 {} {}" width="{}" height="{}">{}</svg>{}</li>'
    )
    size = (_CELL, _CELL, _CELL, _CELL)
    entries = [
        swatch.format(
            *size,
            svg.path(verdict, _square(0, 0)) + svg.path("mark", _sign(verdict, 0, 0)),
            svg.text(speech.word("verdict", verdict)),
        )
        for verdict in verdicts
    ]
    entries.append(
        swatch.format(*size, svg.path("none", _square(0, 0)), svg.text(speech.word("verdict", None)))
    )
    return Markup('<ul class="legend small muted">{}</ul>').format(Markup("").join(entries))
