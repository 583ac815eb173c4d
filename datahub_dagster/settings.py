"""One typed field for each `DATAHUB_*` variable; the defaults are the embedded hub."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

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
        default=10, metadata={"help": "The docs are rendered at most once in so many minutes."}
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
            SettingsError: A value has the wrong form, or a `DATAHUB_*` variable is not known.
        """
        variables = os.environ if environment is None else environment
        known = {f"DATAHUB_{f.name.upper()}": f.name for f in fields(cls)}
        values: dict[str, object] = {}
        for variable, name in known.items():
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
_NUMBERS = {
    "sample_rows": 0,
    "inbox_days": 0,
    "docs_interval_minutes": 1,
    "sensor_interval_seconds": 1,
}  # with their minimum


def _parse(variable: str, name: str, text: str) -> object:
    if name in _PATHS:
        return Path(text)
    if name == "teams":
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if name in _NUMBERS:
        if not text.isdigit() or int(text) < _NUMBERS[name]:
            raise SettingsError(
                "is not a usable number",
                subject=variable,
                promised=f"a whole number, {_NUMBERS[name]} or more",
                found=repr(text),
                next_step=f"unset {variable}, or set it to a number",
            )
        return int(text)
    return text
