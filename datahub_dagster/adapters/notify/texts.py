"""Alerts in words: a template for each language, and a plain list of the facts where it fails."""

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from datahub_dagster.adapters.notify.languages import WORDINGS
from datahub_dagster.adapters.notify.wording import Piece, Wording, one_line, zone_of
from datahub_dagster.domain import pages
from datahub_dagster.domain.alert import AlertKind, Digest, DigestItem, Incident, Stage, Told
from datahub_dagster.domain.contract import Language
from datahub_dagster.ports import AlertTexts

logger = logging.getLogger(__name__)

_LONGEST_SUBJECT = 160
_MOST_ITEMS = 20
_LABEL_ALONE = re.compile(r"[^:：]*[:：]")

# The first of a message is the worst.
_BY_WEIGHT = (
    AlertKind.MONITOR_SILENT,
    AlertKind.CHECKS_FAILED,
    AlertKind.SLO_MISSED,
    AlertKind.REJECTED,
    AlertKind.RUN_FAILED,
    AlertKind.SENSOR_FAILED,
    AlertKind.SLO_AT_RISK,
    AlertKind.BUDGET_BURNS,
    AlertKind.SLO_UNKNOWN,
    AlertKind.ROLLED_BACK,
    AlertKind.FRESHNESS_CHANGED,
    AlertKind.WARNED,
    AlertKind.CONTRACT_DEPRECATED,
)


class TemplateTexts(AlertTexts):
    """Writes messages from the templates beside this module, `templates/<language>.txt`.

    Plain text. Whatever the facts are, a message comes out: values of theirs are cut, and can't begin a line.

    Args:
        docs_url: Address of the documentation, for links; empty = none.
    """

    def __init__(self, docs_url: str = "") -> None:
        self._docs_url = docs_url

    def render(self, digest: Digest) -> tuple[str, str]:
        items = sorted(digest.items, key=_weight)
        shown = [self._shown(item, digest.language) for item in items[:_MOST_ITEMS]]
        try:
            subject, text = _message(digest, shown, len(items))
        except Exception:  # nobody foresees every fact, and people must be told
            logger.warning("the templates of messages failed; the facts are listed instead", exc_info=True)
            subject, text = _plainly(digest, shown)
        return one_line(subject, _LONGEST_SUBJECT), f"{text}\n"

    def _shown(self, item: DigestItem, language: Language) -> "_Shown":
        alert = item.incident.alert
        page = pages.address(self._docs_url, pages.dataset_page(alert.dataset))
        wording = WORDINGS[language](zone_of(alert.facts))
        return _Shown(item.incident, item.told, page if alert.dataset else "", wording)


@dataclass(frozen=True, slots=True)
class _Shown:
    """An incident as the templates see it. `page`: where its dataset is described; empty = nowhere."""

    incident: Incident
    told: Told
    page: str
    wording: Wording

    @property
    def dataset(self) -> str:
        return self.incident.alert.dataset

    @property
    def id(self) -> str:
        return self.incident.id

    @property
    def at(self) -> str:
        return self.incident.alert.at.isoformat()

    @property
    def opened_at(self) -> str:
        return self.incident.opened_at.isoformat()

    @property
    def acknowledged_by(self) -> str:
        return self.incident.acknowledged_by

    @property
    def acknowledged_reason(self) -> str:
        return self.incident.acknowledged_reason

    @property
    def is_over(self) -> bool:
        return self.told is Told.OVER

    @property
    def can_be_acknowledged(self) -> bool:
        has_duration = self.incident.alert.stage is not Stage.HAPPENED
        return has_duration and not self.is_over and not self.acknowledged_by


def _message(digest: Digest, shown: Sequence[_Shown], count: int) -> tuple[str, str]:
    templates = _templates(digest.language)
    said = [(_headline_and_facts(templates, each), _lines(templates.steps(each))) for each in shown]
    about = _about(digest)
    if count == 1:
        [((subject, *facts), steps)] = said
        return subject, _paragraphs([facts, steps, _lines(templates.footer(about))])
    first = said[0][0][0]
    subject = _lines(templates.subject_of_several(about, first, shown[0].wording))[0]
    rest = _lines(templates.rest(count - len(shown))) if count > len(shown) else []
    told = ([*facts, *steps] for facts, steps in said)
    return subject, _paragraphs([*told, rest, _lines(templates.footer(about))])


def _headline_and_facts(templates: Any, shown: _Shown) -> list[str]:
    alert = shown.incident.alert
    of_kind = getattr(templates, alert.kind.value.replace("-", "_"))
    headline, *facts = _lines(of_kind(shown, dict(alert.facts), shown.wording))
    state = _lines(templates.state(shown, shown.wording))
    return [*_lines(templates.subject(shown, headline)), *facts, *state]


def _lines(text: str) -> list[str]:
    """The lines that say something."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not _LABEL_ALONE.fullmatch(line)]


def _paragraphs(groups: Iterable[Sequence[str]]) -> str:
    return "\n\n".join("\n".join(lines) for lines in groups if lines)


def _about(digest: Digest) -> dict[str, Any]:
    """What the templates say of a message as a whole."""
    over = sum(item.told is Told.OVER for item in digest.items)
    return {
        "team": digest.team,
        "open_count": len(digest.items) - over,
        "over_count": over,
        "dataset_count": len({item.incident.alert.dataset for item in digest.items} - {""}),
    }


def _plainly(digest: Digest, shown: Sequence[_Shown]) -> tuple[str, str]:
    """What is known, without any words for it."""
    groups = [
        [
            f"{each.told}: {one_line(each.incident.key)} ({one_line(each.id)})",
            *(
                f"{one_line(name, 40)}: {one_line(value)}"
                for name, value in each.incident.alert.facts.items()
            ),
        ]
        for each in shown
    ]
    more = f" and {len(digest.items) - 1} more" if len(digest.items) > 1 else ""
    return f"{groups[0][0]}{more}", _paragraphs(groups)


def _weight(item: DigestItem) -> tuple[bool, int, str]:
    """What is open and worst comes first."""
    alert = item.incident.alert
    return item.told is Told.OVER, _BY_WEIGHT.index(alert.kind), alert.dataset


@cache
def _templates(language: Language) -> Any:
    """The macros of a language."""
    from jinja2 import Environment, PackageLoader  # only who writes messages pays for it

    environment = Environment(
        loader=PackageLoader("datahub_dagster.adapters.notify"),
        finalize=lambda value: value if isinstance(value, Piece) else one_line(value),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(f"{language.value}.txt").module
