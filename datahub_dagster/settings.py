"""One typed field for each `DATAHUB_*` variable; the defaults are the embedded hub."""

import os
import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path

from datahub_dagster.domain.contract import Language, Support
from datahub_dagster.domain.cron import parse_cron
from datahub_dagster.domain.due import zone_named
from datahub_dagster.domain.names import unsafe_path_reason
from datahub_dagster.domain.words import safe_url
from datahub_dagster.errors import SettingsError

_REPOSITORY = Path(__file__).resolve().parent.parent


_S3 = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?")


@dataclass(frozen=True, slots=True)
class S3Root:
    """A bucket, and what stands before every key in it: `prod`, or nothing.

    >>> S3Root.parse("s3://acme-datahub/prod/")
    S3Root(bucket='acme-datahub', prefix='prod')
    """

    bucket: str
    prefix: str = ""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    @classmethod
    def parse(cls, text: str) -> "S3Root":
        """Read `s3://bucket/prefix`. Raises `ValueError`."""
        match = _S3.fullmatch(text)
        prefix = (match[2] or "").strip("/") if match else ""
        if match is None or (prefix and unsafe_path_reason(prefix)):
            raise ValueError(f"{text!r} is no s3://BUCKET/PREFIX")
        return cls(match[1], prefix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the hub is and how it runs.

    Each field is read from the variable `DATAHUB_<NAME>`; its help text is in the reference.
    """

    root: Path | S3Root = field(
        default=Path("hub"),
        metadata={
            "help": "Where the hub is (inbox, releases, log, docs): a folder, or `s3://BUCKET/PREFIX` for the hub on AWS, "
            "which is read through Glue and Athena."
        },
    )
    dbt_project_dir: Path = field(
        default=_REPOSITORY / "dbt_project",
        metadata={"help": "The dbt project whose sources are the datasets."},
    )
    cache_dir: Path | None = field(
        default=None,
        metadata={
            "help": "Folder of this machine for parsed contracts and dbt's files; default `<root>/.cache`, and for a hub on "
            "AWS `~/.cache/datahub/<bucket>/<prefix>`."
        },
    )
    teams: tuple[str, ...] = field(
        default=(),
        metadata={"help": "Teams whose datasets this code location shows, comma-separated; empty = all."},
    )
    shared_work: bool | None = field(
        default=None,
        metadata={
            "help": "Whether this code location does what is done once for all teams: docs, reconcile and gc (`true`, `false`). "
            "Of several locations exactly one does; default: the one whose `DATAHUB_TEAMS` names no team."
        },
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
            "help": "The docs are looked at once in so many minutes, and rendered if they tell otherwise than the hub."
        },
    )
    docs_sample_rows: int = field(
        default=5,
        metadata={
            "help": "How many rows of a dataset its page shows at most; 0 = none. Confidential datasets and columns show none."
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
    athena_workgroup: str = field(
        default="primary",
        metadata={"help": "Athena workgroup of the audits: its cutoff bounds what a query may cost."},
    )
    athena_reader_workgroup: str = field(
        default="",
        metadata={
            "help": "Athena workgroup of readers, which the examples on the pages name; empty = that of the audits."
        },
    )
    athena_staging_dir: S3Root | None = field(
        default=None,
        metadata={"help": "Where Athena puts results, an `s3://` address; default `<root>/athena`."},
    )
    athena_candidates: str = field(
        default="hub_candidates",
        metadata={
            "help": "Glue database of the tables by which a candidate is audited; readers don't see it."
        },
    )
    glue_prefix: str = field(
        default="",
        metadata={
            "help": "Stands before the name of every Glue database, so that environments can share an account."
        },
    )
    kms_key: str = field(
        default="",
        metadata={
            "help": "KMS key (id, alias or ARN) for what the hub writes; empty = as the bucket does by itself."
        },
    )
    inbox_queue: str = field(
        default="",
        metadata={
            "help": "URL of the SQS queue that hears of writes to the inbox; empty = inboxes are listed."
        },
    )
    inbox_listing_minutes: int = field(
        default=10,
        metadata={"help": "With a queue: how often all inboxes are listed all the same, in minutes."},
    )
    notify_webhook_secret: str = field(
        default="",
        metadata={
            "help": "Which secret of AWS holds the address that messages are posted to: `secretsmanager:<name or ARN>` or "
            "`ssm:<parameter>`; empty = they are kept in the outbox alone."
        },
    )
    alert_targets: Path | str | None = field(
        default=None,
        metadata={
            "help": "Where it stands to which addresses alerts go, which are secrets: a YAML file (how-to/set-up-channels.md), or a "
            "secret of AWS that holds its text, `secretsmanager:<name or ARN>` or `ssm:<parameter>`; empty = they are kept in "
            "the outbox alone."
        },
    )
    alert_language: Language = field(
        default=Language.ENGLISH,
        metadata={"help": "In which language alerts are written where a channel names none: `en`, `ja`."},
    )
    alert_remind_hours: int = field(
        default=24,
        metadata={
            "help": "After how many hours people are told again of what is still wrong and nobody has acknowledged; 0 = never."
        },
    )
    platform_support: tuple[Support, ...] = field(
        default=(),
        metadata={
            "help": "Where alerts go that are no team's, such as a sensor that fails: `tool:channel`, comma-separated."
        },
    )
    dagster_url: str = field(
        default="",
        metadata={"help": "Address of Dagster's UI, for links to runs in alerts; empty = no links."},
    )
    monitor_interval_seconds: int = field(
        default=60, metadata={"help": "How often every SLO is evaluated, in seconds."}
    )
    docs_root: S3Root | None = field(
        default=None,
        metadata={"help": "Where a hub on AWS puts the docs, an `s3://` address; default below `<root>`."},
    )
    docs_public: bool = field(
        default=False,
        metadata={
            "help": "Whether anybody may read the docs (`true`, `false`). If not, they go to no public bucket."
        },
    )

    @property
    def is_on_aws(self) -> bool:
        """Whether the hub is on S3, Glue and Athena."""
        return isinstance(self.root, S3Root)

    @property
    def does_shared_work(self) -> bool:
        """Whether this code location renders the docs, reconciles the catalog and collects garbage, for all teams."""
        return not self.teams if self.shared_work is None else self.shared_work

    def shows(self, team: str) -> bool:
        """Whether this code location shows the datasets of a team.

        >>> Settings().shows("markets"), Settings(teams=("weather",)).shows("markets")
        (True, False)
        """
        return not self.teams or team in self.teams

    @property
    def docs_at(self) -> Path | S3Root:
        """Where the docs are kept: in the folder `docs` below it."""
        return self.docs_root if self.docs_root and self.is_on_aws else self.root

    @property
    def athena_results(self) -> str:
        """Where Athena puts results on AWS, an `s3://` address."""
        return str(self.athena_staging_dir or f"{self.root}/athena")

    @property
    def reader_workgroup(self) -> str:
        """The Athena workgroup that the examples on the pages name."""
        return self.athena_reader_workgroup or self.athena_workgroup

    @property
    def candidates_database(self) -> str:
        """Glue database of candidate tables, as it is called in Glue."""
        return f"{self.glue_prefix}{self.athena_candidates}"

    @property
    def folder(self) -> Path:
        """The embedded hub's folder. Raises `SettingsError` for a hub on AWS, which has none."""
        if isinstance(self.root, Path):
            return self.root
        raise SettingsError(
            "names a hub on AWS, and this needs a folder of this machine",
            subject="DATAHUB_ROOT",
            found=str(self.root),
            next_step="say --root FOLDER",
        )

    @property
    def cache(self) -> Path:
        """Where derived files are kept, on this machine."""
        if self.cache_dir is not None:
            return self.cache_dir
        if isinstance(self.root, Path):
            return self.root / ".cache"
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return home / "datahub" / self.root.bucket / self.root.prefix

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
            root=self.root.expanduser().absolute() if isinstance(self.root, Path) else self.root,
            dbt_project_dir=self.dbt_project_dir.expanduser().absolute(),
            cache_dir=self.cache_dir.expanduser().absolute() if self.cache_dir else None,
            alert_targets=self.alert_targets.expanduser().absolute()
            if isinstance(self.alert_targets, Path)
            else self.alert_targets,
        )


