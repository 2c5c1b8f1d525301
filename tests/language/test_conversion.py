"""``$convert``: what fails, what ``onError`` answers, and the edges of every kind of value.

Source: MongoDB manual, "$convert"; for what it leaves open, the server's evaluation and its parser of numbers.
"""

import struct
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from fluxion_core import EvaluationError, aggregate

IDENTITY = UUID("5f1d6c1e-9d0a-4f6e-8a3b-0c2f4e6a8b1d")


def converted(value, to, **more):
    return value_of({"$convert": {"input": "$v", "to": {"$literal": to} if isinstance(to, str) else to, **more}}, {"v": value})


def value_of(expression, document=None):
    (row,) = aggregate([document or {}], [{"$project": {"_id": 0, "value": expression}}])
    return row["value"]


@pytest.mark.parametrize("to", ["number", 99, 2.5, True, {"kind": "int"}, {"type": None}])
def test_a_target_that_is_no_type_is_an_error_that_on_error_and_on_null_do_not_answer(to) -> None:
    for value in ("1", None):
        with pytest.raises(EvaluationError):
            converted(value, to, onError="failed", onNull="nothing")


@pytest.mark.parametrize(
    "manner", [{"format": "base32"}, {"format": 64}, {"byteOrder": "middle"}, {"byteOrder": 1}, {"base": 3}, {}]
)
def test_a_manner_that_is_not_valid_is_an_error_that_on_error_does_not_answer(manner) -> None:
    with pytest.raises(EvaluationError):
        converted("00", "binData", onError="failed", **manner)


def test_a_target_that_is_missing_makes_null_and_a_missing_value_is_answered_first() -> None:
    assert value_of({"$convert": {"input": 1, "to": "$none", "onNull": "nothing"}}) is None
    assert value_of({"$convert": {"input": 1, "to": "$none", "format": "base32"}}) is None
    assert value_of({"$convert": {"input": "$none", "to": "$none", "onNull": "nothing"}}) == "nothing"


def test_an_error_in_the_input_is_no_failed_conversion() -> None:
    with pytest.raises(EvaluationError):
        value_of({"$convert": {"input": {"$divide": [1, "$zero"]}, "to": "int", "onError": "failed"}}, {"zero": 0})


@pytest.mark.parametrize("text", ["0x1A", "0X1p3", "1e400", "-1e400", "1e-400", "4.9e-324", "", " 1", "1 ", ".", "1e", "+"])
def test_a_text_that_is_no_double_fails(text) -> None:
    """Hexadecimal digits need a sign before them; a number too small for a double is as bad as one too large."""
    assert converted(text, "double", onError="failed") == "failed"


@pytest.mark.parametrize(
    ("text", "number"), [("-0x1.8p1", -3.0), ("+0xff", 255.0), ("5.", 5.0), (".5e1", 5.0), ("-INF", float("-inf"))]
)
def test_a_text_that_the_c_library_reads_is_a_double(text, number) -> None:
    assert converted(text, "double") == number


@pytest.mark.parametrize("text", ["1E+6145", "-1E+6145", "1E-6177", "0x10", "1_000", "١"])
def test_a_text_beyond_decimals_fails(text) -> None:
    assert converted(text, "decimal", onError="failed") == "failed"


@pytest.mark.parametrize("number", [Decimal("1E+309"), Decimal("1E-400")])
def test_a_decimal_beyond_doubles_fails(number) -> None:
    assert converted(number, "double", onError="failed") == "failed"


@pytest.mark.parametrize(
    ("number", "data"),
    [(258, struct.pack("<i", 258)), (2**40, struct.pack("<q", 2**40)), (1.5, struct.pack("<d", 1.5))],
)
def test_numbers_become_their_bytes_and_bytes_become_numbers_again(number, data) -> None:
    to = {int: "long", float: "double"}[type(number)]
    assert converted(number, "binData") == data
    assert converted(number, "binData", byteOrder="big") == data[::-1]
    assert converted(data, to) == number
    assert converted(data[::-1], to, byteOrder="big") == number


def test_bytes_of_a_length_that_no_number_has_fail() -> None:
    assert converted(b"abc", "int", onError="failed") == "failed"
    assert converted(b"12345678", "int", onError="failed") == "failed"


