"""Two bots with robots' keys on one account: each alone with its own, together the exchange's.

What other tests hold on this account was there before.
"""

from decimal import Decimal

import ccxt
import pytest

from tests.e2e.strategies import balance_of, dust_of

pytestmark = pytest.mark.e2e
SYMBOL = "BTC/USDT"


@pytest.fixture(scope="module")
def account(desk):
    return desk.product.account("ccxt.binance", "strategy_netting")


@pytest.fixture(scope="module")
def bots(desk, account):
    found = []
    for name in ("momentum", "reversion"):
        key, strategy_id = desk.robot(name, account)
        found.append(desk.bot(account, key, strategy_id=strategy_id))
    return found


def test_each_sees_only_its_own_and_the_sum_is_the_exchanges(desk, account, bots):
    one, other = bots
    before = balance_of(desk.product, account) - dust_of(desk.product, account, "BTC")
    for amount in (0.02, 0.03):
        one.create_order(SYMBOL, "market", "buy", amount)
    other.create_order(SYMBOL, "market", "buy", 0.05)
    resting = other.create_order(SYMBOL, "limit", "sell", 0.01, 66000)
    one.create_order(SYMBOL, "market", "sell", 0.01)

    mine, theirs = one.fetch_positions([SYMBOL]), other.fetch_positions([SYMBOL])

    assert [len(mine), len(theirs)] == [1, 1]
    assert one.fetch_open_orders(SYMBOL) == []
    assert [order["id"] for order in other.fetch_open_orders(SYMBOL)] == [resting["id"]]
    # An order at market may be several trades.
    assert len({trade["order"] for trade in one.fetch_my_trades(SYMBOL)}) == 3
    assert len({trade["order"] for trade in other.fetch_my_trades(SYMBOL)}) == 1
    whole = [Decimal(position["info"]["qty"]) for position in (*mine, *theirs)]
    dust = dust_of(desk.product, account, "BTC")
    assert before + sum(whole) + dust == balance_of(desk.product, account)
    for call in (one.fetch_order, one.cancel_order):
        with pytest.raises(ccxt.OrderNotFound):
            call(resting["id"], SYMBOL)


def test_each_has_the_accounts_money_and_its_own_coins(bots):
    one, other = (bot.fetch_balance() for bot in bots)

    assert one["USDT"] == other["USDT"]
    assert one["USDT"]["total"] > 0
    assert one["BTC"]["total"] == bots[0].fetch_position(SYMBOL)["contracts"]
    assert other["BTC"]["used"] == 0.01


def test_what_is_set_already_may_be_set_and_nothing_else(desk):
    account = desk.product.account("ccxt.binanceusdm")
    key, strategy_id = desk.robot("carry", account)
    bot = desk.bot(account, key, strategy_id=strategy_id)
    symbol = account["symbols"][0]
    now = bot.fetch_leverage(symbol)["longLeverage"]

    bot.set_leverage(now, symbol)
    bot.set_margin_mode("cross", symbol)
    with pytest.raises(ccxt.PermissionDenied):
        bot.set_leverage(now + 1, symbol)

    assert bot.fetch_leverage(symbol)["longLeverage"] == now
    assert bot.fapiPrivateGetPositionSideDual() == {"dualSidePosition": False}
    assert bot.fapiprivate_get_multiassetsmargin() == {"multiAssetsMargin": False}
    with pytest.raises(ccxt.NotSupported):
        bot.fapiPrivatePostLeverage({"leverage": 3})
