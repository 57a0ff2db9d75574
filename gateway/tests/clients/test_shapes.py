"""ccxt's structures as JSON."""

import json
from decimal import Decimal

import pytest

from gateway.clients.shapes import render, without_info


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0.01000000", "0.01"),
        ("-0.0", "0"),
        ("-0", "0"),
        ("1e-8", "0.00000001"),
        ("1.5E+3", "1500"),
        ("60000", "60000"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (Decimal("1.10"), "1.1"),
        (Decimal("NaN"), "NaN"),
    ],
)
def test_decimals_are_plain_strings(value, text):
    assert json.loads(render({"price": value})) == {"price": text}
    assert json.loads(render([[value]])) == [[text]]


@pytest.mark.parametrize("name", ["id", "order", "clientOrderId", "symbol"])
def test_an_id_that_looks_like_a_number_stays_as_it_is(name):
    assert json.loads(render({name: "007.10"})) == {name: "007.10"}
    assert json.loads(render([{name: "12e45"}])) == [{name: "12e45"}]


def test_what_the_exchange_said_is_not_touched():
    said = {"info": {"price": "1.0", "list": ["2.50"], "n": 3}}

    assert json.loads(render(said)) == said
    assert json.loads(render([said])) == [said]


def test_whole_numbers_flags_and_nothing_stay_json():
    assert render({"timestamp": 1795646742019, "active": True, "fee": None}) == (
        '{"timestamp":1795646742019,"active":true,"fee":null}'
    )
    assert render(1795646742145) == "1795646742145"


def test_info_can_be_taken_out_at_every_depth():
    value = {"info": 1, "a": [{"info": 2, "b": {"info": 3, "c": 4}}]}

    assert without_info(value) == {"a": [{"b": {"c": 4}}]}
