"""Are prices, bars, books, histories and the account what the exchange and the OMS say?"""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy
import pandas
import pytest

from ccxt_driver import OmsCcxtExchange, mt5

pytestmark = pytest.mark.e2e
SYMBOL = "SOLUSDT"
MINUTE, HOUR = 60, 3600
RATES = [("time", "<i8"), ("open", "<f8"), ("high", "<f8"), ("low", "<f8"), ("close", "<f8"),
         ("tick_volume", "<u8"), ("spread", "<i4"), ("real_volume", "<u8")]  # fmt: skip
TICKS = [("time", "<i8"), ("bid", "<f8"), ("ask", "<f8"), ("last", "<f8"), ("volume", "<u8"),
         ("time_msc", "<i8"), ("flags", "<u4"), ("volume_real", "<f8")]  # fmt: skip


@pytest.fixture(params=["spot", "usdm"])
def account(desk, request):
    desk.price(150, SYMBOL)
    yield desk.connect(request.param)
    mt5.Close(SYMBOL)


@pytest.fixture
def exchange(desk, account):
    """The same account in ccxt's words."""
    return OmsCcxtExchange(api_key=desk.key, account_id=account["id"], base_url=desk.base)


def ccxts(account, base="SOL"):
    return f"{base}/USDT" if account["exchange_id"] == "ccxt.binance" else f"{base}/USDT:USDT"


# --- markets -------------------------------------------------------------------------------------


def test_a_symbol_is_the_exchanges_market(account, exchange):
    market = exchange.load_markets()[ccxts(account)]
    info, tick = mt5.symbol_info(SYMBOL), mt5.symbol_info_tick(SYMBOL)

    assert (info.name, info.visible, info.select) == (SYMBOL, True, True)
    assert info.point == info.trade_tick_size == market["precision"]["price"]
    assert info.digits == -int(Decimal(str(info.point)).as_tuple().exponent)
    assert info.volume_step == market["precision"]["amount"]
    assert info.volume_min * info.last >= market["limits"]["cost"]["min"]
    assert (info.volume_min - info.volume_step) * info.last < market["limits"]["cost"]["min"]
    assert (info.bid, info.ask, info.last) == (tick.bid, tick.ask, tick.last)
    assert info.bid < info.last < info.ask
    assert info.spread == round((info.ask - info.bid) / info.point)
    assert (info.currency_base, info.currency_profit) == ("SOL", "USDT")
    assert info.trade_mode == mt5.SYMBOL_TRADE_MODE_FULL
    assert abs(tick.time - time.time()) < 60
    assert tick.time_msc // 1000 == tick.time
    assert [type(value) for value in tick] == [int, float, float, float, int, int, int, float]


def test_symbols_are_named_counted_and_chosen(account):
    everything = mt5.symbols_get()

    assert len(everything) == mt5.symbols_total() > 3
    assert mt5.symbol_info(SYMBOL).name == SYMBOL
    chosen = {one.name for one in mt5.symbols_get("*SOL*,*ETHUSDT*")}
    assert chosen == {SYMBOL, ccxts(account, "ETH")}  # By the name that the script used.
    assert not [one for one in mt5.symbols_get(group="*,!*SOL*") if "SOL" in one.name]
    assert mt5.symbol_info(ccxts(account)).currency_base == "SOL"
    assert mt5.symbol_select("SOLUSDT", True) is True
    assert mt5.symbol_select("EURUSD", True) is False
    assert mt5.last_error()[0] == -4
    for call in (mt5.symbol_info, mt5.symbol_info_tick, mt5.market_book_get):
        assert call("EURUSD") is None
        assert mt5.last_error()[0] == -4


def test_a_book_is_told_once_it_was_added(account):
    assert mt5.market_book_get(SYMBOL) is None
    assert mt5.market_book_add(SYMBOL) is True
    book = mt5.market_book_get(SYMBOL)
    assert mt5.market_book_release(SYMBOL) is True
    assert mt5.market_book_get(SYMBOL) is None

    offers = [one.price for one in book if one.type == mt5.BOOK_TYPE_SELL]
    bids = [one.price for one in book if one.type == mt5.BOOK_TYPE_BUY]
    assert [one.type for one in book] == [1] * len(offers) + [2] * len(bids)
    assert offers == sorted(offers, reverse=True)
    assert bids == sorted(bids, reverse=True)
    assert offers[-1] > bids[0]


# --- bars and trades -----------------------------------------------------------------------------


