"""`datahub docs`: the pages for consumers."""

from pathlib import Path

import click

from datahub_dagster import pipeline
from datahub_dagster.cli.context import HubGroup, Session, pass_session
from datahub_dagster.domain import words
from datahub_dagster.domain.names import Location
from datahub_dagster.errors import ExitCode, UsageError
from datahub_dagster.ports import Rendered

DOCS_PORT = 8090


@click.group(name="docs", cls=HubGroup)
def command() -> None:
    """Build the documentation out of contracts and records, or serve it on this machine."""


@command.command("build")
@click.option(
    "--dbt-docs/--no-dbt-docs", default=True, show_default=True, help="Also dbt's own page (takes seconds)."
)
@pass_session
def build(session: Session, dbt_docs: bool) -> int:
    """Bring the pages to the state of the hub. What did not change since the last build is not made again."""
    rendered = render(session, with_dbt_docs=dbt_docs)
    page, uri = _addresses(session, rendered.start)
    figures = {
        "datasets": rendered.datasets,
        "renewed": rendered.renewed,
        "files": rendered.files,
        "changed": rendered.changed,
        "removed": rendered.removed,
    }
    session.out.result(
        {"page": page, "uri": uri, **figures},
        [
            f"{words.count(rendered.changed)} of {words.plural(rendered.files, 'file')} changed, {rendered.removed} removed",
            f"the start page is {page}",
        ],
    )
    return ExitCode.FINE


@command.command("serve")
@click.option(
    "--port", type=click.IntRange(1, 65535), help=f"Default: {DOCS_PORT}, or the next that is free."
)
@pass_session
def serve(session: Session, port: int | None) -> int:
    """Serve the pages on 127.0.0.1 until Ctrl-C; builds them first if there are none.

    Those of a hub on AWS are in a bucket, from where they are served.
    """
    from datahub_dagster.cli.serve import serve_folder, wait_for_signal

    folder = docs_folder(session)
    if not (folder / "index.html").is_file():
        render(session, with_dbt_docs=False)
    with serve_folder(folder, port, preferred=DOCS_PORT) as address:
        session.out.result({"address": address, "folder": folder}, [f"{address}   (Ctrl-C stops)"])
        wait_for_signal()
    return ExitCode.FINE


@command.command("publish")
@click.argument("target", metavar="TARGET")
@pass_session
def publish(session: Session, target: str) -> int:
    """Put the pages that were built into a bucket (s3://BUCKET/PREFIX) or a folder, below docs/.

    Only what is not there yet is sent, the start page last. A folder changes in one step.
    """
    from datahub_dagster.settings import S3Root
    from datahub_dagster.wiring import open_docs_target

    try:
        at = S3Root.parse(target) if "://" in target else Path(target).resolve()
    except ValueError as error:
        raise UsageError(
            "is neither a folder nor s3://BUCKET/PREFIX",
            subject=target,
            next_step="datahub docs publish s3://BUCKET",
        ) from error
    if isinstance(at, Path) and at.exists() and not at.is_dir():
        raise UsageError("is not a folder", subject=target, next_step="name a folder, or s3://BUCKET/PREFIX")
    own = session.settings.docs_at
    if at == (own.resolve() if isinstance(own, Path) else own):
        raise UsageError(
            "is where the pages are built", subject=target, next_step="datahub docs build writes them there"
        )
    with session.out.progress() as progress:
        progress.show(f"publishing the pages to {target}")
        storage = open_docs_target(session.settings, at)
        written = pipeline.copy_docs(session.hub, storage)
    page = storage.uri(Location("docs/index.html"))
    session.out.result(
        {"page": page, "written": written},
        [f"{words.plural(written, 'file')} written; the start page is {page}"],
    )
    return ExitCode.FINE


def render(session: Session, *, with_dbt_docs: bool) -> Rendered:
    """Render the pages, and show that it is done."""
    with session.out.progress() as progress:
        progress.show("document: rendering the pages" + (" and dbt's" if with_dbt_docs else ""))
        return pipeline.document(session.hub, with_dbt_docs=with_dbt_docs)


def _addresses(session: Session, location: Location) -> tuple[Path | str, str]:
    """Where a page is (a file, or its `s3://` address), and its address as other systems know it."""
    at = session.settings.docs_at
    if isinstance(at, Path):
        return at / location.path, session.hub.storage.uri(location)
    return f"{at}/{location}", f"{at}/{location}"


def docs_folder(session: Session) -> Path:
    """Where the pages of the embedded hub are.

    Raises:
        UsageError: The root is a file, or the hub is on AWS.
    """
    at = session.settings.docs_at
    if not isinstance(at, Path):
        raise UsageError(
            "the pages of a hub on AWS are in a bucket, and not served from here",
            subject=f"{at}/docs",
            next_step=f"aws s3 sync {at}/docs docs && python3 -m http.server --bind 127.0.0.1 --directory docs",
        )
    if at.exists() and not at.is_dir():
        raise UsageError("is not a folder", subject=str(at), next_step="set DATAHUB_ROOT, or give --root")
    return at / "docs"
