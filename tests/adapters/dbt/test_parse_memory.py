"""A contract is what the files say, whatever was parsed before: after each edit the book is that of a first parse. Real dbt."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from datahub_dagster.adapters.dbt import parse
from datahub_dagster.adapters.dbt.contracts import DbtContracts
from datahub_dagster.adapters.dbt.parse_memory import ParseMemory
from datahub_dagster.adapters.dbt.project import scan
from datahub_dagster.domain.contract import ContractBook, Severity
from tests.adapters.dbt.project_files import PROJECT, Project, contracts_in, names, source
from tests.projects.running import HUB_PROJECT

pytestmark = pytest.mark.slow

ORDERS = """\
    version: 2
    sources:
      - name: alpha
        description: All of alpha.
        tables:
          - name: orders
            columns:
              - {name: id, description: A number., data_tests: [not_null]}
          - name: sent
    """
PAYMENTS = """\
    version: 2
    sources:
      - name: beta
        description: All of beta.
        tables:
          - name: payments
            description: "{{ doc('payments') }}"
            config: {meta: {hub: {version: 1.0.0, slo: {freshness: {max_age: 1d}}}}}
            columns:
              - name: order_id
                description: A number.
                data_type: bigint
                data_tests:
                  - not_null
                  - relationships: {arguments: {to: "source('alpha', 'orders')", field: id}}
                  - in_range: {arguments: {top: 5}, config: {severity: warn}}
                  - in_range: {arguments: {top: 12}}
              - name: day
                data_type: date
          - name: refunds
            config: {meta: {hub: {delivery: {mode: partition, partitions: {column: day, granularity: day, start: 2026-01-01}}}}}
            columns: [{name: day, data_type: date}]
          - name: fees
    """
TWICE = """\
    sources:
      - {name: twice, tables: [{name: one, description: First.}]}
      - {name: twice, tables: [{name: two, description: Second.}]}
    """
DISABLED = """\
    sources:
      - name: delta
        tables:
          - {name: "off", config: {enabled: false}}
          - {name: "on"}
    """
EXPOSURES = """\
    exposures:
      - name: report
        type: dashboard
        owner: {email: report@example.com}
        depends_on: ["source('alpha', 'orders')", "ref('stg')"]
      - name: board
        type: dashboard
        description: "{{ doc('payments') }}"
        owner: {email: board@example.com}
        depends_on: ["source('beta', 'payments')"]
    """
PATCHES = """\
    data_tests:
      - name: patched
        description: Worth a look.
        config: {severity: warn, where: id > 1, warn_if: ">1", tags: [slow]}
      - name: through_model
        config: {severity: warn}
    """
FILES = {
    "dbt_project.yml": dedent(PROJECT) + "vars: {top: 3}\ndata_tests: {shop: {+limit: 10}}\n",
    "models/alpha/orders.yml": ORDERS,
    "models/alpha/stg.sql": "select * from {{ source('alpha', 'sent') }}\n",
    "models/alpha/stg.yml": "models: [{name: stg, columns: [{name: id, data_tests: [not_null]}]}]\n",
    "models/beta/payments.yml": PAYMENTS,
    "models/beta/words.md": "{% docs payments %}What was paid.{% enddocs %}\n",
    "models/beta/fees.sql": "select * from {{ source('beta', 'fees') }}\n",
    "models/delta/twice.yml": TWICE,
    "models/delta/disabled.yml": DISABLED,
    "models/exposures.yml": EXPOSURES,
    "tests/alpha/_tests.yml": PATCHES,
    "tests/alpha/patched.sql": "select {{ wanted() }} from {{ source('alpha', 'orders') }} where false\n",
    "tests/alpha/through_model.sql": "select 1 from {{ ref('stg') }}\n",
    "tests/beta/plain.sql": (
        "{{ config(severity='warn') }} select {{ var('top') }} from {{ source('beta', 'payments') }} where false\n"
    ),
    "macros/in_range.sql": "{% test in_range(model, column_name, top) %}select 1 where false{% endtest %}\n",
    "macros/wanted.sql": "{% macro wanted() %}1{% endmacro %}\n",
    "macros/_docs.yml": "macros: [{name: wanted, description: What.}, {name: test_in_range, description: In.}]\n",
}

Edit = tuple[str, str, str]

BUILT_UPON: dict[str, Edit] = {
    "description of a source": ("models/beta/payments.yml", "All of beta", "Everything of beta"),
    "description of a column": ("models/beta/payments.yml", "A number", "A long number"),
    "severity and argument of a test": (
        "models/beta/payments.yml", "{top: 5}, config: {severity: warn}", "{top: 6}, config: {severity: error}",
    ),
    "a new table, column and test": (
        "models/beta/payments.yml",
        "      - name: fees",
        "      - {name: new, columns: [{name: id, data_tests: [unique]}]}\n      - name: fees",
    ),
    "a hub block": ("models/beta/payments.yml", "max_age: 1d", "max_age: 2d"),
    "an exposure": ("models/exposures.yml", "- name: report", "- name: report\n    label: Report"),
    "another name of an exposure": ("models/exposures.yml", "- name: report", "- name: weekly"),
}  # fmt: skip

READ_AGAIN: dict[str, Edit] = {
    "description of a column that a patched test reads": ("models/alpha/orders.yml", "A number", "A long number"),
    "SQL of a patched test": ("tests/alpha/patched.sql", "where false", "where true"),
    "YAML of a singular test": ("tests/alpha/_tests.yml", "severity: warn, where", "severity: error, where"),
    "a generic test's macro": ("macros/in_range.sql", "select 1", "select 2"),
    "a macro that a test calls": ("macros/wanted.sql", "}1{", "}2{"),
    "a docs block": ("models/beta/words.md", "What was", "All that was"),
    "a var": ("dbt_project.yml", "top: 3", "top: 4"),
    "a default of all tests": ("dbt_project.yml", "+limit: 10", "+severity: warn"),
    "a number that is equal to dbt": ("models/beta/payments.yml", "{top: 5}", "{top: 5.0}"),
    "the first of two entries with a name": ("models/delta/twice.yml", "First", "Premier"),
    "a table is enabled": ("models/delta/disabled.yml", "enabled: false", "enabled: true"),
}  # fmt: skip

# Here a parse after the one before ends in doubt, and a first parse follows.
IN_DOUBT: dict[str, Edit] = {
    "a table that others read is renamed": ("models/beta/payments.yml", "- name: payments", "- name: paid"),
    "a table is disabled": ("models/beta/payments.yml", "- name: fees", "- {name: fees, config: {enabled: false}}"),
    "a test waits for a dataset": ("models/beta/payments.yml", "'alpha', 'orders'", "'gamma', 'later'"),
    "a name that an exposure misses": ("models/exposures.yml", "source('beta', 'payments')", "source('beta', 'nope')"),
}  # fmt: skip

ALSO_READ_AGAIN: dict[str, Edit] = {
    "SQL of a test": ("tests/beta/plain.sql", "where false", "where true"),
    "YAML of a model": ("models/alpha/stg.yml", "not_null", "unique"),
    "a model": ("models/alpha/stg.sql", "'sent'", "'orders'"),
    "a macro's description": ("macros/_docs.yml", "What.", "What it is."),
    "the order of keys": (
        "models/beta/payments.yml", "{arguments: {top: 5}, config: {severity: warn}}", "{config: {severity: warn}, arguments: {top: 5}}",
    ),
    "another key": ("models/beta/payments.yml", "version: 2", "version: 2\ngroups: []"),
}  # fmt: skip


@dataclass
class Desk:
    """A project that was read once, and copies of the hub's cache as it was then."""

    project: Project
    book: ContractBook

    def warm(self) -> DbtContracts:
        return contracts_in(self.project.folder, self._cache("warm"))

    def cold(self) -> ContractBook:
        """As if dbt had never parsed; the last good files are known."""
        cache = self._cache("cold")
        for path in cache.glob("dbt/*/*"):
            if path.name in ("duckdb", "shadow", "parsed"):
                shutil.rmtree(path)
        return contracts_in(self.project.folder, cache).load()

    def may_build_upon_the_parse_before(self) -> bool:
        (path,) = self.project.cache.glob("dbt/*/duckdb/target/parse_memory.json")
        memory = ParseMemory.read(path)
        return bool(
            memory
            and memory.allows(scan(self.project.folder, self.project.root / "files.json", adapter="duckdb"))
        )

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.project.folder / path).read_text("utf-8")
        assert old in text
        self.project.write(path, text.replace(old, new))

    def restore(self) -> None:
        shutil.rmtree(self.project.folder)
        for path, text in FILES.items():
            self.project.write(path, text)

    def _cache(self, name: str) -> Path:
        cache = self.project.root / name
        shutil.rmtree(cache, ignore_errors=True)
        return shutil.copytree(self.project.cache, cache)


