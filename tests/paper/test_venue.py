"""The venue without its network: invariants of money, half-failed changes, speed of the path."""

import random
from decimal import Decimal

import pytest

from gateway.paper.calls import Access, Call, Route
from gateway.paper.errors import VenueError
from gateway.paper.options import Options
from gateway.paper.serving import control
from gateway.paper.serving.server import open_venue

D = Decimal
LOGINS = {"ann": "base", "bob": "quote", "cid": "bnb"}
MONEY = {"USDT": "100000", "BTC": "3", "BNB": "20"}


@pytest.fixture
def venue(tmp_path):
    opened = open_venue(Options(data=tmp_path, seed=4, volatility=D(20)))
    for key, fee_mode in LOGINS.items():
        body = {"api_key": key, "secret": key, "balances": MONEY, "fee_mode": fee_mode}
        control.open_login(opened, body | {"maker": "-0.0001", "taker": "0.0007"})
    yield opened
    opened.close()


def call(venue, key, method, path, **words):
    """Carry out a call as if it had been signed."""
    route = venue.routes[method, f"/api/v3/{path}"]
    made = Call(method, route.path, words, venue.now_ms(), venue.logins.get(key))
    return venue.respond(route, made).body


def random_order(rng, venue):
    span = rng.choice([8, 8, 2000])  # Mostly about the spread, so that users meet each other.
    price = venue.prices.mid("BTCUSDT") * (100_000 + rng.randint(-span, span)) / 100_000
    kind = rng.choice(["LIMIT", "LIMIT", "LIMIT", "MARKET", "LIMIT_MAKER", "STOP_LOSS"])
    words = {
        "symbol": "BTCUSDT",
        "side": rng.choice(["BUY", "SELL"]),
        "type": kind,
        "quantity": str(D(rng.randint(10, 20000)) / 100000),
        "selfTradePreventionMode": rng.choice(
            ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"]
        ),
    }
    if "LIMIT" in kind:
        words["price"] = f"{price:.2f}"
    if kind == "LIMIT":
        words["timeInForce"] = rng.choice(["GTC", "GTC", "IOC", "FOK"])
    if kind == "STOP_LOSS":
        words["stopPrice"] = f"{price:.2f}"
    return words


def live_a_little(venue, rng, moves=150):
    """Orders, cancels and price steps at random; refusals are part of life."""
    for _ in range(moves):
        key = rng.choice(list(LOGINS))
        try:
            if rng.random() < 0.75:
                call(venue, key, "POST", "order", **random_order(rng, venue))
            elif rng.random() < 0.5:
                call(venue, key, "DELETE", "openOrders", symbol="BTCUSDT")
            else:
                venue.step()
        except VenueError as refusal:
            assert refusal.code in (-1013, -2010, -2011)


@pytest.mark.parametrize("seed", range(8))
def test_money_is_explained_by_trades_and_locked_by_open_orders_alone(venue, seed):
    live_a_little(venue, random.Random(seed))
    spot = venue.markets["spot"]
    for key in LOGINS:
        owned = venue.ledger.of(key, "spot")
        expected = {asset: D(amount) for asset, amount in MONEY.items()}
        locked = {asset: D(0) for asset in MONEY}
        for trade in venue.store.trades("spot", key, from_id=0, limit=100000):
            sign = 1 if trade.side == "BUY" else -1
            expected["BTC"] += sign * trade.qty
            expected["USDT"] -= sign * trade.cost
            expected[trade.fee_asset] -= trade.fee
        for order in spot.open.of_login(key):
            locked["USDT" if order.side == "BUY" else "BTC"] += order.locked

        assert {asset: owned[asset].free + owned[asset].locked for asset in MONEY} == expected
        assert {asset: owned[asset].locked for asset in MONEY} == locked
        assert all(balance.free >= 0 for balance in owned.values())


@pytest.mark.parametrize("seed", range(8))
def test_orders_add_up_to_their_trades_and_the_store_equals_memory(venue, seed):
    live_a_little(venue, random.Random(seed))
    spot = venue.markets["spot"]
    for key in LOGINS:
        for order in venue.store.orders("spot", key, from_id=0, limit=100000):
            trades = venue.store.trades(
                "spot", key, "BTCUSDT", order_id=order.order_id, from_id=0, limit=100000
            )
            assert order.filled == sum((trade.qty for trade in trades), D(0)) <= order.qty
            assert order.cost == sum((trade.cost for trade in trades), D(0))
            assert order.status == "FILLED" or order.filled < order.qty
            assert order.status != "FILLED" or order.left == 0 < order.filled
            assert not order.open or order.left > 0
            assert order.open == (spot.open.by_id("BTCUSDT", order.order_id) is not None)
    in_memory = sorted(spot.open, key=lambda order: order.order_id)
    spot.load()

    assert sorted(spot.open, key=lambda order: order.order_id) == in_memory


def test_a_change_that_fails_half_way_leaves_no_trace(venue):
    def place_and_break(made):
        place = venue.routes["POST", "/api/v3/order"].handler
        place(made)
        raise ZeroDivisionError

    before = venue.ledger.get("ann", "spot", "USDT")
    venue.add_routes(
        [Route("POST", "/api/v3/broken", place_and_break, Access.SIGNED, changes=True)]
    )
    order = {
        "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
        "quantity": "0.1", "price": "50000",
    }  # fmt: skip

    with pytest.raises(ZeroDivisionError):
        call(venue, "ann", "POST", "broken", **order)

    assert venue.ledger.get("ann", "spot", "USDT") == before
    assert call(venue, "ann", "GET", "openOrders") == []
    assert venue.store.journal_rows(after=0, login="ann", limit=10) == []
    assert call(venue, "ann", "POST", "order", **order)["orderId"] == 1


def test_what_a_fill_costs_never_needs_more_than_eight_decimals(venue):
    for spec in venue.markets["spot"].specs.values():
        assert (spec.tick * spec.step).as_tuple().exponent >= -8
