"""How a language says what documents hold: translated words, numbers, dates, promises.

Whatever is passed is a value of a document (`documents.schema`): instants and days as ISO 8601 texts, lengths in seconds.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from functools import partial
from zoneinfo import ZoneInfo

from markupsafe import Markup

from datahub_dagster.adapters.notify.languages import WORDINGS
from datahub_dagster.adapters.notify.wording import Wording, instant_of
from datahub_dagster.adapters.site import markdown, values
from datahub_dagster.adapters.site.catalog import translations
from datahub_dagster.adapters.site.documents.schema import (
    ContractChangeDocument,
    DatasetDocument,
    Event,
    IncidentDocument,
    Slo,
    SloHistory,
    SloResult,
    SloShort,
    Standing,
)
from datahub_dagster.domain import slo_words, words
from datahub_dagster.domain.contract import Language

NOTHING = "–"  # what is not known, or is not there


class Speech(ABC):
    """One language.

    Filters that templates have (`filters()`), each also a method here:
        time(iso) -> Markup     `<time datetime=...>` in the zone of the hub, to the minute; a dash for None
        slo_name(name)   what people call an SLO
        day(iso) -> str         a business date or month, with its weekday where it is a day; a dash for None
        count(n), size(n)       with separators; decimal units; a dash for None
        share(x), attained(x)   percent; attained is rounded down to two digits; a dash for None
        duration(seconds)       in its two largest units; a dash for None
        freshness(slo)          what an `Slo` promises, a sentence without its full stop
        objective(x, days)      how often it is to be kept: `{{ h.objective | objective(h.window_days) }}`
        became(result, slo)     what became of an `SloResult`, in a few words; with the `Slo`, of an age by how much it was too old
        budget(history)         what is left of the budget of an `SloHistory` or `SloShort`, in a few words
        delivery(doc)           how a dataset's data come in, a sentence
        partitions(keys)        partition keys: a few are listed, many become a range
        names(several)          a list of names
        markdown(text, demote=2) -> Markup   a team's Markdown, sanitised; its `#` becomes `<h3>` (`markdown.py`)
        inline(text) -> str     the same text without its marks, in one line, for tables and search
        sentence(text)          with a capital at its start
        change_text(change)     what became of what, of a `ContractChangeDocument`
        incident_text(incident) what is wrong, or was, a sentence without its full stop
        standing_reason(standing)   why an SLO stands as it does; may be empty. What Japanese has no words for stays English.
        ours(text) -> Markup    a sentence of the hub that documents hold in English: why a delivery was rejected, dbt's freshness;
                                marked as English where the language has no words for it
        event_changes(event) -> Markup   the same of what an event of a contract changed
        constraint(text)        what a test promises of a column's values, as `ColumnDocument` has it
        a filter for each kind of `values.VALUES`, the word for a value of a document: state, verdict, kept (of `is_kept`),
            lifecycle, classification, kind (of consumers, and exposure types), outcome (of deliveries), inbox, generation, severity,
            check (status of an answer), event, incident (its kind), change (of a contract), column_change, override, mode,
            granularity, snippet (its language)

    And as functions: `speech.tone("state", value)` is the class of a chip for such a value, `speech.word("state", value)` its word,
    `speech.gap` stands between two sentences.
    """

    language: Language
    gap = " "  # between two sentences

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._wording: Wording = WORDINGS[self.language](zone)
        self._translations = translations(self.language)

    # ── Texts of ours ────────────────────────────────────────────────────────────────────────────────────────────────

    def gettext(self, message: str) -> str:
        """The translation of a text of ours."""
        return self._translations.get(message, message)

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """The same for a text with a number."""
        return self._translations.get(singular) or (singular if number == 1 else plural)

    def word(self, kind: str, value: object) -> str:
        """The word for a value; `kind` as in `values.VALUES`."""
        return self.gettext(values.word(kind, value).text)

    def tone(self, kind: str, value: object) -> values.Tone:
        """The tone of a value: the class of its chip."""
        return values.word(kind, value).tone

    # ── Times and numbers ────────────────────────────────────────────────────────────────────────────────────────────

    def time(self, at: str | None) -> Markup | str:
        """An instant for people and programs, on the clocks of the hub's zone."""
        found = instant_of(at)
        if found is None:
            return NOTHING
        machine = found.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        # Digits and words of ours, and the name of a zone.
        return Markup(f'<time datetime="{machine}" title="{self.zone.key}">{self.moment(at)}</time>')

    def moment(self, at: str | None) -> str:
        """An instant for people alone."""
        found = instant_of(at)
        if found is None:
            return NOTHING
        local = found.astimezone(self.zone)
        return f"{self._date(local.date().isoformat())} {local.hour:02}:{local.minute:02}"

    def slo_name(self, name: str) -> str:
        """What people call an SLO: its name, or the word for the names that it has where nobody chose one."""
        if name == "freshness":
            return self.gettext("freshness")
        return self.gettext("quality") if name == "quality" else name

    def day(self, text: str | None) -> str:
        """A business date with its weekday, or a month."""
        return self._wording.day(text) or NOTHING

    def count(self, number: int | None) -> str:
        """A number with separators."""
        return words.count(number)

    def size(self, number: int | None) -> str:
        """A size in bytes, in decimal units."""
        return words.size(number)

    def share(self, value: float | None) -> str:
        """A share in percent, without digits that say nothing."""
        return NOTHING if value is None else words.share(value)

    def attained(self, value: float | None) -> str:
        """A share that was reached, rounded down: what was missed never looks kept."""
        return slo_words.attained(value)

    def duration(self, seconds: float | None) -> str:
        """A length in its two largest units."""
        if seconds is None:
            return NOTHING
        return self._wording.length(seconds) or self._wording.length(0.1)

    # ── Promises ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def freshness(self, slo: Slo) -> str:
        """What an SLO promises, a sentence without its full stop."""

    @abstractmethod
    def objective(self, value: float, days: float) -> str:
        """How often it is to be kept."""

    @abstractmethod
    def became(self, result: SloResult, slo: Slo | None = None) -> str:
        """What became of a due time, or of a delivery, in a few words that stay true as time goes by."""

    @abstractmethod
    def budget(self, history: SloHistory | SloShort) -> str:
        """What is left of an error budget, or by how much it was overspent; a dash before anything was due."""

    @abstractmethod
    def delivery(self, document: DatasetDocument) -> str:
        """How data come in, as a sentence."""

    @abstractmethod
    def partitions(self, keys: Sequence[str]) -> str:
        """Partition keys: a few are listed, many become a range."""

    @abstractmethod
    def names(self, several: Sequence[str]) -> str:
        """A list of names, all of them."""

    # ── What happened ────────────────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def change_text(self, change: ContractChangeDocument) -> str:
        """What in a contract changed, and how."""

    @abstractmethod
    def incident_text(self, incident: IncidentDocument) -> str:
        """What is wrong, or was."""

    @abstractmethod
    def standing_reason(self, standing: Standing) -> str:
        """Why an SLO stands as it does; may be empty."""

    def ours(self, text: str, is_whole: bool = False) -> Markup:
        """A sentence of the hub, marked as English where the language has no words for it; a whole one begins with a capital."""
        return self._in_words(self._sentence(text), text, is_whole=is_whole)

    def event_changes(self, event: Event) -> Markup:
        """What an event of a contract changed."""
        return self._in_words(self._changes(event["text"]), event["text"], is_whole=True)

    @abstractmethod
    def constraint(self, text: str) -> str:
        """What a test promises of a column's values; SQL stays as it is."""

    @abstractmethod
    def _sentence(self, text: str) -> str | None:
        """A sentence of the hub; None where only English says it."""

    @abstractmethod
    def _changes(self, text: str) -> str | None:
        """Changes of a contract; None where only English says them."""

    def _in_words(self, said: str | None, english: str, *, is_whole: bool) -> Markup:
        text = english if said is None else said
        lang = Markup(' lang="en"') if said is None else ""
        return Markup('<span{} dir="auto">{}</span>').format(lang, words.sentence(text) if is_whole else text)

    @abstractmethod
    def _date(self, text: str) -> str:
        """A day without its weekday."""

    # ── All of it ────────────────────────────────────────────────────────────────────────────────────────────────────

    def filters(self) -> Mapping[str, Callable[..., object]]:
        """All filters, by name."""
        of_values = {kind: partial(self.word, kind) for kind in values.VALUES}
        return of_values | {
            "time": self.time,
            "day": self.day,
            "slo_name": self.slo_name,
            "count": self.count,
            "size": self.size,
            "share": self.share,
            "attained": self.attained,
            "duration": self.duration,
            "freshness": self.freshness,
            "objective": self.objective,
            "became": self.became,
            "budget": self.budget,
            "delivery": self.delivery,
            "partitions": self.partitions,
            "names": self.names,
            "change_text": self.change_text,
            "incident_text": self.incident_text,
            "standing_reason": self.standing_reason,
            "ours": self.ours,
            "event_changes": self.event_changes,
            "constraint": self.constraint,
            "markdown": markdown.render,
            "inline": markdown.inline,
            "sentence": words.sentence,
        }


def speech_of(language: Language, zone: ZoneInfo) -> Speech:
    """The speech of a language, with times on the clocks of a zone."""
    from datahub_dagster.adapters.site.speech_en import English  # each of them is a Speech
    from datahub_dagster.adapters.site.speech_ja import Japanese

    return {Language.ENGLISH: English, Language.JAPANESE: Japanese}[language](zone)
