"""What a contract said when: the whole of it, so that a changelog can be told, and a later comparison made, from the log alone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.names import DatasetName

SCHEMA_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractVersion:
    """A dataset's contract as it was from an instant (UTC) on, until the next one.

    Args:
        schema_version: Of the file. One that is newer than `SCHEMA_VERSION` can't be read.
    """

    schema_version: int = SCHEMA_VERSION
    dataset: DatasetName
    valid_from: datetime
    contract: Contract
