"""The finished pages in another place: whole, sent once, and nothing of others is touched."""

import gzip
import json
from pathlib import Path

import pytest

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.site.copy import copy_site
from datahub_dagster.adapters.site.publish import DOCS, STATE
from datahub_dagster.adapters.storage.local import LocalStorage
from datahub_dagster.adapters.storage.s3_site import S3SiteStorage
from datahub_dagster.errors import ConflictError, UsageError
from datahub_dagster.ports import Storage
from tests.adapters.site_example import Example, realistic
from tests.aws import AwsAccount, SentRequests


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Example:
    example = realistic(tmp_path_factory.mktemp("hub"))
    example.render()
    return example


def files(root: Path) -> dict[str, bytes]:
    docs = root / "docs"
    return {
        path.relative_to(docs).as_posix(): path.read_bytes() for path in docs.rglob("*") if path.is_file()
    }


def test_a_folder_gets_every_page_once(example: Example, tmp_path: Path) -> None:
    target = LocalStorage(tmp_path)

    first = copy_site(example.storage, target)
    again = copy_site(example.storage, target)

    assert files(tmp_path) == files(example.root)
    assert (first, again) == (len(files(example.root)) - 1, 0)  # the state beside them is no page


def test_what_is_old_there_is_renewed_and_what_is_foreign_stays(example: Example, tmp_path: Path) -> None:
    target = LocalStorage(tmp_path)
    copy_site(example.storage, target)
    docs = tmp_path / "docs"
    (docs / "index.html").write_text("cut off")
    (docs / "datasets" / "gone.table.html").write_text("a dataset that is no more")
    (docs / "robots.txt").write_text("of somebody else")
    (docs / "status.json").unlink()

    assert copy_site(example.storage, target) == 2
    assert files(tmp_path) == files(example.root) | {"robots.txt": b"of somebody else"}


def test_a_style_sheet_that_the_source_keeps_for_open_pages_stays_in_the_target_too(
    example: Example, tmp_path: Path
) -> None:
    source, target = LocalStorage(tmp_path / "source"), LocalStorage(tmp_path / "target")
    copy_site(example.storage, source)
    (tmp_path / "target/docs/assets").mkdir(parents=True)
    for name in ("kept.css", "old.css"):
        (tmp_path / "target/docs/assets" / name).write_text("")
    state = json.loads(gzip.decompress(source.read(DOCS / STATE)))
    state["retired"] = {"assets/kept.css": "2026-11-20T00:00:00+00:00"}
    source.replace(DOCS / STATE, gzip.compress(json.dumps(state).encode()))

    copy_site(source, target)

    assert (tmp_path / "target/docs/assets/kept.css").exists()
    assert not (tmp_path / "target/docs/assets/old.css").exists()


@pytest.mark.parametrize("content", [None, b"of the next build"])
def test_pages_that_a_build_replaces_meanwhile_are_not_mixed(
    example: Example, tmp_path: Path, content: bytes | None
) -> None:
    source = LocalStorage(tmp_path / "source")
    copy_site(example.storage, source)
    page = tmp_path / "source/docs/status.html"
    page.write_bytes(content) if content else page.unlink()

    with pytest.raises(ConflictError, match="built anew") as refused:
        copy_site(source, LocalStorage(tmp_path / "target"))

    assert refused.value.next_step == "datahub docs publish, once more"
    assert not (tmp_path / "target/docs").exists()


def test_before_the_first_build_there_is_nothing_to_copy(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there are no pages yet") as refused:
        copy_site(LocalStorage(tmp_path / "a"), LocalStorage(tmp_path / "b"))

    assert refused.value.next_step == "datahub docs build"


@pytest.mark.aws
def test_a_bucket_gets_the_start_page_last_and_a_second_time_nothing(
    example: Example, aws_account: AwsAccount, requests_counted: SentRequests
) -> None:
    target: Storage = S3SiteStorage(AwsClients(), aws_account.bucket, "www")
    copy_site(example.storage, target)
    sent = [request.key or "" for request in requests_counted.of("PutObject")]
    pages = [key.removeprefix("www/docs/") for key in sent if not key.endswith(STATE)]
    requests_counted.clear()
    copy_site(example.storage, target)

    assert set(pages) == set(files(example.root)) - {STATE}
    assert pages[-1] == "index.html"
    assert all(path.startswith("assets/") for path in pages[:3])
    assert requests_counted.of("PutObject") == []
    assert target.read(DOCS / "index.html") == (example.root / "docs" / "index.html").read_bytes()
