"""Dates in free text: of the notations that fit, the one that takes most of the text counts, and then what follows it.

Source: the scanner of the timelib library, with which MongoDB's server reads dates from text; MongoDB manual, "$dateFromString".
"""

from datetime import UTC, datetime
from time import process_time

import pytest

from fluxion_core import aggregate


def date_of(text, **more):
    document = {"dateString": text, "onError": "failed", **more}
    (row,) = aggregate([{}], [{"$project": {"_id": 0, "value": {"$dateFromString": document}}}])
    return row["value"]


@pytest.mark.parametrize(
    "text",
    [
        "2031/03/08/",
        "+2031-03-08",
        "20310308",
        "20310308T00:00:00",
        "8 III 2031",
        "III 8 2031",
        "8.III.2031",
        "08-Mar-31",
        "Mar-08-31",
        "31-03-8th",
        "@1930694400",
    ],
)
def test_a_day_has_many_notations(text) -> None:
    assert datetime(2031, 3, 8, tzinfo=UTC) == date_of(text)


def test_a_day_of_the_year_is_none_after_january() -> None:
    assert datetime(2031, 1, 31, tzinfo=UTC) == date_of("2031.031")
    assert date_of("2031.067") == "failed"


@pytest.mark.parametrize(
    ("offset", "time"),
    [
        ("+2", "07:10:11"),
        ("+02", "07:10:11"),
        ("+2:3", "07:07:11"),
        ("+203", "07:07:11"),
        ("+0203", "07:07:11"),
        ("-02:03", "11:13:11"),
        ("+020304", "07:07:07"),
        ("+02:03:04", "07:07:07"),
        ("GMT+2", "07:10:11"),
        ("(EST)", "14:10:11"),
    ],
)
def test_an_offset_may_have_minutes_and_seconds(offset, time) -> None:
    assert datetime.fromisoformat(f"2031-03-08T{time}Z") == date_of(f"2031-03-08T09:10:11{offset}")
    assert datetime.fromisoformat(f"2031-03-08T{time}Z") == date_of(
        f"2031-03-08 09:10:11 {offset}", format="%Y-%m-%d %H:%M:%S %z"
    )


def test_a_fraction_has_any_number_of_digits_of_which_three_count() -> None:
    assert datetime(2031, 3, 8, 9, 10, 11, 123_000, tzinfo=UTC) == date_of("2031-03-08T09:10:11.1239999999999Z")


@pytest.mark.parametrize(
    "text",
    [
        "2031-03-08T09:10:11,120Z",
        "2031-03-08T09:10:11:120Z",
        "2031-03-08T09:10:11+25:00",
        "2031-03-08T09:10:11+14:60",
        "2031-03-08T09:10:11UTC+2",
        "2031-03-08T09:10:11gmt+2",
        "20310308T091011.120Z",
        "2031-03-08 091011.5",
        "2031-000",
        "2031-W54",
        "2031-W00",
    ],
)
def test_what_is_left_over_after_a_notation_makes_the_text_no_date(text) -> None:
    assert date_of(text) == "failed"


@pytest.mark.parametrize(
    "amount",
    [
        "+1 \u017fec",
        "next \u017faturday",
        "first \u017fat of",
        "fir\u017ft day",
        "fir\u017ft day of",
        "+1 wee\u212a",
        "+\u0661 day",
    ],
)
def test_letters_and_digits_of_other_alphabets_are_no_amounts(amount) -> None:
    assert date_of(f"2031-03-08 {amount}") == "failed"


@pytest.mark.parametrize("text", ["@99999999999999999999", "@-99999999999999999999", "2031-03-08 +9999999999999 hours"])
def test_more_time_than_there_is_makes_a_text_no_date(text) -> None:
    assert date_of(text) == "failed"


def test_a_million_digits_after_an_at_sign_take_no_time() -> None:
    before = process_time()
    assert date_of("@" + "9" * 999_990) == "failed"
    assert process_time() - before < 5
