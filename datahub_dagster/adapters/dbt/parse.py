"""Runs `dbt parse` in this process, and turns its failures into a file, a line and a sentence."""

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from datahub_dagster.adapters.dbt.parse_memory import ParseMemory
from datahub_dagster.adapters.dbt.profiles import PARSE_TARGET, PROFILE
from datahub_dagster.adapters.dbt.project import ProjectState, scan
from datahub_dagster.adapters.dbt.yaml_lines import line_of

DBT_LOCK = threading.RLock()
"""dbt keeps its configuration in globals: one invocation at a time in a process."""

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_FILE_PATH = re.compile(r"FilePath\(searched_path='([^']*)', relative_path='([^']*)'[^)]*\)")
_LOAD_ERROR = re.compile(r"Error reading [^:\s]+: (.+?) - ")
_LINE = re.compile(r"\bline (\d+)")
_QUOTED = re.compile(r"""['"`]([^'"`\n]{2,})['"`]""")
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")
_ABSENT = re.compile(
    r"(?P<reader>\w+) '(?P<id>[^']+)' \([^)]*\) depends on an? (?P<kind>\w+) named '(?P<target>[^']*)'"
    r".*?which (?P<why>[^\n]+)"
)
_INVALID_ENTRY = re.compile(
    r"Invalid (?P<key>\w+) config given in \S+ @ \w+: (?P<entry>.*) - (?:at path (?P<place>\S*): )?(?P<reason>.*)"
)
_ENTRY_OF = re.compile(r"Error in \w+ ([\w.-]+) \(")
_KIND = re.compile(r"^(Parsing|Compilation|Runtime|Validation|Database|Internal) Error( in [^\n]*)?$")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a project can't be parsed. `paths` are the files that dbt's message names, in its order; often there is none.

    `is_consumers`: nothing is wrong but that a consumer reads what nobody declares.
    """

    message: str
    paths: tuple[str, ...] = ()
    line: int | None = None
    missing: tuple[str, str] | None = (
        None  # ("source", "a.b") or ("node", "m"): what a file refers to and nobody declares
    )
    is_consumers: bool = False


def run_parse(
    project_dir: Path, profiles_dir: Path, target_dir: Path, state: ProjectState, *, partial: bool = True
) -> dict[str, Any] | Failure:
    """The manifest as dbt would write it, or what stopped dbt.

    Writes below `target_dir` only. With `partial`, what did not change since the parse before is not parsed again where that is safe;
    the manifest is the same as without, but for the order of things.
    """
    target_dir.mkdir(parents=True, exist_ok=True)
    saved, memory_path, index_path = (
        target_dir / name for name in ("partial_parse.msgpack", "parse_memory.json", "files.json")
    )
    files = scan(project_dir, index_path, adapter=state.adapter)
    before = ParseMemory.read(memory_path) if partial and saved.is_file() else None
    if before is None or not before.allows(files):
        before = None
        saved.unlink(missing_ok=True)
    memory_path.unlink(missing_ok=True)  # who dies from here on leaves a state that nobody builds upon

    parsed = _invoke(project_dir, profiles_dir, target_dir)
    if not isinstance(parsed, BaseException):
        manifest = parsed.writable_manifest().to_dict(omit_none=False)
        after = ParseMemory.of(files, manifest, _yaml_contents(parsed))
        if before is None or before.agrees(after, before.changed(files)):
            # Of files that change under a parse nobody knows how they were read.
            if scan(project_dir, index_path, adapter=state.adapter).fingerprint == files.fingerprint:
                after.write(memory_path)
            return manifest
    saved.unlink(missing_ok=True)
    if before is not None:
        # What was left of the parse before may be what is wrong.
        return run_parse(project_dir, profiles_dir, target_dir, state, partial=False)
    assert isinstance(parsed, BaseException)
    return explain(parsed, state, project_dir)


def _invoke(project_dir: Path, profiles_dir: Path, target_dir: Path) -> Any:
    """The manifest as an object of dbt's, or the exception that it ended with."""
    from dbt.cli.main import dbtRunner  # takes a second to import, and most loads come from the cache

    arguments = [
        "parse", "--project-dir", str(project_dir), "--profiles-dir", str(profiles_dir), "--profile", PROFILE,
        "--target", PARSE_TARGET, "--target-path", str(target_dir), "--log-path", str(target_dir),
        "--log-level", "none", "--log-level-file", "none", "--quiet",
        "--no-send-anonymous-usage-stats", "--no-version-check", "--partial-parse",
        # The JSON that dbt writes itself is made by Python alone and takes longer than the parse.
        "--no-write-json",
    ]  # fmt: skip
    with DBT_LOCK:
        done = dbtRunner().invoke(arguments)
    if done.success and done.result is not None:
        return done.result
    return done.exception or RuntimeError("dbt parse failed and gave no reason")


def _yaml_contents(manifest: Any) -> dict[str, Any]:
    """The YAML files of the project itself, by path, as dbt compares them the next time."""
    package = manifest.metadata.project_name
    return {
        file.path.original_file_path: file.dict_from_yaml
        for file in manifest.files.values()
        if file.project_name == package and hasattr(file, "dict_from_yaml")
    }


