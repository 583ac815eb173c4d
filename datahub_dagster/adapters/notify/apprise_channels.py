"""Messages on their way to people, through apprise, which knows a hundred services and says little when one refuses."""

import logging
import re
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from datahub_dagster.adapters.notify.targets import Target, Targets, TargetSource
from datahub_dagster.domain.alert import Message, Told
from datahub_dagster.domain.contract import Support
from datahub_dagster.errors import ChannelError, HubError
from datahub_dagster.ports import Channels

if TYPE_CHECKING:  # it takes a fifth of a second to import
    from apprise import AppriseAsset, NotifyBase

_SOCKET_SECONDS = 10.0  # to connect, and for each piece of an answer, at most; an address may ask for less (`?rto=`, `?cto=`)
_SECONDS = 20.0  # the whole message
_MASK = "•••"

_WITH_HOST = ("json", "jsons", "xml", "xmls", "form", "forms", "mailto", "mailtos")
_UNKNOWN = "its address is none that apprise knows"
_LOGIN = "the mail server refused the login"
_STATUS = re.compile(r"\berror[=:]\s*([1-5]\d\d)\b")
_REFUSED = (401, 403, 404, 410)  # what revoked addresses answer
_CAUSES = {  # what libraries say in texts that quote addresses, and what it means
    r"\(53[045]\b": _LOGIN,
    r"did not finish within|timed out|timeout": "there was no answer in time",
    r"connection refused": "the connection was refused",
    r"name or service not known|name resolution|nodename nor servname|no address associated": "there is no such host",
    r"certificate.verify.failed": "its certificate can't be trusted",
    r"wrong.version.number|starttls extension not supported": "it does not speak TLS there",
    r"connection unexpectedly closed|connection aborted|connection reset|remotedisconnected": "it hung up",
}


@dataclass(frozen=True, slots=True)
class _Problem:
    """Why a message was not taken; empty = it was. `is_refusal`: another address, or password, might help."""

    why: str = ""
    is_refusal: bool = False


class AppriseChannels(Channels):
    """Sends each message to the target that the platform names for its route.

    Nothing is tried twice but an address that was refused and has been renewed meanwhile. Redirections are not followed. What
    libraries log of a sending is kept to ourselves, as it holds addresses.

    Args:
        source: What the targets are read from; None = there are none.
    """

    def __init__(self, source: TargetSource | None = None) -> None:
        self._source = source

    def has_target(self, route: Support) -> bool:
        """Whether the targets name one. Also while they can't be read: a message must wait then, not be kept as done."""
        if self._source is None:
            return False
        try:
            return self._source.current().of(route) is not None
        except HubError:
            return True

    def send(self, message: Message) -> None:
        route = message.route
        subject = f"{route.tool}:{route.channel}"
        try:
            target = _required(self._source.current() if self._source else Targets({}), route)
            problem = _send(target, message)
            if problem.is_refusal and self._source:
                renewed = _required(self._source.again(), route)
                problem = _send(renewed, message) if renewed.url != target.url else problem
        except HubError as error:
            raise ChannelError(
                error.headline,
                subject=subject,
                next_step=error.next_step or "datahub doctor",
            ) from None
        if problem.why:
            raise ChannelError(problem.why, subject=subject, found=target.place, next_step="datahub doctor")


def _required(targets: Targets, route: Support) -> Target:
    target = targets.of(route)
    if target is None:
        raise ChannelError(
            "no target is named for it", next_step="name one in the file of DATAHUB_ALERT_TARGETS"
        )
    return target


def problem_of(target: Target) -> str:
    """Why a target can't be used, without sending anything; empty = nothing is known against it."""
    return target.fault or ("" if _service(target.to("channel").url) else _UNKNOWN)


def _send(target: Target, message: Message) -> _Problem:
    if target.fault:
        return _Problem(target.fault)
    service = _service(target.url)
    if service is None:
        return _Problem(_UNKNOWN)
    token = _sending.set(True)
    try:
        return next((problem for problem in _events(service, target.url, message) if problem.why), _Problem())
    finally:
        _sending.reset(token)