def test_bars_are_the_exchanges_and_the_last_is_not_over(account, exchange):
    exchange.load_markets()
    bars = mt5.copy_rates_from_pos(SYMBOL, mt5.TIMEFRAME_M5, 0, 30)
    begin = int(bars["time"][0]) * 1000
    theirs = exchange.fetch_ohlcv(ccxts(account), "5m", since=begin, limit=30)

    assert bars.dtype.descr == RATES
    assert list(bars["time"]) == [bar[0] // 1000 for bar in theirs]
    for place, name in enumerate(("open", "high", "low", "close"), start=1):
        assert list(bars[name])[:-1] == [bar[place] for bar in theirs][:-1]
    step = mt5.symbol_info(SYMBOL).volume_step
    assert list(bars["tick_volume"])[:-1] == [round(bar[5] / step) for bar in theirs][:-1]
    assert time.time() - bars["time"][-1] < 5 * MINUTE
    assert list(pandas.DataFrame(bars).columns) == [name for name, _ in RATES]


@pytest.mark.parametrize(
    ("frame", "length", "part", "part_length"),
    [
        (mt5.TIMEFRAME_M2, 2 * MINUTE, mt5.TIMEFRAME_M1, MINUTE),
        (mt5.TIMEFRAME_M10, 10 * MINUTE, mt5.TIMEFRAME_M5, 5 * MINUTE),
        (mt5.TIMEFRAME_M20, 20 * MINUTE, mt5.TIMEFRAME_M5, 5 * MINUTE),
        (mt5.TIMEFRAME_H3, 3 * HOUR, mt5.TIMEFRAME_H1, HOUR),
    ],
)
def test_bars_that_the_exchange_lacks_are_built_from_smaller_ones(
    account, frame, length, part, part_length
):
    bars = mt5.copy_rates_from_pos(SYMBOL, frame, 1, 4)
    begin, end = int(bars["time"][0]), int(bars["time"][-1]) + length - 1
    parts = mt5.copy_rates_range(SYMBOL, part, begin, end)

    assert list(bars["time"] % length) == [0] * 4
    assert len(parts) == 4 * length // part_length
    for number, bar in enumerate(bars):
        own = parts[number * length // part_length : (number + 1) * length // part_length]
        assert (bar["open"], bar["close"]) == (own["open"][0], own["close"][-1])
        assert (bar["high"], bar["low"]) == (own["high"].max(), own["low"].min())
        assert bar["tick_volume"] == own["tick_volume"].sum()


@pytest.mark.parametrize(
    "name", [name for name in mt5.__all__ if name.startswith("TIMEFRAME_")]
)  # fmt: skip
def test_every_timeframe_has_bars(desk, name):
    desk.connect("usdm")

    bars = mt5.copy_rates_from_pos(SYMBOL, getattr(mt5, name), 0, 2)

    assert len(bars) == 2
    assert bars["time"][0] < bars["time"][1] <= time.time()


def test_bars_are_chosen_by_place_moment_and_range(account):
    all_bars = mt5.copy_rates_from_pos(SYMBOL, mt5.TIMEFRAME_M15, 0, 10)
    third = int(all_bars["time"][-3])

    back = mt5.copy_rates_from_pos(SYMBOL, mt5.TIMEFRAME_M15, 2, 8)
    until = mt5.copy_rates_from(SYMBOL, mt5.TIMEFRAME_M15, third + 5 * MINUTE, 4)
    both = mt5.copy_rates_range(
        SYMBOL, mt5.TIMEFRAME_M15, datetime.fromtimestamp(third, UTC), third + 15 * MINUTE
    )
    # A naive moment is the machine's own time, as the package has it.
    naive = mt5.copy_rates_from(
        SYMBOL, mt5.TIMEFRAME_M15, datetime.fromtimestamp(third), 1  # noqa: DTZ006
    )  # fmt: skip

    assert list(back["time"]) == list(all_bars["time"][:-2])
    assert list(until["time"]) == list(all_bars["time"][-6:-2])
    assert list(both["time"]) == [third, third + 15 * MINUTE]
    assert list(naive["time"]) == [third]
    assert len(mt5.copy_rates_range(SYMBOL, mt5.TIMEFRAME_M15, third + 1, third + 2)) == 0


def test_more_bars_than_one_page_are_whole(desk):
    desk.connect("spot")

    bars = mt5.copy_rates_from_pos("BTCUSDT", mt5.TIMEFRAME_M1, 0, 2500)

    assert len(bars) == 2500
    assert set(numpy.diff(bars["time"])) == {MINUTE}


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: mt5.copy_rates_from_pos("NOPE", 1, 0, 1), -4),
        (lambda: mt5.copy_rates_from_pos(SYMBOL, 7, 0, 1), -2),
        (lambda: mt5.copy_rates_from_pos(SYMBOL, 1, 0, 0), -2),
        (lambda: mt5.copy_rates_from_pos(SYMBOL, 1, -1, 1), -2),
        (lambda: mt5.copy_rates_from(SYMBOL, 1, "today", 1), -2),
        (lambda: mt5.copy_ticks_from(SYMBOL, 0, 1, mt5.COPY_TICKS_INFO), -7),
        (lambda: mt5.copy_ticks_from(SYMBOL, 0, 1, 9), -2),
    ],
)
def test_what_cannot_be_copied_is_none(desk, call, code):
    desk.connect("spot")

    assert call() is None
    assert mt5.last_error()[0] == code


