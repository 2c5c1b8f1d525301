"""Dates: which argument decides between null and an error, time zones, and dates read from free text.

Source: MongoDB manual, "Date Expression Operators"; for the order in which arguments are looked at, the server's evaluation.
"""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from fluxion_core import CompileError, EvaluationError, aggregate
from fluxion_core.language import decode_value, encode_value

AT = datetime(2031, 3, 8, 9, 10, 11, 120000, tzinfo=UTC)
TWICE = [("America/New_York", 1, "2031-11-02T06:30"), ("Europe/Rome", 2, "2031-10-26T01:30")]


def value_of(expression, document=None):
    (row,) = aggregate([document or {}], [{"$project": {"_id": 0, "value": expression}}])
    return row["value"]


@pytest.mark.parametrize(
    "expression",
    [
        {"$dateAdd": {"startDate": "$none", "unit": "fortnight", "amount": 1}},
        {"$dateSubtract": {"startDate": "$none", "unit": "day", "amount": 1, "timezone": "Mars/Olympus"}},
        {"$dateDiff": {"startDate": "$none", "endDate": AT, "unit": "day", "startOfWeek": "someday"}},
        {"$dateTrunc": {"date": "$none", "unit": "day", "binSize": 0}},
        {"$hour": {"date": "$none", "timezone": "Mars/Olympus"}},
        {"$dateToString": {"date": "$none", "timezone": "$zone"}},
        {"$dateToString": {"date": "$none", "format": "$number"}},
        {"$dateToParts": {"date": None, "timezone": "Mars/Olympus"}},
        {"$dateFromString": {"dateString": None, "format": "%Q"}},
        {"$dateFromParts": {"year": None, "hour": "noon"}},
        {"$dateFromParts": {"year": None, "minute": 40_000}},
    ],
)
def test_a_wrong_argument_is_an_error_although_the_date_is_missing(expression) -> None:
    with pytest.raises((CompileError, EvaluationError)):
        value_of(expression, {"zone": "Mars/Olympus", "number": 4})


@pytest.mark.parametrize(
    "expression",
    [
        {"$dateAdd": {"startDate": None, "unit": "fortnight", "amount": 1}},
        {"$hour": {"date": None, "timezone": "Mars/Olympus"}},
        {"$dateToParts": {"date": AT, "iso8601": "$none"}},
        {"$dateToParts": {"date": AT, "timezone": "$none", "iso8601": "yes"}},
        {"$dateDiff": {"startDate": AT, "endDate": None, "unit": "fortnight"}},
        {"$dateFromParts": {"year": 90_000, "second": None}},
        {"$dateFromString": {"dateString": "8 March 2031", "timezone": None, "format": None}},
    ],
)
def test_a_null_that_is_looked_at_first_makes_null(expression) -> None:
    assert value_of(expression) is None


@pytest.mark.parametrize("wrong", [{"timezone": "Mars/Olympus"}, {"timezone": 2}, {"format": "%w"}, {"format": 7}])
def test_on_error_answers_a_text_that_is_no_date_and_no_other_mistake(wrong) -> None:
    assert value_of({"$dateFromString": {"dateString": "someday", "onError": "failed"}}) == "failed"
    assert value_of({"$dateFromString": {"dateString": 5, "timezone": None, "onError": "failed"}}) == "failed"
    with pytest.raises((CompileError, EvaluationError)):
        value_of({"$dateFromString": {"dateString": "2031-03-08", "onError": "failed", **wrong}})


def test_hours_between_two_dates_are_those_that_passed_although_the_clocks_changed() -> None:
    start, end = datetime(2031, 3, 9, 6, 30, tzinfo=UTC), datetime(2031, 3, 9, 7, 30, tzinfo=UTC)
    assert value_of({"$dateDiff": {"startDate": start, "endDate": end, "unit": "hour", "timezone": "America/New_York"}}) == 1


