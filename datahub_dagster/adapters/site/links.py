"""Which datasets are next to each other, since a test of one reads the other: looked up once for a whole build."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from datahub_dagster.domain.contract import ContractBook, DataTest, digest
from datahub_dagster.domain.names import DatasetName


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """The datasets next to one, by name, each with the tests that link both.

    Args:
        reads: Those that its own tests read.
        read_by: Those whose tests read it.
        known: Which of all these are in the book, and so have a page.
        successor_is_known: Whether the dataset that is to replace it has a page.
    """

    reads: Mapping[DatasetName, tuple[DataTest, ...]] = field(
        default_factory=dict[DatasetName, tuple[DataTest, ...]]
    )
    read_by: Mapping[DatasetName, tuple[DataTest, ...]] = field(
        default_factory=dict[DatasetName, tuple[DataTest, ...]]
    )
    known: frozenset[DatasetName] = frozenset()
    successor_is_known: bool = False

    @property
    def key(self) -> str:
        """A digest of all that a page shows of them: another one = another page."""
        parts = [f"{self.successor_is_known}"]
        for way, found in (("reads", self.reads), ("read by", self.read_by)):
            for name, tests in found.items():
                shown = " ".join(test.label for test in tests)
                parts.append(f"{way} {name} {name in self.known} {shown}")
        return digest(*parts)


NOBODY = Neighbours()


class Links:
    """All neighbours of a book."""

    def __init__(self, found: Mapping[DatasetName, Neighbours]) -> None:
        self._found = found

    @classmethod
    def of(cls, book: ContractBook) -> Self:
        """Of every dataset of a book. Looks at each test once."""
        reads: dict[DatasetName, dict[DatasetName, list[DataTest]]] = {}
        read_by: dict[DatasetName, dict[DatasetName, list[DataTest]]] = {}
        for contract in book.datasets.values():
            for test in contract.tests:
                for other in test.depends_on:
                    if other != contract.name:
                        reads.setdefault(contract.name, {}).setdefault(other, []).append(test)
                        read_by.setdefault(other, {}).setdefault(contract.name, []).append(test)
        by_text = {str(name) for name in book.datasets}

        def neighbours(name: DatasetName) -> Neighbours:
            near = reads.get(name, {}), read_by.get(name, {})
            return Neighbours(
                reads=_by_name(near[0]),
                read_by=_by_name(near[1]),
                known=frozenset(each for side in near for each in side if each in book.datasets),
                successor_is_known=book.datasets[name].successor in by_text,
            )

        return cls({name: neighbours(name) for name in book.datasets})

    def of_dataset(self, name: DatasetName) -> Neighbours:
        """Those of one dataset; nobody where the book has it not."""
        return self._found.get(name, NOBODY)

    def key_of(self, name: DatasetName) -> str:
        """A digest of all that a dataset's page shows of its neighbours."""
        return self.of_dataset(name).key


def _by_name(found: Mapping[DatasetName, list[DataTest]]) -> Mapping[DatasetName, tuple[DataTest, ...]]:
    return {name: tuple(found[name]) for name in sorted(found)}
