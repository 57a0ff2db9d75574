"""Amounts are read exactly or not at all, and written as clients expect them."""

from decimal import Decimal, InvalidOperation, getcontext, localcontext

import hypothesis.strategies as st
import pytest
from hypothesis import given

from positions.engine.errors import ValidationError
from positions.engine.money import CONTEXT, exact, exact_decimals, floor_to_step, kept, parse, plain

TWENTY_NINES = "9" * 20


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", "1"),
        ("+1.50", "1.5"),
        ("-.5", "-0.5"),
        ("7.", "7"),
        ("1e-18", "0.000000000000000001"),
        ("1.10000000000000000000000", "1.1"),
        (f"{TWENTY_NINES}.{'9' * 18}", f"{TWENTY_NINES}.{'9' * 18}"),
        ("1E5", "100000"),
        (12, "12"),
        (Decimal("-0.0"), "0"),
    ],
)
def test_a_plain_number_is_read_exactly(text, value):
    assert plain(parse(text)) == value


@pytest.mark.parametrize(
    "text",
    [
        "", " 1", "1 ", "1_000", "1,5", "NaN", "-nan", "Infinity", "inf", "0x10", "\u0661", "1e999",
        "--1", "1" * 65, 1.5, True, None, b"1", Decimal("NaN"), Decimal("-Infinity"),
        Decimal("sNaN"),
    ],
)  # fmt: skip
def test_anything_else_is_refused(text):
    with pytest.raises(ValidationError) as refusal:
        parse(text, field="qty")

    assert refusal.value.facts["field"] == "qty"


@pytest.mark.parametrize("text", ["1" + "0" * 20, "1e20", "-1e20", 10**20, 2**9000])
def test_a_twenty_first_integer_digit_is_refused(text):
    with pytest.raises(ValidationError) as refusal:
        parse(text)

    assert refusal.value.facts["limit"] == 20


def test_a_nineteenth_place_is_refused():
    with pytest.raises(ValidationError) as refusal:
        parse("0.0000000000000000001")

    assert refusal.value.facts["limit"] == 18


@given(st.decimals("-1e19", "1e19", places=18))
def test_writing_and_reading_give_the_number_back(value):
    text = plain(value)

    assert parse(text) == value
    assert "e" not in text.lower()
    assert text == "0" or not text.startswith("-0") or "." in text
    assert "." not in text or not text.endswith("0")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0E-18", "0"),
        ("-0", "0"),
        ("-0.00", "0"),
        ("1E+3", "1000"),
        ("100", "100"),
        ("0.10", "0.1"),
    ],
)
def test_numbers_are_written_without_exponent_or_trailing_zeros(value, text):
    assert plain(Decimal(value)) == text


def test_the_nineteenth_place_rounds_half_to_even():
    assert kept(Decimal("0.0000000000000000005")) == 0
    assert kept(Decimal("0.0000000000000000015")) == Decimal("2e-18")


def test_a_quantity_is_rounded_down_to_the_step():
    assert floor_to_step(Decimal("1.2399"), Decimal("0.01")) == Decimal("1.23")
    assert floor_to_step(Decimal("7"), Decimal("2.5")) == Decimal("5")
    assert floor_to_step(Decimal("1.2399"), None) == Decimal("1.2399")


def test_the_engines_context_is_left_again_even_after_an_error():
    with localcontext() as outer:
        outer.prec = 5

        with pytest.raises(InvalidOperation), exact_decimals():
            CONTEXT.create_decimal("no number")

        assert getcontext() is outer


def test_an_exact_function_ignores_a_poor_outer_context():
    @exact
    def total(first: Decimal, second: Decimal) -> Decimal:
        return first + second

    with localcontext() as outer:
        outer.prec = 3

        assert total(Decimal("1234567.1"), Decimal("0.01")) == Decimal("1234567.11")
        assert getcontext() is outer
