"""What became of a contract's promises of timeliness and quality: what is loosened, and what is tightened."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from datahub_dagster.domain import words
from datahub_dagster.domain.changes_calendars import calendar_changes, override_changes
from datahub_dagster.domain.changes_deadlines import age_changes, deadline_changes
from datahub_dagster.domain.contract import Contract, DbtFreshness, FreshnessSlo, QualitySlo
from datahub_dagster.domain.contract_change import ContractChange, additive, breaking, editorial, moved


def slo_changes(old: Contract, new: Contract) -> Iterator[ContractChange]:
    """Everything that happened to SLOs, by name, those of dbt's own freshness last."""
    older = {slo.name: slo for slo in old.freshness_slos}
    newer = {slo.name: slo for slo in new.freshness_slos}
    renamed = _renamed(older, newer)
    for name, was in older.items():
        now = newer.get(renamed.get(name, name))
        if now is None:
            yield breaking(f"SLO {name}", "promise removed", words.freshness(was, old.partitions))
            continue
        if name in renamed:
            yield editorial(f"SLO {now.name}", "name changed", name, now.name)
        yield from _freshness_changes(f"SLO {now.name}", was, now, old, new)
    for name, now in newer.items():
        if name not in older and name not in renamed.values():
            yield additive(f"SLO {name}", "promise added", None, words.freshness(now, new.partitions))
    yield from _quality_changes(old.quality_slo, new.quality_slo)
    yield from _dbt_changes(old.dbt_freshness, new.dbt_freshness)


def _renamed(older: Mapping[str, FreshnessSlo], newer: Mapping[str, FreshnessSlo]) -> dict[str, str]:
    """SLOs that have another name, and promise the same."""
    found: dict[str, str] = {}
    for name, slo in older.items():
        if name not in newer:
            same = (
                other
                for other, each in newer.items()
                if other not in older and other not in found.values() and replace(each, name=name) == slo
            )
            if (other := next(same, None)) is not None:
                found[name] = other
    return found


def _freshness_changes(
    subject: str, was: FreshnessSlo, now: FreshnessSlo, old: Contract, new: Contract
) -> Iterator[ContractChange]:
    if (was.due is None) != (now.due is None):
        said = words.freshness(was, old.partitions), words.freshness(now, new.partitions)
        yield breaking(subject, "promises something else", *said)
    else:
        yield from (deadline_changes if was.due is not None else age_changes)(subject, was, now)
        yield from calendar_changes(
            subject, (was.calendar, was.calendar_files), (now.calendar, now.calendar_files)
        )
        yield from override_changes(subject, was, now)
    yield from _objective_changes(subject, was, now)
    if was.warn_before != now.warn_before:
        warned = words.duration(was.warn_before), words.duration(now.warn_before)
        yield editorial(subject, "warning at another time", *warned)


def _quality_changes(was: QualitySlo | None, now: QualitySlo | None) -> Iterator[ContractChange]:
    if was is None and now is not None:
        yield additive("SLO quality", "promise added", None, words.share(now.objective))
    elif was is not None and now is None:
        yield breaking("SLO quality", "promise removed", words.share(was.objective))
    elif was is not None and now is not None:
        yield from _objective_changes("SLO quality", was, now)


def _objective_changes(
    subject: str, was: FreshnessSlo | QualitySlo, now: FreshnessSlo | QualitySlo
) -> Iterator[ContractChange]:
    """How often, and over how long: the longer the window, the more may go wrong at once."""
    yield from moved(
        subject,
        was.objective,
        now.objective,
        worse=("objective lowered", now.objective < was.objective),
        better="objective raised",
        say=words.share,
    )
    yield from moved(
        subject,
        was.window,
        now.window,
        worse=("window longer", now.window > was.window),
        better="window shorter",
        say=words.duration,
    )


def _dbt_changes(was: DbtFreshness | None, now: DbtFreshness | None) -> Iterator[ContractChange]:
    """Of dbt's own `freshness`: ages after which it warns, or fails."""
    older, newer = was or DbtFreshness(), now or DbtFreshness()
    for name, before, after in (
        ("error_after", older.error_after, newer.error_after),
        ("warn_after", older.warn_after, newer.warn_after),
    ):
        subject = f"freshness {name}"
        if before is None and after is not None:
            yield additive(subject, "promise added", None, words.duration(after))
        elif before is not None and after is None:
            yield breaking(subject, "promise removed", words.duration(before))
        elif before is not None and after is not None:
            worse = ("may be older", after > before)
            yield from moved(
                subject, before, after, worse=worse, better="must be younger", say=words.duration
            )
    if older.loaded_at_field != newer.loaded_at_field:
        yield editorial("freshness loaded_at_field", "changed", older.loaded_at_field, newer.loaded_at_field)