def test_ticks_are_public_trades(account):
    since = time.time() - 1
    mt5.Buy(SYMBOL, 1.0)
    mt5.Close(SYMBOL)

    ticks = mt5.copy_ticks_range(SYMBOL, since, time.time() + 5, mt5.COPY_TICKS_ALL)
    first = mt5.copy_ticks_from(SYMBOL, since, 1, mt5.COPY_TICKS_TRADE)

    assert ticks.dtype.descr == TICKS
    assert len(ticks) == 2
    assert list(first["time_msc"]) == list(ticks["time_msc"][:1])
    assert list(ticks["last"]) == list(ticks["bid"]) == list(ticks["ask"])
    assert list(ticks["flags"] & mt5.TICK_FLAG_BUY > 0) == [True, False]
    assert list(ticks["flags"] & mt5.TICK_FLAG_SELL > 0) == [False, True]


# --- the account ---------------------------------------------------------------------------------


def test_the_account_is_worth_what_the_exchange_says(account, exchange):
    mt5.Buy(SYMBOL, 2.0)
    info = mt5.account_info()
    balance = exchange.fetch_balance()
    positions = mt5.positions_get()

    assert (info.login, info.currency, info.company) == (account["id"], "USDT", exchange.id)
    assert info.trade_mode == mt5.ACCOUNT_TRADE_MODE_DEMO
    assert info.trade_allowed
    assert info.margin_mode == mt5.ACCOUNT_MARGIN_MODE_RETAIL_NETTING
    assert info.profit == pytest.approx(sum(one.profit for one in positions), abs=0.05)
    assert info.equity == pytest.approx(info.balance + info.profit)
    assert info.margin_free == pytest.approx(balance["USDT"]["free"], rel=1e-6)
    if account["exchange_id"] == "ccxt.binance":
        assert info.leverage == 1
        assert info.equity == pytest.approx(1_000_000, rel=1e-3)
    else:
        assert info.leverage == 20
        assert info.balance == pytest.approx(balance["USDT"]["total"], rel=1e-9)
        assert info.margin == pytest.approx(balance["USDT"]["used"], rel=1e-6)
    terminal = mt5.terminal_info()
    assert (terminal.connected, terminal.trade_allowed, terminal.ping_last > 0) == (True,) * 3
    assert mt5.version()[0] == 500


def test_what_an_order_binds_and_brings_is_counted_before(account):
    leverage = mt5.account_info().leverage

    assert mt5.order_calc_margin(0, SYMBOL, 2, 150.0) == pytest.approx(300 / leverage)
    assert mt5.order_calc_profit(0, SYMBOL, 2.0, 150.0, 151.5) == 3.0
    assert mt5.order_calc_profit(1, SYMBOL, 2.0, 150.0, 151.5) == -3.0
    assert mt5.order_calc_margin(5, SYMBOL, 2, 150.0) is None
    assert mt5.last_error() == (-2, 'Invalid "action" argument')


# --- histories -----------------------------------------------------------------------------------


def test_histories_are_cut_by_moment_and_group(desk, account):
    bought = mt5.Buy(SYMBOL, 1.0)
    between = datetime.now(UTC)
    time.sleep(1.1)  # The package's moments are whole seconds.
    mt5.Close(SYMBOL)
    day = timedelta(days=1)

    early = mt5.history_deals_get(between - day, between, group="*SOL*")
    late = mt5.history_deals_get(between + timedelta(seconds=1), between + day, group="*SOL*")
    others = mt5.history_deals_get(between - day, between + day, group="*,!*SOL*")
    orders = mt5.history_orders_get(between - day, between, group="*SOL*")

    assert bought.deal in [deal.ticket for deal in early]
    assert bought.order in [order.ticket for order in orders]
    assert late[0].entry == mt5.DEAL_ENTRY_OUT
    assert late[0].position_id == bought.order
    assert not [deal for deal in others if deal.symbol == SYMBOL]
    whole = desk.product.every("/oms/deals", account_ids=account["id"])
    assert mt5.history_deals_total(0, time.time() + 5) == len(whole)
    assert mt5.history_deals_get(0, 1) == ()
    assert mt5.history_deals_get(position=10**9) == ()
    assert mt5.history_orders_get(ticket=2**70) == mt5.positions_get(ticket=0) == ()
    assert mt5.orders_get(ticket=-1) == mt5.history_deals_get(ticket=2**64) == ()
    assert mt5.history_deals_get() is None
    assert mt5.last_error()[0] == -2


def test_what_is_opened_in_the_oms_is_seen_by_scripts_and_back(desk, account):
    order = desk.product.buy(account, "1", symbol=ccxts(account), comment="by a person",
                             strategy_id=0, stop_loss="120")  # fmt: skip

    (position,) = mt5.positions_get(symbol=SYMBOL)
    closed = mt5.order_send({"action": mt5.TRADE_ACTION_DEAL, "symbol": SYMBOL, "volume": 1.0,
                             "type": mt5.ORDER_TYPE_SELL, "position": position.ticket})  # fmt: skip
    row = desk.product.order(closed.order)

    assert (position.ticket, position.magic, position.sl) == (order["id"], 0, 120.0)
    assert (position.reason, position.comment) == (mt5.POSITION_REASON_CLIENT, "by a person")
    assert row["status"] == "FILLED"
    assert row["client_order_id"].startswith("mt5-")
    assert mt5.positions_get(symbol=SYMBOL) == ()
