"""What does a ``settle_provisional`` do to the books?

The deals that stood for trades which the exchange had not listed are superseded, and the trades
are booked in their place as a reassign books: see ``rebooking``. Where that is impossible, the
difference in price and fees is one ``correction`` deal on the position where they lie. Whoever
settles and whoever replays it run this same function.
"""

from collections.abc import Iterable
from typing import Any

from positions.engine.fees import rate_of
from positions.engine.market import Market
from positions.engine.money import ZERO
from positions.engine.settling import Correction, corrected, correction_of
from positions.engine.types import DealKind, Side
from positions.ledger import rebooking
from positions.ledger.executions import Executed, fill_of, told_fees
from positions.ledger.rebuilt import of_no_order
from positions.ledger.replay import Books
from positions.ledger.stream import BookedDeal
from positions.ledger.stream import Entry as JournalRow
from positions.models import Execution


def settle(books: Books, entry: JournalRow) -> list[BookedDeal]:
    """Book a settling; ``books.replaced`` holds the deals that it superseded.

    Raises:
        EngineError: the positions that it names cannot do what it says.
        KeyError, ArithmeticError, ValueError: its facts are not readable.
    """
    facts = entry.facts
    if facts["from_booking_no"] is not None:
        return rebooking.rebook(books, entry)
    past, market = books.past_of(entry.booking_no), books.market_of(facts["terms_id"])
    estimated = past.executions(facts["provisional_ids"])
    correction = correction_between(estimated, past.executions(facts["execution_ids"]), market)
    position = books.named(facts["corrected_position_id"])
    books.hold(position, corrected(position.holding, correction))
    books.add_dust(correction.dust)
    deal = BookedDeal(
        booking_no=entry.booking_no + 1,
        **of_no_order(position),
        exchange_trade_id=None,
        executed_at=entry.created_at,
        **correction_deal(correction, market, side=Side(facts["side"])),
    )
    return [deal]


def correction_between(
    estimated: Iterable[Execution | Executed], real: Iterable[Execution | Executed], market: Market
) -> Correction:
    """What the real executions moved beyond those that stood for them."""
    return correction_of([*map(fill_of, estimated)], [*map(fill_of, real)], market)


def correction_deal(correction: Correction, market: Market, *, side: Side) -> dict[str, Any]:
    """The columns of its deal: no quantity, what was paid more or less, and the fees."""
    first = correction.fees[0] if correction.fees else None
    return {
        "kind": DealKind.CORRECTION,
        "entry": None,
        "side": side,
        "qty": ZERO,
        "price": None,
        "profit": correction.profit,
        "profit_currency": market.profit_currency,
        "fee": first.fee if first else None,
        "fee_currency": first.currency if first else None,
        "fee_rate": rate_of(first.fee, first.in_quote) if first else None,
        "fee_quote": first.in_quote if first else None,
        "other_fees": told_fees(correction.fees[1:]),
        "base_fee": ZERO,
        "cost": ZERO,
    }
