"""One typed field for each `DATAHUB_*` variable; the defaults are the embedded hub."""

import os
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path

from datahub_dagster.domain.cron import parse_cron
from datahub_dagster.domain.due import zone_named
from datahub_dagster.domain.words import safe_url
from datahub_dagster.errors import SettingsError

_REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the hub is and how it runs.

    Each field is read from the variable `DATAHUB_<NAME>`; its help text is in the reference.
    """

    root: Path = field(
        default=Path("hub"), metadata={"help": "Folder of the embedded hub: inbox, releases, log, docs."}
    )
    dbt_project_dir: Path = field(
        default=_REPOSITORY / "dbt_project",
        metadata={"help": "The dbt project whose sources are the datasets."},
    )
    cache_dir: Path | None = field(
        default=None,
        metadata={"help": "Where parsed contracts and dbt's files are kept; default `<root>/.cache`."},
    )
    teams: tuple[str, ...] = field(
        default=(),
        metadata={"help": "Teams whose datasets this code location shows, comma-separated; empty = all."},
    )
    sample_rows: int = field(
        default=20, metadata={"help": "How many failing rows a check keeps at most; 0 = none."}
    )
    inbox_days: int = field(
        default=7,
        metadata={"help": "How long a released delivery stays in the inbox before gc removes it, in days."},
    )
    docs_url: str = field(
        default="",
        metadata={"help": "Address under which the docs are served, for links; empty = files on disk."},
    )
    docs_interval_minutes: int = field(
        default=10,
        metadata={
            "help": "The docs are rendered at most once in so many minutes, which divide an hour or a day."
        },
    )
    sensor_interval_seconds: int = field(
        default=30, metadata={"help": "How often the sensors look, in seconds."}
    )
    nightly_checks_cron: str = field(
        default="0 3 * * *", metadata={"help": "When all tests run on published data."}
    )
    reconcile_cron: str = field(
        default="*/15 * * * *", metadata={"help": "When the catalog is compared with the log."}
    )
    timezone: str = field(default="UTC", metadata={"help": "Time zone of the hub's own schedules and pages."})

    @property
    def cache(self) -> Path:
        """Where derived files are kept."""
        return self.cache_dir or self.root / ".cache"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """The settings that the environment asks for. Relative paths are resolved against the current folder.

        Raises:
            SettingsError: A value has the wrong form, or a `DATAHUB_*` variable looks like a misspelt setting.
        """
        variables = os.environ if environment is None else environment
        _refuse_unknown(variables)
        values: dict[str, object] = {}
        for variable, name in known_variables().items():
            text = variables.get(variable, "").strip()
            if text:
                values[name] = _parse(variable, name, text)
        return cls(**values).resolved()  # pyright: ignore[reportArgumentType]

    def resolved(self) -> "Settings":
        """The same with absolute paths."""
        from dataclasses import replace

        return replace(
            self,
            root=self.root.expanduser().absolute(),
            dbt_project_dir=self.dbt_project_dir.expanduser().absolute(),
            cache_dir=self.cache_dir.expanduser().absolute() if self.cache_dir else None,
        )


_PATHS = {"root", "dbt_project_dir", "cache_dir"}
_CRONS = {"nightly_checks_cron", "reconcile_cron"}
_NUMBERS = {  # from, to
    "sample_rows": (0, 10_000),
    "inbox_days": (0, 36_500),
    "sensor_interval_seconds": (1, 86_400),
}
_OFTEN = {minutes for minutes in range(1, 61) if 60 % minutes == 0}
_SELDOM = {hours * 60 for hours in range(1, 13) if 24 % hours == 0}

# What the project's own `profiles.yml` reads, for people who run dbt by hand.
_OF_DBT = ("DATAHUB_DBT_TARGET", "DATAHUB_ATHENA_")


def known_variables() -> dict[str, str]:
    """Every variable that is a setting, with the name of its field."""
    return {f"DATAHUB_{each.name.upper()}": each.name for each in fields(Settings)}


def _refuse_unknown(variables: Mapping[str, str]) -> None:
    """A misspelt variable would be ignored in silence, and the hub be another than was meant.

    One that resembles no setting is somebody else's: another product has the same prefix.
    """
    known = known_variables()
    for variable in sorted(variables):
        if not variable.startswith("DATAHUB_") or variable in known or not variables[variable].strip():
            continue
        if variable == _OF_DBT[0] or variable.startswith(_OF_DBT[1]):
            continue
        names = [each.removeprefix("DATAHUB_") for each in known]
        close = get_close_matches(variable.removeprefix("DATAHUB_"), names, n=1, cutoff=0.7)
        if not close:
            continue
        raise SettingsError(
            "is not a setting",
            subject=variable,
            promised=f"DATAHUB_{close[0]} is the nearest",
            found=repr(variables[variable]),
            next_step=f"unset {variable}, or rename it to DATAHUB_{close[0]}",
        )


def _parse(variable: str, name: str, text: str) -> object:
    """The value of a variable. Raises `SettingsError`."""
    if name in _PATHS:
        return Path(text)
    if name == "teams":
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if name in _NUMBERS:
        lowest, highest = _NUMBERS[name]
        return _number(variable, text, range(lowest, highest + 1), f"{lowest} to {highest:,}")
    if name == "docs_interval_minutes":
        usable = sorted(_OFTEN | _SELDOM)
        return _number(variable, text, usable, f"one of {', '.join(map(str, usable))}, which divide a day")
    try:
        if name in _CRONS:
            return parse_cron(text)
        if name == "timezone":
            zone_named(text)
    except ValueError as error:
        what = "a cron schedule" if name in _CRONS else "a time zone"
        example = '"0 3 * * *"' if name in _CRONS else "Asia/Tokyo"
        raise _unusable(variable, text, f"{what}, such as {example} ({error})", example) from error
    if name == "docs_url" and safe_url(text) is None:
        example = "https://hub.example.com/docs"
        raise _unusable(variable, text, f"an address that a browser can open, such as {example}", example)
    return text


def _number(variable: str, text: str, usable: Container[int], promised: str) -> int:
    # Of the digits only 0 to 9: isdigit() takes others too, and int() reads them.
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
    if number is None or number not in usable:
        raise _unusable(variable, text, f"a whole number, {promised}", "NUMBER")
    return number


def _unusable(variable: str, text: str, promised: str, example: str) -> SettingsError:
    return SettingsError(
        "has a value that can't be used",
        subject=variable,
        promised=promised,
        found=repr(text),
        next_step=f"unset {variable}, or: export {variable}={example}",
    )
