"""What may stand after `calendar:`, and what a team is told that writes something else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datahub_dagster.domain.calendar_text import Both, Either, Named, OfMonth, names_in, parse_calendar

TOKYO, BANKS, NEW_YORK = Named("XTKS"), Named("JP"), Named("XNYS")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("XTKS", TOKYO),
        ("tokyo_settlement", Named("tokyo_settlement")),
        ("  XTKS   and JP ", Both((TOKYO, BANKS))),
        ("XTKS and JP and XNYS", Both((TOKYO, BANKS, NEW_YORK))),
        ("XTKS or XNYS", Either((TOKYO, NEW_YORK))),
        ("(XTKS or XNYS) and JP", Both((Either((TOKYO, NEW_YORK)), BANKS))),
        ("5th of JP", OfMonth(5, BANKS)),
        ("1st of JP", OfMonth(1, BANKS)),
        ("first of JP", OfMonth(1, BANKS)),
        ("22nd of JP", OfMonth(22, BANKS)),
        ("last of XTKS", OfMonth(-1, TOKYO)),
        ("2nd last of XTKS", OfMonth(-2, TOKYO)),
        ("last of (XTKS and JP)", OfMonth(-1, Both((TOKYO, BANKS)))),
        ("(5th of JP) or (last of XTKS)", Either((OfMonth(5, BANKS), OfMonth(-1, TOKYO)))),
        ("((JP))", BANKS),
    ],
)
def test_a_text_is_read_into_a_tree(text: str, tree: object) -> None:
    assert parse_calendar(text) == tree


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "there is no calendar ''"),
        ("XTKS and", "after 'and' stands nothing"),
        ("and XTKS", "at its beginning stands 'and'"),
        ("XTKS JP", "after 'XTKS' stands 'JP': write 'and', 'or', or nothing"),
        ("XTKS AND JP", "after 'XTKS' stands 'AND'"),
        ("XTKS and JP or XNYS", "put parentheses around what belongs together"),
        ("5th of JP and XTKS", "put parentheses around what belongs together"),
        ("(XTKS and JP", "a ( without its )"),
        ("XTKS)", "a ) without its ("),
        ("5th JP", "after '5th' must stand 'of' and a calendar, such as 5th of XTKS"),
        ("5 of JP", "before 'of' stands '5': write first, 2nd, 3rd"),
        ("fifth of JP", "before 'of' stands 'fifth'"),
        ("3th of JP", "'3th' is no place in a month: write 3rd"),
        ("0th of JP", "a month has 1st to 31st"),
        ("32nd of JP", "a month has 1st to 31st"),
        ("last", "after 'last' must stand 'of'"),
        ("last of 5th of JP", "stands '5th', where a calendar's name or ( must stand"),
        ("(" * 5000, "there is no calendar"),
    ],
)
def test_what_can_be_read_in_no_way_or_in_two_ways_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        parse_calendar(text)


@given(
    st.lists(
        st.sampled_from(["XTKS", "JP", "and", "or", "of", "5th", "last", "first", "(", ")", "日"]),
        max_size=12,
    )
)
def test_any_row_of_words_is_read_or_refused_and_loses_no_name(words: list[str]) -> None:
    try:
        tree = parse_calendar(" ".join(words))
    except ValueError:
        return

    assert list(names_in(tree)) == [word for word in words if word in ("XTKS", "JP", "日")]
