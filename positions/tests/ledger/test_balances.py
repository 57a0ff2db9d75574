"""Do the books know what the account has to own at its exchange?

Every expected amount is written out by hand: what was paid, what was received, what the fee took.
"""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from positions.engine.types import OrderStatus
from positions.ledger import balances
from positions.models import OpeningBalance, Order
from positions.projector.booking import opening
from positions.tests.desk import Desk
from positions.tests.fakes import INVERSE, LINEAR, SPOT

D = Decimal

pytestmark = pytest.mark.django_db


def filled(desk: Desk, side: str, qty: str, price: str, fee: str, currency: str, **order) -> Order:
    """A market order, filled at a fee."""
    return desk.fill(desk.send(side, qty, **order), qty, price, fee=fee, fee_currency=currency)


def moved(desk: Desk) -> dict[str, Decimal]:
    return balances.Moved(desk.account.pk).now()


@pytest.mark.parametrize("mode", ["netting", "strategy_netting", "hedge"])
def test_a_base_fee_leaves_less_than_was_bought(mode):
    desk = Desk(SPOT, position_mode=mode)

    filled(desk, "buy", "1", "100", "0.001", "BTC")

    assert moved(desk) == {"BTC": D("0.999"), "USDT": D(-100)}


def test_a_fee_in_quote_and_one_in_a_third_currency_leave_those_currencies():
    desk = Desk(SPOT)

    filled(desk, "buy", "1", "100", "0.1", "USDT")
    filled(desk, "sell", "0.4", "110", "0.0002", "BNB")

    assert moved(desk) == {"BTC": D("0.6"), "USDT": D("-56.1"), "BNB": D("-0.0002")}


def test_a_rebate_is_received():
    desk = Desk(SPOT)

    filled(desk, "buy", "1", "100", "-0.01", "USDT")

    assert moved(desk) == {"BTC": D(1), "USDT": D("-99.99")}


def test_a_base_fee_of_a_buy_that_covers_a_short_leg_is_paid_too():
    """It goes to the dust record, not to the position (contract, section 6)."""
    desk = Desk(SPOT, position_mode="strategy_netting")
    first, second = desk.strategy(), desk.strategy()
    filled(desk, "buy", "2", "100", "0", "USDT", strategy_id=first.pk)
    filled(desk, "sell", "1", "100", "0", "USDT", strategy_id=second.pk)

    filled(desk, "buy", "1", "90", "0.001", "BTC", strategy_id=second.pk)

    assert moved(desk) == {"BTC": D("1.999"), "USDT": D("-190")}


def test_what_was_written_off_as_dust_is_still_owned():
    desk = Desk(SPOT)
    position = filled(desk, "buy", "1", "100", "0.0005", "BTC").position
    close = desk.close(position)

    desk.fill(close, "0.999", "100")

    assert desk.positions() == []
    assert moved(desk)["BTC"] == D("0.0005")


def test_a_linear_account_owns_what_closing_earned_less_what_open_contracts_cost():
    desk = Desk(LINEAR)

    filled(desk, "buy", "2", "100", "0.1", "USDT")
    filled(desk, "sell", "1", "110", "0.05", "USDT")

    assert moved(desk) == {"USDT": D("-200") + D(110) - D("0.15")}


def test_the_mode_of_the_account_changes_nothing_of_what_it_owns():
    """A long and a short side by side are flat at the exchange, which has realised the profit."""
    owned = []
    for mode in ("netting", "strategy_netting", "hedge"):
        desk = Desk(LINEAR, position_mode=mode)
        filled(desk, "buy", "1", "100", "0", "USDT", strategy_id=desk.strategy().pk)
        filled(desk, "sell", "1", "107", "0", "USDT", strategy_id=desk.strategy().pk)
        owned.append(moved(desk))

    assert owned == [{"USDT": D(7)}] * 3


def test_an_inverse_account_owns_coins():
    desk = Desk(INVERSE)

    filled(desk, "buy", "100", "50", "0.001", "BTC")
    filled(desk, "sell", "100", "100", "0.001", "BTC")

    assert moved(desk) == {"BTC": D(2) - D(1) - D("0.002")}


