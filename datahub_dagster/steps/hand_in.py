"""Before the first step: bringing files of this machine into the inbox, `_SUCCESS` last."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.delivery import SUCCESS_MARKER, DeliveredFile, Delivery
from datahub_dagster.domain.names import Location, unsafe_path_reason
from datahub_dagster.errors import AlreadyExistsError, DeliveryError, UsageError
from datahub_dagster.ports import Hub
from datahub_dagster.steps.receive import FULL_MARKER, inbox_folder


def hand_in(hub: Hub, contract: Contract, source: Path, name: str, *, full: bool) -> Location:
    """Copy a file or a folder into the inbox as the delivery `name`.

    Handing in the same files again under the same name does nothing; a call that was interrupted is completed.

    Raises:
        DeliveryError: There is nothing to deliver, or a name can't be taken.
        AlreadyExistsError: The name is taken by other content.
    """
    files = _files_below(source, contract)
    folder = inbox_folder(contract, name)
    for relative, path in files:
        target = folder / relative
        try:
            hub.storage.upload(path, target)
        except AlreadyExistsError:
            if hub.storage.checksum(target) != _sha256(path):
                raise AlreadyExistsError(
                    f"a delivery {name} with other content is in the inbox already",
                    subject=str(contract.name),
                    found=hub.storage.uri(target),
                    next_step=f"datahub deliver {contract.name} {source} --name {name}-2",
                ) from None
    for marker in (*([FULL_MARKER] if full else []), SUCCESS_MARKER):
        if not hub.storage.exists(folder / marker):
            hub.storage.create(folder / marker, b"")
    return folder


def fetch_source(hub: Hub, contract: Contract) -> str | None:
    """Bring what lies at `delivery.source` into the inbox; None if a delivery with that content was received before.

    Raises:
        UsageError: The contract has no `delivery.source`, or it is of a kind that this hub can't reach.
        DeliveryError: There is nothing at that place.
    """
    source = _source_path(hub, contract)
    files = tuple(
        DeliveredFile(path=relative, size=path.stat().st_size, sha256=_sha256(path))
        for relative, path in _files_below(source, contract)
        if not relative.split("/")[-1].startswith(("_", "."))
    )
    fetched = Delivery(dataset=contract.name, name="", location=Location("inbox"), files=files)
    if any(receipt.delivery.fingerprint == fetched.fingerprint for receipt in hub.log.receipts(contract.name)[-1:]):
        return None
    name = f"fetched-{hub.clock.now():%Y-%m-%d}-{fetched.fingerprint[:8]}"
    hand_in(hub, contract, source, name, full=False)
    return name


def _source_path(hub: Hub, contract: Contract) -> Path:
    source = contract.delivery.source
    if not source:
        raise UsageError(
            "has no delivery.source to fetch from",
            subject=str(contract.name),
            promised=str(contract.origin),
            next_step=f"datahub deliver {contract.name} PATH",
        )
    parts = urlsplit(source)
    if parts.scheme not in ("", "file") or parts.netloc:
        raise UsageError(
            f"can't fetch from {source}: this hub reads paths and file: URIs",
            subject=str(contract.name),
            promised=str(contract.origin),
        )
    path = unquote(parts.path) if parts.scheme else source
    return (hub.sources_root / path).absolute()


def _files_below(source: Path, contract: Contract) -> Sequence[tuple[str, Path]]:
    """Relative path and place of every file to hand in. A single file keeps its own name."""
    if source.is_file():
        found = [(source.name, source)]
    elif source.is_dir():
        found = [(path.relative_to(source).as_posix(), path) for path in sorted(source.rglob("*")) if path.is_file()]
        found = [(name, path) for name, path in found if name not in (SUCCESS_MARKER, FULL_MARKER)]
    else:
        raise DeliveryError(
            "there is nothing to deliver",
            subject=str(contract.name),
            found=f"no file or folder at {source}",
            next_step=f"datahub deliver {contract.name} PATH",
        )
    for name, path in found:
        if reason := unsafe_path_reason(name):
            raise DeliveryError(f"{path} can't be delivered: {reason}", subject=str(contract.name))
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
