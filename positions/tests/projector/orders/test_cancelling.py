"""An order is taken off the exchange, or never gets there."""

import pytest

from positions.engine.errors import InvalidOrderState
from positions.outbox import holding
from positions.projector.orders.cancelling import request_cancel


def ask(desk, order):
    with holding(desk.account.pk) as lane:
        request_cancel(lane, order)


def test_what_rests_is_asked_of_the_exchange(desk):
    order = desk.rest()

    ask(desk, order)

    assert desk.claim_one().kind == "cancel"
    assert desk.fresh(order).cancel_requested_at is not None


def test_what_was_never_sent_ends_here(desk):
    order = desk.send()

    ask(desk, order)

    assert desk.fresh(order).status == "CANCELED"
    assert desk.claim() == []


def test_what_is_filled_cannot_be_cancelled(desk):
    order = desk.filled("buy", "1")

    with pytest.raises(InvalidOrderState):
        ask(desk, order)
