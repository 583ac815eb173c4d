"""What happened to a dataset that consumers may want to hear of. An event keeps its id and its words for ever.

The facts of each kind: published: `generation`, `rows`; rejected: `why`; rolled-back: `generation`, `restores`, `reason`; contract:
`version`; sunset: `sunset_date`, `successor`; incident: those of `incidents`, and `incident`, its kind.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from datahub_dagster.adapters.site import paths, web
from datahub_dagster.adapters.site.documents.incidents import incident_document
from datahub_dagster.adapters.site.documents.parts import instant
from datahub_dagster.adapters.site.documents.schema import ContractVersionDocument, Event, Fact
from datahub_dagster.adapters.site.facts import DatasetFacts
from datahub_dagster.domain import words
from datahub_dagster.domain.alert import AlertKind
from datahub_dagster.domain.contract import Lifecycle
from datahub_dagster.domain.release import GenerationKind, ReleaseState

_MOST = 60
_OF_INCIDENTS = (  # of the others releases and contracts tell, or nobody but the owners asks
    AlertKind.SLO_MISSED,
    AlertKind.SLO_UNKNOWN,
    AlertKind.BUDGET_BURNS,
    AlertKind.CHECKS_FAILED,
)


def events(facts: DatasetFacts, changelog: Sequence[ContractVersionDocument]) -> list[Event]:
    """The newest events, the newest first.

    Args:
        facts: The dataset's.
        changelog: Its versions, the newest first.
    """
    found = [
        *_deliveries(facts),
        *_rollbacks(facts),
        *_versions(facts, changelog),
        *_sunsets(facts),
        *_incidents(facts),
    ]
    return sorted(found, key=lambda event: (event["at"], event["id"]), reverse=True)[:_MOST]


def _deliveries(facts: DatasetFacts) -> Iterator[Event]:
    for outcome in facts.status.outcomes[-_MOST:]:
        record = outcome.record
        if record is None:
            continue
        release = str(record.release_id)
        if record.state is ReleaseState.PUBLISHED:
            yield _event(
                facts,
                "published",
                release,
                record.published_at or record.finished_at,
                title=f"{facts.name}: release {release} was published",
                text=f"{words.plural(record.rows, 'row')}, generation {record.generation}",
                about={"generation": record.generation, "rows": record.rows},
                release=release,
            )
        elif record.refused:
            yield _event(
                facts,
                "rejected",
                release,
                record.finished_at,
                title=f"{facts.name}: delivery {record.delivery} was rejected",
                text=f"{outcome.why}; readers keep what was published before",
                about={"why": outcome.why, "delivery": record.delivery},
                release=release,
            )


def _rollbacks(facts: DatasetFacts) -> Iterator[Event]:
    for each in facts.generations[-_MOST:]:
        if each.kind is GenerationKind.ROLLBACK:
            yield _event(
                facts,
                "rolled-back",
                str(each.number),
                each.published_at,
                title=f"{facts.name}: rolled back to the content of generation {each.restores}",
                text=each.reason,
                about={"generation": each.number, "restores": each.restores, "reason": each.reason},
                anchor="generations",
                release=str(each.release_id),
            )


def _versions(facts: DatasetFacts, changelog: Sequence[ContractVersionDocument]) -> Iterator[Event]:
    for each in changelog:
        anchor = web.anchor("contract", f"{each['version']}-{each['valid_from']}")
        is_first = each["kind"] == "first"
        yield Event(
            id=f"contract/{facts.name}/{each['valid_from']}",
            at=each["valid_from"],
            kind="contract",
            dataset=facts.name,
            team=facts.contract.team,
            title=f"{facts.name}: contract {each['version']}"
            + ("" if is_first else f", {each['kind']} change"),
            text="; ".join(
                f"{change['subject']}: {change['text']}".removeprefix(": ") for change in each["changes"]
            ),
            page=f"{paths.dataset_page(facts.name)}#{anchor}",
            release=None,
            change=each["kind"],
            facts={"version": each["version"]},
        )


def _sunsets(facts: DatasetFacts) -> Iterator[Event]:
    """That a dataset will go, told when its contract said so first, and again when it says another day."""
    before: tuple[Fact, Fact] | None = None
    for version in facts.versions:
        contract = version.contract
        if contract.lifecycle is not Lifecycle.DEPRECATED:
            before = None
            continue
        day = contract.sunset_date.isoformat() if contract.sunset_date else None
        if (day, contract.successor) != before:
            successor = f"; use {contract.successor} instead" if contract.successor else ""
            yield _event(
                facts,
                "sunset",
                instant(version.valid_from),
                version.valid_from,
                title=f"{facts.name} is deprecated" + (f" and ends on {day}" if day else ""),
                text=f"It is provided until {day or 'further notice'}{successor}",
                about={"sunset_date": day, "successor": contract.successor},
                anchor="",
            )
        before = (day, contract.successor)


def _incidents(facts: DatasetFacts) -> Iterator[Event]:
    for incident in facts.incidents:
        if incident.alert.kind in _OF_INCIDENTS:
            told = incident_document(incident)
            about = {key: value for key, value in told["facts"].items() if key != "checks"}
            text = (
                "tests fail on published data"
                if incident.alert.kind is AlertKind.CHECKS_FAILED
                else told["text"]
            )
            yield _event(
                facts,
                "incident",
                incident.id,
                incident.opened_at,
                title=f"{facts.name}: {text}",
                text="",
                about=about | {"incident": told["kind"]},
                anchor="incidents",
            )


def _event(
    facts: DatasetFacts,
    kind: str,
    what: str,
    at: datetime,
    *,
    title: str,
    text: str,
    about: dict[str, Fact],
    release: str | None = None,
    anchor: str | None = None,
) -> Event:
    fragment = web.anchor("release", release or "") if anchor is None else anchor
    page = paths.dataset_page(facts.name)
    return Event(
        id=f"{kind}/{facts.name}/{what}",
        at=instant(at),
        kind=kind,  # pyright: ignore[reportArgumentType]
        dataset=facts.name,
        team=facts.contract.team,
        title=title,
        text=text,
        page=f"{page}#{fragment}" if fragment else page,
        release=release,
        change=None,
        facts=about,
    )
