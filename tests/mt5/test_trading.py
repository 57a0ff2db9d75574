"""Does each kind of request do what MetaTrader's does?"""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy
import pandas
import pytest

from ccxt_driver import mt5
from tests.e2e.product import free_port
from tests.mt5.giving import MIDDLE, SYMBOL, deal, only, pending, send

pytestmark = pytest.mark.e2e


def test_what_was_bought_is_closed_with_the_same_volume(desk, account):
    bought = deal(mt5.ORDER_TYPE_BUY, 0.2, magic=7, comment="python script open", deviation=20,
                  sl=500.004, tp=700, type_filling=mt5.ORDER_FILLING_RETURN)  # fmt: skip
    position = only(mt5.positions_get(symbol=SYMBOL))
    sold = deal(mt5.ORDER_TYPE_SELL, 0.2, position=bought.order, magic=7)

    assert (bought.retcode, bought.comment) == (10009, "Request executed")
    assert (bought.volume, bought.request.sl) == (0.2, 500.004)
    assert (position.ticket, position.identifier, position.magic) == (bought.order,) * 2 + (7,)
    assert (position.sl, position.tp, position.symbol) == (500.0, 700.0, SYMBOL)
    assert position.comment == "python script open"
    assert position.reason == mt5.POSITION_REASON_EXPERT
    assert sold.retcode == 10009
    assert mt5.positions_get(ticket=bought.order) == ()
    first, second, *dust = mt5.history_deals_get(position=bought.order)
    assert (first.ticket, first.order, first.entry) == (bought.deal, bought.order, 0)
    assert (second.order, second.entry, second.type) == (sold.order, 1, mt5.DEAL_TYPE_SELL)
    assert first.commission < 0
    assert round(first.volume - second.volume - sum(one.volume for one in dust), 8) == (
        0.0002 if account["exchange_id"] == "ccxt.binance" else 0
    )
    order = only(mt5.history_orders_get(ticket=bought.order))
    assert (order.state, order.position_id, order.magic) == (4, bought.order, 7)
    assert [one.ticket for one in mt5.history_orders_get(position=bought.order)] == [bought.order,
        sold.order]  # fmt: skip
    assert [one.ticket for one in mt5.history_deals_get(ticket=sold.order)] == [sold.deal]


def test_a_part_is_closed_and_the_row_of_a_table_is_a_request(desk, account):
    bought = deal(mt5.ORDER_TYPE_BUY, 0.1 + 0.2)  # 0.30000000000000004
    table = pandas.DataFrame(mt5.positions_get(symbol=SYMBOL), columns=mt5.TradePosition._fields)
    row = table.iloc[0]

    part = deal(mt5.ORDER_TYPE_SELL, numpy.float64(0.1), position=row["ticket"])
    too_much = deal(mt5.ORDER_TYPE_SELL, 0.5, position=numpy.int64(row["identifier"]))
    left = only(mt5.positions_get(symbol=SYMBOL))
    rest = deal(mt5.ORDER_TYPE_SELL, left.volume, position=left.ticket)

    assert (part.retcode, part.volume) == (10009, 0.1)
    assert (too_much.retcode, too_much.order) == (mt5.TRADE_RETCODE_INVALID_CLOSE_VOLUME, 0)
    assert left.ticket == bought.order
    assert rest.retcode == 10009
    assert mt5.positions_get(symbol=SYMBOL) == ()
    gone = deal(mt5.ORDER_TYPE_SELL, 0.1, position=bought.order)
    assert gone.retcode == mt5.TRADE_RETCODE_POSITION_CLOSED


