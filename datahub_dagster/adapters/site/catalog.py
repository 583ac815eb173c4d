"""Translations: the `.po` files of a language, read by Babel as they are. English is what the messages themselves say."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

from datahub_dagster.domain.contract import Language

TRANSLATIONS = Path(__file__).parent / "translations"


@cache
def translations(language: Language) -> Mapping[str, str]:
    """The translation of each message, of all files of a language; of one with a plural, by its singular.

    Japanese has no plural, so that one text serves every number. Empty for English, which needs none.
    """
    found: dict[str, str] = {}
    for path in sorted((TRANSLATIONS / language.value).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=language.value):
                singular, text = _first(message.id), _first(message.string)
                if singular and text:
                    found[singular] = text
    return found


def _first(text: str | Sequence[str] | None) -> str:
    """Of a message with a plural the first form."""
    return text if isinstance(text, str) else text[0] if text else ""