@pytest.mark.parametrize(("zone", "hour", "second"), TWICE)
def test_a_time_that_the_clock_shows_twice_is_the_second_in_parts_and_in_text(zone, hour, second) -> None:
    at = datetime.fromisoformat(f"{second}:00Z")
    parts = {"year": 2031, "month": at.month, "day": at.day, "hour": hour, "minute": 30, "timezone": zone}
    assert at == value_of({"$dateFromParts": parts})
    text = f"2031-{at.month:02d}-{at.day:02d} 0{hour}:30"
    assert at == value_of({"$dateFromString": {"dateString": text, "timezone": zone}})
    assert at == value_of({"$dateFromString": {"dateString": text, "timezone": zone, "format": "%Y-%m-%d %H:%M"}})


@pytest.mark.parametrize(("zone", "hour", "second"), TWICE)
def test_a_time_that_the_clock_shows_twice_is_in_daylight_saving_time_if_what_is_added_to_was(zone, hour, second) -> None:
    at = datetime.fromisoformat(f"{second}:00Z")
    before, after = at - timedelta(hours=25), at + timedelta(days=1)
    assert at - timedelta(hours=1) == value_of(
        {"$dateAdd": {"startDate": before, "unit": "day", "amount": 1, "timezone": zone}}
    )
    assert at == value_of({"$dateSubtract": {"startDate": after, "unit": "day", "amount": 1, "timezone": zone}})
    for same in (at, at - timedelta(hours=1)):
        assert same == value_of({"$dateAdd": {"startDate": same, "unit": "month", "amount": 0, "timezone": zone}})


def test_minutes_between_two_dates_are_those_of_the_clock_where_a_zone_is_seconds_away_from_utc() -> None:
    start, end = datetime(1964, 10, 23, 4, 23, 59, tzinfo=UTC), datetime(1964, 10, 23, 4, 24, 1, tzinfo=UTC)
    diff = {"startDate": "$start", "endDate": "$end", "unit": "minute"}
    assert 1 == value_of({"$dateDiff": diff}, {"start": start, "end": end})
    assert 0 == value_of({"$dateDiff": {**diff, "timezone": "Africa/Monrovia"}}, {"start": start, "end": end})


@pytest.mark.parametrize("zone", ["PST", "EDT", "Z", "UTC+02:00", "america/new_york", "+2", ""])
def test_an_abbreviation_is_no_time_zone(zone) -> None:
    with pytest.raises(EvaluationError):
        value_of({"$hour": {"date": AT, "timezone": "$zone"}}, {"zone": zone})


@pytest.mark.parametrize(
    "text",
    [
        "2031-3-8 09:10:11.120",
        "2031/03/08 9:10:11.120",
        "3/8/2031 9:10:11.12",
        "8.3.2031 09:10:11.120",
        "8-3-2031 09.10.11.120",
        "08-Mar-2031 09:10:11.120",
        "Sat, March 8th, 2031 09:10:11.120 UTC",
        "2031-W10-6 09:10:11.120z",
        "2031-03-08 11:10:11.120 GMT+2",
        "2031-03-08T04:10:11.120 EST",
        "09:10:11.120 2031-03-08",
    ],
)
def test_a_date_is_read_in_many_notations(text) -> None:
    assert value_of({"$dateFromString": {"dateString": text}}) == AT


@pytest.mark.parametrize(("time", "hour"), [("9am", 9), ("9:00 PM", 21), ("12 a.m.", 0), ("12:00:00 pm", 12), ("T7", 7)])
def test_times_of_day_have_twelve_or_twenty_four_hours(time, hour) -> None:
    assert value_of({"$dateFromString": {"dateString": f"2031-03-08 {time}"}}) == datetime(
        2031, 3, 8 + hour // 24, hour % 24, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2031",
        "March 8th",
        "12:30",
        "2031-03-08 24:00",
        "2031-03-08 23:59:60",
        "2031-03-08 09:10 Europe/Rome",
        "2031-03-08 13pm",
        "2031-02-30",
        "2031-03-08 noon 09:10",
        "2031-03-08 09:10 10:11",
        "noon",
        "tomorrow",
        "+1 day",
        "next monday",
        "first day of next month",
        "2031-03-08 first week",
        "2031-03-08 09:10\nand more",
        "04.07.17",
    ],
)
def test_a_text_that_is_no_whole_date_fails(text) -> None:
    assert value_of({"$dateFromString": {"dateString": text, "onError": "failed"}}) == "failed"