@pytest.mark.parametrize("account", ["spot hedge", "usdm"], indirect=True)
def test_stops_are_set_moved_and_cleared(account):
    bought = deal(mt5.ORDER_TYPE_BUY, 0.1)

    def change(**stops):
        return send(action=mt5.TRADE_ACTION_SLTP, position=bought.order, **stops).retcode

    def stops():
        position = only(mt5.positions_get(ticket=bought.order))
        return position.sl, position.tp

    assert change(sl=550.0, tp=650) == 10009
    assert stops() == (550.0, 650.0)
    assert change(sl=550, tp=650.0) == mt5.TRADE_RETCODE_NO_CHANGES
    assert change(sl=560.0) == 10009  # What is not said is none.
    assert stops() == (560.0, 0.0)
    assert change(sl=650.0) == mt5.TRADE_RETCODE_INVALID_STOPS
    assert change(sl=-1) == mt5.TRADE_RETCODE_INVALID_STOPS
    assert change() == 10009
    assert stops() == (0.0, 0.0)
    assert mt5.orders_get(symbol=SYMBOL) == ()


@pytest.mark.parametrize("account", ["spot hedge", "usdm"], indirect=True)
@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (mt5.ORDER_TYPE_BUY_LIMIT, {"price": 550.0}),
        (mt5.ORDER_TYPE_BUY_STOP_LIMIT, {"price": 615.0, "stoplimit": 610.0}),
    ],
    ids=["limit", "stop limit"],
)
def test_a_pending_order_waits_is_changed_and_removed(desk, account, kind, more):
    sent = pending(kind, volume=0.2, magic=8, comment="waits", type_filling=mt5.ORDER_FILLING_FOK,
                   type_time=mt5.ORDER_TIME_SPECIFIED, sl=500, tp=700,
                   expiration=datetime.now(UTC) + timedelta(hours=2), **more)  # fmt: skip
    order = only(mt5.orders_get(symbol=SYMBOL))
    changes = {"price": more["price"] + 1} | ({"stoplimit": 611} if "stoplimit" in more else {})
    changed = send(action=mt5.TRADE_ACTION_MODIFY, order=sent.order, **changes)
    same = send(action=mt5.TRADE_ACTION_MODIFY, order=sent.order, **changes)
    stops = send(action=mt5.TRADE_ACTION_MODIFY, order=sent.order, sl=510, **changes)
    moved = only(mt5.orders_get(ticket=sent.order))
    removed = send(action=mt5.TRADE_ACTION_REMOVE, order=sent.order)
    ended = only(mt5.history_orders_get(ticket=sent.order))

    assert (sent.retcode, sent.deal, sent.order) == (10009, 0, order.ticket)
    assert (order.type, order.state, order.magic) == (kind, mt5.ORDER_STATE_PLACED, 8)
    assert (order.price_open, order.price_stoplimit) == (more["price"], more.get("stoplimit", 0))
    assert (order.sl, order.tp, order.comment, order.volume_current) == (500, 700, "waits", 0.2)
    assert 7100 < order.time_expiration - time.time() < 7300
    assert changed.retcode == 10009
    assert (moved.price_open, moved.price_stoplimit) == (
        more["price"] + 1, changes.get("stoplimit", 0)
    )  # fmt: skip
    assert same.retcode == mt5.TRADE_RETCODE_NO_CHANGES
    assert stops.retcode == mt5.TRADE_RETCODE_INVALID
    assert removed.retcode == 10009
    assert mt5.orders_get(symbol=SYMBOL) == ()
    assert (ended.state, ended.time_done > 0) == (mt5.ORDER_STATE_CANCELED, True)


@pytest.mark.parametrize("account", ["spot", "usdm"], indirect=True)
def test_a_stop_order_becomes_a_position_when_it_is_reached(desk, account):
    sent = pending(mt5.ORDER_TYPE_BUY_STOP, 610.0, magic=9)

    desk.price(612, SYMBOL)
    desk.product.until(lambda: mt5.positions_get(symbol=SYMBOL), 10, "the stop")

    position = only(mt5.positions_get(symbol=SYMBOL))
    assert (position.ticket, position.type) == (sent.order, mt5.POSITION_TYPE_BUY)
    assert position.magic == 9
    assert position.volume == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize("account", ["spot", "usdm"], indirect=True)
