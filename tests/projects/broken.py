"""What teams break, as edits of a copied project.

Each function breaks one team's files in one way and says what it touched. The rest of the project stays fine.
"""

import shutil
from pathlib import Path
from textwrap import dedent

from tests.projects.running import HUB_PROJECT


def copy_project(into: Path, project: Path = HUB_PROJECT) -> Path:
    """A copy that may be broken; the hub's own project by default."""
    left_out = shutil.ignore_patterns("target", "logs", ".user.yml", "dbt_packages")
    return shutil.copytree(project, into, ignore=left_out)


def syntax_error(project: Path, file: str = "models/energy/iowa_generation.yml") -> tuple[Path, int]:
    """YAML that no parser reads: a bracket that never closes. Gives the file and the line of the bracket."""
    return _replace(project / file, "tags: [yearly]", "tags: [yearly")


def unknown_key(project: Path, file: str = "models/energy/iowa_generation.yml") -> tuple[Path, int]:
    """`retension` below `hub`. Gives the file and the line of the key."""
    return _replace(project / file, "retention:", "retension:")


def wrong_value(project: Path, file: str = "models/energy/iowa_generation.yml") -> tuple[Path, int]:
    """A lifecycle that doesn't exist. Gives the file and the line of the key."""
    return _replace(project / file, "lifecycle: deprecated", "lifecycle: retired")


def invalid_jinja(project: Path, file: str = "models/energy/iowa_generation.yml") -> tuple[Path, int]:
    """An expression that Jinja can't read. Gives the file and the line, which dbt's own message lacks."""
    return _replace(project / file, "Kind of source.", "\"{{ var('kind' }}\"")


def unknown_macro(project: Path, file: str = "models/energy/iowa_generation.yml") -> tuple[Path, int]:
    """A generic test that nobody wrote: dbt parses it and fails when it runs. Gives the file and the line."""
    return _replace(project / file, "hub_unique_combination:", "hub_uniqe_combination:")


def sql_error(project: Path, team: str = "energy") -> Path:
    """A singular test whose SQL no engine runs: parsing succeeds, the audit can't."""
    path = project / "tests" / team / "generation_is_sane.sql"
    path.parent.mkdir(parents=True, exist_ok=True)
    sql = "select megawatts form {{ source('energy', 'iowa_generation') }} where no_such_column = 1\n"
    path.write_text(sql, "utf-8")
    return path


def source_without_tests(project: Path, team: str = "energy") -> Path:
    """A dataset `energy_extra.untested` on which no test stands."""
    return _add(
        project / "models" / team / "untested.yml",
        """\
        version: 2
        sources:
          - name: energy_extra
            tables:
              - name: untested
                config: {meta: {hub: {team: energy, owners: [energy-data@example.com]}}}
                columns:
                  - {name: id, data_type: bigint}
        """,
    )


def vacuous_test(project: Path, team: str = "energy") -> Path:
    """A dataset `energy_extra.vacuous` whose only test looks at no row: it passes, whatever the data are."""
    return _add(
        project / "models" / team / "vacuous.yml",
        """\
        version: 2
        sources:
          - name: energy_extra
            tables:
              - name: vacuous
                config: {meta: {hub: {team: energy, owners: [energy-data@example.com]}}}
                columns:
                  - name: id
                    data_type: bigint
                    data_tests:
                      - not_null: {config: {where: "1 = 0"}}
        """,
    )


def disabled_test(project: Path, team: str = "energy") -> Path:
    """A dataset `energy_extra.silenced` whose only test is disabled: dbt runs nothing, with success."""
    return _add(
        project / "models" / team / "silenced.yml",
        """\
        version: 2
        sources:
          - name: energy_extra
            tables:
              - name: silenced
                config: {meta: {hub: {team: energy, owners: [energy-data@example.com]}}}
                columns:
                  - name: id
                    data_type: bigint
                    data_tests:
                      - not_null: {config: {enabled: false}}
        """,
    )


def _replace(path: Path, old: str, new: str) -> tuple[Path, int]:
    text = path.read_text("utf-8")
    if old not in text:
        raise AssertionError(f"{path} holds no {old!r} to break any more")
    path.write_text(text.replace(old, new, 1), "utf-8")
    return path, text[: text.index(old)].count("\n") + 1


def _add(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), "utf-8")
    return path
