"""Where the files of a release lie, and what tells which partition their rows belong to.

Athena reads folders, not files: all files of a partition lie below one folder at the release's root.

    releases/<source>/<table>/<release>/                          a dataset in one piece
    releases/<source>/<table>/<release>/<column>=<key>/           a partition
"""

from collections.abc import Iterable

from datahub_dagster.domain.names import DatasetName, Location, ReleaseId
from datahub_dagster.domain.placement import PlacedFile
from datahub_dagster.domain.view import DatasetView, ReleasedFile

RELEASES = Location("releases")


def releases_folder(dataset: DatasetName) -> Location:
    """What holds all releases of a dataset.

    >>> str(releases_folder(DatasetName.parse("payments.orders")))
    'releases/payments/orders'
    """
    return RELEASES / dataset.source / dataset.table


def path_in_release(path: str, column: str, key: str) -> str:
    """Where a file of a partition goes, relative to the release.

    A folder of that column which the path has already gives way to the one at the root, however it is spelled.

    >>> path_in_release("x/day=2026-11-20/y.parquet", "day", "2026-11-20")
    'day=2026-11-20/x/y.parquet'
    >>> path_in_release("y.parquet", "day", "2026-11-20")
    'day=2026-11-20/y.parquet'
    """
    *folders, name = path.split("/")
    prefix = f"{column.lower()}="
    rest = [folder for folder in folders if not folder.lower().startswith(prefix)]
    return "/".join([f"{column}={key}", *rest, name])


def partition_folder(dataset: DatasetName, release_id: ReleaseId, key: str, path: str) -> Location | None:
    """The one folder of a partition in a release, from the path of one of its files.

    None if the file lies elsewhere: it was staged by a version of the hub that left delivered paths as they were.

    >>> path = "releases/payments/orders/2026-11-20.1/day=2026-11-20/x/y.parquet"
    >>> orders, release = DatasetName.parse("payments.orders"), ReleaseId.parse("2026-11-20.1")
    >>> partition_folder(orders, release, "2026-11-20", path)
    Location(path='releases/payments/orders/2026-11-20.1/day=2026-11-20')
    >>> partition_folder(orders, release, "2026-11-21", path) is None
    True
    """
    release = releases_folder(dataset) / str(release_id)
    folder, slash, _ = path.removeprefix(f"{release}/").partition("/")
    is_there = path.startswith(f"{release}/") and slash and folder.endswith(f"={key}")
    return release / folder if is_there else None


def key_stands_for_column(view: DatasetView) -> bool:
    """Whether a partition's key is all that there is to know of the partition column.

    So it is where the column is in the path only, or the files hold nothing but the key in it. Where they hold more, an instant or
    the day of a month, a column of the data and a key are two things.
    """
    return all(not file.holds_partition_column or file.holds_only_key for file in view.files)


def is_mixed(files: Iterable[PlacedFile | ReleasedFile]) -> bool:
    """Whether some files have the partition column in their path only, and others hold finer values: what are the former's?"""
    in_path = finer = False
    for file in files:
        in_path = in_path or not file.holds_partition_column
        finer = finer or (file.holds_partition_column and not file.holds_only_key)
    return in_path and finer
