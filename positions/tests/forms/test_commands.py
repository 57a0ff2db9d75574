"""From JSON to typed commands."""

from decimal import Decimal

import pytest

from oms_project.parsers import read_json
from positions.api.command_schema import COMMANDS_REQUEST
from positions.engine.types import TimeInForce
from positions.forms.commands import FORMS, fingerprint, parse_command

BUY = '"symbol": "BTC/USDT", "side": "buy", "type": "limit", "qty": 1, "price": 2'


def parsed(more: str = "", body: str = BUY):
    return parse_command(
        read_json(f'{{"command": "send_order", "payload": {{{body}{more}}}}}'.encode())
    )


def test_exchange_extras_keep_their_digits_and_can_be_stored():
    found = parsed(', "params": {"a": 0.100000000000000001, "b": true, "c": "x", "d": 7}')

    assert found.command.params == {"a": "0.100000000000000001", "b": True, "c": "x", "d": 7}
    assert found.payload["params"] == found.command.params


def test_a_fraction_in_the_extras_becomes_text():
    found = parsed(', "params": {"icebergAmount": 0.50}')

    assert found.command.params == {"icebergAmount": "0.5"}


def test_post_only_is_a_time_in_force():
    assert parsed(', "post_only": true').command.time_in_force is TimeInForce.PO
    assert parsed(', "post_only": false').command.time_in_force is None


def test_null_is_the_same_as_left_out():
    plain, nulls = parsed(), parsed(', "comment": null, "client_order_id": null')

    assert fingerprint(plain, 1) == fingerprint(nulls, 1)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('"qty": 1', '"qty": "1.00"', True),
        ('"qty": 1', '"amount": 1.0', True),
        ('"qty": 1', '"qty": 2', False),
    ],
)
def test_a_fingerprint_is_of_the_canonical_body(one, other, same):
    first, second = (
        parsed(body=BUY.replace('"qty": 1', one)),
        parsed(body=BUY.replace('"qty": 1', other)),
    )

    assert (fingerprint(first, 1) == fingerprint(second, 1)) is same


def test_a_fingerprint_is_of_one_account():
    assert fingerprint(parsed(), 1) != fingerprint(parsed(), 2)


def test_numbers_are_decimals_from_their_digits():
    found = parsed(body=BUY.replace('"price": 2', '"price": 0.100000000000000001'))

    assert found.command.price == Decimal("0.100000000000000001")


def test_openapi_shows_every_command_and_field():
    shown = {each["title"]: each for each in COMMANDS_REQUEST["oneOf"] if "title" in each}

    assert set(shown) == set(FORMS)
    for name, forms in FORMS.items():
        assert set(shown[name]["properties"]["payload"]["properties"]) == set(forms)