def test_the_format_uuid_and_the_subtype_4_go_together() -> None:
    identity = {"type": "binData", "subtype": 4}
    assert converted(str(IDENTITY), identity, format="uuid") == IDENTITY
    assert converted(str(IDENTITY), "binData", format="uuid", onError="failed") == "failed"
    assert converted("00", identity, format="hex", onError="failed") == "failed"
    assert converted(IDENTITY, identity) == IDENTITY
    assert converted(IDENTITY, "binData", onError="failed") == "failed"


@pytest.mark.parametrize(
    ("text", "form"), [("0 0", "hex"), ("abc", "hex"), ("ab+/", "base64url"), ("a", "base64"), ("00", "auto")]
)
def test_a_text_that_is_not_of_its_format_fails(text, form) -> None:
    assert converted(text, "binData", format=form, onError="failed") == "failed"


@pytest.mark.parametrize(
    ("form", "text"), [("auto", "//79"), ("base64", "//79"), ("base64url", "__79"), ("hex", "FFFEFD"), ("utf8", "failed")]
)
def test_binary_data_becomes_text_in_a_format_which_must_be_said(form, text) -> None:
    assert converted(b"\xff\xfe\xfd", "string", format=form, onError="failed") == text
    with pytest.raises(EvaluationError):
        converted(b"\xff\xfe\xfd", "string", onError="failed")


@pytest.mark.parametrize("base", [Decimal("sNaN"), Decimal("NaN"), [10]])
def test_a_base_that_is_none_is_an_error(base) -> None:
    with pytest.raises(EvaluationError, match="base must be"):
        converted("1", "int", base={"$literal": base}, onError="failed")


@pytest.mark.parametrize("subtype", [10, 127, 256, -1, 1.5, "0", None, [4], {"a": 4}, Decimal("sNaN")])
def test_a_subtype_that_is_none_is_an_error(subtype) -> None:
    with pytest.raises(EvaluationError):
        converted(1, {"type": "binData", "subtype": subtype}, onError="failed")


def test_digits_in_a_base() -> None:
    assert converted("-7f", "int", base=16) == -127
    assert converted("-0x7f", "int", base=16) == -127
    assert converted("7f", "int", base=8, onError="failed") == "failed"
    assert converted("f" * 16, "long", base=16, onError="failed") == "failed"
    assert converted(-255, "string", base=16) == "-FF"
    assert converted(2.5, "string", base=2, onError="failed") == "failed"
    assert converted(1e10, "string", base=2, onError="failed") == "failed"


@pytest.mark.parametrize("to", ["minKey", "maxKey", "regex", "timestamp", "null", "object", "array", 127, -1])
def test_types_that_nothing_becomes_fail(to) -> None:
    assert converted(1, to, onError="failed") == "failed"


def test_what_has_no_number_in_it_fails() -> None:
    noon = datetime(2024, 2, 29, 12, tzinfo=UTC)
    assert converted(noon, "int", onError="failed") == "failed"
    assert converted(noon, "long") == 1709208000000
    assert converted([1], "int", onError="failed") == "failed"
    assert converted({"a": 1}, "string", onError="failed") == "failed"


@pytest.mark.parametrize("value", [{"$literal": 1}, "$v"])
def test_a_target_that_is_null_makes_null_of_constants_too(value):
    assert value_of({"$convert": {"input": value, "to": None}}, {"v": 1}) is None


def test_a_double_is_held_against_the_bounds_of_an_int_with_its_fraction_a_decimal_without() -> None:
    assert value_of({"$convert": {"input": 2147483647.5, "to": "int", "onError": "no"}}) == "no"
    assert value_of({"$toInt": Decimal("2147483647.5")}) == 2147483647


def test_zeros_before_a_whole_number_do_not_count() -> None:
    assert value_of({"$toInt": "-" + "0" * 40 + "7"}) == -7


@pytest.mark.parametrize("target", ["missing", 0])
def test_missing_is_a_type_to_which_nothing_converts(target) -> None:
    assert value_of({"$convert": {"input": 1, "to": target, "onError": "no"}}) == "no"
    with pytest.raises(EvaluationError):
        value_of({"$convert": {"input": "$n", "to": target}}, {"n": 1})


def test_a_subtype_does_not_matter_where_nothing_becomes_binary_data() -> None:
    identity = {"type": "binData", "subtype": Decimal("sNaN")}
    assert converted(Decimal(1), identity, onError="failed") == "failed"


def test_beside_type_and_subtype_a_target_may_hold_anything() -> None:
    """``ConvertTargetTypeInfo::parse`` reads the two and nothing else."""
    assert converted(5, {"type": "string", "size": 4}) == "5"
