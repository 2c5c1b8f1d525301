"""Trigonometry of decimals: 34 digits, the limits at infinity, signed zeros.

Source: MongoDB manual, "Trigonometry Expression Operators"; the digits: M. Abramowitz, I. Stegun, "Handbook of Mathematical Functions",
and identities between the functions.
"""

import math
from decimal import Decimal

import pytest

from fluxion_core import EvaluationError, aggregate

WITHIN_ONE = ("-1", "-0.3", "-1E-9", "0", "1E-9", "0.3", "1")


def value_of(expression, document=None):
    (row,) = aggregate([document or {}], [{"$project": {"_id": 0, "value": expression}}])
    return row["value"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"$sin": Decimal(1)}, "0.8414709848078965066525023216302990"),
        ({"$cos": Decimal(1)}, "0.5403023058681397174009366074429766"),
        ({"$tan": Decimal(1)}, "1.557407724654902230506974807458360"),
        ({"$sinh": Decimal(1)}, "1.175201193643801456882381850595601"),
        ({"$cosh": Decimal(1)}, "1.543080634815243778477905620757062"),
        ({"$tanh": Decimal(1)}, "0.7615941559557648881194582826047936"),
        ({"$atan": Decimal(1)}, "0.7853981633974483096156608458198757"),
        ({"$asinh": Decimal(1)}, "0.8813735870195430252326093249797923"),
        ({"$acosh": Decimal(2)}, "1.316957896924816708625046347307968"),
        ({"$atanh": Decimal("0.5")}, "0.5493061443340548456976226184612629"),
        ({"$acos": Decimal(-1)}, "3.141592653589793238462643383279503"),
        ({"$asin": Decimal("0.5")}, "0.5235987755982988730771072305465838"),
        ({"$atan2": [Decimal(1), -1]}, "2.356194490192344928846982537459627"),
        ({"$degreesToRadians": Decimal(1)}, "0.01745329251994329576923690768488613"),
    ],
)
def test_a_decimal_gives_34_digits(expression, expected) -> None:
    assert expected == str(value_of(expression))


def test_what_cancels_out_near_a_right_angle_leaves_34_digits() -> None:
    assert str(value_of({"$cos": Decimal("1.570796326794895")})) == "1.619231321691639751442098584698980E-15"


@pytest.mark.parametrize("exponent", [50, 6000])
def test_a_large_angle_is_reduced_exactly(exponent) -> None:
    angle = Decimal(f"1E+{exponent}")
    squares = {"$add": [{"$pow": [{"$sin": angle}, 2]}, {"$pow": [{"$cos": angle}, 2]}]}
    assert abs(value_of(squares) - 1) < Decimal("1e-32")


@pytest.mark.parametrize(
    ("name", "number"),
    [
        *(
            (name, number)
            for name in ("asinh", "atan", "cos", "cosh", "sin", "sinh", "tan", "tanh")
            for number in (*WITHIN_ONE, "-20", "3")
        ),
        *((name, number) for name in ("acos", "asin", "atanh") for number in WITHIN_ONE),
        *(("acosh", number) for number in ("1", "1.5", "20")),
    ],
)
def test_decimals_and_doubles_agree(name, number) -> None:
    expected = value_of({f"${name}": "$x"}, {"x": float(number)})
    assert math.isclose(expected, value_of({f"${name}": "$x"}, {"x": Decimal(number)}), rel_tol=1e-13)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"$atan": Decimal("-Infinity")}, "-1.570796326794896619231321691639751"),
        ({"$tanh": Decimal("-Infinity")}, "-1"),
        ({"$cosh": Decimal("-Infinity")}, "Infinity"),
        ({"$sinh": Decimal("-1E+6000")}, "-Infinity"),
        ({"$atanh": Decimal(-1)}, "-Infinity"),
        ({"$atan2": [Decimal("Infinity"), Decimal("-Infinity")]}, "2.356194490192344928846982537459627"),
        ({"$sin": Decimal("-0")}, "-0"),
        ({"$asinh": Decimal("1E-6000")}, "1.000000000000000000000000000000000E-6000"),
    ],
)
def test_the_ends_of_the_range(expression, expected) -> None:
    assert expected == str(value_of(expression))


def test_the_first_side_of_atan2_that_is_null_or_wrong_decides() -> None:
    assert value_of({"$atan2": ["$none", "$text"]}, {"text": "x"}) is None
    with pytest.raises(EvaluationError):
        value_of({"$atan2": ["$text", "$none"]}, {"text": "x"})
