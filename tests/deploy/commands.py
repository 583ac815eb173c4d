"""Every command that a file of `deploy/` starts, and every variable that it names."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.services import DEPLOY

UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
TASKS = sorted((DEPLOY / "ecs").glob("*.json"))
PROGRAMS = "/opt/datahub/.venv/bin/"  # where units look for them; the image has it on its PATH

_VARIABLE = re.compile(r"\b(?:DATAHUB|DAGSTER|AWS)_[A-Z0-9_]+\b")


@dataclass(frozen=True, slots=True)
class Started:
    """A command in words, and where it stands."""

    words: tuple[str, ...]
    place: str

    def __str__(self) -> str:
        return f"{self.place}: {' '.join(self.words)[:60]}"


def compose() -> dict[str, Any]:
    """compose.yaml as Docker reads it: YAML's anchors and merges resolved."""
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))


def task(path: Path) -> dict[str, Any]:
    """A task definition of ECS."""
    return json.loads(path.read_text(encoding="utf-8"))


def directives(path: Path, name: str) -> list[str]:
    """The values of a directive of a unit, in order."""
    return re.findall(rf"^{name}=(.*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)


def started() -> Iterator[Started]:
    """All of them: services, health checks, one-off tasks."""
    for unit in UNITS:
        for line in directives(unit, "ExecStart"):
            yield _of(shlex.split(line), unit)
    image = DEPLOY / "Dockerfile"
    for line in re.findall(r"CMD (\[.*\])$", image.read_text(encoding="utf-8"), flags=re.MULTILINE):
        yield _of(json.loads(line), image)
    for service in compose()["services"].values():
        check = service.get("healthcheck", {}).get("test", [])
        for words in (service.get("command"), check[1:] if check[:1] == ["CMD"] else None):
            if words:
                yield _of(words, DEPLOY / "compose.yaml")
    for path in TASKS:
        for container in task(path)["containerDefinitions"]:
            yield _of(container["command"], path)
            if check := container.get("healthCheck"):
                yield _of(check["command"][1:], path)


def _of(words: list[str], path: Path) -> Started:
    return Started((words[0].removeprefix(PROGRAMS), *words[1:]), str(path.relative_to(DEPLOY)))


def variables_of(path: Path) -> set[str]:
    """Every variable of the hub, Dagster or AWS that a file names."""
    return set(_VARIABLE.findall(path.read_text(encoding="utf-8")))


def example_environment(*, with_defaults: bool = False) -> dict[str, str]:
    """datahub.env.example as systemd and Docker read it; `with_defaults` also what is commented out."""
    pattern = r"^#?([A-Z][A-Z0-9_]*)=(.*)$" if with_defaults else r"^([A-Z][A-Z0-9_]*)=(.*)$"
    text = (DEPLOY / "datahub.env.example").read_text(encoding="utf-8")
    return dict(re.findall(pattern, text, flags=re.MULTILINE))
