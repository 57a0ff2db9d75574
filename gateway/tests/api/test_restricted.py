"""What a key that is restricted to strategies learns of money, positions and settings."""

import pytest

from accounts.words import Right
from gateway import loop
from gateway.clients import readers
from gateway.clients.restricted import money
from gateway.tests.api.calling import call, with_login
from gateway.tests.venue import Answer, venue
from positions.api.pool import in_pool
from positions.tests.desk import Desk
from positions.tests.fakes import LINEAR, SPOT

pytestmark = pytest.mark.django_db(transaction=True)
BALANCE = {
    "balances": [
        {"asset": "USDT", "free": "900", "locked": "100"},
        {"asset": "BTC", "free": "7", "locked": "1"},
        {"asset": "XRP", "free": "5", "locked": "0"},
    ]
}
MARKETS = {
    "BTC/USDT": {"base": "BTC", "quote": "USDT"},
    "ETH/BTC": {"base": "ETH", "quote": "BTC"},
}
HELD = {code: {"free": "3", "used": "0", "total": "3"} for code in ("BTC", "ETH", "USDT", "XRP")}


@pytest.fixture
def two():
    """A spot account, with one strategy of the key's and one of somebody else's."""
    desk = with_login(Desk(SPOT, position_mode="strategy_netting"))
    return desk, desk.strategy().pk, desk.strategy().pk


@pytest.fixture
def perpetuals(contracts):
    return contracts, contracts.caller_with(strategies=[contracts.strategy().pk])


def buy(desk, strategy_id, qty):
    return desk.bought(qty, strategy_id=strategy_id)


def trade(desk, strategy_id, qty, promised):
    """Buy ``qty`` and offer a part of it."""
    buy(desk, strategy_id, qty)
    desk.rest("sell", promised, "110", strategy_id=strategy_id)


async def balance_of(desk, caller):
    async with venue() as exchange:
        exchange.answers["GET /api/v3/account"] = Answer(body=BALANCE)
        found = await call(caller, desk.account, "fetchBalance")
    loop.reading.call(readers.close_all(), 5)  # The next venue is at another address.
    return found


async def test_money_is_the_accounts_and_coins_are_the_keys_own(two):
    desk, own, other = two
    await in_pool(trade, desk, own, "2", "0.5")
    await in_pool(trade, desk, other, "3", "1")

    status, body = await balance_of(desk, desk.caller_with(strategies=[own]))

    assert status == 200
    shown = body["result"]
    assert shown["USDT"] == {"free": "900", "used": "100", "total": "1000"}
    assert shown["BTC"] == {"free": "1.5", "used": "0.5", "total": "2"}
    assert shown["free"] == {"BTC": "1.5", "USDT": "900"}
    assert "XRP" not in shown
    assert "info" not in shown


async def test_what_others_hold_changes_nothing_but_the_money(two):
    desk, own, other = two
    restricted = desk.caller_with(strategies=[own])
    before = await balance_of(desk, restricted)

    await in_pool(trade, desk, other, "3", "1")

    assert await balance_of(desk, restricted) == before


async def test_without_the_right_the_balance_is_refused(two):
    desk, own, _other = two
    blind = desk.caller_with(strategies=[own], rights=frozenset(Right) - {Right.SEE_BALANCE})

    status, body = await balance_of(desk, blind)

    assert (status, body["code"]) == (403, "permission_denied")
    assert body["details"]["right"] == "can_see_balance"


async def test_a_key_without_restriction_needs_no_such_right(two):
    desk, _own, _other = two
    whole = desk.caller_with(rights=frozenset(Right) - {Right.SEE_BALANCE})

    status, body = await balance_of(desk, whole)

    assert status == 200
    assert body["result"]["XRP"]["total"] == "5"


def test_a_currency_that_is_coin_and_money_is_money_until_somebody_holds_it(two):
    desk, own, other = two

    before = money.told(desk.account.pk, frozenset({own}), HELD, MARKETS)
    desk.bought("3", strategy_id=other)
    after = money.told(desk.account.pk, frozenset({own}), HELD, MARKETS)

    assert sorted(before["total"]) == ["BTC", "USDT"]
    assert sorted(after["total"]) == ["USDT"]


@pytest.mark.parametrize("func", ["fetchPositions", "fetchPositionsRisk"])
async def test_positions_are_the_keys_own_of_the_oms(perpetuals, func):
    desk, restricted = perpetuals
    (own,) = restricted.rights[desk.account.pk].strategies
    mine = await in_pool(buy, desk, own, "2")
    async with venue() as exchange:
        status, body = await call(restricted, desk.account, func)
        single = await call(restricted, desk.account, "fetchPosition", LINEAR)
        none = await call(restricted, desk.account, "fetchPositionsForSymbol", "ETH/USDT:USDT")

    assert status == 200
    (shown,) = body["result"]
    assert (shown["id"], shown["side"], shown["contracts"]) == (str(mine.pk), "long", "2")
    assert (shown["entryPrice"], shown["notional"]) == ("100", "200")
    assert single[1]["result"] == shown
    assert none[1]["result"] == []
    assert [path for _method, path, _words in exchange.seen if "position" in path.lower()] == []


async def test_others_positions_do_not_exist(two):
    desk, own, other = two
    await in_pool(buy, desk, other, "3")
    async with venue():
        restricted = desk.caller_with(strategies=[own])
        listed = await call(restricted, desk.account, "fetchPositions")
        single = await call(restricted, desk.account, "fetchPosition", SPOT)

    assert listed[1]["result"] == []
    assert (single[1]["result"]["contracts"], single[1]["result"]["side"]) == ("0", None)


def settings_of(exchange, leverage: int = 7, margin: str = "CROSSED") -> None:
    row = {"symbol": "BTCUSDT", "marginType": margin, "isAutoAddMargin": "false",
           "leverage": leverage, "maxNotionalValue": "1000000"}  # fmt: skip
    exchange.answers["GET /fapi/v1/symbolConfig"] = Answer(body=[row])
    bracket = {"bracket": 1, "notionalFloor": "0", "notionalCap": "9", "maintMarginRatio": "0.01"}
    exchange.answers["GET /fapi/v1/leverageBracket"] = Answer(
        body=[{"symbol": "BTCUSDT", "brackets": [bracket]}]
    )
    exchange.answers["GET /fapi/v1/positionSide/dual"] = Answer(body={"dualSidePosition": False})


@pytest.mark.parametrize(
    ("func", "same", "other"),
    [
        ("setLeverage", [7, LINEAR], [8, LINEAR]),
        ("setMarginMode", ["cross", LINEAR], ["isolated", LINEAR]),
        ("setPositionMode", [False], None),
    ],
)
async def test_what_is_so_already_may_be_confirmed_and_nothing_changed(
    perpetuals, func, same, other
):
    desk, restricted = perpetuals
    async with venue() as exchange:
        settings_of(exchange)
        status, body = await call(restricted, desk.account, func, *same)
        refused = None if other is None else await call(restricted, desk.account, func, *other)

    assert status == 200, body
    assert refused is None or (refused[0], refused[1]["code"]) == (
        403,
        "strategy_permission_denied",
    )
    assert {method for method, _path, _words in exchange.seen} == {"GET"}


async def test_a_restricted_key_that_only_reads_confirms_nothing(contracts):
    desk = contracts
    reader = desk.caller_with(strategies=[1], rights=frozenset({Right.READ}))

    status, body = await call(reader, desk.account, "setLeverage", 7, LINEAR)

    assert (status, body["code"]) == (403, "permission_denied")
