"""What lies in the inbox."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from datahub_dagster.domain.names import DatasetName


class InboxState(StrEnum):
    """`ready` is to be released; `incomplete` has no `_SUCCESS` yet; `handled` has its receipt and its outcome; `bad` can't be taken."""

    READY = "ready"
    INCOMPLETE = "incomplete"
    HANDLED = "handled"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxEntry:
    """A folder in a dataset's inbox. `newest_at` is when its newest file was written (UTC); `problem` says why it is bad.

    `content_key` changes whenever the files or the contract that judges them change; cheap: from names, sizes and times.
    """

    dataset: DatasetName
    delivery: str
    state: InboxState
    newest_at: datetime | None
    files: int = 0
    bytes: int = 0
    problem: str = ""
    content_key: str = ""
