"""`datahub docs`: the pages for consumers."""

from pathlib import Path

import click

from datahub_dagster import pipeline
from datahub_dagster.cli.context import HubGroup, Session, pass_session
from datahub_dagster.errors import ExitCode, UsageError

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
    """Render the pages."""
    page, uri = render(session, with_dbt_docs=dbt_docs)
    session.out.result({"page": page, "uri": uri}, [f"the start page is {page}"])
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


def render(session: Session, *, with_dbt_docs: bool) -> tuple[Path | str, str]:
    """Render the pages: the start page (a file, or its `s3://` address), and its address as other systems know it."""
    with session.out.progress() as progress:
        progress.show("document: rendering the pages" + (" and dbt's" if with_dbt_docs else ""))
        location = pipeline.document(session.hub, with_dbt_docs=with_dbt_docs)
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
