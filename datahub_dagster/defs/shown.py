"""Which datasets a code location shows, and what it needs to know of all of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import cached_property

from datahub_dagster.defs.metadata import faults_of
from datahub_dagster.domain.contract import Consumer, Contract, ContractBook, ContractFault
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.errors import SettingsError
from datahub_dagster.ports import Hub
from datahub_dagster.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The contracts of this code location, by name, as they were when it was loaded.

    Args:
        book: All contracts, those of other teams too.
        settings: `teams` chooses the datasets, empty = all; and whether the work that all teams share is done here.
        today: Calendars are looked up from here.
        releases_at: Where a dataset's releases are, as people address it.
    """

    book: ContractBook
    settings: Settings
    today: date
    releases_at: Callable[[DatasetName], str]

    @classmethod
    def of(cls, hub: Hub, settings: Settings) -> "Shown":
        """What the hub's contracts are now. A team whose files are broken is shown as it was last good.

        Raises:
            SettingsError: A team is chosen that has no dataset.
        """
        book = hub.book()
        _check_teams(book, settings.teams)

        def releases_at(dataset: DatasetName) -> str:
            return hub.storage.uri(hub.log.releases_folder(dataset))

        return cls(book=book, settings=settings, today=hub.clock.now().date(), releases_at=releases_at)

    @property
    def contracts(self) -> tuple[Contract, ...]:
        """The datasets that are shown."""
        chosen = (each for each in self.book.datasets.values() if self.settings.shows(each.team))
        return tuple(sorted(chosen, key=lambda contract: contract.name))

    @property
    def teams(self) -> tuple[str, ...]:
        """Their teams."""
        return tuple(sorted({contract.team for contract in self.contracts}))

    @property
    def consumers(self) -> tuple[Consumer, ...]:
        """Everybody who reads one of them."""
        names = {contract.name for contract in self.contracts}
        return tuple(consumer for consumer in self.book.consumers if names.intersection(consumer.depends_on))

    def consumers_of(self, contract: Contract) -> tuple[Consumer, ...]:
        """Everybody who reads a dataset."""
        return tuple(self._consumers.get(contract.name, ()))

    @cached_property
    def _consumers(self) -> Mapping[DatasetName, Sequence[Consumer]]:
        """By dataset: to look through all consumers for each of 5,000 datasets takes long."""
        found: dict[DatasetName, list[Consumer]] = {}
        for consumer in self.book.consumers:
            for name in dict.fromkeys(consumer.depends_on):
                found.setdefault(name, []).append(consumer)
        return found

    def faults_of(self, contract: Contract) -> tuple[ContractFault, ...]:
        """What is wrong with the files of a dataset's team."""
        return faults_of(self.book, contract)


def _check_teams(book: ContractBook, chosen: Sequence[str]) -> None:
    """A misspelt team would be an empty code location that nobody notices."""
    unknown = [team for team in chosen if team not in book.teams]
    if not unknown or not all(fault.has_last_good for fault in book.faults):
        return  # a team may be unknown because its files can't be read
    nearest = get_close_matches(unknown[0], book.teams, n=1, cutoff=0.5)
    raise SettingsError(
        f"there is no team {unknown[0]}",
        subject="DATAHUB_TEAMS",
        promised=f"one of {', '.join(book.teams)}" if book.teams else "no team has a dataset yet",
        found=", ".join(chosen) + (f"; the nearest: {nearest[0]}" if nearest else ""),
        next_step="unset DATAHUB_TEAMS to show all teams, or correct it",
    )
