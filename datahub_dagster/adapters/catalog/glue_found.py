"""What is in Glue, and what somebody else has changed there since the hub wrote it last."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from datahub_dagster.adapters.catalog.glue_table import (
    APPLYING,
    DATASET,
    DIGEST,
    GENERATION,
    LOCATION,
    PARQUET,
    PROJECTION,
    ROOT,
    WROTE,
    GlueTable,
    Wanted,
)
from datahub_dagster.domain.names import DatasetName
from datahub_dagster.errors import CatalogError


class FoundTable:
    """A table as `glue:GetTable` gave it."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self.raw = answer
        self.version = str(answer.get("VersionId", ""))
        self.parameters: dict[str, str] = dict(answer.get("Parameters") or {})
        storage: Mapping[str, Any] = answer.get("StorageDescriptor") or {}
        self.table = GlueTable(
            location=_folder(storage.get("Location")),
            columns=tuple(
                (each["Name"], each.get("Type", ""), each.get("Comment", ""))
                for each in storage.get("Columns") or ()
            ),
            keys=tuple((each["Name"], each.get("Type", "")) for each in answer.get("PartitionKeys") or ()),
            description=answer.get("Description") or "",
            storage=_formats(storage),
            table_type=answer.get("TableType") or "",
        )

    @property
    def dataset(self) -> str | None:
        """Whose table it is; None if it is not the hub's."""
        return self.parameters.get(DATASET)

    @property
    def generation(self) -> int:
        """The generation that it shows; 0 = none."""
        return _number(self.parameters.get(GENERATION))

    @property
    def applying(self) -> int:
        """The generation that somebody was making it show; 0 = none."""
        return _number(self.parameters.get(APPLYING))

    @property
    def claimed(self) -> int:
        """The newest generation that it shows or was about to show; 0 = none."""
        return max(self.generation, self.applying)

    def is_of(self, dataset: DatasetName, root: str) -> bool:
        """Whether it shows a dataset of the hub with that address of its releases.

        A table without `hub.root` was written by an older version, or has lost its parameters: then its location tells.
        """
        if self.dataset not in (str(dataset), None) or self.parameters.get(ROOT, root) != root:
            return False
        if self.dataset and ROOT in self.parameters:
            return True
        wrote = _wrote(self.parameters.get(WROTE))
        places = {self.table.location, str(wrote["location"]) if wrote else ""} - {""}
        within = f"{root}/{dataset.source}/{dataset.table}/"
        return any(place.startswith(within) for place in places) or bool(self.dataset and not places)

    def own(self, dataset: DatasetName, root: str, subject: str) -> None:
        """See that it is this dataset's, of the hub with that address of its releases.

        Raises:
            CatalogError: It is another's, another hub's, or no hub's at all. It is not touched.
        """
        if self.is_of(dataset, root):
            return
        whose = f"the table of {self.dataset}" if self.dataset else "no table of the hub's"
        next_step = "drop or rename that table, or give the dbt source another `schema` or `identifier`"
        other = self.parameters.get(ROOT)
        if other not in (None, root) or self.dataset == str(dataset):
            whose = f"the table of {self.dataset} in another hub{f', {other}' if other else ''}"
            next_step = "set another DATAHUB_GLUE_PREFIX for one of the two hubs, or drop that table if its hub is no more"
        raise CatalogError(
            "a table of that name is there already, and is left as it is",
            subject=f"{dataset}: {subject}",
            promised=f"the table of {dataset} ({DATASET} = {dataset}, {ROOT} = {root})",
            found=f"{whose}, at {self.table.location or 'no location'}",
            consumers=f"don't find {dataset} in Athena",
            next_step=f"{next_step}; then: datahub reconcile {dataset}",
        )

    def input(self, wanted: Wanted, *, is_done: bool) -> dict[str, Any]:
        """What `glue:UpdateTable` is told. Owner, retention and the parameters of others stay.

        Args:
            wanted: What the table should show.
            is_done: Whether it does then; otherwise partitions are still to come.
        """
        kept = {key: self.raw[key] for key in ("Owner", "Retention") if self.raw.get(key)}
        parameters = {
            name: value for name, value in self.parameters.items() if name not in (APPLYING, PROJECTION)
        }
        # A number that nobody published is not written again.
        shown = self.generation if self.generation <= wanted.generation else 0
        return kept | table_input(wanted, parameters, None if is_done else shown)


