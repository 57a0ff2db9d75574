"""What does a journal entry do to the books?

Everything that is booked and is no execution: close-bys, merges, corrections, funding, reassigns
and settlings. Whoever books a reassign and whoever replays the ledger enter through the same
function.
"""

from decimal import Decimal

from positions.engine.book import book_dust
from positions.engine.close_by import close_by
from positions.engine.errors import BrokenLedger
from positions.engine.funding import Volume, funding_shares
from positions.engine.holding import average_price
from positions.engine.merge import merge
from positions.engine.money import ZERO
from positions.engine.types import DealKind
from positions.journal import JournalKind
from positions.ledger.rebooking import pay_shares, rebook
from positions.ledger.rebuilt import transfer_deal
from positions.ledger.replay import Books
from positions.ledger.settling import settle
from positions.ledger.stream import BookedDeal, Entry, time_of


def enter(books: Books, entry: Entry) -> list[BookedDeal]:
    """Book a journal entry; ``books.replaced`` holds the deals that it superseded.

    Raises:
        EngineError: the positions that it names cannot do what it says.
        KeyError, ArithmeticError, ValueError: its facts are not readable.
    """
    books.replaced = []
    match JournalKind(entry.kind):
        case JournalKind.CLOSE_BY:
            return _close_by(books, entry)
        case JournalKind.MERGE:
            return _merge(books, entry)
        case JournalKind.CORRECTION:
            return _correct(books, entry)
        case JournalKind.FUNDING:
            return _pay_funding(books, entry)
        case JournalKind.REASSIGN:
            return rebook(books, entry)
        case JournalKind.SETTLE_PROVISIONAL:
            return settle(books, entry)


def _close_by(books: Books, entry: Entry) -> list[BookedDeal]:
    facts = entry.facts
    a, b = books.named(facts["position_id_a"]), books.named(facts["position_id_b"])
    market = books.market_of(facts["terms_id"])
    mark = None if facts["mark"] is None else Decimal(facts["mark"])
    result = close_by(a.facts, b.facts, market, qty=Decimal(facts["qty"]), mark=mark)
    deals = []
    for row, leg, left in ((a, result.leg_a, result.a), (b, result.leg_b, result.b)):
        number, cost = entry.booking_no + 1 + len(deals), left.cost - row.holding.cost
        books.hold(row, left)
        deals.append(
            transfer_deal(
                number,
                DealKind.TRANSFER,
                leg,
                row,
                market=market,
                cost=cost,
                at=entry.created_at,
            )
        )
    return deals


def _merge(books: Books, entry: Entry) -> list[BookedDeal]:
    facts = entry.facts
    source = books.named(facts["source_position_id"])
    target = books.named(facts["target_position_id"])
    result = merge(source.facts, target.facts)
    _agree("qty", facts, result.qty)
    _agree("cost", facts, result.cost)
    source.merged_into = target.position_id
    books.hold(source, result.source)
    books.hold(target, result.target)
    return []


def _correct(books: Books, entry: Entry) -> list[BookedDeal]:
    facts = entry.facts
    position = books.named(facts["position_id"])
    market = books.market_of(facts["terms_id"])
    before = position.holding
    at_price = None if facts.get("price") is None else Decimal(facts["price"])
    booking = book_dust(before, market, Decimal(facts["qty"]), at_price=at_price)
    assert booking.current is not None
    cost = booking.current.cost - before.cost
    _agree("cost", facts, -cost)
    (leg,) = booking.legs
    if at_price is None:
        leg = leg._replace(price=average_price(before, market) or ZERO)
    books.hold(position, booking.current)
    books.add_dust(booking.dust)
    deal = transfer_deal(
        entry.booking_no + 1,
        DealKind.CORRECTION,
        leg,
        position,
        market=market,
        cost=cost,
        at=entry.created_at,
    )
    return [deal]


def _pay_funding(books: Books, entry: Entry) -> list[BookedDeal]:
    facts = entry.facts
    volumes = [Volume(number, Decimal(qty)) for number, qty in facts["volumes"]]
    shares = funding_shares(Decimal(facts["amount"]), volumes)
    return pay_shares(
        books,
        shares,
        first=entry.booking_no + 1,
        currency=facts["currency"],
        exchange_funding_id=facts["exchange_funding_id"],
        at=time_of(facts["paid_at"]),
    )


def _agree(name: str, facts: dict[str, str], rebuilt: Decimal) -> None:
    if Decimal(facts[name]) != rebuilt:
        raise BrokenLedger(f"Its {name} is {facts[name]}; the positions say {rebuilt}.")