_NUMBERS = {  # from, to
    "sample_rows": (0, 10_000),
    "docs_sample_rows": (0, 50),
    "docs_interval_minutes": (1, 1440),
    "inbox_days": (0, 36_500),
    "sensor_interval_seconds": (1, 86_400),
    "inbox_listing_minutes": (1, 1440),
    "alert_remind_hours": (0, 8_760),
    "monitor_interval_seconds": (1, 3_600),
}
_SECRET_NAME = re.compile(r"secretsmanager:[\w/+=.@:-]+|ssm:[\w/.:-]+", re.ASCII)
_CHANNEL = re.compile(r"([a-z][a-z0-9_-]*):(.*\S.*)")
_GLUE_NAME = re.compile(r"[a-z0-9_]{1,64}")

# What the project's own `profiles.yml` reads, for people who run dbt by hand.
_OF_DBT = ("DATAHUB_DBT_TARGET", "DATAHUB_ATHENA_SCHEMA", "DATAHUB_ATHENA_DATA_DIR")


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
        if variable in _OF_DBT:
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


@dataclass(frozen=True, slots=True)
class _Reader:
    """How a variable's text becomes a value: `read` raises `ValueError` where it can't be one."""

    read: Callable[[str], object]
    promised: str
    example: str


def _root(text: str) -> Path | S3Root:
    return S3Root.parse(text) if "://" in text else Path(text)


