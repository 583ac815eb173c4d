"""The dbt profile by which the hub itself runs dbt on the embedded engine.

A project may come with a `profiles.yml` of its own, for people who type `dbt test`, or with none. The hub reads neither: a warehouse's
profile needs secrets and a network, and dbt parses everything again whenever the profile changes.
"""

import os
import tempfile
from pathlib import Path

import yaml

PARSE_TARGET = "parse"  # an empty in-memory engine: reading the contracts touches no data
LOCAL_TARGET = "local"  # an in-memory engine with views of the datasets
PROFILE = "datahub"  # for `--profile`, whatever the project calls its own

_PLUGIN = "datahub_dagster.adapters.dbt.duckdb_plugin"


def write_profiles(project_dir: Path, cache_dir: Path) -> Path:
    """Write `<cache_dir>/profiles/profiles.yml` for a project, and give back its folder (for dbt's `--profiles-dir`).

    The profile has the name that `dbt_project.yml` asks for, so that `--profile` isn't needed, and the name `datahub`, for a project
    that names none or computes it. Writing the same again leaves the file alone.
    """
    output = {"type": "duckdb", "path": ":memory:", "schema": "main", "threads": 1}
    profile = {
        "target": PARSE_TARGET,
        "outputs": {PARSE_TARGET: output, LOCAL_TARGET: {**output, "plugins": [{"module": _PLUGIN}]}},
    }
    names = {PROFILE, profile_name(project_dir)}
    content = yaml.safe_dump(dict.fromkeys(sorted(names), profile), sort_keys=True)
    folder = cache_dir / "profiles"
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
