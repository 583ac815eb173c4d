"""Does a delivery hold the columns that were promised, and no others, in the types that were promised?"""

from collections import Counter
from collections.abc import Mapping, Sequence

from datahub_dagster.domain import words
from datahub_dagster.domain.contract import Column, Contract
from datahub_dagster.domain.names import harmless
from datahub_dagster.domain.placement import value_in_path
from datahub_dagster.domain.profile import Fault, FileProfile
from datahub_dagster.domain.schema import canonical, keeps

_SHOWN = 5  # names in one message


def column_faults(
    contract: Contract, profiles: Sequence[FileProfile], published: Mapping[str, str]
) -> list[Fault]:
    """Everything that is wrong with the columns of these files.

    Args:
        contract: What was promised.
        profiles: Files whose footers can be read.
        published: Name (lower case) → type of what stays published beside them.
    """
    faults: list[Fault] = []
    for profile in profiles:
        faults += _doubled(profile)
        for column in contract.columns:
            fault = _broken_promise(contract, column, profile, published)
            faults += [fault] if fault else []
        faults += _extra(contract, profile)
    return faults + _mixed_types(contract, profiles)


def _doubled(profile: FileProfile) -> list[Fault]:
    counts = Counter(column.name.lower() for column in profile.columns)
    doubled = [name for name, count in counts.items() if count > 1]
    if not doubled:
        return []
    message = f"two columns are called {_names(doubled)} (upper and lower case are the same)"
    return [Fault(code="duplicate-column", message=message, file=profile.path, column=doubled[0])]


def _broken_promise(
    contract: Contract, column: Column, profile: FileProfile, published: Mapping[str, str]
) -> Fault | None:
    """Why a file does not keep what was promised of a column: it is not there, or of another type."""
    name = column.name
    place = column.origin or contract.origin
    promised = f"{place}  {name} {column.data_type or ''}{'' if column.nullable else ', not null'}".rstrip()
    held = next((found for found in profile.columns if found.name.lower() == name.lower()), None)
    if held is None:
        if _is_partition_column(contract, name) and value_in_path(profile.path, name) is not None:
            return None
        return Fault(
            code="missing-column",
            message=f"the delivery has no column {name}",
            file=profile.path,
            column=name,
            promised=promised,
            found=f"{words.plural(profile.rows, 'row')}, {words.plural(len(profile.columns), 'column')}",
        )
    wanted = canonical(column.data_type) if column.data_type else published.get(name.lower())
    if not wanted or keeps(wanted, held.type):
        return None
    return Fault(
        code="retyped-column",
        message=f"column {name} is {held.type}, not {wanted}",
        file=profile.path,
        column=name,
        promised=promised if column.data_type else f"what is published: {name} {wanted}",
        found=held.type,
    )


def _extra(contract: Contract, profile: FileProfile) -> list[Fault]:
    if not contract.is_closed:
        return []
    promised = {column.name.lower() for column in contract.columns}
    unknown = [column.name for column in profile.columns if column.name.lower() not in promised]
    extra = [name for name in unknown if not _is_partition_column(contract, name)]
    if not extra:
        return []
    return [
        Fault(
            code="extra-column",
            message=f"nobody promised {_names(extra)}",
            file=profile.path,
            column=extra[0],
            promised=f"{contract.origin}  {len(contract.columns)} columns, all with a type: the list is complete",
            found=f"{len(profile.columns):,} columns",
        )
    ]


def _mixed_types(contract: Contract, profiles: Sequence[FileProfile]) -> list[Fault]:
    """Columns without a promised type that are of one type in one file and of another in the next."""
    typed = {column.name.lower() for column in contract.columns if column.data_type}
    first: dict[str, tuple[str, str]] = {}
    faults: list[Fault] = []
    for profile in profiles:
        for column in profile.columns:
            if column.name.lower() in typed:
                continue
            type_before, file_before = first.setdefault(column.name.lower(), (column.type, profile.path))
            if type_before != column.type:
                faults.append(
                    Fault(
                        code="mixed-types",
                        message=f"column {harmless(column.name)} is {type_before} in one file "
                        f"and {column.type} in another",
                        file=profile.path,
                        column=column.name,
                        found=f"{type_before} in {file_before}",
                    )
                )
    return faults


def _is_partition_column(contract: Contract, name: str) -> bool:
    return contract.partitions is not None and contract.partitions.column.lower() == name.lower()


def _names(names: Sequence[str]) -> str:
    return words.names(map(harmless, names), _SHOWN)
