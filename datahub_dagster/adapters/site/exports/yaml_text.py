"""Plain values as YAML that people read. Thousands of documents are written at a time, which takes PyYAML ten times as long."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

# Unquoted is only what no version of YAML could take for anything but text.
_PLAIN = re.compile(r"[A-Za-z][\w./()-]*(?: [\w./()-]+)*", re.ASCII)
_WORDS = frozenset(["true", "false", "yes", "no", "on", "off", "null", "y", "n"])
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def yaml_text(values: Mapping[str, Any]) -> str:
    r"""A document: mappings with texts as keys, lists, texts, numbers, truths and None.

    >>> print(yaml_text({"name": "prices", "tags": ["a", "no"], "team": {"since": "2026"}}), end="")
    name: prices
    tags:
    - a
    - "no"
    team:
      since: "2026"
    """
    return "".join(f"{line}\n" for line in _mapping(values))


def _mapping(values: Mapping[str, Any]) -> Iterator[str]:
    if not values:
        yield "{}"
    for key, value in values.items():
        name = f"{_scalar(key)}:"
        if isinstance(value, Mapping) and value:
            yield name
            yield from (f"  {line}" for line in _mapping(value))
        elif isinstance(value, list) and value:
            yield name
            yield from _items(value)
        else:
            yield f"{name} {_scalar(value)}"


def _items(values: list[Any]) -> Iterator[str]:
    for value in values:
        lines = (
            _mapping(value)
            if isinstance(value, Mapping)
            else _items(value)
            if value and isinstance(value, list)
            else [_scalar(value)]
        )
        start = "- "
        for line in lines:
            yield start + line
            start = "  "


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
            return value
        text = json.dumps(value.encode("utf-8", "replace").decode(), ensure_ascii=False)
        return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    text = json.dumps(value)
    # YAML 1.1 takes 6e-08 for text.
    return (
        text.replace("e", ".0e", 1) if isinstance(value, float) and "e" in text and "." not in text else text
    )
