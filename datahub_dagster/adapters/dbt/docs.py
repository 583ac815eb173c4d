"""dbt's own documentation of the project, as one page that needs no server and no other host."""

import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from datahub_dagster.adapters.dbt.auditor import ParsedFiles
from datahub_dagster.adapters.dbt.docs_page import docs_page
from datahub_dagster.adapters.dbt.docs_secrets import open_catalog, open_manifest
from datahub_dagster.adapters.dbt.engine import Engine
from datahub_dagster.adapters.dbt.invocation import invoke_dbt, temporary_target
from datahub_dagster.adapters.dbt.profiles import write_profiles
from datahub_dagster.adapters.dbt.slim import RawManifest
from datahub_dagster.errors import EngineError

PAGE = "static_index.html"


class DbtDocs:
    """Makes the page from what was parsed and what is published.

    Args:
        parsed: Gives the project as it is now.
        engine: Shows what is published.
        cache_dir: Where the profile lies; the project itself is never written to.
    """

    def __init__(self, parsed: Callable[[], ParsedFiles], engine: Engine, cache_dir: Path) -> None:
        self._parsed = parsed
        self._engine = engine
        self._cache_dir = cache_dir

    def render(self, out: Path) -> None:
        """Write `static_index.html` into the folder `out`.

        The columns and types on it are those of the published data. A dataset that was never published, or can't be read, is on the
        page as it is in the YAML. Nothing is compiled: one team's broken test is no reason against documentation.

        Raises:
            EngineError: dbt could not run.
            CorruptError: What was parsed can't be read.
        """
        parsed = self._parsed()
        engine = self._engine
        with engine.showing_published() as has_schema, temporary_target() as target_dir:
            project, content = RawManifest.read(parsed.manifest_path).published(
                engine.published_relation, has_schema
            )
            with _without_agates_remark():
                outcome = invoke_dbt(
                    ["docs", "generate", "--no-compile", f"--threads={engine.threads}"],
                    project_dir=parsed.project_dir,
                    profiles_dir=write_profiles(
                        parsed.project_dir, self._cache_dir, engine.target, engine.output()
                    ),
                    target_dir=target_dir,
                    manifest=project,
                )
            template = (target_dir / "index.html").read_text("utf-8")
            catalog = json.loads((target_dir / "catalog.json").read_bytes())
        # dbt makes a page without columns then, and is content.
        errors = getattr(outcome.result, "errors", None)
        if errors:
            raise EngineError(
                "dbt can't read what is published",
                subject=str(parsed.project_dir),
                found=" ".join(str(errors[0]).split())[:300],
                consumers="still read the page as it was",
                next_step="datahub doctor",
            )
        out.mkdir(parents=True, exist_ok=True)
        page = docs_page(template, open_manifest(content), open_catalog(catalog))
        (out / PAGE).write_bytes(page.encode())


@contextmanager
def _without_agates_remark() -> Iterator[None]:
    """dbt-athena's catalog has a column that dbt gives another type: nothing that anybody could mend."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message='.*"table_owner"', category=RuntimeWarning)
        yield
