"""Before the first step: bringing files of this machine into the inbox, `_SUCCESS` last."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from datahub_dagster.domain.contract import Contract
from datahub_dagster.domain.delivery import LONGEST_PATH, SUCCESS_MARKER, DeliveredFile, Delivery, next_number
from datahub_dagster.domain.names import Location, unsafe_path_reason
from datahub_dagster.errors import AlreadyExistsError, DeliveryError, UsageError
from datahub_dagster.ports import Hub
from datahub_dagster.side_by_side import side_by_side
from datahub_dagster.steps.inbox import FULL_MARKER, delivery_folder, is_note

_FETCHED = "fetched-"  # begins the names of deliveries that the hub fetched itself


def hand_in(hub: Hub, contract: Contract, source: Path, name: str, *, full: bool) -> Location:
    """Copy a file or a folder into the inbox as the delivery `name`.

    Handing in the same files again under the same name does nothing; a call that was interrupted is completed.

    Raises:
        DeliveryError: There is nothing to deliver, or a name can't be taken.
        AlreadyExistsError: The name is taken by other content.
    """
    files = _files_below(source, contract)
    full = full or (source / FULL_MARKER).is_file()
    folder = delivery_folder(contract, name)
    _must_be_part_of(hub, contract, folder, {relative for relative, _ in files}, full=full)

    def upload(file: tuple[str, Path]) -> None:
        relative, path = file
        target = folder / relative
        try:
            hub.storage.upload(path, target)
        except AlreadyExistsError:
            if hub.storage.checksum(target) != _sha256(path):
                raise _taken(hub, contract, target) from None

    for _ in side_by_side(upload, files, hub.storage.parallel):
        pass
    for marker in (*([FULL_MARKER] if full else []), SUCCESS_MARKER):
        if not hub.storage.exists(folder / marker):
            hub.storage.create(folder / marker, b"")
    return folder


def _must_be_part_of(hub: Hub, contract: Contract, folder: Location, wanted: set[str], *, full: bool) -> None:
    """What lies there may be the beginning of the same delivery, left by an interrupted call; anything else is another one."""
    there = {file.path for file in hub.storage.list_files(folder) if not hub.storage.is_unfinished(file.path)}
    other = {path for path in there - wanted if not is_note(path)}
    is_complete = SUCCESS_MARKER in there
    if other or (is_complete and (wanted - there or full is not (FULL_MARKER in there))):
        raise _taken(hub, contract, folder / min(other or wanted - there or {SUCCESS_MARKER}))
    if FULL_MARKER in there and not full:
        raise _taken(hub, contract, folder / FULL_MARKER)


def _taken(hub: Hub, contract: Contract, place: Location) -> AlreadyExistsError:
    name = place.path.split("/")[3]
    return AlreadyExistsError(
        f"a delivery {name} with other content is in the inbox already",
        subject=str(contract.name),
        found=hub.storage.uri(place),
        next_step=f"datahub deliver {contract.name} PATH --name {name}_2",
    )


def fetch_source(hub: Hub, contract: Contract) -> str | None:
    """Bring what lies at `delivery.source` into the inbox; None if it has not changed since it was fetched last.

    A content that comes back after another one is a delivery of its own, with a name of its own.

    Raises:
        UsageError: The contract has no `delivery.source`, or it is of a kind that this hub can't reach.
        DeliveryError: There is nothing at that place.
    """
    source = _source_path(hub, contract)
    files = tuple(
        DeliveredFile(path=relative, size=path.stat().st_size, sha256=_sha256(path))
        for relative, path in _files_below(source, contract)
        if not is_note(relative)
    )
    fetched = Delivery(dataset=contract.name, name="", location=Location("inbox"), files=files)
    receipts = hub.log.receipts(contract.name)
    before = [r.delivery.fingerprint for r in receipts if r.delivery.name.startswith(_FETCHED)]
    if before[-1:] == [fetched.fingerprint]:
        return None
    name = f"{_FETCHED}{hub.clock.now():%Y-%m-%d}-{next_number(receipts)}-{fetched.fingerprint[:8]}"
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
        found = [
            (path.relative_to(source).as_posix(), path)
            for path in sorted(source.rglob("*"))
            if not path.is_dir() or path.is_symlink()
        ]
        found = [(name, path) for name, path in found if name not in (SUCCESS_MARKER, FULL_MARKER)]
    else:
        raise DeliveryError(
            "there is nothing to deliver",
            subject=str(contract.name),
            found=f"no file or folder at {source}",
            next_step=f"datahub deliver {contract.name} PATH",
        )
    found = [(name, path) for name, path in found if path.is_file() or not is_note(name)]
    for name, path in found:
        reason = unsafe_path_reason(name, LONGEST_PATH)
        if reason is None and not path.is_file():
            reason = "it is a link to a folder or to nothing, or no regular file"
        if reason:
            raise DeliveryError(f"{str(path)!r} can't be delivered: {reason}", subject=str(contract.name))
    if all(is_note(name) for name, _ in found):
        raise DeliveryError(
            "there is nothing to deliver",
            subject=str(contract.name),
            found=f"no data file in {source}" if source.is_dir() else f"{source.name} starts with '_' or '.'",
            next_step=f"datahub deliver {contract.name} PATH",
        )
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