@pytest.mark.parametrize(
    ("text", "hour"), [("noon", 12), ("09:10 noon", 12), ("midnight", 0), ("09:10 today", 0), ("0910", 9), ("091011", 9)]
)
def test_a_time_may_be_a_word_or_have_no_colon(text, hour) -> None:
    assert hour == value_of({"$hour": {"$dateFromString": {"dateString": f"2031-03-08 {text}"}}})


@pytest.mark.parametrize(
    "text",
    [
        "Sat Mar  8 09:10:11 2031",
        "Saturday, 08-Mar-31 09:10:11 GMT",
        "08/Mar/2031:09:10:11 +0000",
        "2031:03:08 09:10:11",
        "8 March 31 09:10:11.",
        "2031-3-8 09.10.11",
        "31-3-8 09:10:11",
        "@1930727411",
        "\v2031-03-08\n09:10:11\r\n",
        "Mon 2031-03-03 9:10:11",
    ],
)
def test_dates_stand_in_mails_logs_and_pictures_in_many_ways(text) -> None:
    found = value_of({"$dateFromString": {"dateString": text}})
    assert (found.hour, found.minute, found.second) == (9, 10, 11)
    assert (found.year, found.month) == (2031, 3)


@pytest.mark.parametrize(("text", "day"), [("Mon 2031-03-08", 10), ("2031-03-08 Saturday", 8), ("2031-03-08 tomorrow", 9)])
def test_the_name_of_a_day_moves_the_date_to_the_next_one(text, day) -> None:
    assert datetime(2031, 3, day, tzinfo=UTC) == value_of({"$dateFromString": {"dateString": text}})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+1 day", "2031-03-09T09:10:00"),
        ("-2 weeks 3 hours", "2031-02-22T12:10:00"),
        ("--2 hours", "2031-03-08T11:10:00"),
        ("1 year 1 month ago", "2030-02-08T09:10:00"),
        ("next year", "2032-03-08T09:10:00"),
        ("1500 ms", "2031-03-08T09:10:01.500"),
        ("next saturday", "2031-03-15T00:00:00"),
        ("this saturday", "2031-03-08T00:00:00"),
        ("last saturday", "2031-03-01T00:00:00"),
        ("+2 mondays", "2031-03-17T09:10:00"),
        ("monday ago", "2031-02-24T00:00:00"),
        ("next week", "2031-03-10T09:10:00"),
        ("sunday this week", "2031-03-09T00:00:00"),
        ("third friday of", "2031-03-21T00:00:00"),
        ("last friday of", "2031-03-28T00:00:00"),
        ("first day of", "2031-03-01T00:00:00"),
        ("last day of next month", "2031-04-30T00:00:00"),
        ("+3 weekdays", "2031-03-12T09:10:00"),
        ("-1 weekday", "2031-03-07T09:10:00"),
        ("last day of 08:15", "2031-03-31T08:15:00"),
    ],
)
def test_an_amount_in_the_text_moves_the_date(text, expected) -> None:
    found = value_of({"$dateFromString": {"dateString": f"2031-03-08 09:10 {text}"}})
    assert datetime.fromisoformat(expected).replace(tzinfo=UTC) == found


def test_a_month_runs_over_and_hours_are_those_that_pass() -> None:
    assert datetime(2032, 3, 2, tzinfo=UTC) == value_of({"$toDate": "2032-01-31 next month"})
    spring = {"dateString": "2031-03-30 01:30 +1 hour", "timezone": "Europe/Rome"}
    assert datetime(2031, 3, 30, 1, 30, tzinfo=UTC) == value_of({"$dateFromString": spring})


def test_seconds_since_1970_may_have_a_fraction_and_be_moved() -> None:
    assert datetime(1969, 12, 31, 23, 59, 58, 500000, tzinfo=UTC) == value_of({"$toDate": "@-1.5"})
    assert datetime(1970, 1, 2, 0, 0, 1, tzinfo=UTC) == value_of({"$toDate": "@1 +1 day"})


