"""Sentences that the hub keeps in English, in Japanese: why a delivery was rejected, what a test promises, how dbt sees freshness.

They are found by how they are written where they are made (`domain`, `steps.validate`, `adapters.dbt.phrases`). What no pattern
knows, such as SQL and texts of an engine, stays as it is.
"""

import re
from collections.abc import Callable, Mapping

_MORE = re.compile(r"(.+) \(and ([\d,]+) more\)")
_UNITS = {"day": "日", "days": "日", "h": "時間", "min": "分", "s": "秒"}
_CUTS = {"hour": "時間", "day": "日", "week": "週", "month": "月", "quarter": "四半期", "year": "年"}
_EACH = {"day": "1日", "month": "1か月"}
_DAYS: Mapping[str, str] = dict(
    zip(("Mon", "Tues", "Wednes", "Thurs", "Fri", "Satur", "Sun"), "月火水木金土日", strict=True)
)

_Say = str | Callable[[re.Match[str]], str]

_SENTENCES: Mapping[str, _Say] = {
    # What became of a delivery.
    r"rejected": "却下",
    r"published as generation (\d+)": r"世代\1として公開",
    r"published as generation (\d+); ([\d,]+) warnings?": r"世代\1として公開（警告\2件）",
    r"a later delivery of the same partitions was published first": "同じパーティションの後の配信が先に公開されました",
    r"the same content as release (\S+): nothing to do": r"リリース\1と同じ内容のため、処理は不要です",
    # Faults.
    r"the delivery holds no data file": "配信にデータファイルがありません",
    r"the delivery has no rows \(in ([\d,]+) files?\)": r"配信に行がありません（\1ファイル）",
    r"the delivery has no column (.+)": r"配信に列\1がありません",
    r"column (.+) is (.+) in one file and (.+) in another": r"列\1の型がファイルにより異なります（\2と\3）",
    r"column (.+) is (.+) in release (\S+), which stays published beside this delivery, and can't be read as (.+): "
    r"deliver the whole dataset, with --full": (
        r"列\1は、この配信とともに公開されるリリース\3では\2型のため、\4として読み込めません。"
        r"--fullでデータセット全体を配信してください"
    ),
    r"column (.+) can't be shown in the catalog: (.+)": r"列\1をカタログに表示できません：\2",
    r"column (.+) is published as (.+), not (.+)": r"公開中の列\1の型が\3ではなく\2です",
    r"column (.+) is (.+), not (.+)": r"列\1の型が\3ではなく\2です",
    r"nobody promised (.+)": r"約束にない列があります：\1",
    r"two columns are called (.+) \(upper and lower case are the same\)": r"同じ名前の列が2つあります：\1（大文字小文字は同じ扱い）",
    r"what is published has no column (.+)": r"公開中のデータに列\1がありません",
    r"what is published is not partitioned: deliver the whole dataset once, with --full": (
        "公開中のデータはパーティションに分かれていません。一度--fullでデータセット全体を配信してください"
    ),
    r"no (.+): neither a column of that name nor (.+)=\.\.\. in the path": r"\1の列がなく、パスにも\2=...がありません",
    r"(.+) is null in ([\d,]+) rows?": r"\2行で\1がnullです",
    r"the file's footer has no smallest and largest (.+), so that its partition is unknown": (
        r"ファイルに\1の最小値と最大値が記録されていないため、パーティションを判定できません"
    ),
    r"the file holds (.+) from (.+) to (.+): write one file for each (day|month)": lambda found: (
        f"ファイルに{found[1]}の{found[2]}から{found[3]}までが含まれています。{_EACH[found[4]]}ごとに1ファイルとしてください"
    ),
    r"the path says (.+)=(.+), the file holds (.+)": r"パスでは\1=\2ですが、ファイルの値は\3です",
    r"(.+) is in the path of some files only, and more than the (day|month) inside others": (
        r"\1が一部のファイルではパスにあり、ほかのファイルの値と形式が異なります"
    ),
    r"(.+) is not a (day|month) \((.+)\)": lambda found: (
        f"{found[1]}は{_CUTS[found[2]]}（{found[3]}）ではありません"
    ),
    r"partition (.+) lies before the start, (.+)": r"パーティション\1は開始日\2より前です",
    r"(\S+) \((\w+)day\) is not a session of (.+)": lambda found: (
        f"{found[1]}({_DAYS.get(found[2], found[2])})は{found[3]}の営業日ではありません"
    ),
    r"the file changed after the delivery was received": "配信の受領後にファイルが変更されました",
    r"the file has gone": "ファイルがなくなりました",
    r"an encrypted Parquet file: no engine of the hub has its keys": "暗号化されたParquetファイルのため、読み込めません",
    r"not a readable Parquet file: (.+)": r"Parquetファイルとして読み込めません：\1",
    # What an audit says.
    r"none of ([\d,]+) tests ran": r"テスト\1件がいずれも実行されませんでした",
    r"(?:(.+): )?([\d,]+) failures?(?: \(error if (.+)\))?": lambda found: (
        f"{_of_test(found[1])}不合格{found[2]}件" + (f"（{found[3]}で阻止）" if found[3] else "")
    ),
    r"(?:(.+): )?the test gave no answer": lambda found: f"{_of_test(found[1])}テストの結果がありません",
    r"(?:(.+): )?the test could not run": lambda found: f"{_of_test(found[1])}テストを実行できませんでした",
    r"(?:(.+): )?the test could not run; its message is withheld, since it may quote confidential values": lambda found: (
        f"{_of_test(found[1])}テストを実行できませんでした（機密の値を含む可能性があるため、メッセージは表示しません）"
    ),
    # dbt's own freshness.
    r"warns after ([\w ]+), fails after ([\w ]+)": lambda found: (
        f"{length(found[1])}で警告、{length(found[2])}で不合格"
    ),
    r"warns after ([\w ]+)": lambda found: f"{length(found[1])}で警告",
    r"fails after ([\w ]+)": lambda found: f"{length(found[1])}で不合格",
    r"no limits": "制限なし",
}