def _events(service: "NotifyBase", url: str, message: Message) -> Iterator[_Problem]:
    """One sending, or for a pager one for each incident: it closes by itself what is over, and is not called twice."""
    from apprise.plugins.pagerduty import NotifyPagerDuty

    if not isinstance(service, NotifyPagerDuty):
        yield _notify(service, url, message, is_over=set(message.told) == {Told.OVER})
        return
    for incident, told in zip(message.incidents, message.told, strict=True):
        service.dedup = f"datahub-{incident}"
        service.action = "resolve" if told is Told.OVER else "trigger"
        yield _notify(service, url, message, is_over=told is Told.OVER)


def _notify(service: "NotifyBase", url: str, message: Message, *, is_over: bool) -> _Problem:
    from apprise import Apprise, NotifyFormat, NotifyType

    sender = Apprise(asset=_asset())
    sender.add(service)
    text = message.text
    if service.resolve_format(NotifyFormat.TEXT) is NotifyFormat.MARKDOWN:
        text = text.replace("\n", "\n\n")  # in Markdown a line goes on after a single one
    result = sender.notify(
        body=text,
        title=message.subject,
        body_format=NotifyFormat.TEXT,
        notify_type=NotifyType.SUCCESS if is_over else NotifyType.FAILURE,
        timeout=_SECONDS,
        log_level=logging.DEBUG,
    )
    with result:
        said = [(entry.level, str(entry.message)) for entry in result.logs()]
    return _Problem() if result else _why(said, url)


def _why(said: Iterable[tuple[str, str]], url: str) -> _Problem:
    """The reason in what apprise logged: its details hold addresses, so that of them only known causes are told."""
    lines = list(said)
    warnings = [text for level, text in lines if level in ("WARNING", "ERROR", "CRITICAL")]
    host = _host(url)
    for text in warnings:
        if status := _STATUS.search(text):
            found = int(status[1])
            if found not in range(200, 300):
                return _Problem(f"{host} answered with status {found}", found in _REFUSED)
    everything = "\n".join(text for _, text in lines).lower()
    for pattern, cause in _CAUSES.items():
        if re.search(pattern, everything):
            return _Problem(f"{host}: {cause}", cause == _LOGIN)
    told = " ".join(warnings[0].split())[:200] if warnings else "it was not taken"
    return _Problem(f"{host}: {without_parts_of(url, told)}")


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
    """The text, with a mask for each word that also stands in an address.

    >>> without_parts_of("slack://T0/B0/abc", "channel abc of T0 has gone")
    'channel ••• of ••• has gone'
    """
    rest = url.partition("://")[2]
    parts = {part for form in (rest, unquote(rest)) for part in re.split(r"[/?&=@:#,;\s]+", form) if part}
    for part in sorted(parts, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", _MASK, text)
    return text


def _service(url: str) -> "NotifyBase | None":
    """The service of an address; None = apprise knows none."""
    from apprise import Apprise, OverflowMode
    from apprise.plugins.pagerduty import NotifyPagerDuty

    _keep_logs_to_ourselves()
    service = Apprise.instantiate(url, asset=_asset())
    if service is None:
        return None
    service.socket_connect_timeout = min(service.socket_connect_timeout, _SOCKET_SECONDS)
    service.socket_read_timeout = min(service.socket_read_timeout, _SOCKET_SECONDS)
    service.overflow_mode = OverflowMode.SPLIT
    if isinstance(service, NotifyPagerDuty):
        service.overflow_mode = OverflowMode.TRUNCATE  # each part would be an event of its own
        service.request_rate_per_sec = 0  # else it waits for seconds between two incidents
    return service


@cache
def _asset() -> "AppriseAsset":
    """How messages look that come from us: our name, and no pictures from elsewhere."""
    from apprise import AppriseAsset

    return AppriseAsset(
        app_id="Data hub",
        app_desc="Data hub",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        http_redirects=False,
        interpret_emojis=False,
    )


_sending: ContextVar[bool] = ContextVar("_sending", default=False)


@cache
def _keep_logs_to_ourselves() -> None:
    """What apprise logs is read here and goes no further; what urllib3 logs of a sending, with paths that are keys, is dropped."""
    ours = logging.getLogger("apprise")
    ours.setLevel(logging.DEBUG)
    ours.propagate = False
    ours.addHandler(logging.NullHandler())
    for name in ("urllib3.connectionpool", "urllib3.util.retry"):
        logging.getLogger(name).addFilter(lambda _: not _sending.get())
