"""The pages in a bucket: what a browser is told of them, the order of the upload, and who may read them."""

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from posixpath import dirname, normpath
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from datahub_dagster.adapters.aws.clients import AwsClients
from datahub_dagster.adapters.site.build import StaticSite
from datahub_dagster.adapters.site.publish import STATE
from datahub_dagster.adapters.storage.s3_site import S3SiteStorage
from datahub_dagster.errors import SettingsError, StorageError
from tests.adapters.site_example import realistic
from tests.aws import AwsAccount, SentRequests

pytestmark = pytest.mark.aws

POLICY_STATUS = (
    '<PolicyStatus xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsPublic>{}</IsPublic></PolicyStatus>'
)
DENIED = (403, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
LINK = re.compile(r'(?:href|src)="([^"#?:]+)["#?]')


class Bucket:
    """A bucket with the pages of an example."""

    def __init__(self, root: Path, account: AwsAccount) -> None:
        self.account = account
        self.name = account.bucket
        self.s3 = account.client("s3")
        self.example = realistic(root)
        self.refuse: Callable[[Any], None] = lambda _request: None
        self.answers: dict[str, tuple[int, str]] = {}
        session: Any = boto3.Session()
        session.events.register("before-send.s3", lambda request, **_: self.refuse(request))
        session.events.register("before-send.s3", lambda request, **_: self._answer(request))
        self.aws = AwsClients(session)

    def render(self, *, public: bool = False, dbt_docs: bytes | None = None, kms_key: str = "") -> str:
        storage = S3SiteStorage(self.aws, self.name, "hub", kms_key=kms_key, public=public)

        def write_dbt_docs(folder: Path) -> None:
            (folder / "static_index.html").write_bytes(dbt_docs or b"")

        site = StaticSite(
            storage,
            lambda _hub, contracts: [each for each in self.example.statuses if each.contract in contracts],
            write_dbt_docs,
            collect_slos=lambda _hub, contracts: [
                each for each in self.example.slos if each.contract in contracts
            ],
            may_write=storage.refuse_if_public,
        )
        return site.render(self.example.hub(), with_dbt_docs=dbt_docs is not None).start.path

    def objects(self) -> dict[str, bytes]:
        """The pages by their path below `docs/`."""
        keys = [each["Key"] for each in self.s3.list_objects_v2(Bucket=self.name).get("Contents", ())]
        return {
            key.removeprefix("hub/docs/"): self.s3.get_object(Bucket=self.name, Key=key)["Body"].read()
            for key in keys
        }

    def told(self, path: str) -> tuple[str, str]:
        """What a browser is told of a page: its type, and how long it may keep it."""
        answer = self.s3.head_object(Bucket=self.name, Key=f"hub/docs/{path}")
        return answer["ContentType"], answer["CacheControl"]

    def _answer(self, request: Any) -> AWSResponse | None:
        """What S3 would answer where the emulator doesn't."""
        _, _, question = request.url.partition("?")
        if question == "policyStatus" and question not in self.answers:
            return answered(request, 200, POLICY_STATUS.format("true" if self._has_policy() else "false"))
        return answered(request, *self.answers[question]) if question in self.answers else None

    def _has_policy(self) -> bool:
        try:
            return bool(self.s3.get_bucket_policy(Bucket=self.name)["Policy"])
        except self.s3.exceptions.ClientError:
            return False

    def put_back(self, pages: dict[str, bytes]) -> None:
        """Let the bucket hold these pages and no other."""
        for path in self.objects().keys() - pages.keys():
            self.s3.delete_object(Bucket=self.name, Key=f"hub/docs/{path}")
        for path, content in pages.items():
            self.s3.put_object(Bucket=self.name, Key=f"hub/docs/{path}", Body=content)

    def make_public(self, *, block: bool = False) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{self.name}/*",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.s3.delete_public_access_block(Bucket=self.name)
        self.s3.put_bucket_policy(Bucket=self.name, Policy=policy)
        if block:
            self.s3.put_public_access_block(
                Bucket=self.name, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True}
            )


class _Raw(io.BytesIO):
    """A body as urllib3 hands it over."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def answered(request: Any, status: int, body: str) -> AWSResponse:
    """An answer of S3 that no server gave."""
    return AWSResponse(request.url, status, HTTPHeaders(), _Raw(body.encode()))


@pytest.fixture
def bucket(tmp_path: Path, aws_account: AwsAccount) -> Iterator[Bucket]:
    there = Bucket(tmp_path, aws_account)
    yield there
    there.aws.close()


def without_state(pages: dict[str, bytes]) -> dict[str, bytes]:
    """The pages without what the next build is to know, which holds the times of files."""
    return {path: content for path, content in pages.items() if path != STATE}


def named_and_missing(pages: dict[str, bytes]) -> list[str]:
    """What the start page names, and the pages that it names, that isn't there."""
    home = pages["index.html"].decode()
    named = {normpath(link) for link in LINK.findall(home)}
    for page in [each for each in named if each.endswith(".html") and each in pages]:
        assets = [link for link in LINK.findall(pages[page].decode()) if "assets/" in link]
        named |= {normpath(f"{dirname(page)}/{link}").removeprefix("/") for link in assets}
    return sorted(name for name in named if name not in pages)


def test_a_browser_is_told_type_and_age_of_each_page(bucket: Bucket) -> None:
    assert bucket.render(dbt_docs=b"<html><body>dbt</body></html>") == "docs/index.html"
    style = next(path for path in bucket.objects() if path.endswith(".css"))
    assert bucket.told("index.html") == ("text/html; charset=utf-8", "no-cache")
    assert bucket.told("dbt/index.html") == ("text/html; charset=utf-8", "no-cache")
    assert bucket.told("status.json") == ("application/json; charset=utf-8", "no-cache")
    assert bucket.told("changes.atom.xml") == ("application/atom+xml; charset=utf-8", "no-cache")
    assert bucket.told("changes.feed.json") == ("application/feed+json; charset=utf-8", "no-cache")
    odcs = "datasets/weather.daily_observations.odcs.yaml"
    assert bucket.told(odcs) == ("application/yaml; charset=utf-8", "no-cache")
    assert bucket.told(style) == ("text/css; charset=utf-8", "public, max-age=31536000, immutable")


def test_the_pages_are_those_of_a_hub_on_disk(bucket: Bucket) -> None:
    folder = bucket.example.render()
    bucket.render()
    on_disk = {
        str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    assert bucket.objects().keys() == on_disk.keys()
    assert without_state(bucket.objects()) == without_state(on_disk)


def test_what_did_not_change_is_not_uploaded_again(bucket: Bucket, requests_counted: SentRequests) -> None:
    bucket.render()
    written = requests_counted.counts()["s3.PutObject"]
    assert written == len(bucket.objects()) + 1  # the state says first that pages are being written
    requests_counted.clear()
    bucket.render()
    asked = requests_counted.counts()
    assert (asked["s3.PutObject"], asked["s3.GetObject"]) == (0, 1)  # the state is read, and no page


def test_pages_whose_state_is_lost_are_read_and_not_uploaded_again(
    bucket: Bucket, requests_counted: SentRequests
) -> None:
    bucket.render()
    bucket.s3.delete_object(Bucket=bucket.name, Key=f"hub/docs/{STATE}")
    before = requests_counted.counts()["s3.PutObject"]
    bucket.render()
    assert requests_counted.counts()["s3.PutObject"] == before + 2


def test_an_upload_that_is_cut_anywhere_leaves_pages_that_name_only_what_is_there(bucket: Bucket) -> None:
    everything = bucket.example.statuses
    bucket.example.statuses = everything[1:2]
    bucket.render()
    new = bucket.objects()
    bucket.put_back({})
    bucket.example.statuses = everything[:1]
    bucket.render()
    old = bucket.objects()
    bucket.example.statuses = everything[1:2]

    writes = len(new) + len(old)
    homes = set[bytes]()
    for cut_at in range(0, writes, 6):
        bucket.put_back(old)
        left = cut_at

        def cut(request: Any) -> None:
            nonlocal left
            if request.method in ("PUT", "DELETE"):
                left -= 1
                if left < 0:
                    raise ConnectionAbortedError("cut")

        bucket.refuse = cut
        with suppress(ConnectionAbortedError, StorageError):
            bucket.render()
        bucket.refuse = lambda _request: None
        pages = bucket.objects()
        homes.add(pages["index.html"])
        assert named_and_missing(pages) == []
        if left >= 0:
            break
    assert left >= 0, "the last upload was not cut"
    assert homes == {old["index.html"], new["index.html"]}
    there = without_state(bucket.objects())
    assert {path: there[path] for path in without_state(new)} == without_state(new)
    assert all(path.startswith("assets/") for path in there.keys() - new.keys())


def test_pages_that_are_not_public_go_to_no_public_bucket(bucket: Bucket) -> None:
    bucket.make_public()
    with pytest.raises(SettingsError, match="anybody may read") as refused:
        bucket.render()
    assert bucket.name in str(refused.value)
    assert "DATAHUB_DOCS_PUBLIC=true" in str(refused.value)
    assert bucket.objects() == {}


def test_a_public_policy_that_is_blocked_makes_no_bucket_public(bucket: Bucket) -> None:
    bucket.make_public(block=True)
    bucket.render()
    assert "index.html" in bucket.objects()


def test_public_pages_are_uploaded_without_a_question_a_list_of_readers_or_a_key_of_ours(
    bucket: Bucket, requests_counted: SentRequests
) -> None:
    bucket.make_public()
    requests_counted.clear()
    headers: list[str] = []
    bucket.refuse = lambda request: headers.extend(str(name).lower() for name in request.headers)
    bucket.render(public=True, kms_key="alias/hub")
    bucket.refuse = lambda _request: None
    asked = {request.operation for request in requests_counted}
    assert asked <= {"PutObject", "GetObject", "HeadObject", "ListObjectsV2"}
    assert not [name for name in headers if "acl" in name or "kms" in name]


def test_a_bucket_that_must_not_be_asked_is_written_to_with_a_warning(
    bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    bucket.answers["policyStatus"] = DENIED
    with caplog.at_level(logging.WARNING):
        bucket.render()
    assert "the permission s3:GetBucketPolicyStatus is missing" in caplog.text
    assert "index.html" in bucket.objects()


def test_a_public_bucket_whose_block_must_not_be_looked_at_counts_as_public(bucket: Bucket) -> None:
    bucket.make_public(block=True)
    bucket.answers["publicAccessBlock"] = DENIED
    with pytest.raises(SettingsError, match="anybody may read"):
        bucket.render()


def test_a_bucket_that_is_not_there_is_an_error_that_names_it(bucket: Bucket) -> None:
    bucket.name = "hub-that-nobody-made"
    with pytest.raises(StorageError, match="there is no such bucket"):
        bucket.render()
