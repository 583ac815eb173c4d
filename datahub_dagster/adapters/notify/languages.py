"""Dates, lengths and lists in English and Japanese."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import cast

from datahub_dagster.adapters.notify.wording import Wording, number_of, one_line
from datahub_dagster.domain import words
from datahub_dagster.domain.calendar_text import Both, Either, Expression, Named, OfMonth, parse_calendar
from datahub_dagster.domain.contract import Language

_MOST = 8  # of a list are named
_DAYS = {"daily": "毎日", "weekdays": "平日"}
_SESSIONS = {"daily": "日", "weekdays": "平日"}


class English(Wording):
    """As people write it in mails."""

    def data(self, business_date: object) -> str:
        day = self.day(business_date)
        return f"the data for {day}" if day else "the newest data"

    def _day(self, day: date) -> str:
        return f"{day:%a} {day.isoformat()}"

    def _month(self, text: str) -> str:
        return text

    def _length(self, seconds: float) -> str:
        return words.duration(timedelta(seconds=_rounded(seconds)))

    def _late(self, length: str, grace: str) -> str:
        return f"{length} after the deadline ({grace} of grace)" if grace else f"{length} late"

    def _budget(self, left: float) -> str:
        return f"{left:.0%} left" if left >= 0 else f"overspent by {-left:.0%}"

    def _check(self, name: object, failures: float | None) -> str:
        rows = "" if failures is None else f" ({words.plural(int(failures), 'failing row')})"
        return f"{one_line(name, 120)}{rows}"

    def _person(self, label: str, at: str, already: bool) -> str:
        return f"{label} ({'since' if already else 'from'} {at})" if at else label

    def _listed(self, several: list[str]) -> str:
        more = len(several) - _MOST
        return ", ".join(several[:_MOST]) + (f" and {more:,} more" if more > 0 else "")


class Japanese(Wording):
    """Years first, the day of the week in brackets, 24 hours."""

    def data(self, business_date: object) -> str:
        day = self.day(business_date)
        return f"{day.removesuffix('分')}分のデータ" if day else "最新のデータ"

    def _day(self, day: date) -> str:
        return f"{day.year}年{day.month}月{day.day}日({'月火水木金土日'[day.weekday()]})"

    def _month(self, text: str) -> str:
        return f"{text[:4]}年{int(text[5:])}月分"

    def _length(self, seconds: float) -> str:
        rest, left = divmod(_rounded(seconds), 60)
        hours, minutes = divmod(rest, 60)
        days, hours = divmod(hours, 24)
        parts = [
            f"{count}{unit}"
            for count, unit in ((days, "日"), (hours, "時間"), (minutes, "分"), (left, "秒"))
            if count
        ]
        return "".join(parts[:2]) or "0秒"

    def _late(self, length: str, grace: str) -> str:
        return f"猶予{grace}を{length}超過" if grace else f"{length}の遅れ"

    def promise(self, value: object) -> str:
        """What an SLO of freshness promises, from the facts of `promise`: in English that is `promised`."""
        facts = cast(Mapping[str, object], value) if isinstance(value, Mapping) else {}
        grace = self.put("（猶予は{}）", self.length(facts.get("grace_seconds")))
        if age := self.length(facts.get("max_age_seconds")):
            return f"最終更新から{age}以内{grace}"
        due, calendar = one_line(facts.get("due")), one_line(facts.get("calendar"))
        if not due or not calendar:
            return ""
        covers = int(number_of(facts.get("covers")) or 0)
        sessions, session, is_monthly = _sessions(calendar)
        if facts.get("granularity") == "month":
            place = {0: "月末最終", 1: "翌月最初の"}.get(covers, f"翌月{covers}番目の")
            month = {0: "当月", 1: "翌月"}.get(covers, f"{covers}か月後")
            days = f"{sessions}{session}（{month}）" if is_monthly else f"{sessions}{place}{session}"
            held = "その月の分"
        elif is_monthly:
            days, held = f"{sessions}{session}", {0: "当日分", 1: "前回の分"}.get(covers, f"{covers}回前の分")
        else:
            days = _DAYS.get(calendar) or f"{sessions}各{session}"
            held = {0: "当日分", 1: f"1{session}前の分"}.get(covers, f"{covers}{session}前の分")
        zone = self.put("（{}）", facts.get("timezone"))
        return f"{days}の{due}{zone}までに{held}を公開{grace}"

    def _budget(self, left: float) -> str:
        return f"残り{left:.0%}" if left >= 0 else f"{-left:.0%}超過"

    def _check(self, name: object, failures: float | None) -> str:
        return f"{one_line(name, 120)}{'' if failures is None else f'（{int(failures):,}行）'}"

    def _person(self, label: str, at: str, already: bool) -> str:
        return f"{label}（{at}{'から' if already else '以降'}）" if at else label

    def _listed(self, several: list[str]) -> str:
        more = len(several) - _MOST
        return "、".join(several[:_MOST]) + (f"、ほか{more:,}件" if more > 0 else "")


WORDINGS: Mapping[Language, type[Wording]] = {Language.ENGLISH: English, Language.JAPANESE: Japanese}


def _sessions(calendar: str) -> tuple[str, str, bool]:
    """Whose sessions they are, what one is called, and whether there is but one a month."""
    try:
        expression = parse_calendar(calendar)
    except ValueError:
        return f"{calendar} の", "営業日", False
    of = expression.base if isinstance(expression, OfMonth) else expression
    plain = _SESSIONS.get(of.name) if isinstance(of, Named) else None
    whose, session = ("", plain) if plain else (f"{_named(of)} の", "営業日")
    if isinstance(expression, OfMonth):
        return f"{whose}毎月{_place(expression.number)}", session, True
    return whose, session, False


def _named(expression: Expression) -> str:
    match expression:
        case Named(name):
            return _DAYS.get(name, name)
        case Both(parts):
            return f"{'・'.join(map(_inner, parts))} 共通"
        case Either(parts):
            return " または ".join(map(_inner, parts))
        case OfMonth(number, base):
            return f"{_inner(base)} の毎月{_place(number)}営業日"


def _inner(expression: Expression) -> str:
    return _named(expression) if isinstance(expression, Named) else f"「{_named(expression)}」"


def _place(number: int) -> str:
    if number < 0:
        return "最終" if number == -1 else f"最後から{-number}番目の"
    return "最初の" if number == 1 else f"{number}番目の"


def _rounded(seconds: float) -> int:
    """Without seconds from a minute on: nobody needs them at half past six."""
    whole = int(abs(seconds))
    return whole if whole < 60 else whole // 60 * 60
