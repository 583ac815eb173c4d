"""What an asset says of itself before anything was released: the promise, as Dagster shows it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from datahub_dagster.defs.columns import table_schema
from datahub_dagster.defs.names import tag
from datahub_dagster.domain import pages, words
from datahub_dagster.domain.contract import Contract, ContractBook, ContractFault, Lifecycle, Origin

CONTRACT_ERROR_TAG = "contract_error"


def faults_of(book: ContractBook, contract: Contract) -> tuple[ContractFault, ...]:
    """What is wrong with the files of the dataset's team, so that its last good state is shown."""
    folders = {contract.team, *_folder(contract.origin)}
    return tuple(fault for fault in book.faults if fault.team in folders)


def _folder(origin: Origin) -> tuple[str, ...]:
    return tuple(Path(origin.path).parts[1:2])  # models/<team>/...


def asset_tags(contract: Contract, faults: Sequence[ContractFault]) -> dict[str, str]:
    """The tags of dbt, and what people filter by."""
    tags = {tag(text): "" for text in contract.tags if text}
    tags |= {"lifecycle": contract.lifecycle.value, "classification": contract.classification.value}
    return tags | ({CONTRACT_ERROR_TAG: "true"} if faults else {})


def asset_metadata(
    contract: Contract, faults: Sequence[ContractFault], *, project: Path, uri: str, docs_url: str
) -> Mapping[str, Any]:
    """What stands beside the asset: columns, place, code, and the promise that is no sentence.

    Args:
        contract: The dataset.
        faults: What is wrong with its team's files.
        project: The dbt project, for the link to the YAML.
        uri: Where the releases are.
        docs_url: Address of the docs; empty = no link.
    """
    metadata: dict[str, Any] = {}
    if docs_url:
        metadata["docs"] = dg.MetadataValue.url(docs_page(docs_url, contract))
        team = pages.address(docs_url, pages.team_page(contract.team))
        metadata["docs of the team"] = dg.MetadataValue.url(team)
    if contract.support:
        metadata["support"] = ", ".join(f"{channel.tool} {channel.channel}" for channel in contract.support)
    metadata |= {
        "version": contract.version,
        "dagster/table_name": f"{contract.schema}.{contract.identifier}",
        "dagster/uri": uri,
        "dagster/code_references": _code(project, contract.origin),
        "dagster_dbt/unique_id": contract.unique_id,
    }
    if contract.columns:
        metadata["dagster/column_schema"] = table_schema(contract)
    if faults:
        metadata["contract_error"] = "\n".join(str(fault) for fault in faults)
    return metadata


def docs_page(docs_url: str, contract: Contract) -> str:
    """The dataset's page in the docs."""
    return pages.address(docs_url, pages.dataset_page(str(contract.name)))


def _code(project: Path, origin: Origin) -> dg.CodeReferencesMetadataValue:
    reference = dg.LocalFileCodeReference(
        file_path=str(project / origin.path), line_number=origin.line, label=f"contract ({origin})"
    )
    return dg.CodeReferencesMetadataValue(code_references=[reference])


def asset_description(contract: Contract, faults: Sequence[ContractFault], docs_url: str = "") -> str:
    """The team's own words, then what is promised, in Markdown.

    Args:
        contract: The dataset.
        faults: What is wrong with its team's files.
        docs_url: Address of the docs; empty = no link.
    """
    parts = [_warning(faults), contract.description.strip(), _promise(contract, docs_url)]
    return "\n\n".join(part for part in parts if part)


def _warning(faults: Sequence[ContractFault]) -> str:
    if not faults:
        return ""
    lines = "\n".join(f"> - `{fault}`" for fault in faults)
    return f"> **The team's files can't be read; this is their last good state.**\n{lines}"


def _promise(contract: Contract, docs_url: str) -> str:
    """A table with a line for each thing that is promised. The link stands in its head: Dagster folds long descriptions."""
    due = [
        words.freshness(slo, contract.partitions) + f" ({words.share(slo.objective)} of the time)"
        for slo in contract.freshness_slos
    ]
    if contract.dbt_freshness:
        due.append(f"dbt freshness {words.dbt_freshness(contract.dbt_freshness)}")
    lines = {
        "Due": "; ".join(due) or "nothing is promised",
        "Delivery": words.delivery(contract.delivery),
        "Contract": f"version {contract.version}, {_lifecycle(contract)}",
        "Classification": contract.classification.value,
        "Licence": _licence(contract),
        "Kept": words.retention(contract.retention),
        "Declared in": f"`{contract.origin}`",
    }
    rows = "\n".join(f"| {label} | {_cell(text)} |" for label, text in lines.items() if text)
    link = f"[page for readers]({docs_page(docs_url, contract)})" if docs_url else ""
    return f"| Promise | {link} |\n|---|---|\n{rows}"


def _lifecycle(contract: Contract) -> str:
    if contract.lifecycle is not Lifecycle.DEPRECATED:
        return contract.lifecycle.value
    sunset = f", ends {contract.sunset_date}" if contract.sunset_date else ""
    successor = f", use {contract.successor}" if contract.successor else ""
    return f"deprecated{sunset}{successor}"


def _licence(contract: Contract) -> str | None:
    if contract.license is None:
        return None
    allowed = "redistribution allowed" if contract.license.redistribution else "no redistribution"
    return f"{contract.license.terms}; {allowed}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
