"""Which position a fill belongs to, and what an order that names one asks for."""

from decimal import Decimal

import pytest

from positions.engine.errors import BrokenLedger, InvalidPositionId, ValidationError
from positions.engine.routing import Candidate, Intent, OrderFacts, Route, intent_of, route
from positions.engine.types import PositionMode, Reason, Reversal, Side

NETTING, BY_STRATEGY, HEDGE = PositionMode
BUY, SELL = Side


def long(position_id: int, qty: str = "1", **facts) -> Candidate:
    return Candidate(position_id, BUY, Decimal(qty), **facts)


def short(position_id: int, qty: str = "1", **facts) -> Candidate:
    return Candidate(position_id, SELL, Decimal(qty), **facts)


def test_netting_uses_the_accounts_one_open_position_and_its_reversal():
    found = route(
        OrderFacts(9, SELL, strategy_id=2, position_id=1),
        [long(1, "0"), long(2, strategy_id=1), short(3, dedicated=True)],
        mode=NETTING,
        reversal=Reversal.MT5,
    )

    assert found == Route(2, Reversal.MT5)


def test_a_flat_netting_account_opens_a_new_position():
    assert route(OrderFacts(9, BUY), [long(1, "0")], mode=NETTING) == Route(None)


def test_strategy_netting_looks_at_its_own_strategy_only():
    candidates = [long(1, strategy_id=1), short(2, strategy_id=2)]

    assert route(OrderFacts(9, BUY, 2), candidates, mode=BY_STRATEGY).position_id == 2
    assert route(OrderFacts(9, BUY, 3), candidates, mode=BY_STRATEGY).position_id is None


def test_two_open_positions_where_one_is_netted_stop_the_booking():
    with pytest.raises(BrokenLedger):
        route(OrderFacts(9, BUY), [long(1), long(2)], mode=NETTING)


@pytest.mark.parametrize("mode", list(PositionMode))
def test_an_external_order_has_one_position_of_its_own(mode):
    order = OrderFacts(9, BUY, external=True)

    first = route(order, [long(1)], mode=mode)
    later = route(order, [long(1), long(2, "0", opened_by=9, dedicated=True)], mode=mode)

    assert first == Route(None, new_reason=Reason.EXTERNAL)
    assert later.position_id == 2


def test_hedge_opens_a_position_per_order_and_returns_to_it_though_it_was_closed():
    order = OrderFacts(9, BUY)

    assert route(order, [long(1, opened_by=8)], mode=HEDGE) == Route(None)
    assert route(order, [long(2, "0", opened_by=9)], mode=HEDGE) == Route(2)


def test_a_closing_order_closes_what_is_left_and_its_excess_is_a_correction():
    order = OrderFacts(9, SELL, position_id=1)

    assert route(order, [long(1)], mode=HEDGE) == Route(1, new_reason=Reason.CORRECTION)
    assert route(order, [long(1, "0")], mode=HEDGE) == Route(None, new_reason=Reason.CORRECTION)


def test_further_excess_of_a_closing_order_goes_to_the_position_its_excess_opened():
    order = OrderFacts(9, SELL, position_id=1)

    assert route(order, [long(1, "0"), short(2, opened_by=9)], mode=HEDGE) == Route(2)


def test_fills_follow_a_merge_to_the_position_that_took_over():
    merged = long(1, "0", opened_by=9, merged_into=2)

    opening = route(OrderFacts(9, BUY, position_id=1), [merged, long(2)], mode=HEDGE)
    closing = route(OrderFacts(8, SELL, position_id=1), [merged, long(2)], mode=HEDGE)

    assert opening == Route(2)
    assert closing.position_id == 2
    with pytest.raises(BrokenLedger):
        route(OrderFacts(9, BUY), [merged], mode=HEDGE)


def test_an_order_whose_position_id_is_its_own_position_adds_to_it():
    assert route(OrderFacts(9, BUY, position_id=1), [long(1)], mode=HEDGE) == Route(1)


def test_in_netting_only_the_current_position_may_be_named():
    candidates = [long(1, "0"), long(2)]

    assert intent_of(OrderFacts(0, BUY), candidates, mode=NETTING) is Intent.NET
    assert intent_of(OrderFacts(0, SELL, position_id=2), candidates, mode=NETTING) is Intent.NET
    with pytest.raises(InvalidPositionId) as refusal:
        intent_of(OrderFacts(0, SELL, position_id=1), candidates, mode=NETTING)
    assert refusal.value.facts == {"position_id": 1, "current_position_id": 2}


def test_in_hedge_the_other_side_closes_and_the_same_side_is_an_error():
    assert intent_of(OrderFacts(0, SELL), [long(1)], mode=HEDGE) is Intent.OPEN
    assert intent_of(OrderFacts(0, SELL, position_id=1), [long(1)], mode=HEDGE) is Intent.CLOSE
    with pytest.raises(ValidationError):
        intent_of(OrderFacts(0, BUY, position_id=1), [long(1)], mode=HEDGE)
    with pytest.raises(InvalidPositionId):
        intent_of(OrderFacts(0, SELL, position_id=1), [long(1, "0")], mode=HEDGE)
