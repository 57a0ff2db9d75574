"""Does every code of the OMS have a class, and does the README say so?"""

import re
from pathlib import Path

import ccxt
import pytest

from ccxt_driver import errors

README = Path(__file__).parents[1] / "README.md"


def told(code, *, is_order=True, **details):
    error = {"code": code, "message": "no", "details": details}
    return errors.exception_of(error, status=422, prefix="x", is_order=is_order)


@pytest.mark.parametrize("code", errors.TABLE)
def test_the_readme_shows_every_code_with_its_class(code):
    (row,) = [line for line in README.read_text().splitlines()
              if line.startswith("| `") and f"`{code}`" in line.split("|")[1]]  # fmt: skip

    assert f"`{errors.TABLE[code].__name__}`" in row.split("|")[2]


def test_the_exchanges_own_class_wins():
    assert type(told("order_rejected", exception="InsufficientFunds")) is ccxt.InsufficientFunds
    assert type(told("order_rejected", exception="os.system")) is ccxt.InvalidOrder
    assert type(told("exchange_error", exception="DDoSProtection")) is ccxt.DDoSProtection


def test_what_is_wrong_with_an_order_is_not_wrong_with_a_question():
    assert type(told("validation_error", field="qty", limit=5)) is ccxt.InvalidOrder
    assert type(told("validation_error", field="qty", is_order=False)) is ccxt.BadRequest
    assert type(told("validation_error", field="symbol")) is ccxt.BadSymbol
    assert type(told("validation_error", field="qty", currency="BTC")) is ccxt.InsufficientFunds


def test_an_exception_carries_what_the_oms_said():
    error = told("risk_blocked", field="account_id", limit="active", value="blocked")

    assert (error.oms_code, error.details["value"]) == ("risk_blocked", "blocked")
    assert "risk_blocked" in str(error)
    assert "blocked" in str(error)


def test_codes_without_a_place_in_the_table_are_exchange_errors():
    assert type(told("new_code")) is ccxt.ExchangeError


def test_names_in_the_table_are_in_the_readme_only_once():
    rows = re.findall(r"^\| (`.+?) \|", README.read_text(), re.M)
    codes = [code for row in rows for code in re.findall(r"`([a-z_]+)`", row)]

    assert sorted(code for code in codes if code in errors.TABLE) == sorted(errors.TABLE)
