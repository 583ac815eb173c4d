"""dbt's test nodes as the data tests of the dataset that each belongs to."""

import json
import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from datahub_dagster.adapters.dbt.hub_block import DataTestBlock
from datahub_dagster.adapters.dbt.hub_faults import check
from datahub_dagster.adapters.dbt.phrases import phrase, qualified
from datahub_dagster.adapters.dbt.problems import Problem
from datahub_dagster.adapters.dbt.yaml_lines import Entry, YamlLines
from datahub_dagster.domain.contract import DataTest, Origin, Severity, digest
from datahub_dagster.domain.names import DatasetName

_log = logging.getLogger(__name__)

Node = Mapping[str, Any]

_MODEL = re.compile(r"source\(\s*'((?:[^'\\]|\\.)*)'\s*,\s*'((?:[^'\\]|\\.)*)'\s*\)")
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_]")
_NAME_LENGTH = 120
_DECIDING = ("where", "severity", "limit", "fail_calc", "error_if", "warn_if")


@dataclass(frozen=True, slots=True)
class OwnedTest:
    """A data test, what it says in a few words (if that can be said), and a digest of all that decides its answer."""

    test: DataTest
    phrase: str | None
    fingerprint: str


@dataclass(slots=True)
class DataTestReader:
    """Reads all tests of a manifest.

    Args:
        sources: The datasets, by the pair of names that `source()` takes.
        absent: Pairs that are declared but not there: disabled sources.
        stubs: Pairs that stand in for the datasets of a broken team.
    """

    manifest: Node
    lines: YamlLines
    sources: Mapping[tuple[str, str], DatasetName]
    absent: frozenset[tuple[str, str]]
    stubs: frozenset[tuple[str, str]]
    problems: list[Problem] = field(default_factory=list[Problem])
    _kinds: frozenset[str] = frozenset()
    _used: set[tuple[str, int, str | None]] = field(default_factory=set[tuple[str, int, str | None]])

    def read(self) -> Mapping[DatasetName, Sequence[OwnedTest]]:
        """The tests of each dataset: those in YAML in the order in which they are written, then the singular ones."""
        names = (macro["name"] for macro in self.manifest["macros"].values())
        self._kinds = frozenset(name.removeprefix("test_") for name in names if name.startswith("test_"))
        found: dict[DatasetName, list[OwnedTest]] = {}
        for node in self.manifest["nodes"].values():
            if node["resource_type"] == "test" and (read := self._read(node)):
                found.setdefault(read[0], []).append(read[1])
        return {owner: _with_unique_names(sorted(tests, key=_place)) for owner, tests in found.items()}

    def _read(self, node: Node) -> tuple[DatasetName, OwnedTest] | None:
        pairs = [(pair[0], pair[1]) for pair in node["sources"]]
        owner = _own_table(node) if node.get("test_metadata") else next(iter(pairs), None)
        if owner is None or owner in self.stubs:
            return None
        origin = self._origin(node, owner)
        block, faults = check(DataTestBlock, (node["config"].get("meta") or {}).get("hub"))
        self.problems += [Problem(origin, fault.message, fault.next_step) for fault in faults]
        if not node.get("test_metadata") and block and block.dataset:
            by_text = {str(name): pair for pair, name in self.sources.items()}
            if block.dataset not in by_text:
                self._unknown_dataset(origin, block.dataset, by_text)
                return None
            owner = by_text[block.dataset]
        if owner not in self.sources or not self._can_run(node, origin, pairs):
            return None
        return self.sources[owner], self._owned(node, origin, pairs)

    def _can_run(self, node: Node, origin: Origin, pairs: Sequence[tuple[str, str]]) -> bool:
        name = node["name"]
        kind = (node.get("test_metadata") or {}).get("name")
        if kind and kind not in self._kinds:
            nearest = get_close_matches(kind, sorted(self._kinds), n=1, cutoff=0.5)
            meant = f"; the nearest known one is {nearest[0]!r}" if nearest else ""
            rename = f"rename it to {nearest[0]}" if nearest else "correct its name, or add the macro"
            self.problems.append(Problem(origin, f"there is no data test {kind!r}{meant}", rename))
            return False
        for pair in pairs:
            text = ".".join(pair)
            if pair in self.stubs:
                self._leave_out(origin, f"the test {name} is left out: it reads {text}, whose team's files are broken",
                                f"mend the file that declares {text}")  # fmt: skip
                return False
            if pair not in self.sources and pair not in self.absent:
                self._leave_out(origin, f"the test {name} is left out: it reads {text}, which nobody declares",
                                f"correct the name {text}, or remove the test", reads=text)  # fmt: skip
                return False
        if node.get("refs"):
            # The hub builds no models. dbt itself runs such a test where they are built.
            _log.warning(
                "%s: the test %s reads models, which the hub does not build; it is left out", origin, name
            )
            return False
        # dbt disables a test that reads a disabled source.
        return bool(node["config"].get("enabled", True)) and not self.absent.intersection(pairs)

    def _owned(self, node: Node, origin: Origin, pairs: Sequence[tuple[str, str]]) -> OwnedTest:
        config = node["config"]
        metadata = node.get("test_metadata") or {}
        arguments = {
            key: value
            for key, value in (metadata.get("kwargs") or {}).items()
            if key not in ("model", "column_name")
        }
        kind = (
            ".".join(part for part in (metadata.get("namespace"), metadata.get("name")) if part) or "singular"
        )
        severity = Severity.WARN if str(config["severity"]).lower() == "warn" else Severity.ERROR
        test = DataTest(
            unique_id=node["unique_id"],
            name=node["name"],
            check_name=_check_name(node["name"], node["unique_id"]),
            kind=kind,
            severity=severity,
            column=_column(node),
            where=config.get("where"),
            warn_if=config.get("warn_if") or "!= 0",
            error_if=config.get("error_if") or "!= 0",
            description=node.get("description") or str((config.get("meta") or {}).get("description") or ""),
            depends_on=tuple(dict.fromkeys(self.sources[pair] for pair in pairs)),
            arguments=tuple(
                (name, json.dumps(arguments[name], sort_keys=True, default=str)) for name in sorted(arguments)
            ),
            sql=digest(" ".join(node["raw_code"].split())) if kind == "singular" else "",
            limit=config.get("limit"),
            fail_calc=config.get("fail_calc") or "count(*)",
            origin=origin,
        )
        text = phrase(kind, arguments)
        limited = qualified(text, warns=severity is Severity.WARN, where=test.where) if text else None
        return OwnedTest(test, limited, self._fingerprint(node, kind))

    def _fingerprint(self, node: Node, kind: str) -> str:
        macros = self.manifest["macros"]
        suffix = f".test_{kind.rpartition('.')[2]}"
        own = [
            macros[name]["macro_sql"]
            for name in node["depends_on"]["macros"]
            if name.endswith(suffix) and name in macros
        ]
        metadata = json.dumps(node.get("test_metadata"), sort_keys=True, default=str)
        config = json.dumps({key: node["config"].get(key) for key in _DECIDING}, sort_keys=True, default=str)
        return digest(node["unique_id"], node["raw_code"], metadata, config, *own)

    def _origin(self, node: Node, owner: tuple[str, str]) -> Origin:
        path = file_of(self.manifest, node)
        if not node.get("test_metadata"):
            return Origin(path, 1)
        table = self.lines.table(path, *owner)
        column = _column(node)
        places = [table.named("columns", column), table] if column else [table]
        return Origin(
            path, next((line for place in places if (line := self._line(path, place, node))), places[0].line)
        )

    def _line(self, path: str, place: Entry, node: Node) -> int | None:
        metadata = node["test_metadata"]
        kinds = {metadata["name"], f"{metadata.get('namespace')}.{metadata['name']}"}
        entries = [entry for entry in place.test_lines() if entry.kind in kinds]
        for entry in sorted(entries, key=lambda entry: entry.name != node["name"]):
            key = (path, entry.line, entry.kind)
            if entry.name in (None, node["name"]) and key not in self._used:
                self._used.add(key)
                return entry.line
        return None

    def _unknown_dataset(self, origin: Origin, text: str, known: Mapping[str, object]) -> None:
        nearest = get_close_matches(text, known, n=1)
        meant = f"; the nearest is {nearest[0]!r}" if nearest else ""
        self.problems.append(
            Problem(origin, f"hub.dataset: there is no dataset {text!r}{meant}", "correct hub.dataset")
        )

    def _leave_out(self, origin: Origin, message: str, next_step: str, reads: str | None = None) -> None:
        self.problems.append(Problem(origin, message, next_step, is_broken=False, reads=reads))


