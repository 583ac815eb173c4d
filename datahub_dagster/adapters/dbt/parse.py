"""Runs `dbt parse` in this process, and turns its failures into a file, a line and a sentence."""

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from datahub_dagster.adapters.dbt.profiles import PARSE_TARGET, PROFILE
from datahub_dagster.adapters.dbt.project import ProjectState
from datahub_dagster.adapters.dbt.yaml_lines import line_of

DBT_LOCK = threading.RLock()
"""dbt keeps its configuration in globals: one invocation at a time in a process."""

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_FILE_PATH = re.compile(r"FilePath\(searched_path='([^']*)', relative_path='([^']*)'[^)]*\)")
_LOAD_ERROR = re.compile(r"Error reading [^:\s]+: (.+?) - ")
_LINE = re.compile(r"\bline (\d+)")
_QUOTED = re.compile(r"""['"`]([^'"`\n]{2,})['"`]""")
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")
_KIND = re.compile(r"^(Parsing|Compilation|Runtime|Validation|Database|Internal) Error( in [^\n]*)?$")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a project can't be parsed. `paths` are the files that dbt's message names, in its order; often there is none."""

    message: str
    paths: tuple[str, ...] = ()
    line: int | None = None
    missing: tuple[str, str] | None = (
        None  # ("source", "a.b") or ("node", "m"): what a file refers to and nobody declares
    )


def run_parse(
    project_dir: Path, profiles_dir: Path, target_dir: Path, state: ProjectState, *, partial: bool = True
) -> dict[str, Any] | Failure:
    """The manifest as dbt would write it, or what stopped dbt.

    Writes below `target_dir` only. With `partial`, what did not change since the parse before is not parsed again.
    """
    from dbt.cli.main import dbtRunner  # takes a second to import, and most loads come from the cache

    target_dir.mkdir(parents=True, exist_ok=True)
    known = target_dir / "partial_parse.msgpack"
    if not partial:
        known.unlink(missing_ok=True)
    was_partial = known.exists()
    arguments = [
        "parse", "--project-dir", str(project_dir), "--profiles-dir", str(profiles_dir), "--profile", PROFILE,
        "--target", PARSE_TARGET, "--target-path", str(target_dir), "--log-path", str(target_dir),
        "--log-level", "none", "--log-level-file", "none", "--quiet",
        "--no-send-anonymous-usage-stats", "--no-version-check", "--partial-parse", "--no-write-json",
    ]  # fmt: skip
    with DBT_LOCK:
        done = dbtRunner().invoke(arguments)
        if done.success and done.result is not None:
            # Without the JSON that dbt writes itself: it is made by Python alone and takes longer than the parse.
            manifest: Any = done.result
            return manifest.writable_manifest().to_dict(omit_none=False)
    known.unlink(missing_ok=True)
    if was_partial:
        # What was left of the parse before may be what is wrong.
        return run_parse(project_dir, profiles_dir, target_dir, state, partial=False)
    return explain(done.exception or RuntimeError("dbt parse failed and gave no reason"), state)


def explain(error: BaseException, state: ProjectState) -> Failure:
    """What dbt's exception says, with the file and the line if they can be found."""
    text = _ANSI.sub("", str(error)).replace(str(state.project_dir) + "/", "") or type(error).__name__
    paths = _named_paths(text, state)
    missing = re.search(r"depends on a (source|node) named '([^']+)'", text)
    line = _line_in(text, state.project_dir / paths[-1]) if paths else None
    return Failure(_short(text), paths, line, (missing[1], missing[2]) if missing else None)


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


def guess_line(message: str, content: str) -> int | None:
    """The line that a message without one is probably about: where the Jinja or the text that it quotes stands."""
    quoted = _QUOTED.findall(message)
    parts = [part for text in quoted for part in (text, text.rpartition(".")[2]) if len(part.strip()) > 1]
    return jinja_line(message, content) or line_of(parts, content)


def jinja_line(message: str, content: str) -> int | None:
    """The line of the Jinja that a message quotes; far surer than other words."""
    return line_of(_JINJA.findall(message), content)


def _named_paths(text: str, state: ProjectState) -> tuple[str, ...]:
    text = _FILE_PATH.sub(lambda match: f"{match[1]}/{match[2]}", text)
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
    return guess_line(text, content)


def _short(text: str) -> str:
    """Without dbt's headline, and without the echo of the file."""
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not _KIND.match(line)]
    joined = " ".join(lines)
    return joined if len(joined) <= 600 else joined[:600] + " ..."
