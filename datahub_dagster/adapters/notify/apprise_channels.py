"""Messages on their way to people, through apprise, which knows a hundred services and says little when one refuses."""

import logging
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING

from datahub_dagster.adapters.notify.reasons import Problem, why_not
from datahub_dagster.adapters.notify.targets import Target, Targets, TargetSource
from datahub_dagster.domain.alert import Message, Told
from datahub_dagster.domain.contract import Support
from datahub_dagster.errors import ChannelError, HubError
from datahub_dagster.ports import Channels

if TYPE_CHECKING:  # it takes a fifth of a second to import
    from apprise import AppriseAsset, NotifyBase

_SOCKET_SECONDS = 10.0  # to connect, and for each piece of an answer, at most; an address may ask for less (`?rto=`, `?cto=`)
_SECONDS = 20.0  # the whole message
_MOST_PARTS = 3  # of a text that is too long for a service, which begins with the worst ...
_PART_SECONDS = 1.0  # ... and how long it waits between two of them, at most

_UNKNOWN = "its address is none that apprise knows"


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


def _send(target: Target, message: Message) -> Problem:
    if target.fault:
        return Problem(target.fault)
    service = _service(target.url)
    if service is None:
        return Problem(_UNKNOWN)
    token = _sending.set(True)
    try:
        return next((problem for problem in _events(service, target.url, message) if problem.why), Problem())
    finally:
        _sending.reset(token)


def _events(service: "NotifyBase", url: str, message: Message) -> Iterator[Problem]:
    """One sending, or for a pager one for each incident: it closes by itself what is over, and is not called twice."""
    from apprise.plugins.pagerduty import NotifyPagerDuty

    if not isinstance(service, NotifyPagerDuty):
        yield _notify(service, url, message, is_over=set(message.told) == {Told.OVER})
        return
    for incident, told in zip(message.incidents, message.told, strict=True):
        service.dedup = f"datahub-{incident}"
        service.action = "resolve" if told is Told.OVER else "trigger"
        yield _notify(service, url, message, is_over=told is Told.OVER)


def _notify(service: "NotifyBase", url: str, message: Message, *, is_over: bool) -> Problem:
    from apprise import Apprise, NotifyFormat, NotifyType

    sender = Apprise(asset=_asset())
    sender.add(service)
    most = _MOST_PARTS * service.body_maxlen
    text = message.text if len(message.text) <= most else message.text[: most - 1] + "…"
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
    return Problem() if result else why_not(said, url)


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
    service.request_rate_per_sec = min(service.request_rate_per_sec, _PART_SECONDS)
    if isinstance(service, NotifyPagerDuty):
        service.overflow_mode = OverflowMode.TRUNCATE  # each part would page somebody
        service.request_rate_per_sec = 0  # each incident is an event of its own, too
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