def table_input(
    wanted: Wanted, others: Mapping[str, str] | None = None, shown: int | None = None
) -> dict[str, Any]:
    """A table as Glue takes it.

    Args:
        wanted: What it should show.
        others: Parameters that are there already.
        shown: The generation that it shows until its partitions have followed; None = it shows all that is wanted.
    """
    marks = (
        {GENERATION: str(wanted.generation)}
        if shown is None
        else {GENERATION: str(shown), APPLYING: str(wanted.generation)}
    )
    return {
        "Name": wanted.name,
        "Description": wanted.table.description,
        "TableType": wanted.table.table_type,
        "StorageDescriptor": wanted.table.storage_descriptor,
        "PartitionKeys": wanted.table.partition_keys,
        "Parameters": {**(others or {}), **wanted.parameters, **marks},
    }


def table_changes(found: FoundTable) -> Iterator[str]:
    """What differs from what the hub wrote last, from what to what."""
    if found.parameters.get(PROJECTION, "").lower() == "true":
        yield f"{PROJECTION} was set, so that Athena did not read the partitions that are registered"
    if not any(name.startswith("hub.") for name in found.parameters):
        yield "the hub's parameters were removed"
        return
    if DATASET not in found.parameters:
        yield f"the parameter {DATASET} was removed"
    if not found.parameters.get(GENERATION, "").isdigit():
        yield f"the parameter {GENERATION} was removed or altered"
    if found.parameters.get(DIGEST) == found.table.digest:
        return
    wrote = _wrote(found.parameters.get(WROTE))
    if wrote is None or DIGEST not in found.parameters:
        yield f"the parameters {DIGEST} or {WROTE} were removed or altered"
        return
    told = list(_differences(wrote, json.loads(found.table.summary)))
    yield from told or ["its description, comments or formats were altered"]


def is_current(wanted: Wanted, partition: Mapping[str, Any]) -> bool:
    """Whether a partition that was found is as it should be. Its columns are known by the digest of what was written."""
    target = wanted.partitions.get(_value(partition))
    storage = partition.get("StorageDescriptor") or {}
    return (
        target is not None
        and _folder(storage.get("Location")) == target["StorageDescriptor"]["Location"]
        and _formats(storage) == PARQUET
        and target["Parameters"].items() <= (partition.get("Parameters") or {}).items()
    )


def partition_change(wanted: Wanted, partition: Mapping[str, Any]) -> str | None:
    """What somebody else did to a partition that was found; None if it is as the hub left it, now or some time ago."""
    parameters: Mapping[str, str] = partition.get("Parameters") or {}
    location = _folder((partition.get("StorageDescriptor") or {}).get("Location"))
    name = f"partition {_value(partition)}"
    if LOCATION in parameters:
        wrote = parameters[LOCATION]
        return None if wrote == location else f"{name} was moved from {wrote} to {location}"
    how = "made anew" if _value(partition) in wanted.partitions else "added"
    return f"{name} was {how} by somebody else, at {location}"


def _value(partition: Mapping[str, Any]) -> str:
    return "/".join(partition["Values"])


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    if before["location"] != now["location"]:
        yield f"its location was changed from {before['location']} to {now['location']}"
    for label, part in (("column", "columns"), ("partition key", "keys")):
        old, new = before[part], now[part]
        for name in [*old, *(name for name in new if name not in old)]:
            if name not in new:
                yield f"{label} {name} ({old[name]}) was dropped"
            elif name not in old:
                yield f"{label} {name} ({new[name]}) was added"
            elif old[name] != new[name]:
                yield f"{label} {name} was changed from {old[name]} to {new[name]}"


def _wrote(text: str | None) -> Mapping[str, Any] | None:
    try:
        value: Any = json.loads(text or "")
        return (
            value
            if value["location"] and value["columns"] is not None and value["keys"] is not None
            else None
        )
    except (ValueError, TypeError, KeyError):
        return None


def _formats(storage: Mapping[str, Any]) -> dict[str, Any]:
    serde: Mapping[str, Any] = storage.get("SerdeInfo") or {}
    return {
        "InputFormat": storage.get("InputFormat"),
        "OutputFormat": storage.get("OutputFormat"),
        "SerdeInfo": {
            "SerializationLibrary": serde.get("SerializationLibrary"),
            "Parameters": dict(serde.get("Parameters") or {}),
        },
    }


def _folder(location: str | None) -> str:
    return f"{location.rstrip('/')}/" if location else ""


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0
