"""Why a message was not taken, from what apprise logged of it: in words that hold nothing of an address but its host."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_MASK = "•••"
_WITH_HOST = ("http", "https", "json", "jsons", "xml", "xmls", "form", "forms", "mailto", "mailtos")
_LONG = 6
_STATUS = re.compile(r"\berror[=:]\s*([1-5]\d\d)\b")
_SMTP_STATUS = re.compile(r"\(([45]\d\d), b['\"]")
_SMTP_LOGIN = (530, 534, 535)
_REFUSED = (401, 403, 404, 410)  # what revoked addresses answer
_CAUSES = {  # what libraries say in texts that quote addresses, and what it means
    r"no email recipients": "the channel is no e-mail address",
    r"auth extension not supported": "the mail server takes no login",
    r"did not finish within|timed out|timeout": "there was no answer in time",
    r"connection refused": "the connection was refused",
    r"name or service not known|name resolution|nodename nor servname|no address associated": "there is no such host",
    r"certificate.verify.failed": "its certificate can't be trusted",
    r"wrong.version.number|starttls extension not supported": "it does not speak TLS there",
    r"connection unexpectedly closed|connection aborted|connection reset|remotedisconnected": "it hung up",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a message was not taken; empty = it was. `is_refusal`: another address, or password, might help."""

    why: str = ""
    is_refusal: bool = False


def why_not(said: Iterable[tuple[str, str]], url: str) -> Problem:
    """The reason in what apprise logged: its details hold addresses, so that of them only known causes are told."""
    lines = list(said)
    warnings = [text for level, text in lines if level in ("WARNING", "ERROR", "CRITICAL")]
    host = _host(url)
    for text in warnings:
        if status := _STATUS.search(text):
            found = int(status[1])
            if found not in range(200, 300):
                return Problem(f"{host} answered with status {found}", found in _REFUSED)
    everything = "\n".join(text for _, text in lines)
    if status := _SMTP_STATUS.search(everything):
        if int(status[1]) in _SMTP_LOGIN:
            return Problem(f"{host} refused the login", is_refusal=True)
        return Problem(f"{host} refused the mail with status {status[1]}")
    for pattern, cause in _CAUSES.items():
        if re.search(pattern, everything, re.IGNORECASE):
            return Problem(f"{host}: {cause}")
    told = " ".join(warnings[0].split())[:200] if warnings else "it was not taken"
    return Problem(f"{host}: {without_parts_of(url, told)}")


def _host(url: str) -> str:
    """What may be told of an address: its service, and the host if it is one (for many services it is a key)."""
    schema, _, rest = url.partition("://")
    try:
        parts = urlsplit(f"x://{rest}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return schema
    shown = schema in _WITH_HOST and re.fullmatch(r"[\w.:-]+", host)
    return f"{schema}://{host}{f':{port}' if port else ''}" if shown else schema


def without_parts_of(url: str, text: str) -> str:
    """The text, with a mask for each word that also stands in an address; names of its parameters are no secrets.

    >>> without_parts_of("slack://T0/B0/abc", "channel abc of T0 has gone")
    'channel ••• of ••• has gone'
    """
    rest = url.partition("://")[2]
    values = re.sub(r"([?&])[^=&]*=", r"\1", rest)
    parts = {part for form in (values, unquote(values)) for part in re.split(r"[/?&=@:#,;\s]+", form) if part}
    for part in sorted(parts, key=len, reverse=True):
        word = re.escape(part)
        text = re.sub(word if len(part) >= _LONG else rf"(?<!\w){word}(?!\w)", _MASK, text)
    return text
