"""The words and tones of values that documents hold: `late` is "Late", and bad.

A tone is a class of chips in `hub.css`: good, bad, warn, info, quiet, plain, secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Tone = Literal["good", "bad", "warn", "info", "quiet", "plain", "secret"]


@dataclass(frozen=True, slots=True)
class Word:
    """An English word, which is also what translations are found by, and how it looks."""

    text: str
    tone: Tone = "plain"


# By the name of the filter; None = what is said where there is no value.
VALUES: Mapping[str, Mapping[str | None, Word]] = {
    "state": {  # of an SLO now
        "met": Word("On time", "good"),
        "late": Word("Late", "bad"),
        "pending": Word("Not due yet", "quiet"),
        "unknown": Word("Unknown", "warn"),
        None: Word("No SLO", "quiet"),
    },
    "verdict": {  # of one due time
        "met": Word("Met", "good"),
        "late": Word("Late", "warn"),
        "missed": Word("Missed", "bad"),
        "excused": Word("Excused", "info"),
        "unknown": Word("Unknown", "quiet"),
        None: Word("Nothing due", "quiet"),
    },
    "kept": {  # whether an objective is reached
        "true": Word("Kept", "good"),
        "false": Word("Broken", "bad"),
        None: Word("Nothing due yet", "quiet"),
    },
    "lifecycle": {
        "preview": Word("Preview", "info"),
        "stable": Word("Stable"),
        "deprecated": Word("Deprecated", "warn"),
    },
    "classification": {
        "public": Word("Public"),
        "internal": Word("Internal"),
        "confidential": Word("Confidential", "secret"),
    },
    "kind": {  # of a consumer, and where it has none the type of its exposure
        "analyst": Word("Analyst"),
        "team": Word("Team"),
        "customer": Word("Customer"),
        "dashboard": Word("Dashboard"),
        "notebook": Word("Notebook"),
        "analysis": Word("Analysis"),
        "ml": Word("Machine learning"),
        "application": Word("Application"),
    },
    "outcome": {  # of a delivery
        "published": Word("Published", "good"),
        "rejected": Word("Rejected", "bad"),
        "superseded": Word("Superseded", "quiet"),
        "overtaken": Word("Overtaken", "quiet"),
        "repeat": Word("Repeat", "quiet"),
        "staged": Word("Staged", "info"),
        None: Word("None yet", "quiet"),
    },
    "inbox": {
        "ready": Word("Waiting", "info"),
        "incomplete": Word("Incomplete", "warn"),
        "handled": Word("Handled", "quiet"),
        "bad": Word("Unusable", "bad"),
    },
    "generation": {
        "release": Word("Release"),
        "rollback": Word("Rolled back", "info"),
    },
    "severity": {
        "warn": Word("Warns", "warn"),
        "error": Word("Blocks", "bad"),
    },
    "check": {  # what a test said
        "pass": Word("Passed", "good"),
        "warn": Word("Warned", "warn"),
        "fail": Word("Failed", "bad"),
        "error": Word("Could not run", "bad"),
        None: Word("Not run yet", "quiet"),
    },
    "event": {
        "published": Word("Release", "good"),
        "rejected": Word("Rejected", "bad"),
        "rolled-back": Word("Rolled back", "info"),
        "contract": Word("Contract", "plain"),
        "sunset": Word("Sunset", "warn"),
        "incident": Word("Incident", "bad"),
    },
    "incident": {
        "slo-missed": Word("Due time missed", "bad"),
        "slo-at-risk": Word("Due time at risk", "warn"),
        "budget-burns": Word("Error budget burns", "warn"),
        "slo-unknown": Word("SLO unknown", "warn"),
        "rejected": Word("Rejected", "bad"),
        "warned": Word("Published with warnings", "warn"),
        "checks-failed": Word("Tests fail on published data", "bad"),
        "rolled-back": Word("Rolled back", "info"),
        "freshness-changed": Word("Freshness changed", "info"),
        "run-failed": Word("Run failed", "bad"),
        "sensor-failed": Word("Sensor failed", "bad"),
        "contract-deprecated": Word("Deprecated", "warn"),
        "monitor-silent": Word("Not monitored", "bad"),
    },
    "change": {  # of a contract
        "first": Word("First version", "info"),
        "breaking": Word("Breaking", "bad"),
        "additive": Word("Additive", "good"),
        "editorial": Word("Editorial", "quiet"),
    },
    "column_change": {
        "added": Word("Added", "good"),
        "removed": Word("Removed", "bad"),
        "changed": Word("Changed", "warn"),
    },
    "override": {  # of a calendar's day
        "added": Word("Extra due day", "info"),
        "removed": Word("Nothing due", "quiet"),
        "moved": Word("Moved", "info"),
    },
    "mode": {
        "replace": Word("Whole dataset"),
        "partition": Word("By partition"),
    },
    "granularity": {
        "day": Word("A day"),
        "month": Word("A month"),
    },
    "snippet": {  # names of languages are names, except that SQL says where it runs
        "athena": Word("Athena SQL"),
        "python": Word("Python"),
        "duckdb": Word("DuckDB"),
        "pandas": Word("pandas"),
        "spark": Word("Spark"),
        "r": Word("R"),
    },
}


def word(kind: str, value: object) -> Word:
    """The word for a value; one that is not known is said as it is.

    >>> word("outcome", "rejected"), word("kept", True).text, word("kind", "data-app").text
    (Word(text='Rejected', tone='bad'), 'Kept', 'Data app')
    """
    key = None if value is None else str(value).lower()
    as_it_is = "–" if value is None else str(value).replace("-", " ").capitalize()
    return VALUES[kind].get(key) or Word(as_it_is)
