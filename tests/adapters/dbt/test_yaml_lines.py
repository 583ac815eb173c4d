"""Where things stand in a team's YAML, which dbt's manifest doesn't say."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datahub_dagster.adapters.dbt.parse import guess_line
from datahub_dagster.adapters.dbt.yaml_lines import YamlLines

TEXT = """\
version: 2
sources:
  - name: equities
    meta:
      hub:
        team: markets
        retention: {days: 7}
    tables:
      - name: other
  - name: equities
    config:
      meta:
        hub:
          owners:
            - a@example.com
            - nobody
    tables:
      - name: daily
        config:
          meta:
            hub:
              slo:
                freshness:
                  - name: morning
                    due: 18:30
        columns:
          - name: ticker
            data_tests:
              - not_null
              - unique: {name: ticker_is_unique}
        tests:
          - dbt_utils.expression_is_true:
              expression: a > b
exposures:
  - name: report
"""


@pytest.fixture
def lines(tmp_path: Path) -> YamlLines:
    (tmp_path / "a.yml").write_text(TEXT, encoding="utf-8")
    return YamlLines(tmp_path)


def test_a_table_is_found_in_whichever_block_declares_it(lines: YamlLines) -> None:
    assert lines.table("a.yml", "equities", "other").line == 9
    assert lines.table("a.yml", "equities", "daily").line == 18
    assert lines.exposure("a.yml", "report").line == 35


def test_a_column_and_its_tests_have_lines(lines: YamlLines) -> None:
    table = lines.table("a.yml", "equities", "daily")
    column = table.named("columns", "ticker")

    assert column.line == 27
    assert [(test.kind, test.name, test.line) for test in column.test_lines()] == [
        ("not_null", None, 29),
        ("unique", "ticker_is_unique", 30),
    ]
    assert [(test.kind, test.line) for test in table.test_lines()] == [("dbt_utils.expression_is_true", 32)]


@pytest.mark.parametrize(
    ("table", "path", "line"),
    [
        ("daily", ("slo", "freshness", 0, "due"), 25),
        ("daily", ("owners", 1), 16),  # at the source around it
        ("daily", ("slo", "quality"), 22),  # the nearest that is there
        ("other", ("retention", "days"), 7),  # the old spelling, without config
        ("other", ("nope",), 5),
    ],
)
def test_a_key_under_hub_has_a_line(
    lines: YamlLines, table: str, path: tuple[str | int, ...], line: int
) -> None:
    assert lines.table("a.yml", "equities", table).hub_line(path) == line


def test_what_cant_be_found_is_on_the_first_line(lines: YamlLines) -> None:
    assert lines.table("a.yml", "nope", "nope").line == 1
    assert lines.table("missing.yml", "nope", "nope").hub_line(("x",)) == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(max_size=200)
    | st.sampled_from(["sources: {a: b}", "sources: [[1]]", "a: &x [*x]", "{{ x }}", "- 1"])
)
def test_no_file_makes_it_fail(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yml").write_bytes(text.encode("utf-8", "surrogatepass"))

    entry = YamlLines(tmp_path).table("a.yml", "a", "b")

    assert entry.line >= 1
    assert entry.test_lines() == []
    assert entry.hub_line(("a", 0)) >= 1


def test_a_message_without_a_line_is_placed_by_what_it_quotes() -> None:
    content = "a: 1\nb: \"{{ var('kind' }}\"\nc: fatal\n"

    assert guess_line("unexpected '}', expected ')' line 1 {{ var('kind' }}", content) == 2
    assert guess_line("Severity must be either 'warn' or 'error'. Got 'fatal'", content) == 3
    assert guess_line("something else", content) is None
