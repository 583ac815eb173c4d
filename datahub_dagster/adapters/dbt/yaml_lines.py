"""Where in a YAML file a source, a table, a column, a test or a key of `hub` stands; dbt's manifest has no lines.

Reads the file as YAML alone, without rendering Jinja. Never raises: what can't be found is on line 1.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from datahub_dagster.domain.contract import Origin

# The parser in C is ten times faster; a hub has thousands of lines.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEST_KEYS = ("data_tests", "tests")

Path_ = Sequence[str | int]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that has a name: an entry of a list, its line (1 = first), and the entry around it."""

    node: yaml.Node | None
    line: int = 1
    parent: "Entry | None" = None

    def named(self, key: str, name: str) -> "Entry":
        """The entry called `name` in the list under `key`."""
        for item in _items(_child(self.node, key)):
            if _text(_child(item, "name")) == name:
                return Entry(item, _line(item), self)
        return Entry(None, self.line, self)

    def hub_line(self, path: Path_) -> int:
        """The line of a key under `meta.hub`, here or (for a table) at the source around it."""
        best = 0, self.line
        for entry in (self, self.parent):
            for hub in _hub_blocks(entry.node if entry else None):
                best = max(best, _deepest(hub, path), key=lambda found: found[0])
            if best[0] >= len(path):
                break
        return best[1]

    def test_lines(self) -> list["DataTestEntry"]:
        """The data tests of a table or a column, in the order in which they are written."""
        return [_test(item) for key in _TEST_KEYS for item in _items(_child(self.node, key))]


@dataclass(frozen=True, slots=True)
class DataTestEntry:
    """A data test as written: the generic test's name, the name that the team gave it, and its line."""

    kind: str | None
    name: str | None
    line: int


class YamlLines:
    """The lines of the YAML files of one project; each file is read once, when it is first asked for."""

    def __init__(self, project_dir: Path) -> None:
        self._project_dir = project_dir
        self._roots: dict[str, yaml.Node | None] = {}

    def table(self, path: str, source: str, table: str) -> Entry:
        """The table of a source, which may stand in several blocks of one file."""
        root = self._root(path)
        blocks = [item for item in _items(_child(root, "sources")) if _text(_child(item, "name")) == source]
        for block in blocks:
            found = Entry(block, _line(block)).named("tables", table)
            if found.node is not None:
                return found
        return Entry(None, _line(blocks[0]) if blocks else 1)

    def exposure(self, path: str, name: str) -> Entry:
        """An exposure."""
        return Entry(self._root(path)).named("exposures", name)

    def key_line(self, path: str, keys: Path_) -> int:
        """The line of a key of a file, or of the last one on the way to it that is there."""
        root = self._root(path)
        return _deepest((root, 1), keys)[1] if root is not None else 1

    def origin(self, path: str, entry: Entry) -> Origin:
        """Where an entry stands, as a value of the domain."""
        return Origin(path, entry.line)

    def _root(self, path: str) -> yaml.Node | None:
        if path not in self._roots:
            try:
                text = (self._project_dir / path).read_text(encoding="utf-8")
                self._roots[path] = yaml.compose(text, Loader=_LOADER)
            except (OSError, ValueError, yaml.YAMLError, RecursionError):
                self._roots[path] = None
        return self._roots[path]


def line_of(texts: Iterable[str], content: str) -> int | None:
    """The first line that holds one of the texts; the first text that is found anywhere wins."""
    lines = content.splitlines()
    for text in texts:
        for number, line in enumerate(lines, start=1):
            if text in line:
                return number
    return None


def _hub_blocks(node: yaml.Node | None) -> Iterator[tuple[yaml.Node, int]]:
    for meta in (_child(_child(node, "config"), "meta"), _child(node, "meta")):
        for key, value in _pairs(meta):
            if _text(key) == "hub":
                yield value, _line(key)


def _deepest(hub: tuple[yaml.Node, int], path: Path_) -> tuple[int, int]:
    """How many keys of the path are there, and the line of the last of them."""
    node, line = hub
    depth = 0
    for part in path:
        if isinstance(part, int):
            items = _items(node)
            if part >= len(items):
                break
            node, line = items[part], _line(items[part])
        else:
            pair = next(((key, value) for key, value in _pairs(node) if _text(key) == part), None)
            if pair is None:
                break
            node, line = pair[1], _line(pair[0])
        depth += 1
    return depth + 1, line


def _test(item: yaml.Node) -> DataTestEntry:
    if isinstance(item, yaml.ScalarNode):
        return DataTestEntry(item.value, None, _line(item))
    pairs = _pairs(item)
    given = _text(_child(item, "test_name"))
    kind = given or (_text(pairs[0][0]) if pairs else None)
    name = _text(_child(item, "name")) or (
        _text(_child(pairs[0][1], "name")) if pairs and not given else None
    )
    return DataTestEntry(kind, name, _line(item))


def _pairs(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    return node.value if isinstance(node, yaml.MappingNode) else []


def _items(node: yaml.Node | None) -> list[yaml.Node]:
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _child(node: yaml.Node | None, key: str) -> yaml.Node | None:
    return next((value for name, value in _pairs(node) if _text(name) == key), None)


def _text(node: yaml.Node | None) -> str | None:
    return node.value if isinstance(node, yaml.ScalarNode) else None


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1
