"""Every text of the pages is there in Japanese, and nothing is translated that no page says."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_file
from babel.messages.pofile import read_po

from datahub_dagster import domain
from datahub_dagster.adapters import site
from datahub_dagster.adapters.site import snippets
from datahub_dagster.adapters.site.catalog import TRANSLATIONS

SITE = Path(site.__file__).parent
FILES = sorted((TRANSLATIONS / "ja").glob("*.po"))
# As in `Frame`, so that a text over several lines is the same here and there.
TEMPLATE_OPTIONS = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
KEYWORDS = {**DEFAULT_KEYWORDS, "Word": None}


def _singular(text: object) -> str:
    return text[0] if isinstance(text, list | tuple) else str(text)


@cache
def said() -> dict[str, list[str]]:
    """Every message of templates and modules, with the places where it stands.

    What snippets need, and what became of something in a contract, documents hold in English.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted([*SITE.rglob("*.j2"), *SITE.rglob("*.py")]):
        is_template = path.suffix == ".j2"
        method = "jinja2.ext:babel_extract" if is_template else "python"
        options = TEMPLATE_OPTIONS if is_template else {}
        for line, message, _, _ in extract_from_file(method, path, KEYWORDS, options=options):
            found[_singular(message)].append(f"{path.relative_to(SITE)}:{line}")
    for name, text in vars(snippets).items():
        if name.isupper() and isinstance(text, str):
            found[text].append(f"snippets.{name}")
    for path in sorted(Path(domain.__file__).parent.glob("changes_*.py")):
        for text in _texts_of_changes(ast.parse(path.read_text(encoding="utf-8"))):
            found[text].append(path.name)
    return found


def _texts_of_changes(module: ast.AST) -> Iterator[str]:
    """What became of something in a contract: what calls say, or what stands in a variable for them."""
    for node in ast.walk(module):
        said: list[ast.expr] = []
        match node:
            case ast.Call(func=ast.Name("breaking" | "additive" | "editorial")):
                said = node.args[1:2]
            case ast.Call(func=ast.Name("moved")):
                said = [each.value for each in node.keywords if each.arg in ("worse", "better")]
            case ast.Assign(targets=[ast.Name("text")], value=ast.Constant() | ast.IfExp()):
                said = [node.value]
            case _:
                pass
        for each in said:
            yield from _constants(each)


def _constants(node: ast.expr) -> Iterator[str]:
    """The texts that an expression may be."""
    if isinstance(node, ast.IfExp):
        yield from (*_constants(node.body), *_constants(node.orelse))
    elif isinstance(node, ast.Tuple):
        yield from _constants(node.elts[0])
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def translated(path: Path) -> Iterator[Message]:
    with path.open("rb") as file:
        yield from (message for message in read_po(file, locale="ja", abort_invalid=True) if message.id)


def test_every_text_is_there_in_japanese() -> None:
    known = {_singular(message.id) for path in FILES for message in translated(path) if message.string}

    missing = {text: places for text, places in said().items() if text not in known}
    assert not missing, "\n".join(f"#: {', '.join(places)}\n{text!r}" for text, places in missing.items())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_text_is_translated_that_nobody_says(path: Path) -> None:
    assert not [message.id for message in translated(path) if _singular(message.id) not in said()]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_translation_is_done_and_keeps_what_is_filled_in_and_marked_up(path: Path) -> None:
    for message in translated(path):
        texts = message.string if isinstance(message.string, list | tuple) else [message.string]
        for text in texts:
            assert text, message.id
            assert isinstance(text, str)
            for part in (r"%\((\w+)\)s", r"</?\w[^>]*>"):
                of_text = sorted(re.findall(part, text))
                of_message = sorted(re.findall(part, _plural(message)))
                assert of_text == of_message, message.id
            assert text % defaultdict(str) is not None  # a lone % would fail on the page
        assert not message.fuzzy, message.id


def test_no_text_holds_what_a_browser_would_take_for_markup() -> None:
    """Translated texts are put on pages as they are; only their values are escaped."""
    translations = {_singular(message.string) for path in FILES for message in translated(path)}

    assert not [
        text for text in {*said(), *translations} if re.search(r"<(?!/?(a|code|strong|em)\b)|&(?!\w+;)", text)
    ]


def test_the_same_text_is_translated_alike_wherever_it_is() -> None:
    found: dict[str, set[str]] = defaultdict(set)
    for path in FILES:
        for message in translated(path):
            found[_singular(message.id)].add(_singular(message.string))

    assert not {text: several for text, several in found.items() if len(several) > 1}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_japanese_is_written_in_japanese_marks(path: Path) -> None:
    kana = r"[\u3040-\u30ff\u4e00-\u9fff]"
    for message in translated(path):
        text = _singular(message.string)
        assert not re.search(rf"{kana}[,!?]|[\uff61-\uff9f]|{kana} {kana}", text), text


def _plural(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[-1]
