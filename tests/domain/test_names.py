"""Names: what can be one, and that no place leads out of the hub."""

import posixpath
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datahub_dagster.domain.names import (
    DatasetName,
    Location,
    ReleaseId,
    delivery_name_fault,
    unsafe_path_reason,
)

DAYS = st.dates(min_value=date(1, 1, 1))
NUMBERS = st.integers(min_value=1, max_value=999_999_999)
PATHS = st.text(alphabet=st.sampled_from("ab./\\ =_-é\n\x00\ud800"), max_size=30) | st.text(max_size=60)


@given(DAYS, NUMBERS)
def test_a_release_reads_back_what_it_wrote(day: date, number: int) -> None:
    assert ReleaseId.parse(str(ReleaseId(day, number))) == ReleaseId(day, number)


@given(DAYS, NUMBERS, DAYS, NUMBERS)
def test_releases_are_in_the_order_of_their_numbers_whatever_the_day(
    a: date, m: int, b: date, n: int
) -> None:
    assert (ReleaseId(a, m) < ReleaseId(b, n)) == (m < n)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-20",
        "2026-11-20.",
        "2026-11-20.x",
        "2026-13-01.1",
        "2026-11-20.1 ",
        "../2026-11-20.1",
        "２026-11-20.1",
    ],
)
def test_what_is_no_release_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        ReleaseId.parse(text)


@given(PATHS)
@example("..")
@example("a/../b")
@example("a\\..\\b")
@example("a/./b")
@example("/etc/passwd")
@example("a//b")
@example("a/")
@example("x" * 256)
@example("caf\udce9")
def test_no_place_leads_out_of_the_hub(path: str) -> None:
    reason = unsafe_path_reason(path)
    if reason is not None:
        with pytest.raises(ValueError, match="no place inside the hub"):
            Location(path)
        return
    place = Location(path).path
    assert posixpath.normpath(f"/hub/{place}") == f"/hub/{place}"
    assert place.encode("utf-8")
    assert place.isprintable() or not any(ord(char) < 32 for char in place)


@given(PATHS, PATHS)
def test_going_down_never_goes_up(above: str, below: str) -> None:
    if unsafe_path_reason(above) is None and unsafe_path_reason(f"{above}/{below}") is None:
        assert (Location(above) / below).path.startswith(f"{above}/")


def test_the_longest_path_may_be_shorter() -> None:
    assert unsafe_path_reason("a" * 200, longest=100) == "it is too long (255 bytes a part, 100 in all)"
    assert unsafe_path_reason("é" * 128) is not None, "bytes count, not letters"


@given(st.text(max_size=20))
def test_a_delivery_name_is_one_harmless_part_of_a_path(name: str) -> None:
    if delivery_name_fault(name) is None:
        assert unsafe_path_reason(name) is None
        assert "/" not in name
        assert name.isascii()
        assert not name.startswith((".", "-", "_"))


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "a b", "-rf", ".x", "_x", "a\n", "é", "a" * 201]
)
def test_what_cannot_name_a_delivery(name: str) -> None:
    assert delivery_name_fault(name)


@pytest.mark.parametrize("name", ["2026-11-20", "a", "a..b", "run=7+x@y_z.1", "a" * 200])
def test_what_can_name_a_delivery(name: str) -> None:
    assert delivery_name_fault(name) is None


@pytest.mark.parametrize(
    "text", ["orders", ".orders", "payments.", "pay ments.orders", "../x.y", "a/b.c", "-a.b"]
)
def test_what_cannot_name_a_dataset(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        DatasetName.parse(text)
