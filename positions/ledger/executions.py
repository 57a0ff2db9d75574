"""What does an execution say: to the hash chain, to the router, to the book?

The projector asks when it books, the replay when it books again; both get the same answers.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, NamedTuple

from positions import rows
from positions.engine.holding import Fill, OtherFee, PaidFee
from positions.engine.money import plain
from positions.engine.routing import OrderFacts
from positions.engine.types import DealRule, Side
from positions.models import Execution

_SIDES = {str(side): side for side in Side}


class Executed(NamedTuple):
    """An execution as the replay reads it; the fields are the columns of its row."""

    id: int
    account_id: int
    number: int
    booking_no: int
    order_id: int
    leg_id: int | None
    symbol: str
    side: str
    qty: Decimal
    price: Decimal
    fee: Decimal | None
    fee_currency: str | None
    exchange_trade_id: str
    exchange_order_id: str
    executed_at: datetime
    terms_id: int
    position_mode: str
    reversal: str
    strategy_id: int
    named_position_id: int | None
    fee_rate: Decimal | None
    previous_hash: str
    hash: str
    external: bool
    forced: str | None
    forced_step: Decimal | None
    deal_rule: int
    other_fees: list[list[str | None]]
    provisional: bool = False
    deferred: bool = False


_TEXTS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "",
    Decimal: plain,
    datetime: rows.utc_text,
}
_RARE = ("external", "forced", "forced_step", "other_fees", "provisional", "deferred")
_UNHASHED = {"id", "hash", "deal_rule", *_RARE}
_hashed = attrgetter(*(name for name in Executed._fields if name not in _UNHASHED))
_rare = attrgetter(*_RARE)


def digest(execution: Execution | Executed) -> str:
    """The execution's link of the chain: SHA-256 over the link before and every fact of the row.

    What hardly any has is named, and counts where it is set; likewise what older rows had not.
    """
    facts = [_text(fact) for fact in _hashed(execution)]
    rare = zip(_RARE, _rare(execution), strict=True)
    facts += [f"{name}={_text(fact)}" for name, fact in rare if fact]
    if execution.deal_rule != DealRule.POSITION:
        facts.append(f"deal_rule={execution.deal_rule:d}")
    return hashlib.sha256("\x1f".join(facts).encode()).hexdigest()


def knows_fee(execution: Execution | Executed) -> bool:
    """A fee without its currency is worth nothing that could be booked; the execution keeps it."""
    return execution.fee is not None and execution.fee_currency is not None


def fill_of(execution: Execution | Executed) -> Fill:
    """The execution as the engine books it."""
    side, qty, price = _SIDES[execution.side], execution.qty, execution.price
    if execution.fee is None or execution.fee_currency is None:
        return Fill(side, qty, price)
    fill = Fill(side, qty, price, execution.fee, execution.fee_currency, execution.fee_rate)
    if execution.other_fees:
        return fill._replace(other_fees=tuple(other_fees_of(execution)))
    return fill


def other_fees_of(execution: Execution | Executed) -> Iterator[OtherFee]:
    """What it was charged beside its first fee."""
    for currency, fee, rate in execution.other_fees:
        assert currency is not None
        assert fee is not None
        yield OtherFee(currency, Decimal(fee), None if rate is None else Decimal(rate))


def told_fees(fees: Iterable[OtherFee | PaidFee]) -> list[list[str | None]]:
    """Other fees as the rows of executions and deals hold them."""
    return [
        [name, plain(fee), None if worth is None else plain(worth)] for name, fee, worth in fees
    ]


def strategy_of_deal(rule: int, *, order: int, position: int) -> int:
    """Whose a fill's deal is, of the strategies of its order and its position (``DealRule``)."""
    return position if rule == DealRule.POSITION else order


def order_facts_of(execution: Execution | Executed) -> OrderFacts:
    """The execution's order as the engine routes it: as it was when the execution was booked."""
    return OrderFacts(
        order_id=execution.order_id,
        side=_SIDES[execution.side],
        strategy_id=execution.strategy_id,
        position_id=execution.named_position_id,
        external=execution.external,
    )


def _text(fact: object) -> str:
    return _TEXTS.get(type(fact), str)(fact)
