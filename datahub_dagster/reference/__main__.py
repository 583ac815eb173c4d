"""Writes the pages that are not current, and says which."""

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from datahub_dagster.cli import reference as cli
from datahub_dagster.reference.errors_page import errors_page
from datahub_dagster.reference.faults import faults_page
from datahub_dagster.reference.files_page import files_page
from datahub_dagster.reference.generic_tests import generic_tests_page
from datahub_dagster.reference.markdown import page
from datahub_dagster.reference.python_page import python_page
from datahub_dagster.reference.record_page import record_page
from datahub_dagster.reference.settings_page import settings_page
from datahub_dagster.reference.team_api import team_api_page

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = Path("docs/reference")

PAGES: Mapping[str, Callable[[], Iterable[str]]] = {
    "cli.md": lambda: cli.page().splitlines(),
    "errors.md": errors_page,
    "faults.md": faults_page,
    "files.md": files_page,
    "generic-tests.md": lambda: generic_tests_page(REPOSITORY),
    "python.md": python_page,
    "record.md": record_page,
    "settings.md": settings_page,
    "team-api.md": team_api_page,
}


def main() -> None:
    """Write docs/reference/*.md."""
    for name, lines in PAGES.items():
        target = REPOSITORY / FOLDER / name
        text = page(lines())
        if not target.is_file() or target.read_text(encoding="utf-8") != text:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{FOLDER / name} is written\n")
    sys.stdout.write(f"{len(PAGES)} pages are current\n")


if __name__ == "__main__":
    main()