@pytest.mark.parametrize("text", ["2031-03", "2031-3", "March 2031", "Mar-2031"])
def test_a_month_stands_for_its_first_day(text) -> None:
    assert value_of({"$dateFromString": {"dateString": text}}) == datetime(2031, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(("zone", "answer"), [("UTC", AT), ("+00:00", AT), ("GMT", "failed"), ("+01:00", "failed")])
def test_a_zone_in_the_text_may_stand_beside_utc_only(zone, answer) -> None:
    text = {"dateString": "2031-03-08T10:10:11.120+0100", "timezone": zone, "onError": "failed"}
    assert answer == value_of({"$dateFromString": text})
    assert answer == value_of({"$dateFromString": {**text, "format": "%Y-%m-%dT%H:%M:%S.%L%z"}})


@pytest.mark.parametrize(("zone", "end"), [("UTC", "Z"), ("-00:00", "Z"), ("GMT", ""), ("Etc/UTC", ""), ("+01:00", "")])
def test_a_text_without_a_format_ends_in_z_for_utc_only(zone, end) -> None:
    assert value_of({"$dateToString": {"date": AT, "timezone": zone}}).endswith(f".120{end}")


FAR = "+25:30"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"$dayOfMonth": {"date": "$at", "timezone": FAR}}, 2),
        ({"$hour": {"date": "$at", "timezone": "-25:00"}}, 23),
        ({"$dateToString": {"date": "$at", "timezone": FAR, "format": "%d %H:%M %z %Z"}}, "02 01:30 +2530 1530"),
        ({"$dateFromParts": {"year": 2031, "month": 3, "timezone": FAR}}, datetime(2031, 2, 27, 22, 30, tzinfo=UTC)),
        ({"$dateFromString": {"dateString": "2031-03-01", "timezone": FAR}}, datetime(2031, 2, 27, 22, 30, tzinfo=UTC)),
        ({"$dateTrunc": {"date": "$at", "unit": "day", "timezone": FAR}}, datetime(2031, 2, 28, 22, 30, tzinfo=UTC)),
        ({"$dateAdd": {"startDate": "$at", "unit": "month", "amount": 1, "timezone": FAR}}, datetime(2031, 4, 1, tzinfo=UTC)),
        ({"$dateDiff": {"startDate": "$at", "endDate": "$at", "unit": "day", "timezone": FAR}}, 0),
    ],
)
def test_an_offset_may_be_a_day_or_more(expression, expected) -> None:
    assert expected == value_of(expression, {"at": datetime(2031, 3, 1, tzinfo=UTC)})


def test_a_part_of_a_date_has_16_bits() -> None:
    assert value_of({"$dateFromParts": {"year": 2020, "hour": -32_768}}) == datetime(2016, 4, 5, 16, tzinfo=UTC)
    for hour in (-32_769, 32_768):
        with pytest.raises(EvaluationError):
            value_of({"$dateFromParts": {"year": 2020, "hour": hour}})


def test_what_is_no_date_is_an_error_before_a_time_zone_that_is_null() -> None:
    with pytest.raises(EvaluationError):
        value_of({"$year": {"date": "$text", "timezone": None}}, {"text": "x"})


@pytest.mark.parametrize("text", ["2024 June", "2024-June", "24-06-01"])
def test_a_date_may_begin_with_the_year_before_a_month_by_name_or_with_two_digits_of_it(text) -> None:
    assert datetime(2024, 6, 1, tzinfo=UTC) == value_of({"$dateFromString": {"dateString": text}})


@pytest.mark.parametrize(
    ("text", "hour"), [("12:00 A", 11), ("12:00 Z", 12), ("12:00 N", 13), ("12:00 AEST", 2), ("12:00 NST", 15), ("T1:2:3", 1)]
)
def test_a_text_may_name_its_zone_by_an_abbreviation_or_a_letter_of_the_military(text, hour) -> None:
    assert hour == value_of({"$hour": {"$dateFromString": {"dateString": f"2031-06-01 {text}"}}})


