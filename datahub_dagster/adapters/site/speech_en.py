"""English."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

from datahub_dagster.adapters.site.documents.schema import (
    ContractChangeDocument,
    DatasetDocument,
    IncidentDocument,
    Slo,
    SloHistory,
    SloResult,
    SloShort,
    Standing,
)
from datahub_dagster.adapters.site.speech import NOTHING, Speech
from datahub_dagster.domain import slo_words, words
from datahub_dagster.domain.contract import FreshnessSlo, Granularity, Language, PartitionSpec
from datahub_dagster.domain.slo_report import Budget
from datahub_dagster.domain.verdict import DueResult, Verdict


class English(Speech):
    """The words of the terminal and of Dagster (`domain.words`)."""

    language = Language.ENGLISH

    def freshness(self, slo: Slo) -> str:
        granularity = slo["granularity"]
        cut = PartitionSpec(column="", granularity=Granularity(granularity)) if granularity else None
        return words.sentence(words.freshness(_promised(slo), cut))

    def objective(self, value: float, days: float) -> str:
        return f"{words.share(value)} over {words.duration(timedelta(days=days))}"

    def became(self, result: SloResult, slo: Slo | None = None) -> str:
        if result["verdict"] == "late" and not result["late_seconds"]:
            return "late"
        at = datetime.fromisoformat(result["at"])
        told = DueResult(
            slo="",
            business_date=result["business_date"] or "",
            due_at=at,
            deadline_at=at,
            verdict=Verdict(result["verdict"]),
            late=timedelta(seconds=result["late_seconds"] or 0),
            reason=result["reason"] or "",
        )
        return slo_words.became(told, _promised(slo) if slo else None, with_age=False)

    def budget(self, history: SloHistory | SloShort) -> str:
        left, allowed = history["budget_left"], history.get("budget_allowed")
        if left is None:
            return NOTHING
        if allowed is None:
            return f"{slo_words.attained(left)} left" if left >= 0 else "overspent"
        now = datetime(1970, 1, 1, tzinfo=UTC)  # the words tell of no instant
        of = Budget(
            objective=history["objective"],
            window=timedelta(0),
            since=now,
            until=now,
            late=history["late"],
            missed=history["missed"],
            allowed=allowed,
            left=left,
        )
        return slo_words.left(of)

    def delivery(self, document: DatasetDocument) -> str:
        return document["delivery"]

    def partitions(self, keys: Sequence[str]) -> str:
        return words.keys(keys)

    def names(self, several: Sequence[str]) -> str:
        return ", ".join(several)

    def change_text(self, change: ContractChangeDocument) -> str:
        subject = change["subject"]
        return f"{subject}: {change['text']}" if subject else change["text"]

    def incident_text(self, incident: IncidentDocument) -> str:
        text = incident["text"]
        has_no_name = incident["facts"].get("slo") in ("freshness", "quality")  # nobody gave the SLO one
        return text[:1].upper() + text[1:] if has_no_name else text

    def standing_reason(self, standing: Standing) -> str:
        return standing["reason"]

    def constraint(self, text: str) -> str:
        return text

    def _sentence(self, text: str) -> str:
        return text

    def _changes(self, text: str) -> str:
        return text

    def _date(self, text: str) -> str:
        return text


def _promised(slo: Slo) -> FreshnessSlo:
    """The promise as a value again."""
    age = slo["max_age_seconds"]
    return FreshnessSlo(
        name=slo["name"],
        due=time.fromisoformat(slo["due"]) if slo["due"] else None,
        max_age=None if age is None else timedelta(seconds=age),
        timezone=slo["timezone"],
        calendar=slo["calendar"],
        covers=slo["covers"],
        grace=timedelta(seconds=slo["grace_seconds"]),
        objective=slo["objective"],
        window=timedelta(days=slo["window_days"]),
    )