_PHRASES: Mapping[str, _Say] = {
    r"not null": "null不可",
    r"unique": "重複不可",
    r"unique: (.+)": lambda found: f"組み合わせの重複不可：{listed(found[1])}",
    r"one of (.+), \.\.\. \(([\d,]+) in all\)": lambda found: (
        f"次のいずれか：{listed(found[1])}…（全{found[2]}件）"
    ),
    r"one of (.+)": lambda found: f"次のいずれか：{listed(found[1])}",
    r"at least (\S+) of them in (\S+)": lambda found: f"{_percent(found[1])}以上が{found[2]}にあること",
    r"in (\S+)": r"\1にあること",
    r"matches (.+)": r"\1に一致",
    r"not empty": "空文字不可",
    r"no (\w+) is missing": lambda found: f"{_CUTS.get(found[1], found[1])}の欠落なし",
    r"not older than (\S+) days": r"\1日以内",
    r"([≥≤] .+) rows": lambda found: f"行数が{_range(found[1])}",
    r"[≥≤<>] \S+(?: and [≥≤<>] \S+)?": lambda found: _range(found[0]),
}


def sentence(told: str) -> str | None:
    """A sentence in Japanese; None where that is not known.

    >>> sentence("column temp_max is varchar, not double (and 1 more)")
    '列temp_maxの型がdoubleではなくvarcharです（ほか1件）'
    """
    if more := _MORE.fullmatch(told):
        said = sentence(more[1])
        return f"{said}（ほか{more[2]}件）" if said else None
    return _said(_SENTENCES, told)


def phrase(told: str) -> str:
    """What a test promises of a column's values; SQL stays as it is.

    >>> phrase("no day is missing"), phrase("≥ 0 and ≤ 300 (warning only)"), phrase("close > open")
    ('日の欠落なし', '≥ 0、≤ 300（警告のみ）', 'close > open')
    """
    if limited := re.fullmatch(r"(.+) \(warning only\)", told):
        return f"{phrase(limited[1])}（警告のみ）"
    if said := _said(_PHRASES, told):
        return said
    if (limited := re.fullmatch(r"(.+?) where (.+)", told)) and (said := _said(_PHRASES, limited[1])):
        return f"{said}（条件：{limited[2]}）"
    return told


def _said(known: Mapping[str, _Say], told: str) -> str | None:
    for pattern, say in known.items():
        if found := re.fullmatch(pattern, told, re.DOTALL):
            return found.expand(say) if isinstance(say, str) else say(found)
    return None


def _of_test(label: str | None) -> str:
    return f"テスト「{label}」：" if label else ""


def listed(english: str) -> str:
    """A list of names as the hub writes it in English: `a, b`."""
    return english.replace(", ", "、")


def _range(english: str) -> str:
    return english.replace(" and ", "、")


def _percent(share: str) -> str:
    return f"{float(share):.4%}".rstrip("%").rstrip("0").rstrip(".") + "%"


def length(english: str) -> str:
    """A length as the hub says it in English: `1 day 12 h`."""
    return "".join(_UNITS.get(word, word) for word in english.split())
