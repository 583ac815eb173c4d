"""What the doctor says of the targets of alerts. No address is shown."""

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from datahub_dagster.adapters.notify.apprise_channels import problem_of
from datahub_dagster.adapters.notify.targets import TargetSource
from datahub_dagster.domain import words
from datahub_dagster.domain.contract import Contract, Support
from datahub_dagster.domain.finding import Findings, fault, fine, note

_SUBJECT = "alert targets"


def examine_targets(
    source: TargetSource | None,
    place: Path | str | None,
    contracts: Iterable[Contract],
    platform: Iterable[Support],
) -> Findings:
    """Whether the targets can be read, by nobody else, and used; and which channels have none.

    Args:
        source: What the hub reads them from; None = no setting names one.
        place: Where that is, as the settings have it.
        contracts: Those whose channels and owners are told.
        platform: The platform's own channels.

    Raises:
        HubError: They can't be read.
    """
    if source is None:
        yield fine(_SUBJECT, "none are set; alerts are kept in the outbox")
        return
    targets = source.current()
    if isinstance(place, Path) and place.stat().st_mode & stat.S_IROTH:
        yield fault(
            _SUBJECT, f"everybody on this machine can read {place}, which holds secrets", f"chmod 600 {place}"
        )
    for target in targets.by_key.values():
        if problem := problem_of(target):
            yield fault(
                _SUBJECT, f"{target.place}: {target.key}: {problem}", "mend it; how-to/set-up-channels.md"
            )
    yield fine(_SUBJECT, f"{words.plural(len(targets.by_key), 'target')} in {place}")
    for channel, who in _channels(contracts, platform):
        if targets.of(channel) is None:
            yield note(
                _SUBJECT,
                f"none for {channel.tool}:{channel.channel} of {words.names(who)}: its alerts are kept in the outbox",
                f"add {channel.tool}:{channel.channel}, or {channel.tool}:*, to {place}",
            )


def _channels(
    contracts: Iterable[Contract], platform: Iterable[Support]
) -> Iterator[tuple[Support, list[str]]]:
    """Each channel once, with who names it."""
    found: dict[tuple[str, str], list[str]] = {}
    for support in platform:
        found.setdefault((support.tool, support.channel), []).append("the platform")
    for contract in contracts:
        for support in contract.support:
            found.setdefault((support.tool, support.channel), []).append(str(contract.name))
        if not any(support.tool == "email" for support in contract.support):
            for owner in contract.owners:
                found.setdefault(("email", owner), []).append(str(contract.name))
    for (tool, channel), who in sorted(found.items()):
        yield Support(tool=tool, channel=channel), who
