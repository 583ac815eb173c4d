"""What a data test said lately."""

from math import log10

from markupsafe import Markup

from datahub_dagster.adapters.site.charts import svg
from datahub_dagster.adapters.site.documents.schema import CheckAnswer, Test
from datahub_dagster.adapters.site.speech import Speech

_MOST = 30
_STEP, _BAR, _HEIGHT = 7, 5, 22


def test_history(test: Test, speech: Speech) -> Markup:
    """A bar for each answer, the newest at the right: low for a pass; what did not pass the taller, the more rows failed."""
    answers = test["history"][:_MOST][::-1]
    if not answers:
        return Markup("")
    counted = {
        status: sum(each["status"] == status for each in answers)
        for status in ("pass", "warn", "fail", "error")
    }
    name = speech.gettext("Newest %(number)s answers: %(counts)s") % {
        "number": speech.count(len(answers)),
        "counts": speech.names(
            [
                speech.gettext("%(number)s %(word)s")
                % {"number": speech.count(number), "word": speech.word("check", status).lower()}
                for status, number in counted.items()
                if number
            ]
        ),
    }
    bars = [_bar(index, answer, speech) for index, answer in enumerate(answers)]
    return svg.picture("answers", len(answers) * _STEP, _HEIGHT, name, bars)


def _bar(index: int, answer: CheckAnswer, speech: Speech) -> Markup:
    x, height = index * _STEP, _height(answer)
    shape = f"M{x} {_HEIGHT - height}h{_BAR}v{height}h-{_BAR}z"
    if answer["status"] == "error":  # it says nothing of the data: an empty bar
        shape = f"M{x + 0.5} {_HEIGHT - height + 0.5}h{_BAR - 1}v{height - 1}h-{_BAR - 1}z"
    return svg.path(answer["status"], shape, _told(answer, speech))


def _height(answer: CheckAnswer) -> int:
    if answer["status"] == "pass":
        return 5
    failures = answer["failures"] or 0
    return min(_HEIGHT, 10 + round(3 * log10(failures + 1)))


def _told(answer: CheckAnswer, speech: Speech) -> str:
    at = speech.moment(answer["at"])
    told = f"{at}: {speech.word('check', answer['status'])}"
    if answer["failures"]:
        failures = speech.ngettext("%(number)s failure", "%(number)s failures", answer["failures"])
        told += ", " + failures % {"number": speech.count(answer["failures"])}
    return f"{told} ({answer['release']})" if answer["release"] else told
