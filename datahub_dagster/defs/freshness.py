"""The SLO as Dagster's freshness policy. What a policy can say of an SLO is decided in `domain.freshness_policy`."""

from datetime import date
from functools import lru_cache

import dagster as dg

from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.freshness_policy import CronPolicy, WindowPolicy, freshness_policy


def dagster_policy(contract: Contract, today: date) -> dg.FreshnessPolicy | None:
    """The policy of a dataset; None if it promises nothing about time."""
    match freshness_policy(contract, today):
        case CronPolicy() as policy:
            return _cron(policy)
        case WindowPolicy() as policy:
            return dg.FreshnessPolicy.time_window(
                fail_window=policy.fail_window, warn_window=policy.warn_window
            )
        case None:
            return None


@lru_cache(maxsize=1024)  # Dagster samples a thousand ticks for each, 3 ms; datasets share them
def _cron(policy: CronPolicy) -> dg.FreshnessPolicy:
    return dg.FreshnessPolicy.cron(
        deadline_cron=policy.deadline_cron, lower_bound_delta=policy.lower_bound, timezone=policy.timezone
    )
