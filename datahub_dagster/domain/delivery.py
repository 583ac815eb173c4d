"""What a team hands in, and the receipt that it gets."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from datahub_dagster.domain.contract import digest
from datahub_dagster.domain.names import DatasetName, Location, ReleaseId

SUCCESS_MARKER = "_SUCCESS"
LONGEST_PATH = 512  # bytes of a delivered file's path: a release puts its own folders before it


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredFile:
    """One data file of a delivery; `path` is relative to the delivery, `sha256` hexadecimal.

    `version` is what the storage called this content, if it has such a thing; the same content may come with another one.
    """

    path: str
    size: int
    sha256: str
    version: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Files that a team hands in, fingerprinted.

    Args:
        full: They are the whole dataset, in mode `partition` too.
        oddities: What else lies in the folder and can't be taken (links, names that lead elsewhere), as text for people.
    """

    dataset: DatasetName
    name: str
    location: Location
    files: tuple[DeliveredFile, ...]
    full: bool = False
    oddities: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """The same content, whatever the delivery is called, has the same fingerprint (64-bit hexadecimal)."""
        files = (f"{file.path}\x00{file.sha256}" for file in sorted(self.files, key=lambda file: file.path))
        return digest("full" if self.full else "", *files, *self.oddities)

    @property
    def bytes(self) -> int:
        """Size of all files together."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The numbered proof that a delivery was received; written once, before anything is copied.

    Args:
        number: Counts the dataset's deliveries from 1; deliveries with a higher number were received later.
        contract_fingerprint: State of the contract that it is judged by.
        repeats: The published release whose content it brings again; then there is nothing to do.
    """

    number: int
    release_id: ReleaseId
    delivery: Delivery
    received_at: datetime
    contract_fingerprint: str
    actor: str = ""
    repeats: ReleaseId | None = None

    @property
    def dataset(self) -> DatasetName:
        """The dataset that it was delivered for."""
        return self.delivery.dataset

    def is_for(self, delivery: Delivery) -> bool:
        """Whether this receipt is for that delivery: same name, same content."""
        return self.delivery.name == delivery.name and self.delivery.fingerprint == delivery.fingerprint


def newest_receipt(receipts: Sequence[Receipt], delivery: str) -> Receipt | None:
    """The last receipt that a delivery of this name got; None if it was never received."""
    return next((receipt for receipt in reversed(receipts) if receipt.delivery.name == delivery), None)


def next_number(receipts: Sequence[Receipt]) -> int:
    """The number that the next receipt gets."""
    return receipts[-1].number + 1 if receipts else 1
