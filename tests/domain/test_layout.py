"""All files of a partition lie below one folder at the release's root, whatever paths were delivered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datahub_dagster.domain.layout import (
    is_mixed,
    key_stands_for_column,
    partition_folder,
    path_in_release,
    releases_folder,
)
from datahub_dagster.domain.view import DatasetView, ReleasedFile
from tests.builders import name, release_id

KEY = "2026-11-20"


def file(path: str = "x.parquet", **more: bool) -> ReleasedFile:
    return ReleasedFile(path=path, size=1, sha256="", rows=1, partition=KEY, **more)


IN_PATH = file(holds_partition_column=False)
ONLY_KEY = file(holds_partition_column=True, holds_only_key=True)
FINER = file(holds_partition_column=True, holds_only_key=False)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("y.parquet", "day=2026-11-20/y.parquet"),
        ("day=2026-11-20/y.parquet", "day=2026-11-20/y.parquet"),
        ("x/day=2026-11-20/y.parquet", "day=2026-11-20/x/y.parquet"),
        ("DAY=2026-11-20/x/y.parquet", "day=2026-11-20/x/y.parquet"),
        ("day=2026-11-19/day=2026-11-20/y.parquet", "day=2026-11-20/y.parquet"),
        ("hour=09/day=2026-11-20T09/y.parquet", "day=2026-11-20/hour=09/y.parquet"),
        ("x/day=1.parquet", "day=2026-11-20/x/day=1.parquet"),
    ],
)
def test_the_folder_of_the_partition_comes_first_and_once(path: str, expected: str) -> None:
    assert path_in_release(path, "day", KEY) == expected


@given(
    st.lists(st.sampled_from(["x", "day=2026-11-20", "Day=1", "hour=3", "a b"])),
    st.sampled_from(["day", "Day"]),
)
def test_a_staged_path_is_found_again_and_staging_it_anew_changes_nothing(
    folders: list[str], column: str
) -> None:
    path = path_in_release("/".join([*folders, "f.parquet"]), column, KEY)
    release = releases_folder(name()) / str(release_id())

    found = partition_folder(name(), release_id(), KEY, f"{release}/{path}")

    assert found == release / f"{column}={KEY}"
    assert path_in_release(path, column, KEY) == path


@pytest.mark.parametrize(
    "path",
    [
        "releases/payments/orders/2026-11-20.1/x.parquet",
        "releases/payments/orders/2026-11-20.1/x/day=2026-11-20/y.parquet",
        "releases/payments/orders/2026-11-20.1/day=2026-11-21/y.parquet",
        "releases/payments/orders/2026-11-20.2/day=2026-11-20/y.parquet",
        "day=2026-11-20/y.parquet",
    ],
)
def test_a_file_elsewhere_has_no_folder(path: str) -> None:
    assert partition_folder(name(), release_id(), KEY, path) is None


@pytest.mark.parametrize(
    ("files", "stands", "mixed"),
    [
        ([], True, False),
        ([IN_PATH, ONLY_KEY], True, False),
        ([ONLY_KEY, FINER], False, False),
        ([IN_PATH, ONLY_KEY, FINER], False, True),
    ],
)
def test_what_the_key_tells_of_the_column(files: list[ReleasedFile], stands: bool, mixed: bool) -> None:
    view = DatasetView(dataset=name(), schema="s", table="t", files=tuple(files), partition_column="day")

    assert key_stands_for_column(view) is stands
    assert is_mixed(files) is mixed
