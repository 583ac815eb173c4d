"""Whether dbt may build on its parse before, or has to read the whole project again.

dbt's partial parse reads changed files alone, and what depends on them. It forgets things that way: the YAML of a singular test when a
source that the test reads changes (an error instead of a warning), a test that waits for a source which now appears, a test in a file
whose neighbour is gone, a macro that now stands before dbt's own, one of two entries with the same name. So a contract would depend on
what was parsed before.

Here it is the other way round: it may be used for the one edit that teams make all day and that is known to be safe, entries of
`sources:` and `exposures:` in a YAML file below the model paths. Everything else is parsed as if for the first time. Afterwards, what
the unchanged files say is compared with what they said before.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from datahub_dagster.adapters.dbt.data_tests import Node, file_of
from datahub_dagster.adapters.dbt.project import ProjectState, write_atomically
from datahub_dagster.domain.contract import digest

Elements = Mapping[str, Sequence[str]]
"""For each entry of a file, such as `sources.payments`: a digest of what dbt compares, and one of all that it says."""

_SAFE_KEYS = ("sources", "exposures")
_SAID = ("config", "description", "patch_path", "tags", "raw_code", "columns")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseMemory:
    """What dbt's saved parse was made of, and what it said.

    Args:
        surroundings: Digest of environment variables and versions.
        files: Checksum of each file.
        elements: The entries of each file in which nothing but sources and exposures stands.
        fragile: Files whose change makes dbt forget something of another file, or of their own.
        sources: The source tables that are there, `source.table`.
        awaited: Source tables that tests name and that are not there. dbt forgets such tests the next time.
        said: For each file, a digest of what dbt made of it.
    """

    surroundings: str
    files: Mapping[str, str]
    elements: Mapping[str, Elements]
    fragile: Collection[str]
    sources: Collection[str]
    awaited: Collection[str]
    said: Mapping[str, str]

    @classmethod
    def of(cls, state: ProjectState, manifest: Node, yaml_contents: Mapping[str, Any]) -> "ParseMemory":
        """What to remember of a parse.

        Args:
            state: The files that were parsed.
            manifest: What dbt made of them.
            yaml_contents: The content of each YAML file as dbt keeps it, by path.
        """
        elements = {path: _elements(content) for path, content in yaml_contents.items()}
        sources = {_table(node): node for node in manifest["sources"].values()}
        return cls(
            surroundings=state.surroundings,
            files={path: file.sha256 for path, file in state.files.items()},
            elements={path: found for path, found in elements.items() if found is not None},
            fragile=sorted(set(_fragile(manifest, sources))),
            sources=sorted(sources),
            awaited=sorted(
                {pair for node in _tests(manifest["nodes"].values()) for pair in _pairs(node)}
                - sources.keys()
            ),
            said=_said(manifest),
        )

    @classmethod
    def read(cls, path: Path) -> "ParseMemory | None":
        """What was remembered; None if that was nothing, or can't be read."""
        try:
            return cls(**json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Remember this."""
        write_atomically(path, json.dumps(asdict(self)).encode())

    def allows(self, state: ProjectState) -> bool:
        """Whether dbt may go from there to these files without reading everything."""
        if self.awaited or state.surroundings != self.surroundings or self.files.keys() - state.files.keys():
            return False
        return all(self._is_safe(state, path) for path in self.changed(state))

    def changed(self, state: ProjectState) -> Sequence[str]:
        """The files that are new or have another content."""
        return [path for path, file in state.files.items() if self.files.get(path) != file.sha256]

    def agrees(self, after: "ParseMemory", changed: Collection[str]) -> bool:
        """Whether nothing was lost on the way to `after`, when only the sources and exposures in `changed` are others."""
        if after.awaited or set(self.sources) - set(after.sources):
            return False  # dbt does not look again at the tests in other files that name what is gone
        paths = (self.said.keys() | after.said.keys()) - set(changed)
        return all(self.said.get(path) == after.said.get(path) for path in paths)

    def _is_safe(self, state: ProjectState, path: str) -> bool:
        in_models = any(path.startswith(f"{folder}/") for folder in state.paths.models)
        if not in_models or not path.endswith((".yml", ".yaml")) or path in self.fragile:
            return False
        now = _read_elements(state.project_dir / path)
        before = self.elements.get(path) if path in self.files else {}
        if now is None or before is None:
            return False
        # To dbt `1`, `1.0` and `true` are the same, and the order of keys is nothing: such a change it would not see.
        return all(
            now[name][0] != before[name][0] or now[name] == before[name] for name in now.keys() & before
        )


def _read_elements(path: Path) -> Elements | None:
    import yaml  # this is needed after a change alone

    try:
        text = path.read_text(encoding="utf-8")
        return _elements(yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return None


def _elements(content: Any) -> Elements | None:
    """The entries of a YAML file, or None if there is something in it for which dbt's partial parse is not trusted."""
    if not isinstance(content, dict):
        return None
    found: dict[str, Sequence[str]] = {}
    for key, entries in content.items():
        if key == "version" and entries == 2 and isinstance(entries, int):
            continue
        if key not in _SAFE_KEYS or not isinstance(entries, list):
            return None
        for entry in entries:
            name = f"{key}.{entry.get('name')}" if isinstance(entry, dict) else ""
            # Of two entries with the same name dbt compares the last one alone.
            if not name or name in found or "overrides" in entry:
                return None
            found[name] = [digest(repr(_as_dbt_compares(entry))), digest(repr(entry))]
    return found


def _as_dbt_compares(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted(
            (repr(_as_dbt_compares(key)), repr(_as_dbt_compares(item))) for key, item in value.items()
        )
    if isinstance(value, list | tuple):
        return [_as_dbt_compares(item) for item in value]
    if isinstance(value, bool | int | float):
        return hash(value)
    return value.isoformat() if isinstance(value, date) else value


def _fragile(manifest: Node, sources: Mapping[str, Node]) -> Iterator[str]:
    disabled = [node for nodes in manifest["disabled"].values() for node in nodes]
    for node in _tests([*manifest["nodes"].values(), *disabled]):
        # A singular test with YAML of its own: dbt drops that whenever it reads the SQL again.
        if node.get("patch_path") and not node.get("test_metadata"):
            yield from (file_of(manifest, sources[pair]) for pair in _pairs(node) if pair in sources)
            yield from _read_through(manifest, node)
    # What is disabled piles up with each parse.
    yield from (file_of(manifest, node) for node in disabled)


def _read_through(manifest: Node, node: Node) -> Iterator[str]:
    """The files of all sources that a node reads, through models too."""
    seen: set[str] = set()
    waiting = list(node["depends_on"]["nodes"])
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if source := manifest["sources"].get(name):
            yield file_of(manifest, source)
        else:
            waiting += (manifest["nodes"].get(name) or {}).get("depends_on", {}).get("nodes", [])


def _tests(nodes: Iterable[Node]) -> Iterator[Node]:
    return (node for node in nodes if node["resource_type"] == "test")


def _pairs(node: Node) -> list[str]:
    return [".".join(pair) for pair in node.get("sources") or ()]


def _table(source: Node) -> str:
    return f"{source['source_name']}.{source['name']}"


def _said(manifest: Node) -> Mapping[str, str]:
    found: dict[str, list[str]] = {}
    for kind in ("nodes", "sources", "exposures"):
        for name, node in manifest[kind].items():
            said = [node.get(key) for key in _SAID] + sorted((node.get("depends_on") or {}).get("nodes", ()))
            text = json.dumps(_with_text_keys([name, said]), sort_keys=True, default=str)
            found.setdefault(file_of(manifest, node), []).append(text)
    return {path: digest(*sorted(texts)) for path, texts in found.items()}


def _with_text_keys(value: Any) -> Any:
    """YAML knows keys that are no text, such as `on`, which is true to it; beside text they can't be sorted."""
    if isinstance(value, dict):
        return {str(key): _with_text_keys(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_text_keys(item) for item in value]
    return value