def test_now_has_milliseconds_as_every_date() -> None:
    now = value_of("$$NOW")
    assert now.microsecond % 1000 == 0
    assert now == value_of({"$toDate": {"$toLong": "$now"}}, {"now": now})


@pytest.mark.parametrize(
    ("unit", "size"), [("day", 100_000_000_001), ("year", 10**12), ("hour", 2**62), ("second", 2**63 // 1000 + 1)]
)
def test_a_bin_of_a_size_that_no_date_needs_is_an_error(unit, size) -> None:
    with pytest.raises(EvaluationError):
        value_of({"$dateTrunc": {"date": "$at", "unit": unit, "binSize": size}}, {"at": AT})


@pytest.mark.parametrize(
    ("day", "pattern", "text"),
    [
        (datetime(20, 1, 2, tzinfo=UTC), "%Y-%m-%d", "20-01-02"),
        (datetime(2020, 3, 1, tzinfo=UTC), "%Y-%j", "2020-060"),  # counted from 0
        (datetime(2021, 1, 1, tzinfo=UTC), "%Y-%j", "2020-366"),
        (datetime(2020, 9, 2, tzinfo=UTC), "%d %b %Y", "02 Sept 2020"),
        (datetime(2020, 4, 2, tzinfo=UTC), "%d.%B.%Y", "2.IV.2020"),
        (datetime(2020, 3, 4, tzinfo=UTC), "%G %V %u", "2020 W10 3"),
        (datetime(2020, 1, 3, tzinfo=UTC), "%Y-%m-%d %d", "2020-01-02 03"),
        (datetime(2020, 1, 1, 19, tzinfo=UTC), "%Y-%m-%d %z", "2020-01-02 GMT+05"),
    ],
)
def test_a_format_reads_part_after_part(day, pattern, text) -> None:
    assert day == value_of({"$dateFromString": {"dateString": text, "format": pattern}})


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("%Y-%m-%d %H:%M", "2020-01-02 05:6"),
        ("%Y-%m-%d %H:%M:%S", "2020-01-02 05:06:7"),
        ("%Y%m%d", "202012"),
        ("%j-%Y", "060-2020"),
        ("%G-%V", "2020-54"),
        ("%G-%V-%u", "2020-0-1"),
        ("%G-%V-%d", "2020-10-3"),
        ("%Y-%V-%u", "2020-10-3"),
        ("%d %b %Y", "02 Foo 2020"),
        ("%Y-%m-%d%Z", "2020-01-02+99999999999999"),
    ],
)
def test_a_text_does_not_fit_its_format(pattern, text) -> None:
    assert value_of({"$dateFromString": {"dateString": text, "format": pattern, "onError": "failed"}}) == "failed"


LAST = datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)
FIRST = datetime(1, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"$year": {"date": LAST, "timezone": "+01:00"}}, 10000),
        ({"$isoWeekYear": {"date": LAST, "timezone": "Asia/Tokyo"}}, 9999),
        ({"$dayOfWeek": {"date": LAST, "timezone": "+01:00"}}, 7),
        ({"$hour": {"date": FIRST, "timezone": "America/New_York"}}, 19),
        ({"$year": {"date": FIRST, "timezone": "-01:00"}}, 0),
        ({"$getField": {"field": "year", "input": {"$dateToParts": {"date": LAST, "timezone": "+01:00"}}}}, 10000),
        ({"$dateToString": {"date": FIRST, "timezone": "-01:00", "format": "%Y-%m-%d"}}, "0000-12-31"),
        ({"$dateTrunc": {"date": LAST, "unit": "day", "timezone": "+01:00"}}, datetime(9999, 12, 31, 23, tzinfo=UTC)),
        (
            {"$dateTrunc": {"date": LAST, "unit": "day", "binSize": 2, "timezone": "+01:00"}},
            datetime(9999, 12, 31, 23, tzinfo=UTC),
        ),
        (
            {"$dateTrunc": {"date": LAST, "unit": "week", "binSize": 2, "timezone": "+01:00"}},
            datetime(9999, 12, 18, 23, tzinfo=UTC),
        ),
        (
            {"$dateTrunc": {"date": LAST, "unit": "year", "binSize": 7, "timezone": "+01:00"}},
            datetime(9993, 12, 31, 23, tzinfo=UTC),
        ),
        ({"$dateSubtract": {"startDate": LAST, "unit": "day", "amount": 1, "timezone": "+01:00"}}, LAST - timedelta(days=1)),
        ({"$dateDiff": {"startDate": FIRST, "endDate": LAST, "unit": "year", "timezone": "-01:00"}}, 9999),
        ({"$dateDiff": {"startDate": FIRST, "endDate": LAST, "unit": "day", "timezone": "+01:00"}}, 3652059),
    ],
)
def test_a_calendar_may_be_in_the_year_before_the_first_or_after_the_last(expression, expected) -> None:
    assert expected == value_of(expression)


