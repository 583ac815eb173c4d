"""What the hub keeps in English is said in Japanese on Japanese pages; what only English says is marked as English."""

import ast
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import datahub_dagster
from datahub_dagster.adapters.site import sentences_ja
from datahub_dagster.adapters.site.speech import speech_of
from datahub_dagster.domain.contract import Language

PACKAGE = Path(datahub_dagster.__file__).parent
EN, JA = (speech_of(language, ZoneInfo("UTC")) for language in (Language.ENGLISH, Language.JAPANESE))
_FILLED = {"spec.granularity": "day", "day": "Monday"}


def messages_of_faults() -> Iterator[str]:
    """Every sentence in which validation says no, with its gaps filled."""
    for folder in ("domain", "steps"):
        for path in sorted((PACKAGE / folder).glob("*.py")):
            module = ast.parse(path.read_text(encoding="utf-8"))
            if "Fault(\n" not in path.read_text(encoding="utf-8") and "Fault(code" not in path.read_text(
                encoding="utf-8"
            ):
                continue
            for node in ast.walk(module):
                match node:
                    case ast.Call(func=ast.Name("Fault" | "_fault")):
                        for each in node.keywords:
                            if each.arg == "message" and isinstance(each.value, ast.Constant | ast.JoinedStr):
                                yield _filled(each.value)
                    case ast.Assign(targets=[ast.Name("message")], value=ast.Constant() | ast.JoinedStr()):
                        yield _filled(node.value)
                    case _:
                        pass


def _filled(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.JoinedStr)
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else _value(part) for part in node.values
    )


def _value(part: ast.expr) -> str:
    assert isinstance(part, ast.FormattedValue)
    match part.value:
        case ast.Call(func=ast.Attribute(attr="plural"), args=[_, ast.Constant(value=noun)]):
            return f"3 {noun}s"
        case value:
            return _FILLED.get(ast.unparse(value), "7")


FAULTS = sorted(set(messages_of_faults()))


def test_the_sentences_of_faults_are_found() -> None:
    assert "the delivery has no column 7" in FAULTS
    assert len(FAULTS) > 15


@pytest.mark.parametrize("told", FAULTS)
def test_why_validation_said_no_is_there_in_japanese(told: str) -> None:
    assert sentences_ja.sentence(told), told
    assert sentences_ja.sentence(f"{told} (and 2 more)")


@pytest.mark.parametrize(
    ("told", "japanese"),
    [
        ("column temp_max is varchar, not double (and 1 more)", "列temp_maxの型がdoubleではなくvarcharです（ほか1件）"),
        ("unique of trade_date: 1 failure (and 3 more)", "テスト「unique of trade_date」：不合格1件（ほか3件）"),
        ("12 failures (error if >10)", "不合格12件（>10で阻止）"),
        ("published as generation 2", "世代2として公開"),
        ("'x' is not a month (YYYY-MM)", "'x'は月（YYYY-MM）ではありません"),
        ("2026-11-21 (Saturday) is not a session of XTKS", "2026-11-21(土)はXTKSの営業日ではありません"),
        ("warns after 1 day 12 h, fails after 6 days", "1日12時間で警告、6日で不合格"),
    ],
)  # fmt: skip
def test_sentences_are_told_in_japanese_with_their_values(told: str, japanese: str) -> None:
    assert sentences_ja.sentence(told) == japanese


@pytest.mark.parametrize(
    ("told", "japanese"),
    [
        ("not null", "null不可"),
        ("one of sun, rain", "次のいずれか：sun、rain"),
        ("at least 0.99 of them in transport.airports.iata", "99%以上がtransport.airports.iataにあること"),
        ("no month is missing", "月の欠落なし"),
        ("≤ 8 where weather = 'snow' (warning only)", "≤ 8（条件：weather = 'snow'）（警告のみ）"),
        ("≥ 1 and ≤ 5 rows", "行数が≥ 1、≤ 5"),
        ("state <> 'NA'", "state <> 'NA'"),
    ],
)
def test_what_a_test_promises_is_told_in_japanese_and_sql_stays_sql(told: str, japanese: str) -> None:
    assert (JA.constraint(told), EN.constraint(told)) == (japanese, told)


def test_what_only_english_says_is_marked_as_english_and_stays_text() -> None:
    assert JA.ours("<b> nobody knows", True) == '<span lang="en" dir="auto">&lt;b&gt; nobody knows</span>'
    assert (
        JA.ours("the delivery holds no data file")
        == '<span dir="auto">配信にデータファイルがありません</span>'
    )
    assert (
        EN.ours("the delivery holds no data file", True)
        == '<span dir="auto">The delivery holds no data file</span>'
    )
    assert EN.ours("unique of day: 1 failure", True) == '<span dir="auto">unique of day: 1 failure</span>'
