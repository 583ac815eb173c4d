"""`datahub docs` where the pages are in a bucket."""

import json
from pathlib import Path

import pytest

from datahub_dagster.cli import run
from datahub_dagster.cli.context import Session
from tests.hubs import hub_at


@pytest.fixture
def session(tmp_path: Path) -> Session:
    session = Session(root="s3://acme-datahub/prod")
    session.hub = hub_at(tmp_path)
    return session


def test_the_start_page_is_named_by_its_address_in_the_bucket(
    session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["docs", "build", "--output", "json"], session) == 0
    address = "s3://acme-datahub/prod/docs/index.html"
    told = json.loads(capsys.readouterr().out)
    assert (told["page"], told["uri"], told["changed"]) == (address, address, 0)


def test_a_bucket_of_their_own_is_named_where_the_docs_have_one(
    session: Session, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATAHUB_DOCS_ROOT", "s3://acme-docs")
    assert run(["docs", "build"], session) == 0
    assert "the start page is s3://acme-docs/docs/index.html" in capsys.readouterr().out


def test_pages_in_a_bucket_are_not_served_from_here(
    session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["docs", "serve"], session) == 2
    assert "aws s3 sync s3://acme-datahub/prod/docs docs" in capsys.readouterr().err