def test_no_date_is_written_for_a_year_of_five_digits() -> None:
    with pytest.raises(EvaluationError):
        value_of({"$dateToString": {"date": LAST, "timezone": "+01:00"}})


def test_the_seconds_of_an_old_offset_are_not_written() -> None:
    at = datetime(1880, 1, 1, tzinfo=UTC)  # 9:18:59 ahead of UTC
    written = {"$dateToString": {"date": at, "timezone": "Asia/Tokyo", "format": "%H:%M:%S %z %Z"}}
    assert value_of(written) == "09:18:59 +0918 558"


@pytest.mark.parametrize(
    "name", ["+05:", "+0\u0663", "localtime", "posixrules", "right/UTC", "utc", "zone.tab", "America", "", "+5"]
)
def test_what_is_no_time_zone_is_an_error(name) -> None:
    with pytest.raises(EvaluationError, match="time zone identifier"):
        value_of({"$hour": {"date": AT, "timezone": "$zone"}}, {"zone": name})


@pytest.mark.parametrize(
    "date",
    [datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))), datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5)))],
)
def test_a_date_of_another_year_in_utc_survives_in_state(date) -> None:
    assert [date, date.utcoffset()] == [(found := decode_value(encode_value(date))), found.utcoffset()]


@pytest.mark.parametrize(
    "expression",
    [
        {"$dateTrunc": {"date": "$text", "unit": "day", "startOfWeek": None}},
        {"$dateTrunc": {"date": "$text", "unit": "day", "timezone": None, "binSize": "x"}},
        {"$dateTrunc": {"date": "$text", "unit": None, "startOfWeek": "no day"}},
        {"$dateDiff": {"startDate": "$text", "endDate": "$text", "unit": "day", "startOfWeek": None}},
        {"$dateAdd": {"startDate": "$text", "unit": "$text", "amount": "$text", "timezone": None}},
        {"$dateAdd": {"startDate": "$text", "unit": None, "amount": 1, "timezone": "nowhere"}},
        {"$dateFromParts": {"year": "$text", "hour": "$text", "timezone": None}},
    ],
)
def test_a_constant_that_is_null_decides_before_the_document_is_looked_at(expression) -> None:
    """``optimize`` of the expressions: the constants among the arguments are read in order, and the first null or wrong one decides."""
    (row,) = aggregate([{"text": "x"}], [{"$project": {"value": expression}}])
    assert row["value"] is None


@pytest.mark.parametrize(
    "expression",
    [
        {"$dateTrunc": {"date": "$none", "unit": "day", "timezone": "nowhere", "binSize": None}},
        {"$dateAdd": {"startDate": "$none", "unit": "no unit", "amount": 1, "timezone": None}},
        {"$dateFromParts": {"year": 2000, "hour": "$none", "timezone": "nowhere"}},
    ],
)
def test_a_constant_that_is_wrong_is_refused_where_none_before_it_is_null(expression) -> None:
    with pytest.raises(CompileError):
        list(aggregate([{}], [{"$project": {"value": expression}}]))
