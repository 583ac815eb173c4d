"""docs/reference/python.md, from the reader behind `datahub_dagster.open()`."""

import inspect
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import datahub_dagster
from datahub_dagster.reader import DatasetReader, HubReader
from datahub_dagster.reference.markdown import head

_SPELLED = {
    "__getitem__": (
        '`hub["source.table"]`',
        "A dataset as it is published now. Raises `UnknownDatasetError`, which names the nearest.",
    ),
    "__contains__": ('`"source.table" in hub`', "Whether the dataset has a published release."),
    "__iter__": ("`for name in hub`", "The names of the published datasets, sorted."),
}


def python_page() -> Iterator[str]:
    """What a notebook or a script can ask for."""
    yield from head(
        "Python",
        "Reads published data. Needs neither dbt nor Dagster, and no dbt project: only the hub's folder.",
        '```python\nimport datahub_dagster\n\nhub = datahub_dagster.open("hub")\nprices = hub["equities.daily_prices"]\n'
        'prices.polars()\nprices.at(release="2026-11-20.7").arrow()\n```',
        "A dataset that you have asked for stays as it was: the same rows however often you read it, also while the next "
        "release is published.",
    )
    yield f"## {_call('datahub_dagster.open', datahub_dagster.open)}"
    yield ""
    yield from _text(datahub_dagster.open)
    for kind in (HubReader, DatasetReader):
        yield f"## {kind.__name__}"
        yield ""
        yield from _text(kind)
        for name, member in _members(kind):
            yield f"### {_title(name, member)}"
            yield ""
            yield from [_SPELLED[name][1], ""] if name in _SPELLED else _text(member)


def _members(kind: type) -> Iterator[tuple[str, Any]]:
    for name, member in vars(kind).items():
        if name in _SPELLED or not name.startswith("_"):
            yield name, member


def _title(name: str, member: Any) -> str:
    if name in _SPELLED:
        return _SPELLED[name][0]
    if isinstance(member, property | cached_property):
        return f"`{name}`"
    return _call(name, member)


def _call(name: str, function: Any) -> str:
    signature = inspect.signature(function)
    parameters = [
        p.replace(annotation=inspect.Parameter.empty)
        for p in signature.parameters.values()
        if p.name != "self"
    ]
    return f"`{name}{signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)}`"


def _text(member: Any) -> Iterator[str]:
    """A docstring in Markdown: paragraphs, and what is raised as a list."""
    text = inspect.getdoc(member) or ""
    body, _, raised = text.partition("\nRaises:\n")
    for paragraph in body.split("\n\n"):
        if paragraph.strip():
            yield " ".join(paragraph.split())
            yield ""
    if raised:
        yield from (f"- {' '.join(line.split())}" for line in _raised(raised))
        yield ""


def _raised(block: str) -> Iterator[str]:
    for line in inspect.cleandoc(block).splitlines():
        name, _, reason = line.strip().partition(": ")
        if reason:
            yield f"Raises `{name}`: {reason}"
