"""Drafts → files in the folder of a build, by several processes where there are many."""

import gc
import multiprocessing
import os
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

from datahub_dagster.adapters.site.frame import Surroundings
from datahub_dagster.adapters.site.pages import Draft, Renderer
from datahub_dagster.adapters.site.state import BuildState, Made, digest_of
from datahub_dagster.domain.names import unsafe_path_reason
from datahub_dagster.errors import StorageError
from datahub_dagster.ports import StoredFile

_MANY = 200  # pages, from which on processes are worth their start: about two seconds
_MOST_PROCESSES = 4
_BATCH = 8
_WAITING = 4  # batches for each process, so that memory holds no whole site

_Job = tuple[Draft, Mapping[str, str]]  # with the digests of files that are there
_Batch = Sequence[_Job]


class Press:
    """Makes pages that are not there as they should be, and puts into the stage what has to be written.

    Args:
        around: What all pages share.
        stage: The folder of this build.
        former: What the last build knew.
        there: What is there, by path.
        pool: Processes that help; None = there are none.
    """

    def __init__(
        self,
        around: Surroundings,
        stage: Path,
        former: BuildState,
        there: Mapping[str, StoredFile],
        pool: ProcessPoolExecutor | None = None,
    ) -> None:
        self._around, self._stage, self._pool = around, stage, pool
        self._former, self._there = former, there
        self._here: _Printer | None = None
        self._waiting: list[_Job] = []
        self._under_way = deque[tuple[Future[Mapping[str, Made]], _Batch]]()
        self._made: dict[str, Made] = {}
        self._pages: list[str] = []

    @classmethod
    @contextmanager
    def opened(
        cls,
        around: Surroundings,
        stage: Path,
        former: BuildState,
        there: Mapping[str, StoredFile],
        expected: int,
    ) -> Iterator["Press"]:
        """A press for about so many pages; the other arguments are those of the class."""
        processes = min(
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2, _MOST_PROCESSES
        )
        if expected < _MANY or processes < 2 or multiprocessing.current_process().daemon:
            yield cls(around, stage, former, there)
            return
        # A fork would share the locks of this process's threads.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, context, _begin, (around, stage)) as pool:
            try:
                yield cls(around, stage, former, there, pool)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    @property
    def pages(self) -> Collection[str]:
        """The English pages that were kept or added so far."""
        return [page for page in self._pages if page.endswith(".html")]

    def keep(self, page: str) -> None:
        """Leave a page as it is."""
        if page in self._former.pages:
            self._pages.append(page)
            self._made[page] = self._former.pages[page]

    def add(self, draft: Draft) -> None:
        """Make a page, now or soon, unless it is there and the same."""
        files = self._former.whole_files(draft.page, self._there)
        if (
            self._former.is_whole(draft.page, self._there)
            and self._former.pages[draft.page]["key"] == draft.key
        ):
            self.keep(draft.page)
            return
        self._pages.append(draft.page)
        if self._pool is None:
            self._made |= self._print_here([(draft, files)])
        else:
            self._waiting.append((draft, files))
            if len(self._waiting) >= _BATCH:
                self._send(self._pool)

    def finish(self) -> Mapping[str, Made]:
        """Everything that was made, by page."""
        if self._pool is not None and self._waiting:
            self._send(self._pool)
        while self._under_way:
            self._take_first()
        return self._made

    def _send(self, pool: ProcessPoolExecutor) -> None:
        batch, self._waiting = self._waiting, []
        try:
            self._under_way.append((pool.submit(_print, batch), batch))
        except BrokenProcessPool:
            self._made |= self._print_here(batch)
        while len(self._under_way) > _WAITING * _MOST_PROCESSES:
            self._take_first()

    def _take_first(self) -> None:
        future, batch = self._under_way.popleft()
        try:
            self._made |= future.result()
        except (
            BrokenProcessPool
        ):  # killed for want of memory, or this program can't be started again: it is a notebook
            self._made |= self._print_here(batch)

    def _print_here(self, batch: _Batch) -> Mapping[str, Made]:
        if self._here is None:
            self._here = _Printer(self._around, self._stage)
        return self._here.print(batch)


class _Printer:
    def __init__(self, around: Surroundings, stage: Path) -> None:
        self._renderer = Renderer(around)
        self._stage = stage

    def print(self, batch: _Batch) -> Mapping[str, Made]:
        return {draft.page: Made(key=draft.key, files=self._files(draft, there)) for draft, there in batch}

    def _files(self, draft: Draft, there: Mapping[str, str]) -> dict[str, str]:
        files: dict[str, str] = {}
        for path, content in self._renderer.files(draft):
            files[path] = digest_of(content)
            if there.get(path) != files[path]:
                self._write(path, content)
        return files

    def _write(self, path: str, content: bytes) -> None:
        if reason := unsafe_path_reason(path):
            raise StorageError(f"can't be the path of a page: {reason}", subject=repr(path))
        target = self._stage / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        except OSError as error:
            raise StorageError(
                f"could not write: {error.strerror or error}",
                subject=str(target),
                consumers="still read the former pages",
                next_step="datahub doctor",
            ) from error


_of_this_process: list[_Printer] = []


def _begin(around: Surroundings, stage: Path) -> None:
    _of_this_process.append(_Printer(around, stage))
    gc.set_threshold(100_000)  # templates make many objects and hardly any cycle


def _print(batch: _Batch) -> Mapping[str, Made]:
    return _of_this_process[-1].print(batch)
