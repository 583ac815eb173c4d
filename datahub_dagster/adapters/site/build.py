"""The site, top to bottom: look what changed, gather its facts, make documents of them and pages of those, publish."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from datahub_dagster.adapters.site import paths
from datahub_dagster.adapters.site.dbt_page import dbt_page
from datahub_dagster.domain.contract import Contract, ContractBook, digest
from datahub_dagster.domain.names import Location
from datahub_dagster.domain.slo_report import SloReport
from datahub_dagster.domain.status import DatasetStatus
from datahub_dagster.errors import ConflictError, CorruptError, HubError, SettingsError
from datahub_dagster.ports import Clock, Contracts, Hub, Rendered, Site, Storage
from datahub_dagster.side_by_side import side_by_side

if TYPE_CHECKING:
    from datahub_dagster.adapters.parquet_sample import ParquetSampler
    from datahub_dagster.adapters.site.documents.schema import DatasetDocument
    from datahub_dagster.adapters.site.frame import Surroundings
    from datahub_dagster.adapters.site.look import Look
    from datahub_dagster.adapters.site.snippets import Place
    from datahub_dagster.adapters.site.state import BuildState, Remembered

# What renders (jinja2, Babel, ...) is imported by the methods that need it: every command opens a hub, and few build pages.

logger = logging.getLogger(__name__)

_DOCS = Location("docs")
_ATTEMPTS = 5  # at a build that others overtake
_AT_ONCE = 25  # datasets that are collected together


class StaticSite(Site):
    """Plain files below `docs/` of a storage. What did not change since the last build is neither read nor written again.

    Args:
        storage: Where the pages are written.
        collect: How datasets stand (`pipeline.status`, handed over since adapters don't know the pipeline).
        render_dbt_docs: Writes dbt's own page, `index.html` or `static_index.html`, into an empty folder; None = there is none.
        dbt_docs_made_from: A digest of the project that it tells of: the page is made anew only if this changes, or what is
            published; None = at each build that asks for it.
        collect_slos: How their SLOs were kept (`pipeline.slo`), likewise; None = the pages say nothing of it.
        may_write: Is asked before each rendering, and raises where the pages must not be written; None = they always may.
        timezone: IANA name of the zone in which the pages tell times.
        docs_url: Address of the site's root, for canonical links; empty = none.
        dagster_url: Address of Dagster's UI, for links; empty = none.
        is_public: Whether anybody may read the pages.
        sampler: Reads some rows of published data; None = the pages show none.
        sample_rows: How many rows; 0 = none.
        place: Where consumers find the data, for code to copy; None = in the hub's own folder.

    Raises:
        SettingsError: There is no such time zone.
    """

    def __init__(
        self,
        storage: Storage,
        collect: Callable[[Hub, Sequence[Contract]], Sequence[DatasetStatus]],
        render_dbt_docs: Callable[[Path], None] | None = None,
        *,
        dbt_docs_made_from: Callable[[], str] | None = None,
        collect_slos: Callable[[Hub, Sequence[Contract]], Sequence[SloReport]] | None = None,
        may_write: Callable[[], None] | None = None,
        timezone: str = "UTC",
        docs_url: str = "",
        dagster_url: str = "",
        is_public: bool = False,
        sampler: "ParquetSampler | None" = None,
        sample_rows: int = 5,
        place: "Place | None" = None,
    ) -> None:
        self._storage = storage
        self._collect = collect
        self._render_dbt_docs = render_dbt_docs
        self._dbt_docs_made_from = dbt_docs_made_from
        self._collect_slos = collect_slos
        self._may_write = may_write
        self._docs_url = docs_url
        self._dagster_url = dagster_url
        self._is_public = is_public
        self._sampler = sampler
        self._sample_rows = sample_rows
        self._place = place
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

    def render(self, hub: Hub, *, with_dbt_docs: bool) -> Rendered:
        """Bring the pages to the state of the hub, and say what was done. A build that fails leaves the former pages.

        dbt's own page takes seconds: it is left as it is unless it is asked for, and the project or what is published changed. If
        dbt fails, the hub's pages are written all the same, beside dbt's former page, before the error is raised.

        Raises:
            EngineError: dbt could not make its page.
            StorageError: The storage refused.
            ConflictError: Others kept building at the same time.
        """
        from datahub_dagster.adapters.site.publish import OvertakenError

        if self._may_write is not None:
            self._may_write()
        page, dbt_error = self._dbt_page(hub) if with_dbt_docs else (None, None)
        for attempt in range(_ATTEMPTS):
            try:
                rendered = self._build(hub, page, from_nothing=attempt > 0)
                break
            except OvertakenError:
                continue
        else:
            raise ConflictError(
                "others kept building the pages at the same time",
                subject="docs",
                consumers="read the pages of the others",
                next_step="datahub docs build",
            )
        if dbt_error:
            raise dbt_error
        return rendered

    def is_stale(self, hub: Hub) -> bool:
        """Whether a build would make any of the hub's own pages anew: found by listings and by what the last build knew.

        While a delivery is under way, or something can't be read, a build has to look each time, and this is true.

        Raises:
            StorageError: The storage refused.
        """
        from datahub_dagster.adapters.site.look import is_stale
        from datahub_dagster.adapters.site.publish import publisher_of

        publisher = publisher_of(self._storage)
        there = publisher.files()
        former = self._former(publisher.state(), has_dbt_docs=paths.DBT_DOCS in there)
        return is_stale(_at_one_instant(hub), former, there)

    def copy(self, target: Storage) -> int:
        """Bring the pages of another storage to the state of these, and say how many files were written there.

        Raises:
            UsageError: There are no pages yet.
            ConflictError: Somebody else publishes there at the same time.
            StorageError: One of the two storages refused.
        """
        from datahub_dagster.adapters.site.copy import copy_site

        return copy_site(self._storage, target)

    def _build(self, hub: Hub, dbt_page: "_DbtPage | None", *, from_nothing: bool) -> Rendered:
        """Build once. After another build got in between, no state is believed: whose files are there is seen by reading them."""
        from datahub_dagster.adapters.site import pages
        from datahub_dagster.adapters.site.documents.validity import overviews_valid_until
        from datahub_dagster.adapters.site.look import look_at
        from datahub_dagster.adapters.site.press import Press
        from datahub_dagster.adapters.site.publish import publisher_of
        from datahub_dagster.adapters.site.state import BuildState, left_over, size_in

        publisher = publisher_of(self._storage)
        with publisher.building() as stage:
            there, left_behind = publisher.files(), publisher.state()
            has_dbt_docs = dbt_page is not None or paths.DBT_DOCS in there
            around = self._around(has_dbt_docs=has_dbt_docs)
            former = self._former(None if from_nothing else left_behind, has_dbt_docs=has_dbt_docs)

            hub = _at_one_instant(hub)
            look = look_at(hub, former, there)
            datasets = dict(look.unchanged)
            with Press.opened(around, stage, former, there, expected=len(look.changed)) as press:
                for remembered in look.unchanged.values():
                    press.keep(remembered["gist"]["short"]["page"])
                for contract, document, remembered in self._documents(hub, look):
                    datasets[document["dataset"]] = remembered
                    press.add(pages.dataset_draft(document, contract, look.book.consumers_of(contract.name)))
                gists = {name: datasets[name]["gist"] for name in sorted(datasets)}
                for draft in pages.overview_drafts(look.book, gists, look.incidents):
                    press.add(draft)
                if dbt_page is not None:
                    press.add(pages.dbt_draft(dbt_page.content))
                else:
                    press.keep(pages.DBT)
                press.add(pages.shared_draft(press.pages, self._docs_url))
                made = press.finish()

            until = overviews_valid_until(look.incidents, look.now)
            state = BuildState(
                made_with=former.made_with,
                datasets=datasets,
                pages=dict(made),
                overviews=look.overviews,
                overviews_until=until.isoformat() if until else None,
                dbt_page=dbt_page.made_from if dbt_page else former.dbt_page,
            )
            vanished = left_over(state, former, there, look.now)
            changed = publisher.differing(stage, there)
            encoded = state.encode()
            if changed or vanished or encoded != left_behind:
                publisher.publish(stage, changed, vanished, known=left_behind, state=encoded)
        total = f"{len(state.files):,}"
        logger.info("docs: %d of %s pages changed, %d removed", len(changed), total, len(vanished))
        return Rendered(
            start=_DOCS / paths.HOME,
            datasets=len(datasets),
            renewed=len(look.changed),
            files=len(state.files),
            changed=len(changed),
            removed=len(vanished),
            bytes=sum(size_in(content) for content in state.files.values()),
        )

    def _documents(
        self, hub: Hub, look: "Look"
    ) -> Iterator[tuple[Contract, "DatasetDocument", "Remembered"]]:
        """What is to be said of each dataset that changed, and what the next build is to know of it."""
        from datahub_dagster.adapters.site.documents.dataset import dataset_document
        from datahub_dagster.adapters.site.documents.overview import gist_of
        from datahub_dagster.adapters.site.documents.validity import valid_until
        from datahub_dagster.adapters.site.gather import gather_dataset
        from datahub_dagster.adapters.site.state import ALWAYS_ANEW

        for status, reports in self._collected(hub, look.changed):
            name = status.contract.name
            facts = gather_dataset(
                hub,
                status,
                book=look.book,
                links=look.links,
                reports=reports,
                incidents=look.incidents_of.get(str(name), ()),
                now=look.now,
                is_public=self._is_public,
                sampler=self._sampler,
                sample_rows=self._sample_rows,
                place=self._place,
            )
            document = dataset_document(facts)
            until = valid_until(facts)
            # A delivery under way gets its record without a trace in any listing; what can't be read may be mended in place.
            is_settled = not facts.has_unreadable and len(hub.log.receipts(name)) == len(status.outcomes)
            remembered: Remembered = {
                "stamp": look.stamps[name] if is_settled else ALWAYS_ANEW,
                "valid_until": until.isoformat() if until else None,
                "gist": gist_of(document),
            }
            yield status.contract, document, remembered

    def _collected(
        self, hub: Hub, contracts: Sequence[Contract]
    ) -> Iterator[tuple[DatasetStatus, Sequence[SloReport]]]:
        for start in range(0, len(contracts), _AT_ONCE):
            some = contracts[start : start + _AT_ONCE]
            reports = self._collect_slos(hub, some) if self._collect_slos else ()
            for status in self._collect(hub, some):
                yield status, [each for each in reports if each.contract.name == status.contract.name]

    def _around(self, *, has_dbt_docs: bool) -> "Surroundings":
        from datahub_dagster.adapters.site import frame

        return frame.Surroundings(
            zone=self._zone,
            docs_url=self._docs_url,
            dagster_url=self._dagster_url,
            has_dbt_docs=has_dbt_docs,
            is_public=self._is_public,
            assets=frame.asset_paths(),
        )

    def _former(self, left_behind: bytes | None, *, has_dbt_docs: bool) -> "BuildState":
        """What the last build knew, as far as it holds with the settings of this one."""
        from datahub_dagster.adapters.site.state import BuildState, made_with

        around = self._around(has_dbt_docs=has_dbt_docs)
        return BuildState.decode(left_behind, made_with(around, self._sample_rows, self._place))

    def _dbt_page(self, hub: Hub) -> tuple["_DbtPage | None", HubError | None]:
        """The page, unless the one that is there was made from the same."""
        if self._render_dbt_docs is None:
            return None, None
        try:
            made_from = self._dbt_page_made_from(hub)
            if made_from and self._has_dbt_page(made_from):
                return None, None
            return _DbtPage(dbt_page(self._render_dbt_docs), made_from), None
        except HubError as error:
            return None, error

    def _dbt_page_made_from(self, hub: Hub) -> str:
        """A digest of the project and of what is published; empty where that can't be told."""
        if self._dbt_docs_made_from is None:
            return ""
        names = sorted(hub.book().datasets)
        try:
            published = side_by_side(hub.log.current, names, hub.storage.parallel)
        except CorruptError:
            return ""
        numbers = (f"{name} {now.number if now else 0}" for name, now in zip(names, published, strict=True))
        return digest(self._dbt_docs_made_from(), *numbers)

    def _has_dbt_page(self, made_from: str) -> bool:
        from datahub_dagster.adapters.site import pages
        from datahub_dagster.adapters.site.publish import publisher_of

        publisher = publisher_of(self._storage)
        former = self._former(publisher.state(), has_dbt_docs=True)
        return former.dbt_page == made_from and former.is_whole(pages.DBT, publisher.files())


@dataclass(frozen=True, slots=True)
class _DbtPage:
    content: bytes
    made_from: str


def _at_one_instant(hub: Hub) -> Hub:
    """The hub with its contracts and its clock as they are now, so that all pages tell of the same instant."""
    return replace(hub, contracts=_Read(hub.book()), clock=_Stopped(hub.clock.now()))


@dataclass(frozen=True, slots=True)
class _Read(Contracts):
    book: ContractBook

    def load(self) -> ContractBook:
        return self.book


@dataclass(frozen=True, slots=True)
class _Stopped(Clock):
    at: datetime

    def now(self) -> datetime:
        return self.at
