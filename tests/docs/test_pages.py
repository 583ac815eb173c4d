"""Every page: links lead somewhere, commands and settings exist, examples can be read, tests that are named are there."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from datahub_dagster.adapters.dbt.block import Block as HubKeys
from datahub_dagster.adapters.dbt.hub_block import (
    ColumnBlock,
    ConsumerBlock,
    DataTestBlock,
    HubBlock,
    inherited,
)
from datahub_dagster.adapters.dbt.hub_faults import check
from datahub_dagster.cli import COMMANDS, datahub
from datahub_dagster.settings import Settings
from tests.conftest import REPO
from tests.docs.pages import PAGES, Call, blocks, calls, name_of, prose

KNOWN_VARIABLES = {f"DATAHUB_{field.name.upper()}" for field in fields(Settings)}
PROFILE_VARIABLES = set(
    re.findall(r"DATAHUB_[A-Z_]+", (REPO / "dbt_project/profiles.yml").read_text(encoding="utf-8"))
)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_inside_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        if anchor:
            assert anchor in anchors(linked), target


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    waiting = [REPO / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md" or not page.exists():
            continue
        seen.add(page)
        targets = (target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)))
        waiting += [(page.parent / target).resolve() for target in targets if target and ":" not in target]

    assert set(PAGES) <= seen


def console_calls() -> Iterator[Call]:
    """Every call of `datahub` that a page shows."""
    for page in PAGES:
        for block in blocks(page, "console"):
            yield from (call for call in calls(block) if "datahub" in call.words[:1])


@pytest.mark.parametrize("call", list(console_calls()), ids=lambda call: f"{call.place} {call.command}")
def test_every_command_that_is_shown_exists_with_its_options(call: Call) -> None:
    parse(datahub, "datahub", call.words[1:])


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_in_the_text_exists(page: Path) -> None:
    text = prose(page)
    assert set(re.findall(r"`datahub ([a-z]\w*)", text)) <= set(COMMANDS)
    makefile = (REPO / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, flags=re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", text)) <= targets


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_setting_that_is_named_exists(page: Path) -> None:
    named = set(re.findall(r"\bDATAHUB_[A-Z_]+", page.read_text(encoding="utf-8")))

    assert named <= KNOWN_VARIABLES | PROFILE_VARIABLES


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_example_can_be_read(page: Path) -> None:
    for block in blocks(page):
        match block.language:
            case "yaml":
                yaml.safe_load(block.text)
            case "json":
                json.loads(block.text)
            case "python":
                ast.parse(block.text)
            case _:
                continue


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_key_under_hub_is_one(page: Path) -> None:
    for block in blocks(page, "yaml"):
        for model, keys in hub_blocks(yaml.safe_load(block.text)):
            assert check(model, keys)[1] == (), str(block)


def test_every_test_that_is_named_is_there() -> None:
    named = {name for page in PAGES for name in re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8"))}
    there = {
        name
        for path in (REPO / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    }

    assert named
    assert named <= there


@pytest.mark.parametrize("image", sorted((REPO / "docs/images").glob("*")), ids=lambda path: path.name)
def test_a_picture_is_small_and_shown(image: Path) -> None:
    assert image.stat().st_size < 300_000
    assert any(image.name in page.read_text(encoding="utf-8") for page in PAGES)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def parse(command: click.Command, name: str, words: list[str], parent: click.Context | None = None) -> None:
    """Read a call as the command line does, without running it: unknown commands and options are errors."""
    context = click.Context(command, info_name=name, parent=parent)
    _, rest, _ = command.make_parser(context).parse_args(list(words))
    if isinstance(command, click.Group):
        if not rest:
            return
        found = command.get_command(context, rest[0])
        assert found is not None, f"there is no command {rest[0]}"
        parse(found, rest[0], rest[1:], context)
    else:
        assert not rest, f"{name} takes no {rest}"


def hub_blocks(value: Any) -> Iterator[tuple[type[HubKeys], Any]]:
    """Every `hub` block of an example, with the model that checks it; what stands alone is a table's."""
    if not isinstance(value, dict):
        return
    for source in value.get("sources") or ():
        above = hub_of(source)
        yield HubBlock, above
        for table in source.get("tables") or ():
            yield HubBlock, inherited(above, hub_of(table))
            yield from ((ColumnBlock, hub_of(column)) for column in table.get("columns") or ())
    yield from ((ConsumerBlock, hub_of(exposure)) for exposure in value.get("exposures") or ())
    yield from ((DataTestBlock, hub_of(test)) for test in value.get("data_tests") or () if "name" in test)
    yield HubBlock, hub_of(value)
    yield HubBlock, {"slo": value["slo"]} if "slo" in value else None


def hub_of(node: Any) -> Any:
    """The `hub` block of a node."""
    found: Any = node
    for key in ("config", "meta", "hub"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found
