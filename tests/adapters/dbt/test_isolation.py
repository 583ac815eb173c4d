"""One team's broken files stop no other team. Real dbt decides what is broken."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from datahub_dagster.errors import ContractError
from tests.adapters.dbt.project_files import Project, names, places, source
from tests.projects import broken

pytestmark = pytest.mark.slow

GOOD = source("beta", hub="{owners: [beta@example.com]}")
NO_NAME = "sources:\n  - tables:\n      - name: x\n"
BAD_TEST = source("beta", tests="[{accepted_values: {arguments: {values: [1], foo: 2}}}]")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Two teams whose files are good, and have been read once."""
    project = Project(tmp_path)
    project.write("models/alpha/a.yml", source("alpha"))
    project.write("models/beta/b.yml", GOOD)
    assert names(project.load()) == {"alpha.orders", "beta.orders"}
    yield project
    # Whatever happened, the project holds what the teams wrote and nothing else.
    files = {
        path.relative_to(project.folder).parts[0] for path in project.folder.rglob("*") if path.is_file()
    }
    assert files <= {"dbt_project.yml", "models", "tests", "macros"}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        pytest.param("sources:\n  - name: beta\n   tables: [\n", 3, "not valid YAML", id="syntax"),
        pytest.param("sources:\n\t- name: beta\n", 2, "not valid YAML", id="tab"),
        pytest.param("- beta\n", 1, "must be a map of keys", id="a list"),
        pytest.param(source("beta", hub="{sunset_date: 2026-02-30}"), 7, "'2026-02-30' is not a date", id="no such day"),
        pytest.param(b"sources:\n  - name: b\xffeta\n", 2, "not UTF-8", id="not UTF-8"),
        pytest.param(NO_NAME, None, "does not have a name", id="no name"),
        pytest.param(source("beta", hub="{retension: 3}"), 7, "nearest known key is 'retention'", id="unknown key"),
        pytest.param(source("beta", tests="[nut_null]"), 11, "nearest known one is 'not_null'", id="unknown test"),
        pytest.param(BAD_TEST, None, "no keyword argument 'foo'", id="unknown argument"),
        pytest.param(source("alpha"), None, "two sources with the name", id="duplicate"),
        pytest.param(source("beta", "'{{ foo( }}'"), 4, "unexpected '}'", id="bad Jinja"),
        pytest.param(source("beta", '"{{ doc(\'nope\') }}"'), 4, "nope", id="unknown doc"),
        pytest.param(source("beta", tests="[{not_null: {config: {severity: fatal}}}]"), 11, "fatal", id="severity"),
        pytest.param("sources:\n  - name: beta\n    tables:\n", None, "not iterable", id="no tables"),
    ],
)  # fmt: skip
def test_a_broken_file_leaves_the_other_team_and_the_last_good_state(
    project: Project, text: str | bytes, line: int | None, says: str
) -> None:
    before = project.dataset("beta.orders")
    project.write("models/beta/b.yml", text)
    project.write("models/alpha/new.yml", source("alpha_new"))

    book = project.load()

    assert names(book) == {"alpha.orders", "alpha_new.orders", "beta.orders"}
    assert book.find("beta.orders") == before
    (fault,) = book.faults
    assert (fault.team, fault.path, fault.has_last_good) == ("beta", "models/beta/b.yml", True)
    assert says in fault.message
    assert fault.next_step
    if line:
        assert fault.line == line

    project.write("models/beta/b.yml", GOOD)
    assert project.load().faults == ()