def test_refusals_are_return_codes_and_nothing_is_stored(desk, account):
    before = newest_order(desk, account)
    limit, stop_limit = mt5.ORDER_TYPE_BUY_LIMIT, mt5.ORDER_TYPE_BUY_STOP_LIMIT
    expected = {
        10013: [send(action=99), send(), send(action=1, symbol="NOPE", volume=1.0),
                deal(0, 0.1, magic=2**63), send(action=8), send(action=8, order=10**9),
                send(action=7, order=10**9, price=1.0)],
        10014: [deal(0, 0), deal(0, -1), deal(0, 0.00001), deal(0, 1e9), deal(0, 0.12345678)],
        10015: [pending(limit, 1e-9), pending(limit, 0), pending(limit, -5.0),
                pending(stop_limit, 650.0)],
        10016: [deal(0, 0.1, sl=650.0), deal(0, 0.1, sl=-1.0), pending(limit, 550.0, sl=560.0)],
        10022: [pending(limit, 550.0, type_time=2), pending(limit, 550.0, type_time=9),
                pending(limit, 550.0, type_time=2, expiration=1000)],
        10035: [deal(limit, 0.1), pending(mt5.ORDER_TYPE_BUY, 550.0)],
        10036: [deal(1, 0.1, position=10**9), send(action=6, position=10**9, sl=1.0),
                send(action=10, position=10**9, position_by=10**9)],
    }  # fmt: skip
    for retcode, results in expected.items():
        assert [result.retcode for result in results] == [retcode] * len(results), results
        assert {(result.order, result.deal) for result in results} == {(0, 0)}
        assert all(result.comment for result in results)
    assert newest_order(desk, account) == before


def newest_order(desk, account):
    found = desk.product.get("/oms/orders", account_ids=account["id"], limit=1)["items"]
    return found[0]["id"] if found else 0


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"action": "1"}, "action"),
        ({"action": 1, "magic": -1}, "magic"),
        ({"action": 1, "magic": 2**64}, "magic"),
        ({"action": 1, "symbol": 5}, "symbol"),
        ({"action": 1, "volume": "0.1"}, "volume"),
        ({"action": 1, "volume": float("nan")}, "volume"),
        ({"action": 1, "sl": None}, "sl"),
        ({"action": 1, "position": 1.5}, "position"),
        ({"action": 1, "comment": 5}, "comment"),
        ({"action": 5, "expiration": "tomorrow"}, "expiration"),
    ],
)
def test_a_request_that_cannot_be_read_gives_none(desk, request_, field):
    desk.connect("spot")

    assert mt5.order_send(request_) is None
    assert mt5.last_error() == (-2, f'Invalid "{field}" argument')
    assert mt5.order_check(request_) is None


@pytest.mark.parametrize("account", ["usdm"], indirect=True)
def test_a_check_sends_nothing_and_says_what_a_send_would(desk, account):
    before = newest_order(desk, account)
    request = {"action": 1, "symbol": SYMBOL, "volume": 1.0, "type": 0, "price": 600.0}

    good = mt5.order_check(request)
    bad = mt5.order_check(request | {"volume": 0.00001})

    assert (good.retcode, good.comment) == (0, "Done")
    assert good.margin_free == pytest.approx(good.equity - good.margin, rel=0.01)
    assert bad.retcode == mt5.TRADE_RETCODE_INVALID_VOLUME
    assert good.request.volume == 1.0
    assert newest_order(desk, account) == before


@pytest.mark.parametrize("account", ["spot hedge"], indirect=True)
def test_shorthands_buy_sell_and_close(account):
    bought = mt5.Buy(SYMBOL, 0.2, comment="by hand")
    position = only(mt5.positions_get(symbol=SYMBOL))
    part = mt5.Sell(SYMBOL, 0.1, ticket=position.ticket)

    assert (bought.retcode, part.retcode) == (10009, 10009)
    assert position.comment == "by hand"
    assert mt5.Close(SYMBOL) is True
    assert mt5.Close(SYMBOL) is False
    assert mt5.positions_get(symbol=SYMBOL) == ()