@pytest.fixture(scope="module")
def read_once(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    project = Project(tmp_path_factory.mktemp("desk"))
    desk = Desk(project, ContractBook(datasets={}, consumers=(), faults=()))
    desk.restore()
    desk.book = project.load()
    return desk


@pytest.fixture
def desk(read_once: Desk) -> Desk:
    read_once.restore()
    return read_once


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What dbt is asked for: a first parse of the project, or one after another. Trials are not counted."""
    found: list[str] = []
    invoke = parse._invoke

    def noted(project_dir: Path, profiles_dir: Path, target_dir: Path) -> object:
        if target_dir.name == "target":
            is_first = not (target_dir / "partial_parse.msgpack").exists()
            found.append("first" if is_first else "after another")
        return invoke(project_dir, profiles_dir, target_dir)

    monkeypatch.setattr(parse, "_invoke", noted)
    return found


def test_the_project_that_is_edited_has_something_of_everything(desk: Desk) -> None:
    assert names(desk.book) == {
        "alpha.orders", "alpha.sent", "beta.payments", "beta.refunds", "beta.fees", "twice.one", "twice.two",
        "delta.on",
    }  # fmt: skip
    tests = {test.name: test for contract in desk.book.datasets.values() for test in contract.tests}
    assert (tests["patched"].severity, tests["patched"].where) == (Severity.WARN, "id > 1")
    assert tests["plain"].severity is Severity.WARN
    assert [consumer.name for consumer in desk.book.consumers] == ["report", "board"]
    assert desk.book.faults == ()


@pytest.mark.parametrize("name", [*BUILT_UPON, *READ_AGAIN, *IN_DOUBT])
def test_after_an_edit_the_book_is_that_of_a_first_parse(desk: Desk, name: str, parses: list[str]) -> None:
    desk.edit(*{**BUILT_UPON, **READ_AGAIN, **IN_DOUBT}[name])

    book = desk.warm().load()

    expected = ["after another"] if name in BUILT_UPON else ["first"]
    assert parses == expected or (name in IN_DOUBT and parses[:2] == ["after another", "first"])
    assert book == desk.cold()


@pytest.mark.parametrize("name", ALSO_READ_AGAIN)
def test_what_dbt_might_lose_is_read_again(desk: Desk, name: str) -> None:
    assert desk.may_build_upon_the_parse_before()
    desk.edit(*ALSO_READ_AGAIN[name])
    assert not desk.may_build_upon_the_parse_before()


@pytest.mark.parametrize(
    ("path", "text", "is_safe"),
    [
        ("models/gamma/new.yml", source("gamma"), True),
        ("models/gamma/models.yml", "models: []", False),
        ("models/gamma/not_yaml.yml", "sources: [", False),
        ("tests/beta/_tests.yml", "data_tests: [{name: plain, config: {severity: error}}]\n", False),
        ("macros/own.sql", "{% test not_null(model, column_name) %}select 3{% endtest %}", False),
        ("macros/sources.yml", source("gamma"), False),
    ],
)  # fmt: skip
def test_a_new_file_is_read_alone_only_if_it_declares_sources(
    desk: Desk, path: str, text: str, is_safe: bool
) -> None:
    desk.project.write(path, text)
    assert desk.may_build_upon_the_parse_before() == is_safe


def test_a_file_less_is_a_first_parse(desk: Desk) -> None:
    desk.project.remove("models/beta/payments.yml")
    assert not desk.may_build_upon_the_parse_before()


def test_an_environment_variable_that_changes_is_a_first_parse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parses: list[str]
) -> None:
    project = Project(tmp_path)
    project.write(
        "models/alpha/a.yml", source("alpha").replace("bigint", "\"{{ env_var('SHOP_TYPE', 'int') }}\"")
    )
    project.load()

    monkeypatch.setenv("SHOP_TYPE", "text")

    assert project.dataset("alpha.orders").columns[0].data_type == "text"
    assert parses == ["first", "first"]


def test_a_test_that_waits_for_a_dataset_runs_when_it_is_there(tmp_path: Path) -> None:
    project = Project(tmp_path)
    waits = "[not_null, {relationships: {arguments: {to: \"source('beta', 'orders')\", field: id}}}]"
    project.write("models/alpha/a.yml", source("alpha", tests=waits))
    assert "beta.orders, which nobody declares" in project.load().faults[0].message

    project.write("models/alpha/b.yml", source("another"))
    assert "beta.orders, which nobody declares" in project.load().faults[0].message

    project.write("models/beta/b.yml", source("beta"))
    assert project.load().faults == ()
    assert [test.kind for test in project.dataset("alpha.orders").tests] == ["not_null", "relationships"]


def test_a_description_leaves_a_singular_test_of_the_hubs_own_project_a_warning(tmp_path: Path) -> None:
    folder = shutil.copytree(HUB_PROJECT, tmp_path / "project")
    path = folder / "models/markets/monthly_prices.yml"
    before = contracts_in(folder, tmp_path / "cache").load().find("markets.monthly_prices")
    path.write_text(path.read_text("utf-8").replace("Ticker symbol", "The ticker symbol"), "utf-8")

    after = contracts_in(folder, tmp_path / "cache").load().find("markets.monthly_prices")

    assert after.columns != before.columns
    assert (after.tests, after.fingerprint) == (before.tests, before.fingerprint)
    assert [test.severity for test in after.tests if test.kind == "singular"] == [Severity.WARN]