def test_net_positions_are_the_sums_of_derivatives_with_their_dust():
    desk = Desk(LINEAR, position_mode="hedge")
    filled(desk, "buy", "2", "100", "0", "USDT")
    filled(desk, "sell", "0.5", "100", "0", "USDT")
    filled(desk, "buy", "1", "100", "0", "USDT", symbol=SPOT)

    assert balances.net_positions(desk.account.pk) == {LINEAR: D("1.5")}


def test_an_opening_is_recorded_once_and_before_any_trade_it_is_what_the_exchange_shows():
    desk = Desk(SPOT)
    owned = {"USDT": D(5000), "BNB": D(1)}

    first = opening.record_opening(desk.account.pk, owned, booked_before=0)
    again = opening.record_opening(desk.account.pk, {"USDT": D(1)}, booked_before=0)
    filled(desk, "buy", "1", "100", "0.1", "USDT")

    assert (first, again) == (True, False)
    assert not OpeningBalance.objects.filter(is_derived=True).exists()
    expected = {"USDT": D("4899.9"), "BNB": D(1), "BTC": D(1)}
    assert balances.balances(desk.account.pk) == expected


def test_after_trades_the_opening_is_what_the_exchange_shows_less_what_they_moved():
    desk = Desk(SPOT)
    filled(desk, "buy", "1", "100", "0.1", "USDT")

    opening.record_opening(desk.account.pk, {"USDT": D(400), "BTC": D(3)}, booked_before=1)

    rows = OpeningBalance.objects.order_by("currency")
    assert [(row.currency, row.amount, row.is_derived) for row in rows] == [
        ("BTC", D(2), True),
        ("USDT", D("500.1"), True),
    ]
    assert balances.balances(desk.account.pk) == {"USDT": D(400), "BTC": D(3)}


def test_nothing_is_recorded_while_something_is_under_way_or_was_booked_since():
    desk = Desk(SPOT)
    filled(desk, "buy", "1", "100", "0", "USDT")
    owned = {"USDT": D(1)}

    booked_since = opening.record_opening(desk.account.pk, owned, booked_before=0)
    desk.send("buy", "1")
    desk.claim()
    under_way = opening.record_opening(desk.account.pk, owned, booked_before=1)

    assert (booked_since, under_way) == (False, False)
    assert not opening.has_opening(desk.account.pk)


def test_nothing_is_recorded_while_a_fill_is_reported_and_its_trade_is_not_here():
    desk = Desk(SPOT)
    order = desk.send("buy", "1")
    desk.claim()
    desk.report(order, OrderStatus.FILLED, "1", average=D(100))
    owned = {"USDT": D(900), "BTC": D(1)}

    assert not opening.record_opening(desk.account.pk, owned, booked_before=0)
    desk.tell(desk.trade(order, "1", "100", fee="0", fee_currency="USDT"))
    assert opening.record_opening(desk.account.pk, owned, booked_before=1)
    assert balances.balances(desk.account.pk) == owned


def test_a_currency_has_one_opening_balance():
    desk = Desk(SPOT)
    opening.record_opening(desk.account.pk, {"USDT": D(1)}, booked_before=0)
    row = OpeningBalance.objects.get()

    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_reading_on_in_pieces_comes_to_the_same_as_reading_all_of_it():
    desk = Desk(LINEAR)
    kept = balances.Moved(desk.account.pk)
    for number in range(5):
        filled(desk, "buy", "1", "100", "0.1", "USDT")
        if number == 2:
            desk.pay("0.7")

    pieces = [kept.read_on(2) for _ in range(3)]
    early = kept.now()
    filled(desk, "sell", "2", "110", "0.1", "USDT")
    desk.pay("-0.2")

    assert pieces == [False, False, True]
    assert early != kept.now() == moved(desk)
    assert kept.read_on(2)


def test_a_reading_that_breaks_off_counts_nothing_twice():
    desk = Desk(LINEAR)
    for _ in range(3):
        filled(desk, "buy", "1", "100", "0.1", "USDT")
    kept, left = balances.Moved(desk.account.pk), iter([None, None])

    with pytest.raises(StopIteration):
        kept.read_on(seen=lambda _count: next(left))

    assert kept.now() == moved(desk)