def test_a_robots_key_has_its_strategy_and_makes_those_of_its_magics(desk):
    account = desk.accounts["strategies"]
    own = desk.product.send("/strategies", {"name": "robot", "account_ids": [account["id"]]})
    key = desk.office.key(desk.office.user("mt5-robot", "robot"), [account["id"]],
                          strategy_ids=[own["strategy_id"]])  # fmt: skip
    desk.price(MIDDLE, SYMBOL)
    assert mt5.initialize(password=key, server=desk.base)  # Its only account.

    numberless = deal(mt5.ORDER_TYPE_BUY, 0.1)
    numbered = deal(mt5.ORDER_TYPE_SELL, 0.2, magic=77)
    too_large = deal(mt5.ORDER_TYPE_SELL, 0.2, magic=2**63)
    held = {position.magic: position for position in mt5.positions_get(symbol=SYMBOL)}

    assert (numberless.retcode, numbered.retcode, too_large.retcode) == (10009, 10009, 10013)
    assert {magic: position.ticket for magic, position in held.items()} == {
        0: numberless.order, 77: numbered.order
    }  # fmt: skip
    assert {position.reason for position in held.values()} == {mt5.POSITION_REASON_EXPERT}
    assert desk.product.order(numberless.order)["strategy_id"] == own["strategy_id"]
    assert mt5.account_info().trade_allowed  # Now the key has two strategies.
    again = deal(mt5.ORDER_TYPE_BUY, 0.1)
    assert desk.product.order(again.order)["strategy_id"] == own["strategy_id"]
    assert mt5.Close(SYMBOL) is True
    assert mt5.positions_total() == 0


def test_what_the_risk_desk_forbids_is_a_return_code(desk):
    desk.connect("spot")
    account_id = desk.accounts["spot"]["id"]
    bought = deal(0, 0.1)
    desk.officer("halts", scope="account", id=account_id, state="reduce_only")

    refused, closed = deal(0, 0.1), deal(1, 0.1, position=bought.order)
    mode = mt5.account_info() and mt5.symbol_info(SYMBOL).trade_mode
    desk.officer("kill", scope="account", id=account_id)
    killed, allowed = deal(0, 0.1), mt5.account_info().trade_allowed
    desk.officer("release", scope="account", id=account_id)
    desk.officer("halts", scope="account", id=account_id, state="active")

    assert (refused.retcode, closed.retcode) == (mt5.TRADE_RETCODE_CLOSE_ONLY, 10009)
    assert mode == mt5.SYMBOL_TRADE_MODE_CLOSEONLY
    assert (killed.retcode, allowed) == (mt5.TRADE_RETCODE_SERVER_DISABLES_AT, False)
    assert mt5.account_info().trade_allowed
    assert mt5.symbol_info(SYMBOL).trade_mode == mt5.SYMBOL_TRADE_MODE_FULL


# --- when nobody answers -------------------------------------------------------------------------


def test_a_key_that_is_not_good_is_an_authorization_that_failed(desk):
    mt5.shutdown()
    assert not mt5.initialize(login=1, password="cxp_no_no", server=desk.base, timeout=500)
    assert mt5.last_error()[0] == -6
    assert not mt5.initialize(login=10**6, password=desk.key, server=desk.base, timeout=500)
    assert mt5.last_error()[0] == -6
    nowhere = f"http://127.0.0.1:{free_port()}"
    assert not mt5.initialize(login=1, password=desk.key, server=nowhere, timeout=0)
    assert mt5.last_error()[0] == -10004
    assert mt5.account_info() is None
    assert Decimal(mt5.last_error()[0]) == -10004
