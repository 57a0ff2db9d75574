"""Is it the package's interface: its names, numbers, fields, arguments and ways of failing?

What is compared with stands here once more, as it was read out of the package: 5.0.6231.
"""

import inspect
import json
from pathlib import Path

import numpy
import pandas
import pytest

from ccxt_driver import mt5
from ccxt_driver.mt5.arguments import Group, milliseconds
from ccxt_driver.mt5.rows import ENTRIES, REASONS, STATES
from ccxt_driver.mt5.tuples import RATE_COLUMNS, TICK_COLUMNS

CONSTANTS = json.loads((Path(__file__).parent / "constants.json").read_text())
AWAY = (-10004, "No IPC connection")
BY_SELECTION = "(*, symbol, group, ticket)"
OF_HISTORY = "(date_from, date_to, *, group, ticket, position)"
# Name, arguments, what it gives when it cannot, and arguments that it can be called with.
CALLS = [
    ("initialize", "(path, *, login, password, server, timeout, portable)", False, None),
    ("login", "(login, password, server, timeout)", False, None),
    ("shutdown", "()", None, None),
    ("version", "()", None, ()),
    ("last_error", "()", None, None),
    ("account_info", "()", None, ()),
    ("terminal_info", "()", None, ()),
    ("symbols_total", "()", None, ()),
    ("symbols_get", "(group)", None, ("*",)),
    ("symbol_info", "(symbol)", None, ("BTCUSDT",)),
    ("symbol_info_tick", "(symbol)", None, ("BTCUSDT",)),
    ("symbol_select", "(symbol, enable)", False, ("BTCUSDT", True)),
    ("market_book_add", "(symbol)", False, ("BTCUSDT",)),
    ("market_book_get", "(symbol)", None, ("BTCUSDT",)),
    ("market_book_release", "(symbol)", False, ("BTCUSDT",)),
    ("copy_rates_from", "(symbol, timeframe, date_from, count)", None, ("BTCUSDT", 1, 0, 1)),
    ("copy_rates_from_pos", "(symbol, timeframe, start_pos, count)", None, ("BTCUSDT", 1, 0, 1)),
    ("copy_rates_range", "(symbol, timeframe, date_from, date_to)", None, ("BTCUSDT", 1, 0, 1)),
    ("copy_ticks_from", "(symbol, date_from, count, flags)", None, ("BTCUSDT", 0, 1, -1)),
    ("copy_ticks_range", "(symbol, date_from, date_to, flags)", None, ("BTCUSDT", 0, 1, -1)),
    ("orders_total", "()", None, ()),
    ("orders_get", BY_SELECTION, None, ()),
    ("positions_total", "()", None, ()),
    ("positions_get", BY_SELECTION, None, ()),
    ("history_orders_total", "(date_from, date_to)", None, (0, 1)),
    ("history_orders_get", OF_HISTORY, None, (0, 1)),
    ("history_deals_total", "(date_from, date_to)", None, (0, 1)),
    ("history_deals_get", OF_HISTORY, None, (0, 1)),
    ("order_calc_margin", "(action, symbol, volume, price)", None, (0, "BTCUSDT", 1, 1)),
    ("order_calc_profit", "(action, symbol, volume, price_open, price_close)", None,
     (0, "BTCUSDT", 1, 1, 2)),
    ("order_check", "(request)", None, ({},)),
    ("order_send", "(request)", None, ({},)),
    ("Buy", "(symbol, volume, price, *, comment, ticket)", None, ("BTCUSDT", 1)),
    ("Sell", "(symbol, volume, price, *, comment, ticket)", None, ("BTCUSDT", 1)),
    ("Close", "(symbol, *, comment, ticket)", None, ("BTCUSDT",)),
]  # fmt: skip
FIELDS = {
    "AccountInfo": "login trade_mode leverage limit_orders margin_so_mode trade_allowed "
    "trade_expert margin_mode currency_digits fifo_close balance credit profit equity margin "
    "margin_free margin_level margin_so_call margin_so_so margin_initial margin_maintenance assets "
    "liabilities commission_blocked name server currency company",
    "TerminalInfo": "community_account community_connection connected dlls_allowed trade_allowed "
    "tradeapi_disabled email_enabled ftp_enabled notifications_enabled mqid build maxbars codepage "
    "ping_last community_balance retransmission company name language path data_path "
    "commondata_path",
    "Tick": "time bid ask last volume time_msc flags volume_real",
    "BookInfo": "type price volume volume_dbl",
    "TradePosition": "ticket time time_msc time_update time_update_msc type magic identifier "
    "reason volume price_open sl tp price_current swap profit symbol comment external_id",
    "TradeOrder": "ticket time_setup time_setup_msc time_done time_done_msc time_expiration type "
    "type_time type_filling state magic position_id position_by_id reason volume_initial "
    "volume_current price_open sl tp price_current price_stoplimit symbol comment external_id",
    "TradeDeal": "ticket order time time_msc type entry magic position_id reason volume price "
    "commission swap profit fee symbol comment external_id",
    "TradeRequest": "action magic order symbol volume price stoplimit sl tp deviation type "
    "type_filling type_time expiration comment position position_by",
    "OrderSendResult": "retcode deal order volume price bid ask comment request_id "
    "retcode_external request",
    "OrderCheckResult": "retcode balance equity profit margin margin_free margin_level comment "
    "request",
}
RATES = "time open high low close tick_volume spread real_volume"
# Of SymbolInfo's 96: the first, the last, and some in between with their place.
SYMBOL_PLACES = {
    "custom": 0, "visible": 3, "time": 10, "digits": 11, "trade_mode": 16, "filling_mode": 26,
    "bid": 31, "ask": 34, "last": 37, "point": 44, "trade_tick_value": 45, "trade_tick_size": 48,
    "trade_contract_size": 49, "volume_min": 53, "volume_max": 54, "volume_step": 55,
    "price_greeks_delta": 76, "basis": 83, "category": 84, "currency_profit": 86, "name": 93,
    "path": 95,
}  # fmt: skip


