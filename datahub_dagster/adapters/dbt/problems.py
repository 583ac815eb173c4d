"""What reading a manifest can find wrong."""

from dataclasses import dataclass

from datahub_dagster.domain.contract import Origin


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a team's files that dbt let pass.

    Args:
        is_broken: The files can't be used as they are: the last good ones stand in. Otherwise just what the message names is left out.
        reads: The dataset that it misses, where that is the problem.
    """

    origin: Origin
    message: str
    next_step: str
    is_broken: bool = True
    reads: str | None = None