def test_a_team_that_was_never_good_is_absent_and_says_so(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("models/alpha/a.yml", source("alpha"))
    project.write("models/beta/b.yml", source("beta", hub="{retension: 3, version: 1.2}"))
    project.write("models/gamma/c.yml", "sources: [")

    book = project.load()

    assert names(book) == {"alpha.orders"}
    assert places(book.faults) == [
        ("beta", "models/beta/b.yml", 7, False),
        ("beta", "models/beta/b.yml", 7, False),
        ("gamma", "models/gamma/c.yml", 2, False),
    ]


def test_two_teams_broken_in_ways_that_name_no_file_are_both_found(project: Project) -> None:
    for team in ("gamma", "delta", "epsilon"):
        project.write(f"models/{team}/good.yml", source(team))
    project.write("models/beta/b.yml", "sources:\n  - name: beta\n    tables:\n")
    project.write("models/delta/bad.yml", source("delta_bad", "'{{ foo( }}'"))

    book = project.load()

    assert names(book) == {"alpha.orders", "beta.orders", "gamma.orders", "epsilon.orders"}
    assert {(fault.team, fault.path, fault.has_last_good) for fault in book.faults} == {
        ("beta", "models/beta/b.yml", True),
        ("delta", "models/delta/bad.yml", False),
    }


def test_who_declares_what_another_team_has_is_the_one_to_mend_it(project: Project) -> None:
    project.write("models/aaa/copy.yml", source("beta"))  # read before beta's own file

    book = project.load()

    assert book.find("beta.orders").team == "beta"
    assert [fault.team for fault in book.faults] == ["aaa"]


def test_what_others_read_of_a_team_that_is_absent_is_left_out_and_named(tmp_path: Path) -> None:
    project = Project(tmp_path)
    reads_beta = "[not_null, {relationships: {arguments: {to: \"source('beta', 'orders')\", field: id}}}]"
    project.write("models/alpha/a.yml", source("alpha", tests=reads_beta))
    project.write("models/beta/b.yml", source("beta", hub="{retension: 3}"))
    project.write(
        "models/exposures.yml",
        """\
        exposures:
          - name: report
            type: dashboard
            owner: {email: report@example.com}
            depends_on: ["source('alpha', 'orders')", "source('beta', 'orders')"]
        """,
    )

    book = project.load()

    assert names(book) == {"alpha.orders"}
    assert [test.kind for test in book.find("alpha.orders").tests] == ["not_null"]
    (consumer,) = book.consumers
    assert [str(name) for name in consumer.depends_on] == ["alpha.orders"]
    assert places(book.faults) == [
        ("alpha", "models/alpha/a.yml", 11, True),
        ("beta", "models/beta/b.yml", 7, False),
        ("shop", "models/exposures.yml", 2, True),
    ]
    assert all("beta" in fault.message for fault in book.faults if fault.team != "beta")


@pytest.mark.parametrize(
    ("reads", "kind", "line", "says"),
    [
        ("\"source('beta', 'nope')\"", "dashboard", 7, "the exposure report reads the source 'beta.nope', which nobody declares"),
        ("\"ref('nope')\"", "dashboard", 7, "the exposure report reads the model 'nope', which nobody declares"),
        ("\"source('beta')\"", "dashboard", 2, "source() takes exactly two arguments (1 given)"),
        ("{source: beta}", "dashboard", None, "exposures: report: depends_on.1: {'source': 'beta'} is not of type 'string'"),
        ("\"source('beta', 'orders')\"", "board", None, "exposures: report: type: 'board' is not one of"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_consumer_is_said_in_plain_words(
    project: Project, reads: str, kind: str, line: int | None, says: str
) -> None:
    project.write(
        "models/exposures.yml",
        f"""\
        exposures:
          - name: report
            type: {kind}
            owner: {{email: report@example.com}}
            depends_on:
              - source('alpha', 'orders')
              - {reads}
        """,
    )

    (fault,) = project.load().faults

    assert (fault.team, fault.path) == ("shop", "models/exposures.yml")
    assert fault.line == line or line is None
    assert fault.message.startswith(says)
    assert "FilePath" not in str(fault)
    assert str(project.root) not in fault.message


def test_who_takes_a_dataset_away_does_not_take_those_of_its_consumers_with_it(project: Project) -> None:
    report = """\
        exposures:
          - name: report
            type: dashboard
            owner: {email: report@example.com}
            depends_on:
              - source('alpha', 'orders')
              - source('beta', 'orders')
        """
    project.write("models/alpha/report.yml", report)
    assert project.load().faults == ()
    project.write("models/beta/b.yml", source("beta", table="refunds"))

    book = project.load()

    assert names(book) == {"alpha.orders", "beta.refunds"}
    (fault,) = book.faults
    assert str(fault).startswith(
        "models/alpha/report.yml:7: the exposure report reads the source 'beta.orders', which nobody"
    )
    assert not fault.is_broken
    (consumer,) = book.consumers
    assert [str(name) for name in consumer.depends_on] == ["alpha.orders"]


def test_a_broken_singular_test_is_its_own_teams_matter(project: Project) -> None:
    project.write("tests/beta/sane.sql", "select 1 from {{ source('beta', 'orders' }}\n")

    book = project.load()

    assert names(book) == {"alpha.orders", "beta.orders"}
    assert places(book.faults) == [("beta", "tests/beta/sane.sql", 1, True)]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("macros/helpers.sql", "{% macro helper( %}{% endmacro %}"),
        ("dbt_project.yml", "name: shop\nversion: [1.0.0\nprofile: shop\n"),
        ("dbt_project.yml", "name: shop\nprofile: shop\nno_such_key: true\nmodels: 3\n"),
    ],
)
def test_what_all_share_is_broken_and_everything_is_as_it_last_was(
    project: Project, path: str, text: str
) -> None:
    project.write(path, text)
    project.write("models/alpha/new.yml", source("alpha_new"))

    book = project.load()

    assert names(book) == {"alpha.orders", "alpha_new.orders", "beta.orders"}
    (fault,) = book.faults
    assert (fault.team, fault.has_last_good) == ("", True)


def test_what_all_share_is_broken_from_the_start_and_the_error_says_where(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("models/alpha/a.yml", source("alpha"))
    project.write("dbt_project.yml", "name: shop\nversion: [1.0.0\nprofile: shop\n")

    with pytest.raises(ContractError) as caught:
        project.load()

    assert caught.value.subject == "dbt_project.yml:3"
    assert "correct dbt_project.yml:3" in str(caught.value)


def test_a_broken_macro_without_a_last_good_state_is_named_too(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("models/alpha/a.yml", source("alpha"))
    project.write("macros/helpers.sql", "{# ours #}\n{% macro helper( %}{% endmacro %}")

    with pytest.raises(ContractError) as caught:
        project.load()

    assert caught.value.subject == "macros/helpers.sql:2"


def test_packages_that_are_not_installed_say_how_to_install_them(project: Project) -> None:
    project.write("packages.yml", "packages:\n  - package: dbt-labs/dbt_utils\n    version: 1.0.0\n")

    book = project.load()

    assert names(book) == {"alpha.orders", "beta.orders"}
    assert book.faults[0].next_step == f"dbt deps --project-dir {project.folder}"
    project.remove("packages.yml")


def test_a_team_that_reads_models_of_an_absent_one_keeps_its_datasets(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("models/alpha/a.yml", source("alpha"))
    project.write("models/alpha/m.sql", "select * from {{ ref('stg') }}, {{ source('beta', 'orders') }}")
    project.write("models/beta/b.yml", "sources: [")
    project.write("models/beta/stg.sql", "select 1 as id")

    book = project.load()

    assert names(book) == {"alpha.orders"}
    assert {fault.team for fault in book.faults} == {"beta"}


def test_a_team_that_goes_is_forgotten(project: Project) -> None:
    project.remove("models/beta/b.yml")
    assert project.load().faults == ()

    project.write("models/beta/b.yml", "sources: [")

    assert places(project.load().faults) == [("beta", "models/beta/b.yml", 2, False)]


def test_the_hubs_own_project_survives_what_a_team_breaks(tmp_path: Path) -> None:
    project = Project(tmp_path)
    broken.copy_project(tmp_path / "hub")
    (tmp_path / "project").rename(tmp_path / "unused")
    (tmp_path / "hub").rename(tmp_path / "project")
    before = names(project.load())
    assert len(before) >= 5

    for harm in (broken.invalid_jinja, broken.unknown_macro, broken.unknown_key, broken.wrong_value):
        path, line = harm(project.folder)
        original = path.read_text("utf-8")

        book = project.load()

        assert names(book) == before, harm.__name__
        assert [(fault.team, fault.line) for fault in book.faults] == [("energy", line)], harm.__name__
        assert original == path.read_text("utf-8")
        path.write_text((broken.HUB_PROJECT / path.relative_to(project.folder)).read_text("utf-8"), "utf-8")
    assert project.load().faults == ()


def test_an_auditor_gets_the_project_that_was_read_and_not_the_broken_one(project: Project) -> None:
    assert project.contracts.parsed().project_dir == project.folder

    project.write("models/beta/b.yml", "sources: [")
    project.load()
    parsed = project.contracts.parsed()

    assert parsed.project_dir != project.folder
    assert (parsed.project_dir / "models/beta/b.yml").read_text("utf-8") == GOOD
    assert parsed.manifest_path.is_file()
