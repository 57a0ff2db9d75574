"""A long past for tests and benchmarks of reads: rows cloned from one real trade."""

from itertools import islice
from typing import Any

from positions.models import Deal, Order, Position
from positions.tests.desk import Desk

BATCH = 1_000
SYMBOLS = 5


def with_a_past(deals: int, **settings: Any) -> Desk:
    """A desk that opened, closed and has an order at rest; and as often as said in its past.

    The clones keep every column but those that have to differ. What they name (executions,
    positions) is that of the first trade: enough for whoever lists them, not for a rebuild. One in
    ``SYMBOLS`` is in the desk's symbol.
    """
    desk = Desk(**settings)
    desk.fill(desk.close(desk.bought("1")), "1", "110")
    desk.bought("2")
    desk.rest(price="90")
    deal, order = desk.deals()[0], Order.objects.filter(pk=desk.deals()[0].order_id).get()
    position = Position.objects.history().get(account=desk.account)
    _clone(deal, deals, lambda number: {"booking_no": 10_000_000 + number})
    _clone(order, deals, lambda number: {"exchange_client_order_id": f"clone{number}"})
    _clone(position, deals, lambda number: {"opening_booking_no": 10_000_000 + number})
    return desk


def _clone(row: Deal | Order | Position, count: int, differing: Any) -> None:
    model = type(row)
    values = {field.attname: getattr(row, field.attname) for field in model._meta.concrete_fields}
    del values["id"]
    clones = (model(**values | differing(number)) for number in range(count))
    named = (_in_some_symbol(clone, number) for number, clone in enumerate(clones))
    while batch := list(islice(named, BATCH)):
        model.objects.bulk_create(batch)


def _in_some_symbol(row: Any, number: int) -> Any:
    if number % SYMBOLS:
        row.symbol = f"COIN{number % SYMBOLS}/USDT:USDT"
    return row
