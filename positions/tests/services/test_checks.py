"""Checks that no single command covers."""

from decimal import Decimal

from positions.engine.types import OrderStatus
from positions.tests.fakes import INVERSE, SPOT
from positions.volumes import free_of, held_on_spot


def test_a_close_with_part_filled_reserves_the_rest_only(desk):
    position = desk.bought("2")
    order = desk.close(position, qty="1", type="limit", price="120")
    desk.fill(order, "0.4", "120")

    free = free_of(desk.fresh(position))

    assert free == Decimal(1)  # 1.6 are left, 0.6 of them promised.


def test_dust_counts_as_held(new_desk):
    desk = new_desk(SPOT)
    desk.bought("1")
    desk.fill(desk.send("buy", "1"), "1", fee="0.5", fee_currency="BTC")
    desk.fill(desk.send("sell", "0.5"), "0.5", fee="0.1", fee_currency="BTC")

    held = held_on_spot(desk.account.pk, "BTC")

    assert held == Decimal("0.9")  # 1 + 0.5 - 0.5, less the fee taken from the dust record.


def test_unfilled_buys_hold_nothing(new_desk):
    desk = new_desk(SPOT)
    desk.rest("buy", "5")

    assert held_on_spot(desk.account.pk, "BTC") == 0


def test_derivatives_of_the_same_coin_are_not_held(new_desk):
    desk = new_desk()
    desk.bought("1")

    assert held_on_spot(desk.account.pk, "BTC") == 0


def test_an_inverse_contract_knows_no_minimum_in_quote(new_desk, venue):
    desk = new_desk(INVERSE)
    venue.change_market(INVERSE, min_cost=Decimal(1000))

    order = desk.send(qty="1", price="100")

    assert order.status == OrderStatus.PENDING_SUBMIT
