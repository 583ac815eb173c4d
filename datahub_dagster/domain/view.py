"""A dataset as a reader or an audit sees it: an exact list of files."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from datahub_dagster.domain.names import DatasetName, ReleaseId


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedFile:
    """A file of a release.

    Args:
        path: Relative to the hub's root.
        partition: The partition's key; empty in a dataset without partitions.
        holds_partition_column: Whether the partition column is inside the file; if not, it is in the path only, as `column=value/`.
        holds_only_key: Whether each row's value there is the key itself, as text or as a date, and nothing finer.
    """

    path: str
    size: int
    sha256: str
    rows: int
    partition: str = ""
    holds_partition_column: bool = True
    holds_only_key: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileList:
    """All files of a release; written last, so that a prefix without it does not exist for anybody.

    Args:
        columns: Name and type of every column that the files hold.
        promised: Name and type of the columns that the contract promised, where it promised them whole; else empty.
        partition_column: For files that don't hold it, with its type in the engine's words.
    """

    dataset: DatasetName
    release_id: ReleaseId
    files: tuple[ReleasedFile, ...]
    columns: tuple[tuple[str, str], ...] = ()
    promised: tuple[tuple[str, str], ...] = ()
    partition_column: str | None = None
    partition_type: str = "varchar"


def files_read(lists: Iterable[FileList], partitions: Mapping[str, ReleaseId]) -> list[ReleasedFile]:
    """The files that a reader of these partitions reads: of each release, those of the partitions that are read from it."""
    return [
        file for each in lists for file in each.files if partitions.get(file.partition) == each.release_id
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewColumn:
    """A column that the view shows: `found` is False where no file holds it, so that it is all null.

    `type` is in the words of `domain.schema`: the promised type; where there is none, or it says less, the widest that files hold.
    """

    name: str
    type: str | None
    found: bool = True
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetView:
    """Which files make up the dataset, and how to read them.

    Args:
        schema: The engine's schema, `table` its table name.
        columns: What the view shows, in order; empty = whatever the files hold.
        held: What the files hold, for whoever has to know: in the order of the newest release, then what older ones hold besides.
        partition_column: Its name, for files that don't hold it; `partition_type` its type in the engine's words.
    """

    dataset: DatasetName
    schema: str
    table: str
    files: tuple[ReleasedFile, ...]
    columns: tuple[ViewColumn, ...] = ()
    held: tuple[ViewColumn, ...] = ()
    partition_column: str | None = None
    partition_type: str = "varchar"
    description: str = ""

    @property
    def rows(self) -> int:
        """Rows of all files, from their footers."""
        return sum(file.rows for file in self.files)

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.size for file in self.files)
