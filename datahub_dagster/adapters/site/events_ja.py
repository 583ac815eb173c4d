"""What happened, in Japanese: made from the facts of events and incidents, where English has its text.

What teams wrote (a reason) stays as it is, and so does what `sentences_ja` does not know.
"""

import re
from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

from datahub_dagster.adapters.notify.languages import Japanese
from datahub_dagster.adapters.site import sentences_ja, values
from datahub_dagster.adapters.site.catalog import translations
from datahub_dagster.adapters.site.documents.schema import Event, Fact, IncidentDocument
from datahub_dagster.domain.alert import AlertKind
from datahub_dagster.domain.contract import Language

_WORDS = Japanese(ZoneInfo("UTC"))  # for days, which have no zone

_INCIDENTS: Mapping[str, str] = {
    AlertKind.SLO_MISSED: "{slo}{data}が期限までに公開されませんでした",
    AlertKind.SLO_AT_RISK: "{slo}{data}の期限が近づいていますが、まだ配信されていません",
    AlertKind.BUDGET_BURNS: "{slo}エラーバジェットが許容より速く減っています",
    AlertKind.SLO_UNKNOWN: "{slo}約束が守られているか判定できません",
    AlertKind.REJECTED: "{delivery}が却下されました",
    AlertKind.WARNED: "{delivery}が警告付きで公開されました",
    AlertKind.CHECKS_FAILED: "公開中のデータがテストに合格していません{checks}",
    AlertKind.ROLLED_BACK: "世代{restores}の内容にロールバックしました{reason}",
    AlertKind.FRESHNESS_CHANGED: "Dagsterの鮮度が{before}から{now}に変わりました",
    AlertKind.RUN_FAILED: "ジョブ「{job}」が失敗しました",
    AlertKind.SENSOR_FAILED: "センサー「{sensor}」が失敗しました",
    AlertKind.CONTRACT_DEPRECATED: "廃止が予定されています{until}",
    AlertKind.MONITOR_SILENT: "SLOが監視されていません",
}

# What of a contract changed: the word at the beginning of a subject, the rest of which is a name.
_SUBJECTS = {
    "column": "列",
    "columns": "列",
    "test": "テスト",
    "SLO": "SLO",
    "freshness": "dbtの鮮度",
    "classification": "機密区分",
    "delivery": "配信",
    "partitions": "パーティション",
    "licence": "ライセンス",
    "lifecycle": "提供段階",
    "sunset": "提供終了",
    "successor": "後継",
    "description": "説明",
    "team": "チーム",
    "owners": "担当",
    "support": "問い合わせ先",
    "tags": "タグ",
}
_RETENTION = {"retention releases": "保持するリリース数", "retention days": "保持日数"}

# Parts of a standing's reason, as the hub writes them (`documents.slos`).
_REASONS: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (r"never delivered", lambda _: "まだ一度も配信されていません"),
    (r"nothing was due (?:yet|since it is promised)", lambda _: "まだ期限が来ていません"),
    (r"the newest release is older than is promised", lambda _: "最新のリリースが約束より古くなっています"),
    (r"(\S+) is not there", lambda found: f"{_WORDS.data(found[1])}がありません"),
    (r"(\S+) is not there: it was taken back", lambda found: f"{_WORDS.data(found[1])}は取り下げられました"),
    (
        r"(\S+) came ([\w ]+) late",
        lambda found: f"{_WORDS.data(found[1])}は{sentences_ja.length(found[2])}遅れました",
    ),
    (
        r"never came: (.+) and ([\d,]+) more",
        lambda found: f"未着：{sentences_ja.listed(found[1])}、ほか{found[2]}件",
    ),
    (r"never came: (.+)", lambda found: f"未着：{sentences_ja.listed(found[1])}"),
)


def title(event: Event) -> str:
    """An event in one line."""
    return f"{event['dataset']}：{_happened(event)}"


def text(event: Event) -> str:
    """What more is to be said of it; may be empty."""
    facts = event["facts"]
    match event["kind"]:
        case "published":
            return f"{facts.get('rows') or 0:,}行、世代{facts.get('generation')}"
        case "rejected":
            why = str(facts.get("why"))
            return f"理由：{sentences_ja.sentence(why) or why}。利用者には以前のデータが見えています。"
        case "contract":
            return changes(event["text"]) or event["text"]
        case "sunset":
            successor = facts.get("successor")
            return f"後継は{successor}です。" if successor else ""
        case "incident":
            return ""
        case _:
            return event["text"]


def incident(document: IncidentDocument) -> str:
    """What is wrong, or was."""
    return _incident(document["kind"], document["facts"])


def changes(told: str) -> str | None:
    """What changed in a contract, as events tell it; None where only English says it."""
    known = translations(Language.JAPANESE)
    said: list[str] = []
    for part in told.split("; "):
        what, _, became = part.rpartition(": ")
        if became not in known:
            return None
        said.append(f"{subject(what)}：{known[became]}" if what else known[became])
    return "、".join(said)


def reason(told: str) -> str:
    """Why an SLO stands as it does; in English where only that is known."""
    parts = [_part(part) for part in told.split("; ")] if told else []
    return "、".join(part for part in parts if part) if all(parts) else told


def subject(told: str) -> str:
    """What of a contract changed; names stay, and what has no word."""
    word, _, name = told.partition(" ")
    return _RETENTION.get(told) or " ".join(part for part in (_SUBJECTS.get(word, word), name) if part)


def _happened(event: Event) -> str:
    facts = event["facts"]
    match event["kind"]:
        case "published":
            return f"リリース{event['release']}を公開"
        case "rejected":
            return f"配信「{facts.get('delivery')}」を却下"
        case "rolled-back":
            return f"世代{facts.get('restores')}の内容にロールバック"
        case "contract":
            change = values.word("change", event["change"]).text
            return f"契約{facts.get('version')}{_in_brackets(translations(Language.JAPANESE)[change])}"
        case "sunset":
            day = facts.get("sunset_date")
            return f"{_WORDS.day(day)}で提供終了" if day else "廃止予定"
        case _:
            return _incident(str(facts.get("incident")), facts)


def _incident(kind: str, facts: Mapping[str, Fact]) -> str:
    known = {key: "" if value is None else str(value) for key, value in facts.items()}
    slo, delivery, day = (known.get(key, "") for key in ("slo", "delivery", "sunset_date"))
    said = {
        "slo": f"SLO「{slo}」：" if slo not in ("", "freshness") else "",
        "data": _WORDS.data(known.get("business_date")),
        "delivery": f"配信「{delivery}」" if delivery else "配信",
        "checks": _in_brackets(known.get("checks")),
        "reason": _in_brackets(known.get("reason")),
        "until": _in_brackets(day and f"{_WORDS.day(day)}で提供終了"),
    }
    return _INCIDENTS[kind].format_map(known | said)


def _in_brackets(value: str | None) -> str:
    return f"（{value}）" if value else ""


def _part(part: str) -> str | None:
    return next((say(found) for pattern, say in _REASONS if (found := re.fullmatch(pattern, part))), None)
