"""Documents as bytes."""

import json
from collections.abc import Mapping
from typing import Any


def encode(document: Mapping[str, Any]) -> bytes:
    """A document as it is written: the same bytes for the same content. In one line, which is written several times as fast."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace") + b"\n"
