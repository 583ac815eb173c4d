"""The dbt profiles by which the hub itself runs dbt, one for each engine and purpose.

A project may come with a `profiles.yml` of its own, for people who type `dbt test`, or with none. The hub reads neither: a warehouse's
profile needs secrets and a network, and dbt parses everything again whenever the profile changes.
"""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from datahub_dagster.domain.contract import digest

PARSE_TARGET = "parse"  # reading the contracts touches no data
PROFILE = "datahub"  # for `--profile`, whatever the project calls its own


def write_profiles(project_dir: Path, cache_dir: Path, target: str, output: Mapping[str, Any]) -> Path:
    """Write a `profiles.yml` with one target, and give back its folder (for dbt's `--profiles-dir`).

    The profile has the name that `dbt_project.yml` asks for, so that `--profile` isn't needed, and the name `datahub`, for a project
    that names none or computes it. Each content has a folder of its own below `<cache_dir>/profiles`: several processes may want
    several ones at once. Writing the same again leaves the file alone.
    """
    profile = {"target": target, "outputs": {target: dict(output)}}
    names = {PROFILE, profile_name(project_dir)}
    content = yaml.safe_dump(dict.fromkeys(sorted(names), profile), sort_keys=True)
    folder = cache_dir / "profiles" / digest(content)
    _write(folder / "profiles.yml", content)
    return folder


def profile_name(project_dir: Path) -> str:
    """The profile that a project asks for; `datahub` where it asks for none, or its file can't be read (dbt will say why)."""
    try:
        project = yaml.safe_load((project_dir / "dbt_project.yml").read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return PROFILE
    name = project.get("profile") if isinstance(project, dict) else None
    return name if isinstance(name, str) and name and "{" not in name else PROFILE


def _write(path: Path, content: str) -> None:
    if path.is_file() and path.read_text(encoding="utf-8") == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Several processes may start at once: each sees the whole file or none.
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".profiles-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(content)
    Path(unfinished).replace(path)