def explain(error: BaseException, state: ProjectState, project_dir: Path | None = None) -> Failure:
    """What dbt's exception says, with the file and the line if they can be found.

    Args:
        error: dbt's exception.
        state: The project's files.
        project_dir: The folder that was parsed, where that is a copy: teams never hear of it.
    """
    text = _ANSI.sub("", str(error)) or type(error).__name__
    text = _FILE_PATH.sub(lambda match: f"{match[1]}/{match[2]}", text)
    for folder in filter(None, (state.project_dir, project_dir)):
        text = text.replace(f"{folder}/", "")
    paths = _named_paths(text, state)
    line = _line_in(text, state.project_dir / paths[-1]) if paths else None
    if absent := _ABSENT.search(text):
        missing = (absent["kind"], absent["target"]) if absent["kind"] in ("source", "node") else None
        is_consumers = absent["reader"].lower() == "exposure" and absent["why"] != "is disabled"
        return Failure(_absence(absent), paths, line, missing, is_consumers)
    return Failure(_short(_INVALID_ENTRY.sub(_invalid_entry, text)), paths, line)


def yaml_failures(state: ProjectState, paths: Sequence[str]) -> Mapping[str, Failure]:
    """The files that can't be read as text or YAML at all; dbt would stop at the first one."""
    found: dict[str, Failure] = {}
    for path in paths:
        try:
            text = (state.project_dir / path).read_text(encoding="utf-8")
            if path.endswith((".yml", ".yaml")):
                content = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
                if content is not None and not isinstance(content, yaml.MappingNode):
                    found[path] = Failure(
                        "the file must be a map of keys, such as sources: [...]", (path,), 1
                    )
                elif bad_date := next(_bad_dates(content), None):
                    message = f"{bad_date.value!r} is not a date: write it as 2026-11-20"
                    found[path] = Failure(message, (path,), bad_date.start_mark.line + 1)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            problem = " ".join(part for part in (error.context, error.problem) if part)
            found[path] = Failure(f"not valid YAML: {problem}", (path,), mark.line + 1 if mark else None)
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            found[path] = Failure(f"not UTF-8: byte {error.object[error.start]:#04x}", (path,), line)
        except (OSError, yaml.YAMLError, RecursionError) as error:
            found[path] = Failure(f"can't be read: {error}", (path,))
    return found


def _bad_dates(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    """Values that look like dates to YAML and are none, such as 2026-02-30: dbt fails at them without saying where."""
    if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:timestamp":
        try:
            yaml.constructor.SafeConstructor().construct_yaml_timestamp(node)
        except ValueError:
            yield node
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _bad_dates(item)
    elif isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from (found for part in pair for found in _bad_dates(part))


def guess_line(message: str, content: str) -> int | None:
    """The line that a message without one is probably about: where the Jinja or the text that it quotes stands."""
    quoted = _QUOTED.findall(message)
    parts = [part for text in quoted for part in (text, text.rpartition(".")[2]) if len(part.strip()) > 1]
    return jinja_line(message, content) or line_of(parts, content)


def jinja_line(message: str, content: str) -> int | None:
    """The line of the Jinja that a message quotes; far surer than other words."""
    return line_of(_JINJA.findall(message), content)


def _named_paths(text: str, state: ProjectState) -> tuple[str, ...]:
    found: dict[int, str] = {}
    for path in state.files:
        for match in re.finditer(rf"(?<![\w./-]){re.escape(path)}(?![\w/-])", text) if path in text else ():
            found[match.start()] = path
    if not found and (match := _LOAD_ERROR.search(text)):
        ends = [path for path in state.files if path.endswith("/" + match[1])]
        found = dict(enumerate(ends[:1]))
    return tuple(dict.fromkeys(found[place] for place in sorted(found)))


def _line_in(text: str, path: Path) -> int | None:
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    stated = _LINE.search(text)
    # In an SQL file Jinja counts the file's lines; in YAML those of the one value that it renders.
    if stated and (path.suffix == ".sql" or "Syntax error near" in text):
        return int(stated[1])
    if absent := _ABSENT.search(text):
        names = r"\W+".join(re.escape(name) for name in absent["target"].split("."))
        call = re.search(rf"\b(?:source|ref|metric)\(\W*{names}\W*\)", content)
        if call:
            return content.count("\n", 0, call.start()) + 1
    entry = _ENTRY_OF.search(text)
    return guess_line(text, content) or (line_of([entry[1]], content) if entry else None)


def _absence(found: re.Match[str]) -> str:
    kind = "model" if found["kind"] == "node" else found["kind"]
    why = "which is disabled" if found["why"] == "is disabled" else "which nobody declares"
    name = found["id"].split(".", 2)[-1]
    return f"the {found['reader'].lower()} {name} reads the {kind} {found['target']!r}, {why}"


def _invalid_entry(found: re.Match[str]) -> str:
    name = re.search(r"'name': '([^']*)'", found["entry"])
    place = re.sub(r"\['?([^'\]]*)'?\]", r".\1", found["place"] or "").strip(".")
    return ": ".join(part for part in (found["key"], name and name[1], place, found["reason"]) if part)


def _short(text: str) -> str:
    """Without dbt's headline, and without the echo of the file."""
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not _KIND.match(line)]
    joined = " ".join(lines)
    return joined if len(joined) <= 600 else joined[:600] + " ..."