@pytest.fixture(autouse=True)
def unconnected():
    mt5.shutdown()


def written(function) -> str:
    """The names of the arguments; ``*`` before those that have to be named."""
    words, named = [], False
    for each in inspect.signature(function).parameters.values():
        if each.kind is inspect.Parameter.KEYWORD_ONLY and not named:
            words.append("*")
            named = True
        words.append(each.name)
    return f"({', '.join(words)})"


def test_there_are_32_calls_and_3_shorthands():
    assert len(CALLS) == 32 + 3
    missing = [name for name, *_ in CALLS if name not in mt5.__all__]
    assert missing == []


@pytest.mark.parametrize(("name", "arguments"), [call[:2] for call in CALLS])
def test_a_call_takes_the_packages_arguments(name, arguments):
    assert written(getattr(mt5, name)) == arguments


@pytest.mark.parametrize(
    ("name", "failure", "given"), [(one[0], *one[2:]) for one in CALLS if one[3] is not None]
)
def test_without_a_connection_a_call_gives_nothing_and_says_why(name, failure, given):
    found = getattr(mt5, name)(*given)

    assert found is failure
    assert mt5.last_error() == AWAY


def test_every_constant_has_the_packages_value():
    ours = {name: getattr(mt5, name, None) for name in CONSTANTS}

    assert ours == CONSTANTS
    assert {name for name in mt5.__all__ if name.isupper()} == CONSTANTS.keys()


def test_importing_everything_brings_none_of_our_rooms():
    classes = {*FIELDS, "SymbolInfo"}
    calls = {name for name, *_ in CALLS}

    assert {*mt5.__all__} == classes | calls | CONSTANTS.keys()


@pytest.mark.parametrize(("name", "fields"), FIELDS.items())
def test_a_tuple_has_the_packages_fields_in_its_order(name, fields):
    made = getattr(mt5, name)

    assert made._fields == tuple(fields.split())


def test_a_symbol_has_96_fields():
    fields = mt5.SymbolInfo._fields

    assert len(fields) == 96
    assert {name: fields.index(name) for name in SYMBOL_PLACES} == SYMBOL_PLACES


def test_a_tuple_reads_as_scripts_read_it():
    position = mt5.TradePosition(*range(19))

    table = pandas.DataFrame([position, position], columns=position._asdict().keys())

    assert position[0] == position.ticket == position._asdict()["ticket"]
    assert repr(position).startswith("TradePosition(ticket=0, time=1, ")
    assert list(table.columns) == FIELDS["TradePosition"].split()
    assert len(table) == 2


def test_rates_and_ticks_have_the_packages_columns():
    assert numpy.dtype(list(RATE_COLUMNS)).itemsize == 60
    assert numpy.dtype(list(TICK_COLUMNS)).itemsize == 60
    assert [name for name, _ in RATE_COLUMNS] == RATES.split()
    assert [name for name, _ in TICK_COLUMNS] == FIELDS["Tick"].split()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: mt5.positions_get("BTCUSDT"), "Unnamed arguments not allowed"),
        (lambda: mt5.orders_get(1), "Unnamed arguments not allowed"),
        (lambda: mt5.symbol_info("BTCUSDT", 1), "Invalid number of arguments"),
        (mt5.symbol_info, "Invalid arguments"),
        (lambda: mt5.initialize(5), 'Invalid "path" argument'),
        (lambda: mt5.initialize(login="x", password="cxp_1"), 'Invalid "login" argument'),
    ],
)
def test_wrong_arguments_are_told(call, text):
    assert not call()
    assert mt5.last_error() == (-2, text)


def test_a_failure_is_forgotten_by_the_next_call():
    mt5.positions_get()
    mt5.shutdown()

    assert mt5.last_error() == (1, "Success")


@pytest.mark.parametrize(
    ("group", "name", "inside"),
    [
        ("*", "BTC/USDT", True),
        ("*USDT", "BTC/USDT", True),
        ("BTC*", "ETH/USDT", False),
        ("*,!*BTC*", "BTC/USDT", False),
        ("*,!*BTC*", "ETH/USDT", True),
        ("!*BTC*", "ETH/USDT", True),
        ("!*USDT,BTC*", "BTC/USDT", True),
        ("*BTC*,*ETH*", "ETH/USDT", True),
        ("btc*", "BTC/USDT", True),
        ("B.C*", "BTC/USDT", False),
        ("", "BTC/USDT", True),
    ],
)
def test_a_group_lets_through_in_order(group, name, inside):
    assert Group(group).has(name) is inside


def test_a_group_knows_a_market_by_any_of_its_names():
    assert Group("*BTCUSDT*").has("BTC/USDT", "BTCUSDT")
    assert not Group("*,!*BTCUSDT*").has("BTC/USDT", "BTCUSDT")


def test_a_time_is_a_number_or_a_datetime():
    moment = pandas.Timestamp("2026-01-31T12:00:00Z")

    assert milliseconds(moment.to_pydatetime(), "date_from") == 1769860800000
    assert milliseconds(1769860800, "date_from") == 1769860800000
    assert milliseconds(numpy.float64(1769860800.5), "date_from") == 1769860800500


def test_every_word_of_the_oms_has_a_number():
    from positions.engine.types import Entry, OrderStatus, Reason

    assert {*map(str, OrderStatus)} == STATES.keys()
    assert {*map(str, Entry)} == ENTRIES.keys()
    assert {*map(str, Reason)} - REASONS.keys() == {"correction", "close_by"}