def _teams(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _zone(text: str) -> str:
    zone_named(text)
    return text


def _url(text: str) -> str:
    if safe_url(text) is None:
        raise ValueError("no such address")
    return text


def _glue_name(text: str) -> str:
    if not _GLUE_NAME.fullmatch(text):
        raise ValueError("another character, or too long")
    return text


def _truth(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


def _secret_name(text: str) -> str:
    if not _SECRET_NAME.fullmatch(text):
        raise SettingsError(  # which does not repeat it: somebody may have taken it for the place of the address itself
            "names no secret of AWS",
            subject="DATAHUB_NOTIFY_WEBHOOK_SECRET",
            promised="secretsmanager:NAME or ssm:NAME, where NAME is that of the secret which holds the address",
            next_step="keep the address as a secret, and: "
            "export DATAHUB_NOTIFY_WEBHOOK_SECRET=secretsmanager:datahub/webhook",
        )
    return text


def _alert_targets(text: str) -> Path | str:
    if text.startswith(("secretsmanager:", "ssm:")) and _SECRET_NAME.fullmatch(text):
        return text
    if ":" in text:
        raise SettingsError(  # which does not repeat it: somebody may have taken it for the place of an address itself
            "names neither a file nor a secret of AWS",
            subject="DATAHUB_ALERT_TARGETS",
            promised="the path of a YAML file, secretsmanager:NAME or ssm:NAME",
            next_step="write the addresses to a file that only the hub can read, and: export DATAHUB_ALERT_TARGETS=FILE",
        )
    return Path(text)


def _supports(text: str) -> tuple[Support, ...]:
    pairs = [_CHANNEL.fullmatch(part.strip()) for part in text.split(",") if part.strip()]
    if None in pairs:
        raise ValueError("no channel")
    return tuple(Support(tool=pair[1], channel=pair[2]) for pair in pairs if pair)


_ON_S3 = _Reader(S3Root.parse, "an address such as s3://acme-datahub/prod", "s3://acme-datahub/prod")
_CRON = _Reader(parse_cron, 'a cron schedule, such as "0 3 * * *"', '"0 3 * * *"')
_GLUE = _Reader(_glue_name, "what Glue takes: small letters, digits and '_'", "prod_")
_TRUTH = _Reader(_truth, "true or false", "false")
_READERS = {
    "root": _Reader(
        _root, "a folder, or an address such as s3://acme-datahub/prod", "s3://acme-datahub/prod"
    ),
    "dbt_project_dir": _Reader(Path, "a folder", "FOLDER"),
    "cache_dir": _Reader(Path, "a folder", "FOLDER"),
    "teams": _Reader(_teams, "names of teams", "markets,weather"),
    "shared_work": _TRUTH,
    "nightly_checks_cron": _CRON,
    "reconcile_cron": _CRON,
    "timezone": _Reader(_zone, "a time zone, such as Asia/Tokyo", "Asia/Tokyo"),
    "docs_url": _Reader(
        _url,
        "an address that a browser can open, such as https://hub.example.com/docs",
        "https://hub.example.com/docs",
    ),
    "dagster_url": _Reader(
        _url,
        "an address that a browser can open, such as https://dagster.example.com",
        "https://dagster.example.com",
    ),
    "athena_staging_dir": _ON_S3,
    "docs_root": _ON_S3,
    "athena_candidates": _GLUE,
    "glue_prefix": _GLUE,
    "notify_webhook_secret": _Reader(_secret_name, "the name of a secret", "ssm:/datahub/webhook"),
    "alert_targets": _Reader(_alert_targets, "a file, or the name of a secret", "FILE"),
    "alert_language": _Reader(Language, "en or ja", "ja"),
    "platform_support": _Reader(_supports, "channels, each as tool:channel", "slack:#data-platform"),
    "docs_public": _TRUTH,
}


def _parse(variable: str, name: str, text: str) -> object:
    """The value of a variable. Raises `SettingsError`."""
    if name in _NUMBERS:
        lowest, highest = _NUMBERS[name]
        return _number(variable, text, range(lowest, highest + 1), f"{lowest} to {highest:,}")
    reader = _READERS.get(name)
    if reader is None:
        return text
    try:
        return reader.read(text)
    except (ValueError, KeyError) as error:
        why = f" ({error})" if name in ("nightly_checks_cron", "reconcile_cron", "timezone") else ""
        raise _unusable(variable, text, f"{reader.promised}{why}", reader.example) from error


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
