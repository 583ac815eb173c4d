"""The finished site, put into another storage as it is: a bucket that serves it, or a folder to hand over."""

import logging
from collections import deque
from contextlib import suppress

from datahub_dagster.adapters.site import paths
from datahub_dagster.adapters.site.publish import DOCS, OvertakenError, publisher_of
from datahub_dagster.adapters.site.state import digest_of, digests_in, is_ours, retired_in, size_in
from datahub_dagster.errors import ConflictError, UsageError
from datahub_dagster.ports import Storage
from datahub_dagster.side_by_side import side_by_side

logger = logging.getLogger(__name__)


def copy_site(source: Storage, target: Storage) -> int:
    """Bring the pages of another storage to the state of these, and say how many files were written there.

    What the target has already is not sent again. Pages that are no more go last; what is not the site's stays.

    Raises:
        UsageError: There are no pages yet.
        ConflictError: Somebody else publishes there at the same time, or a build replaces these pages.
        StorageError: One of the two refused.
    """
    state = publisher_of(source).state()
    wanted = digests_in(state)
    if state is None or paths.HOME not in wanted:
        raise UsageError(
            "there are no pages yet", subject=source.uri(DOCS / paths.HOME), next_step="datahub docs build"
        )
    publisher = publisher_of(target)
    with publisher.building() as stage:
        there, known = publisher.files(), publisher.state()
        held = digests_in(known)
        sent = [
            path
            for path, content in wanted.items()
            if held.get(path) != content or path not in there or there[path].size != size_in(content)
        ]

        def fetch(path: str) -> None:
            (stage / path).parent.mkdir(parents=True, exist_ok=True)
            (stage / path).write_bytes(_as_built(source, path, wanted[path]))

        deque(side_by_side(fetch, sent, source.parallel), maxlen=0)
        vanished = (
            {path for path in there if path in held or is_ours(path)} - wanted.keys() - retired_in(state)
        )
        changed = publisher.differing(stage, there)
        if changed or vanished or known != state:
            try:
                publisher.publish(stage, changed, vanished, known=known, state=state)
            except OvertakenError as error:
                raise ConflictError(
                    "somebody else publishes there at the same time",
                    subject=target.uri(DOCS / paths.HOME),
                    next_step="datahub docs publish, once more",
                ) from error
    logger.info("docs: %d of %d files written, %d removed", len(changed), len(wanted), len(vanished))
    return len(changed)


def _as_built(source: Storage, path: str, content_digest: str) -> bytes:
    with suppress(FileNotFoundError):
        content = source.read(DOCS / path)
        if digest_of(content) == content_digest:
            return content
    raise ConflictError(
        "is not as it was built: it was changed, or the pages are built anew",
        subject=source.uri(DOCS / path),
        next_step="datahub docs publish, once more",
    )
