"""How much of an SLO's error budget is spent, and which deliveries count for quality. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from datahub_dagster.domain import words
from datahub_dagster.domain.contract import QualitySlo
from datahub_dagster.domain.delivery import Receipt
from datahub_dagster.domain.promise import Promise
from datahub_dagster.domain.release import ReleaseRecord, ReleaseState
from datahub_dagster.domain.slo_report import Budget
from datahub_dagster.domain.timeline import CLOCK_SKEW
from datahub_dagster.domain.verdict import DeliveryResult, DueResult, Verdict

_UNDER_WAY = timedelta(
    days=1
)  # a delivery that has no outcome for so long, though later ones have, never will
_MOMENT = timedelta(microseconds=1)
_LATELY = 10  # the burn rate looks at a tenth of the window


def budget(
    results: Iterable[DueResult | DeliveryResult],
    *,
    objective: float,
    window: timedelta,
    since: datetime,
    until: datetime,
) -> Budget:
    """The budget over [since, until): of what counts, a share of `1 - objective` may break it.

    Args:
        results: All that there are; those outside are left out.
        objective: Between 0 and 1.
        window: Its tenth is what the burn rate looks back on.
        since: Where counting begins (UTC); of a rolling window, the later of `until - window` and the promise.
        until: Where it ends (UTC).

    >>> from datetime import UTC
    >>> at = datetime(2026, 11, 1, tzinfo=UTC)
    >>> kept = [DeliveryResult(release="", delivery="", at=at, verdict=Verdict.MET)] * 19
    >>> broken = [DeliveryResult(release="", delivery="", at=at, verdict=Verdict.MISSED)]
    >>> days = timedelta(days=90)
    >>> found = budget([*kept, *broken], objective=0.9, window=days, since=at, until=at + days)
    >>> found.attainment, found.allowed, found.left
    (0.95, 2.0, 0.5)
    """
    within = [result for result in results if since <= result.at < until]
    counts = dict.fromkeys(Verdict, 0)
    for result in within:
        counts[result.verdict] += 1
    spent = counts[Verdict.LATE] + counts[Verdict.MISSED]
    total = counts[Verdict.MET] + spent
    lately = [result for result in within if result.at >= until - window / _LATELY]
    allowed = round((1 - objective) * total, 9)
    return Budget(
        objective=objective,
        window=window,
        since=since,
        until=until,
        met=counts[Verdict.MET],
        late=counts[Verdict.LATE],
        missed=counts[Verdict.MISSED],
        excused=counts[Verdict.EXCUSED],
        unknown=counts[Verdict.UNKNOWN],
        attainment=counts[Verdict.MET] / total if total else None,
        allowed=allowed,
        left=_left(spent, allowed) if total else None,
        burn_rate=_burn_rate(lately, objective),
        spent_lately=_broken(lately),
    )


def _left(spent: int, allowed: float) -> float:
    """The share that is left. Where nothing is allowed, each one that broke it counts as a whole budget."""
    if not allowed:
        return 1.0 - spent if spent == 0 else -float(spent)
    return round(1 - spent / allowed, 9)


def _burn_rate(lately: Sequence[DueResult | DeliveryResult], objective: float) -> float | None:
    counted = sum(result.verdict.counts for result in lately)
    if not counted or objective >= 1:
        return None
    return round(_broken(lately) / counted / (1 - objective), 9)


def _broken(results: Sequence[DueResult | DeliveryResult]) -> int:
    return sum(result.verdict.counts and not result.verdict.is_kept for result in results)


def delivery_results(records: Iterable[ReleaseRecord]) -> tuple[DeliveryResult, ...]:
    """Whether each delivered content passed its audit at the first try, in the order in which it was received.

    The same content counts once, by what was said of it first: not anew when it is judged again, whatever it is called. What a
    later delivery overtook before its audit does not count, nor what repeats what is published: that has no record.
    """
    seen = set[str]()
    results: list[DeliveryResult] = []
    for record in sorted(records, key=lambda record: record.release_id.number):
        if record.state is ReleaseState.SUPERSEDED or record.fingerprint in seen:
            continue
        seen.add(record.fingerprint)
        is_kept = record.state is ReleaseState.PUBLISHED
        results.append(
            DeliveryResult(
                release=str(record.release_id),
                delivery=record.delivery,
                at=record.received_at,
                verdict=Verdict.MET if is_kept else Verdict.MISSED,
                reason="" if is_kept else record.why,
            )
        )
    return tuple(sorted(results, key=lambda result: result.at))


def delivery_gaps(
    receipts: Sequence[Receipt], records: Iterable[ReleaseRecord], now: datetime, until: datetime
) -> tuple[DeliveryResult, ...]:
    """Deliveries of which nobody knows how they fared, as the log has a gap or a clock was wrong: unknown, never kept.

    Args:
        receipts: All of the dataset, by number.
        records: All that there are of those received in the time that is counted.
        now: The instant asked about.
        until: Where counting ends (UTC); what was received by a clock that is ahead counts at its end, if that is now.
    """
    ended = {record.release_id for record in records}
    last_ended = max((release_id.number for release_id in ended), default=0)
    found: list[DeliveryResult] = []
    number = 0
    for receipt in receipts:
        if receipt.number > number + 1:
            reason = f"{_numbers(number + 1, receipt.number - 1)} missing from the log"
            found.append(_unknown("", "", receipt.received_at, reason))
        number = receipt.number
        if receipt.repeats:
            continue
        release, delivery = str(receipt.release_id), receipt.delivery.name
        if receipt.received_at > now + CLOCK_SKEW:
            if until >= now - CLOCK_SKEW:
                reason = f"received at {words.instant(receipt.received_at)}, which is still to come: a clock is wrong"
                found.append(_unknown(release, delivery, until - _MOMENT, reason))
        elif (
            receipt.release_id not in ended and number < last_ended and now - receipt.received_at > _UNDER_WAY
        ):
            found.append(
                _unknown(release, delivery, receipt.received_at, "its record is missing from the log")
            )
    return tuple(found)


def _unknown(release: str, delivery: str, at: datetime, reason: str) -> DeliveryResult:
    return DeliveryResult(release=release, delivery=delivery, at=at, verdict=Verdict.UNKNOWN, reason=reason)


def _numbers(first: int, last: int) -> str:
    return f"receipt {first} is" if first == last else f"receipts {first} to {last} are"


def promised_results(
    promises: Sequence[Promise], results: Iterable[DeliveryResult]
) -> tuple[DeliveryResult, ...]:
    """Those deliveries that came while quality was promised. What came before the first promise on record counts by that."""
    return tuple(result for result in results if _quality_at(promises, result.at) is not None)


def quality_since(promises: Sequence[Promise], first_received_at: datetime | None) -> datetime | None:
    """Since when quality is promised (UTC); None = it is not. By the first promise on record, since the first delivery."""
    first = next((promise for promise in promises if promise.quality is not None), None)
    if first is None:
        return None
    if first is not promises[0] or first_received_at is None:
        return first.valid_from
    return min(first.valid_from, first_received_at)


def _quality_at(promises: Sequence[Promise], at: datetime) -> QualitySlo | None:
    given = [promise for promise in promises if promise.valid_from <= at] or promises[:1]
    return given[-1].quality if given else None
