"""Where the channels of contracts lead: a YAML map of the platform's, whose values are secrets."""

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import quote

import yaml

from datahub_dagster.domain.contract import Support
from datahub_dagster.errors import SettingsError

if TYPE_CHECKING:  # it brings boto3, which takes a quarter of a second
    from datahub_dagster.adapters.aws.secrets import AwsSecret

_KEY = re.compile(r"[a-z][a-z0-9_-]*(:(?!//).*\S.*)?")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_CHANNEL = "{channel}"
_FRESH_SECONDS = 300.0  # a secret of AWS costs money each time it is read


@dataclass(frozen=True, slots=True)
class Target:
    """Where a route leads.

    Args:
        key: `tool:channel`, `tool:*` or `tool`.
        place: File, or secret, and line.
        url: An address in apprise's notation. It is a secret, which no `repr` shows.
        fault: Why it can't be used, in words that hold no secret; empty = it can.
    """

    key: str
    place: str
    url: str = field(repr=False)
    fault: str = ""

    def to(self, channel: str) -> "Target":
        """The target of one channel: its name, quoted, stands where the address has `{channel}`."""
        if _CHANNEL not in self.url:
            return self
        if not channel.isprintable():
            return replace(self, url="", fault="the channel's name has characters that can't be shown")
        return replace(self, url=self.url.replace(_CHANNEL, quote(channel, safe="")))


@dataclass(frozen=True, slots=True)
class Targets:
    """All targets by key, as they are at this moment."""

    by_key: Mapping[str, Target]

    def of(self, route: Support) -> Target | None:
        """Where a route leads: its own target, or else that of all channels of its tool; None = nowhere."""
        for key in (f"{route.tool}:{route.channel}", f"{route.tool}:*", route.tool):
            if key in self.by_key:
                return self.by_key[key].to(route.channel)
        return None


def parse_targets(text: str, place: str, variables: Mapping[str, str]) -> Targets:
    """Read targets. What is wrong with one of them stands in its `fault`, so that the others can be used.

    Args:
        text: A YAML map from keys to addresses; `${NAME}` in an address is a variable's value, as it is.
        place: What the text is called in messages.
        variables: The environment.

    Raises:
        SettingsError: It is no such map. The message repeats nothing of it but a key.
    """
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _unreadable(f"{place}:{mark.line + 1}" if mark else place, "is no YAML") from None
    except yaml.YAMLError:
        raise _unreadable(place, "is no YAML") from None
    if root is None:
        return Targets({})
    if not isinstance(root, yaml.MappingNode):
        raise _unreadable(f"{place}:{root.start_mark.line + 1}", "is no map from channels to addresses")
    found: dict[str, Target] = {}
    for key_node, value_node in root.value:
        here = f"{place}:{key_node.start_mark.line + 1}"
        key = key_node.value
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            # Not the key itself: whoever mixes up the sides has written an address there.
            raise _unreadable(here, "the key is none of 'tool:channel', 'tool:*' and 'tool'")
        target = _target(key, here, value_node, variables)
        found[key] = replace(target, url="", fault="is there twice") if key in found else target
    return Targets(found)


def _target(key: str, place: str, node: yaml.Node, variables: Mapping[str, str]) -> Target:
    if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
        return Target(key, place, "", "the address is not a text; one that begins with { or [ needs quotes")
    missing = [name for name in _VARIABLE.findall(node.value) if not variables.get(name)]
    if missing:
        return Target(key, place, "", f"the variable {missing[0]} is not set")
    url = _VARIABLE.sub(lambda match: variables[match[1]], node.value.strip())
    if "://" not in url:
        return Target(key, place, "", "the address has no ://")
    return Target(key, place, url)


def _unreadable(subject: str, reason: str) -> SettingsError:
    return SettingsError(
        reason,
        subject=subject,
        promised='a map such as "slack:#markets-data": ${SLACK_URL}',
        next_step="mend it; how-to/set-up-channels.md shows one",
    )


class TargetSource(ABC):
    """What targets are read from."""

    @abstractmethod
    def current(self) -> Targets:
        """The targets as they are now, read anew where they may have changed. Raises `HubError` where they can't be had."""

    @abstractmethod
    def again(self) -> Targets:
        """The targets read anew in any case: an address was refused. Raises `HubError`."""


class TargetFile(TargetSource):
    """A file of this machine, read again when it was written to.

    Args:
        path: The YAML file.
        variables: For `${NAME}`; None = the environment of this process.
    """

    def __init__(self, path: Path, variables: Mapping[str, str] | None = None) -> None:
        self._path = path
        self._variables = os.environ if variables is None else variables
        self._seen: tuple[tuple[int, int, int], Targets] | None = None

    def current(self) -> Targets:
        try:
            stat = self._path.stat()
            version = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
            if self._seen is None or self._seen[0] != version:
                targets = parse_targets(
                    self._path.read_text(encoding="utf-8"), str(self._path), self._variables
                )
                self._seen = version, targets
        except (OSError, UnicodeDecodeError) as error:
            why = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror
            raise SettingsError(
                "the targets of alerts can't be read",
                subject="DATAHUB_ALERT_TARGETS",
                promised="a YAML file that this process can read",
                found=f"{self._path}: {why}",
                next_step=f"ls -l {self._path}",
            ) from None
        return self._seen[1]

    def again(self) -> Targets:
        self._seen = None
        return self.current()


class TargetSecret(TargetSource):
    """A secret of AWS, read again after five minutes.

    Args:
        secret: Holds the YAML.
        variables: For `${NAME}`; None = the environment of this process.
    """

    def __init__(self, secret: "AwsSecret", variables: Mapping[str, str] | None = None) -> None:
        self._secret = secret
        self._variables = os.environ if variables is None else variables
        self._seen: tuple[float, Targets] | None = None

    def current(self) -> Targets:
        if self._seen is not None and monotonic() - self._seen[0] < _FRESH_SECONDS:
            return self._seen[1]
        return self.again()

    def again(self) -> Targets:
        targets = parse_targets(self._secret.read(), str(self._secret), self._variables)
        self._seen = monotonic(), targets
        return targets