def file_of(manifest: Node, node: Node) -> str:
    """A node's file, relative to the project, also where it comes with a package."""
    path = str(node["original_file_path"]).replace("\\", "/")
    package = node["package_name"]
    return path if package == manifest["metadata"]["project_name"] else f"dbt_packages/{package}/{path}"


def _own_table(node: Node) -> tuple[str, str] | None:
    """The table on which a generic test stands. dbt doesn't keep it, but the argument `model` names it; None on a model."""
    match = _MODEL.search(str((node["test_metadata"].get("kwargs") or {}).get("model") or ""))
    return (match[1], match[2]) if match else None


def _column(node: Node) -> str | None:
    """The column's name, without the quotes that dbt adds for `quote: true`."""
    return (node.get("column_name") or "").strip('"`[]') or None


def _check_name(name: str, unique_id: str) -> str:
    text = _NOT_ALLOWED.sub("_", name)
    return text if len(text) <= _NAME_LENGTH else _with_suffix(text, unique_id)


def _with_suffix(text: str, unique_id: str) -> str:
    return f"{text[: _NAME_LENGTH - 9]}_{digest(unique_id)[:8]}"


def _with_unique_names(tests: Sequence[OwnedTest]) -> Sequence[OwnedTest]:
    count = Counter(owned.test.check_name for owned in tests)
    return [
        replace(
            owned,
            test=replace(owned.test, check_name=_with_suffix(owned.test.check_name, owned.test.unique_id)),
        )
        if count[owned.test.check_name] > 1
        else owned
        for owned in tests
    ]


def _place(owned: OwnedTest) -> tuple[bool, str, int, str]:
    origin = owned.test.origin
    return (
        owned.test.kind == "singular",
        origin.path if origin else "",
        origin.line if origin else 0,
        owned.test.unique_id,
    )
