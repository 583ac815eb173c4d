"""The site as files: everything is rendered in memory first, so that a failed build leaves the old pages."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from datahub_dagster.adapters.site.facts import gather
from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.names import Location, unsafe_path_reason
from datahub_dagster.domain.slo_report import SloReport
from datahub_dagster.domain.status import DatasetStatus
from datahub_dagster.errors import EngineError, HubError, SettingsError
from datahub_dagster.ports import Hub, Site, Storage
from datahub_dagster.side_by_side import side_by_side

logger = logging.getLogger(__name__)

DOCS = Location("docs")

_ASSETS = "assets"
_OWN_FOLDERS = (_ASSETS, "datasets")  # what lies here and is no page any more is removed
_BACK_LINK = (
    b'<a href="../index.html" style="position:fixed;right:112px;bottom:28px;z-index:9999;padding:8px 14px;border-radius:8px;'
    b'background:#26324a;color:#fff;font:600 14px/1.3 system-ui,sans-serif;text-decoration:none">&larr; Data hub</a>'
)


class StaticSite(Site):
    """Plain files below `docs/` of the hub's storage; the start page is written last.

    Each page is replaced in one step, and only where it changed. Pages of datasets that vanished go last.

    Args:
        storage: Where the pages are written.
        collect: How every dataset stands (`pipeline.status`, handed over since adapters don't know the pipeline).
        collect_slos: How their SLOs were kept (`pipeline.slo`), likewise; None = the pages say nothing of it.
        render_dbt_docs: Writes dbt's own page, `index.html` or `static_index.html`, into an empty folder; None = there is none.
        may_write: Is asked before each rendering, and raises where the pages must not be written; None = they always may.
        timezone: IANA name of the zone in which the pages tell times.
        docs_url: Address of the site's root, for canonical links; empty = none.

    Raises:
        SettingsError: There is no such time zone.
    """

    def __init__(
        self,
        storage: Storage,
        collect: Callable[[Hub], Sequence[DatasetStatus]],
        render_dbt_docs: Callable[[Path], None] | None = None,
        *,
        collect_slos: Callable[[Hub, Sequence[Contract]], Sequence[SloReport]] | None = None,
        may_write: Callable[[], None] | None = None,
        timezone: str = "UTC",
        docs_url: str = "",
    ) -> None:
        self._storage = storage
        self._may_write = may_write
        self._collect = collect
        self._collect_slos = collect_slos
        self._render_dbt_docs = render_dbt_docs
        self._docs_url = docs_url
        try:
            self._zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise SettingsError(
                "there is no such time zone",
                subject="DATAHUB_TIMEZONE",
                promised="a name of the IANA database, such as Asia/Tokyo",
                found=repr(timezone),
                next_step="export DATAHUB_TIMEZONE=UTC",
            ) from error

    def render(self, hub: Hub, *, with_dbt_docs: bool) -> Location:
        """Write the pages, and say where the start page is.

        dbt's own page takes seconds and is left as it is unless it is asked for. If dbt fails, the hub's pages are written
        all the same, beside dbt's former page, before the error is raised.

        Raises:
            EngineError: dbt could not make its page.
            StorageError: The storage refused.
        """
        from datahub_dagster.adapters.site.pages import (
            DBT_DOCS,
            HOME,
            build_pages,
        )  # jinja2: only who renders pays for it

        if self._may_write is not None:
            self._may_write()
        dbt_page, dbt_error = self._dbt_page() if with_dbt_docs else (None, None)
        has_dbt_docs = dbt_page is not None or self._storage.exists(DOCS / DBT_DOCS)
        statuses = self._collect(hub)
        reports = self._collect_slos(hub, [each.contract for each in statuses]) if self._collect_slos else ()
        site = gather(hub, statuses, reports)
        pages = build_pages(site, zone=self._zone, docs_url=self._docs_url, has_dbt_docs=has_dbt_docs)
        if dbt_page is not None:
            pages = {DBT_DOCS: dbt_page, **pages}
        written = sum(self._write(group) for group in _in_order(pages, HOME))
        removed = self._remove_vanished(pages)
        logger.info("docs: %d of %d pages changed, %d removed", written, len(pages), removed)
        if dbt_error:
            raise dbt_error
        return DOCS / HOME

    def _dbt_page(self) -> tuple[bytes | None, HubError | None]:
        if self._render_dbt_docs is None:
            return None, None
        with TemporaryDirectory(prefix="datahub-dbt-docs-") as name:
            folder = Path(name)
            try:
                self._render_dbt_docs(folder)
                found = _first_file(folder / "static_index.html", folder / "index.html")
            except HubError as error:
                return None, error
        return _with_back_link(found), None

    def _write(self, pages: Mapping[str, bytes]) -> int:
        """Write those that changed, in any order; how many did."""

        def write(path: str) -> bool:
            with suppress(FileNotFoundError):
                if self._storage.read(DOCS / path) == pages[path]:
                    return False
            self._storage.replace(DOCS / path, pages[path])
            return True

        return sum(side_by_side(write, list(pages), self._storage.parallel))

    def _remove_vanished(self, pages: Mapping[str, bytes]) -> int:
        paths = (
            f"{folder}/{file.path}"
            for folder in _OWN_FOLDERS
            for file in self._storage.list_files(DOCS / folder)
        )
        vanished = [path for path in paths if path not in pages and _is_page(path)]
        for path in vanished:
            self._storage.delete(DOCS / path)
        return len(vanished)


def _in_order(pages: Mapping[str, bytes], home: str) -> Sequence[Mapping[str, bytes]]:
    """What pages need, then the pages, then the one that names them."""
    assets = {path: content for path, content in pages.items() if path.startswith(f"{_ASSETS}/")}
    others = {path: content for path, content in pages.items() if path not in assets and path != home}
    return assets, others, {home: pages[home]}


def _is_page(path: str) -> bool:
    # A hidden file is another process's unfinished write.
    return not unsafe_path_reason(path) and not any(part.startswith(".") for part in path.split("/"))


def _first_file(*paths: Path) -> bytes:
    for path in paths:
        if path.is_file():
            return path.read_bytes()
    raise EngineError(
        "dbt made no docs page",
        subject="docs",
        found=_names(paths[0].parent.iterdir()),
        next_step="datahub docs, and read what dbt says; the former page stays",
    )


def _names(paths: Iterable[Path]) -> str:
    return ", ".join(sorted(path.name for path in paths)) or "an empty folder"


def _with_back_link(page: bytes) -> bytes:
    """Dbt's page with a link to the hub's start page."""
    head, end, tail = page.rpartition(b"</body>")
    return head + _BACK_LINK + end + tail if end else page + _BACK_LINK
