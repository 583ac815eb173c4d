"""Japanese."""

from collections.abc import Sequence
from datetime import date, timedelta

from datahub_dagster.adapters.notify.languages import Japanese as JapaneseWording
from datahub_dagster.adapters.site import events_ja, sentences_ja
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
from datahub_dagster.domain.contract import Language
from datahub_dagster.domain.release import WHOLE

_FEW = 4  # partition keys are listed


class Japanese(Speech):
    """Years first, full-width brackets, no plural. Facts are said as messages to people say them (`notify.languages`)."""

    language = Language.JAPANESE
    gap = ""
    _wording: JapaneseWording

    def day(self, text: str | None) -> str:
        return super().day(text).removesuffix("分")  # templates say whose data it is

    def freshness(self, slo: Slo) -> str:
        return self._wording.promise(slo) or "期限なし"

    def objective(self, value: float, days: float) -> str:
        return f"{self.duration(timedelta(days=days).total_seconds())}間で{words.share(value)}以上"

    def became(self, result: SloResult, slo: Slo | None = None) -> str:
        verdict, late = result["verdict"], result["late_seconds"]
        if slo is not None and slo["max_age_seconds"] is not None and verdict in ("late", "missed"):
            by = self.duration(late) if late and verdict == "late" else ""
            return f"約束より{by}古い状態"
        if verdict == "late" and late:
            return f"{self.duration(late)}の遅れ"
        word = self.word("verdict", verdict)
        reason = result["reason"] or ""
        return f"{word}：{sentences_ja.sentence(reason) or events_ja.reason(reason)}" if reason else word

    def budget(self, history: SloHistory | SloShort) -> str:
        left, allowed = history["budget_left"], history.get("budget_allowed")
        if left is None:
            return NOTHING
        state = f"残り{slo_words.attained(left)}" if left >= 0 else "超過"
        if allowed is None:
            return state
        spent = history["late"] + history["missed"]
        limit = f"{allowed:.2f}".rstrip("0").rstrip(".") if allowed else "0"
        return (
            f"{state}（許容{limit}件のうち{spent:,}件を消費）"
            if left >= 0
            else f"{state}（許容{limit}件に対し{spent:,}件）"
        )

    def delivery(self, document: DatasetDocument) -> str:
        if document["mode"] == "replace" or not document["partition_column"]:
            return "配信のたびにデータセット全体を置き換えます。"
        each = {"day": "1日ごと", "month": "1か月ごと"}.get(document["partition_granularity"] or "", "")
        return f"配信に含まれるパーティション（{document['partition_column']}、{each}）だけを置き換えます。"

    def partitions(self, keys: Sequence[str]) -> str:
        if list(keys) == [WHOLE]:
            return "データセット全体"
        if len(keys) <= _FEW:
            return self.names(keys)
        return f"{min(keys)}〜{max(keys)}（{len(keys):,}パーティション）"

    def names(self, several: Sequence[str]) -> str:
        return "、".join(several)

    def change_text(self, change: ContractChangeDocument) -> str:
        subject, text = events_ja.subject(change["subject"]), change["text"]
        return f"{subject}：{self.gettext(text)}" if subject else self.gettext(text)

    def incident_text(self, incident: IncidentDocument) -> str:
        return events_ja.incident(incident)

    def standing_reason(self, standing: Standing) -> str:
        return events_ja.reason(standing["reason"])

    def constraint(self, text: str) -> str:
        return sentences_ja.phrase(text)

    def _sentence(self, text: str) -> str | None:
        return sentences_ja.sentence(text)

    def _changes(self, text: str) -> str | None:
        return events_ja.changes(text)

    def _date(self, text: str) -> str:
        day = date.fromisoformat(text)
        return f"{day.year}年{day.month}月{day.day}日"
