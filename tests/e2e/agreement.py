"""Do OMS and venue agree? Code that knows neither's inside: the journal against the API."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from tests.e2e.product import Json, Product

MOVING = {"PENDING_SUBMIT", "SENDING", "UNKNOWN"}
FINAL = {"FILLED", "CANCELED", "REJECTED", "EXPIRED"}
VENUE_FINAL = {"FILLED": "FILLED", "CANCELED": "CANCELED", "EXPIRED": "EXPIRED",
               "EXPIRED_IN_MATCH": "EXPIRED", "REJECTED": "REJECTED"}  # fmt: skip


def orders_of(product: Product, account: Json) -> list[Json]:
    """Every order the OMS knows of the account."""
    account_ids = account["id"]
    return product.every("/oms/orders/open", account_ids=account_ids) + product.every(
        "/oms/orders/history", account_ids=account_ids
    )


def check(product: Product, account: Json) -> dict[str, int]:
    """Compare orders and deals with the venue's journal, trade by trade.

    Returns the counts of orders, trades and presumed rejections; raises AssertionError naming the
    first difference.
    """
    journal = product.journal(account)
    posts = product.order_posts()
    orders = orders_of(product, account)
    theirs = {row["client_id"]: row for row in journal if row["event"] == "order"}
    ours = {order["exchange_client_order_id"]: order for order in orders}
    replaced = _earlier_ids(product, account)
    for client_id, order in ours.items():
        assert posts.get(client_id, 0) <= 1, f"posted {posts[client_id]} times: {order}"
        if client_id not in theirs:
            assert order["status"] in ("REJECTED", "EXPIRED", "CANCELED"), f"not at venue: {order}"
    for client_id, row in theirs.items():
        assert client_id in ours or client_id in replaced, f"unknown to us: {row}"
    _check_deals(product, account, journal)
    return {
        "orders": len(orders),
        "trades": sum(row["event"] == "trade" for row in journal),
        "presumed": sum(order["note"] == "presumed" for order in orders),
    }


def check_final_states(product: Product, account: Json) -> None:
    """Every order comes to the state that the venue shows for it."""
    try:
        product.until(lambda: not _differing(product, account), 10, "the venue's states")
    except AssertionError:
        assert _differing(product, account) == []


def _differing(product: Product, account: Json) -> list[tuple[Json, Json]]:
    """Orders whose state is another one there, each with the venue's row."""
    theirs = orders_at_venue(product, account)
    pairs = [(order, theirs.get(order["exchange_client_order_id"])) for order in
             orders_of(product, account)]  # fmt: skip
    return [(order, row) for order, row in pairs if row is not None and not _agree(order, row)]


def _agree(order: Json, row: Json) -> bool:
    ended = order["status"] in FINAL or row["status"] in VENUE_FINAL
    same = not ended or _told_by(order, row) == order["status"]
    return same and Decimal(order["filled_qty"]) <= Decimal(order["qty"])


def _told_by(order: Json, row: Json) -> str | None:
    """What the venue's final status means here: what it cut to fit a position is not filled."""
    was_cut = row["status"] == "FILLED" and Decimal(row["qty"]) < Decimal(order["qty"])
    return "CANCELED" if was_cut else VENUE_FINAL.get(row["status"])


def is_quiet(product: Product) -> bool:
    """No order is in doubt or on its way, and none owes fills."""
    for account in product.accounts:
        orders = product.every("/oms/orders/open", account_ids=account["id"])
        if any(order["status"] in MOVING for order in orders):
            return False
    return all(rests_the_same(product, account) for account in product.accounts)


def rests_the_same(product: Product, account) -> bool:
    """Whether what rests here rests there and the other way round."""
    shown = orders_at_venue(product, account).values()
    live = {row["client_id"] for row in shown if row["status"] in ("NEW", "PARTIALLY_FILLED")}
    ours = product.every("/oms/orders/open", account_ids=account["id"])
    return {order["exchange_client_order_id"] for order in ours} == live


def market_of(account: Json) -> str:
    """The venue's market that the account trades in."""
    return "linear" if account["exchange_id"].endswith("usdm") else "spot"


def orders_at_venue(product: Product, account: Json) -> dict[str, Json]:
    """The venue's orders of the account by client id.

    A futures trigger that has placed an order is told by that order, which has the same client id.
    """

    def shown(market: str) -> list[Json]:
        return product.venue("GET", "orders", login=product.login(account), market=market)

    if market_of(account) == "spot":
        return {row["client_id"]: row for row in shown("spot")}
    triggers = {row["client_id"]: row | {"status": row["extra"]["algo_status"]}
                for row in shown("linear_algo")}  # fmt: skip
    return triggers | {row["client_id"]: row for row in shown("linear")}


def net_of_positions(product: Product, account: Json) -> dict[str, Decimal]:
    """Signed open volume per symbol."""
    net: dict[str, Decimal] = defaultdict(Decimal)
    for position in product.positions(account):
        sign = 1 if position["side"] == "buy" else -1
        net[position["symbol"]] += sign * Decimal(position["qty"])
    return dict(net)


def _check_deals(product: Product, account: Json, journal: list[Json]) -> None:
    """The sums of our deals per trade are the venue's trades: quantity, price, fee, currency."""
    deals: dict[tuple, list[Json]] = defaultdict(list)
    for deal in product.every("/oms/deals", account_ids=account["id"]):
        if deal["kind"] == "fill":
            symbol = deal["symbol"].partition(":")[0].replace("/", "")
            deals[(symbol, deal["exchange_trade_id"], deal["side"])].append(deal)
    trades = {
        (row["symbol"], str(row["trade_id"]), row["side"].lower()): row
        for row in journal
        if row["event"] == "trade"
    }
    assert set(deals) == set(trades), (
        f"missing: {sorted(set(trades) - set(deals))[:5]}, "
        f"too many: {sorted(set(deals) - set(trades))[:5]}"
    )
    for key, trade in trades.items():
        booked = deals[key]
        assert sum(Decimal(deal["qty"]) for deal in booked) == Decimal(trade["qty"]), key
        assert {Decimal(deal["price"]) for deal in booked} == {Decimal(trade["price"])}, key
        assert sum(Decimal(deal["fee"] or 0) for deal in booked) == Decimal(trade["fee"]), key
        if Decimal(trade["fee"]):
            assert {deal["fee_currency"] for deal in booked} == {trade["fee_asset"]}, key


def events_of(product: Product, account: Json) -> Iterator[Json]:
    """The account's whole event log, oldest first."""
    since = 0
    while rows := product.get("/oms/events", account_ids=account["id"], since_seq=since, limit=500)[
        "items"
    ]:
        yield from rows
        since = rows[-1]["seq"]


def _earlier_ids(product: Product, account: Json) -> set[str]:
    """Ids that our orders had at the exchange before they were replaced, from the event log."""
    payloads = (row["payload"] for row in events_of(product, account))
    return {payload.get("exchange_client_order_id") for payload in payloads}
