"""Is what a bot wrote down what the OMS booked, order by order?"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from tests.clients.stage import Robot
from tests.e2e import agreement
from tests.e2e.product import Json, Product

EQUAL = Decimal("1e-8")  # Bots keep binary numbers; this is of the quantity, and of the price.
IN_DOUBT = "request:"


@dataclass(frozen=True)
class BotOrder:
    """An order as a bot knows it; ``id`` is what the driver told it.

    ``average`` is ``None`` where the bot keeps none.
    """

    id: str
    symbol: str
    side: str
    status: str
    filled: Decimal
    average: Decimal | None


@dataclass
class Verdict:
    """What came of one bot; ``differences`` has a sentence for each."""

    orders: int
    deals: int
    differences: list[str]

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


def rows_of(database: Path, question: str) -> list[sqlite3.Row]:
    """What a bot's database answers; nothing while its tables are not made."""
    if not database.exists():
        return []
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30) as connection:
        connection.row_factory = sqlite3.Row
        try:
            return connection.execute(question).fetchall()
        except sqlite3.OperationalError:
            return []


def compared(product: Product, robot: Robot, bots: Iterable[BotOrder]) -> Verdict:
    """Compare a bot's orders with the orders and deals of its strategy."""
    theirs = list(bots)
    asked = {"account_ids": robot.account["id"], "strategy_id": robot.strategy_id}
    ours = {row["id"]: row for path in ("open", "history")
            for row in product.every(f"/oms/orders/{path}", **asked)}  # fmt: skip
    deals: dict[int, list[Json]] = defaultdict(list)
    for deal in product.every("/oms/deals", **asked):
        if deal["kind"] == "fill":
            deals[deal["order_id"]].append(deal)
    differences = [*_differences(theirs, ours, deals)]
    return Verdict(len(theirs), sum(map(len, deals.values())), differences)


def not_agreeing(product: Product, account: Json) -> list[str]:
    """Whether OMS and venue agree, trade by trade, and no order was posted twice."""
    try:
        agreement.check(product, account)
    except AssertionError as difference:
        return [f"account {account['id']}: {difference}"]
    return []


def _differences(
    theirs: list[BotOrder], ours: dict[int, Json], deals: dict[int, list[Json]]
) -> Iterable[str]:
    by_request = {row["client_order_id"]: number for number, row in ours.items()}
    known: dict[int, BotOrder] = {}
    for order in theirs:
        number = _number(order.id, by_request)
        if number not in ours:
            yield f"the OMS does not have {order}"
        elif number in known:
            yield f"order {number} stands twice in the bot's books"
        else:
            known[number] = order
            yield from _unequal(order, ours[number], deals.get(number, []))
    for number in deals.keys() - known.keys():
        yield f"the bot does not have {ours[number]}"


def _number(name: str, by_request: dict[str, int]) -> int | None:
    if name.startswith(IN_DOUBT):
        return by_request.get(name.split(":", 2)[2])
    return int(name) if name.isdigit() else None


def _unequal(order: BotOrder, row: Json, deals: list[Json]) -> Iterable[str]:
    qty = sum((Decimal(deal["qty"]) for deal in deals), Decimal(0))
    cost = sum((Decimal(deal["qty"]) * Decimal(deal["price"]) for deal in deals), Decimal(0))
    if (order.symbol, order.side) != (row["symbol"], row["side"]):
        yield f"{order} is {row['symbol']} {row['side']} here"
    if abs(order.filled - qty) > EQUAL * max(qty, 1):
        yield f"{order} was filled with {qty} here"
    elif qty and order.average is not None and abs(order.average * qty - cost) > EQUAL * cost:
        yield f"{order} was filled at {cost / qty} here"
