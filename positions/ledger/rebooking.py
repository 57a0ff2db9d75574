"""What does a reassign, or a settling, do to the books?

Contract section 6: the deals of the touched positions from a booking on are superseded; the
executions behind them are booked anew by ``executed_at``, then id, those of the moved orders as
their new strategy's; a position keeps its id while its opening order is the same. A settling moves
no order: real executions come in the place of provisional ones. Whoever books it and whoever
replays it run this same function.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from positions.engine.book import book_funding
from positions.engine.fees import add_fee
from positions.engine.funding import Share, Volume, funding_shares
from positions.engine.holding import DustMove, Holding
from positions.engine.money import ZERO
from positions.engine.routing import OrderFacts
from positions.engine.types import DealKind, DealRule, Side
from positions.ledger.executions import Executed, order_facts_of
from positions.ledger.past import Past
from positions.ledger.rebuilt import Assigned, Rebuilt, funding_deal
from positions.ledger.replay import Books
from positions.ledger.stream import BookedDeal, time_of
from positions.ledger.stream import Entry as JournalRow


class Payment(NamedTuple):
    """What one funding payment gave the touched positions together."""

    deal: BookedDeal
    amount: Decimal


def rebook(books: Books, entry: JournalRow) -> list[BookedDeal]:
    """Book the entry; ``books.replaced`` holds the deals that it superseded.

    Raises:
        EngineError: the positions that it names cannot do what it says.
        KeyError, ArithmeticError, ValueError: its facts are not readable.
    """
    facts, past = entry.facts, books.past_of(entry.booking_no)
    for order_id in facts["order_ids"]:
        books.assigned.put(order_id, Assigned.by(entry.booking_no, facts))
    if facts["from_booking_no"] is None:
        return []
    books.replaced = past.deals_from(
        facts["position_ids"],
        booking_no=facts["from_booking_no"],
        time=time_of(facts["from_time"]),
    )
    _take_back(books, entry, past)
    deals = _book_anew(books, entry, past)
    books.forget_leavers()
    return deals


def facts_of(books: Books, execution: Executed) -> OrderFacts:
    """The execution's order as it is assigned now."""
    assigned = books.assigned.get(execution.order_id)
    if assigned is None or assigned.booking_no < execution.booking_no:
        return order_facts_of(execution)
    order_id = execution.order_id
    if assigned.taken_by is not None:
        order_id = assigned.taken_by
        later = books.assigned.get(order_id)
        assigned = later if later and later.booking_no > assigned.booking_no else assigned
    return OrderFacts(
        order_id=order_id,
        side=Side(execution.side),
        strategy_id=assigned.strategy_id,
        position_id=assigned.position_id,
    )


def _take_back(books: Books, entry: JournalRow, past: Past) -> None:
    """Bring every touched position to where it was before the first superseded deal."""
    first = entry.facts["from_booking_no"]
    taken: dict[int, list[BookedDeal]] = {}
    for deal in books.replaced:
        taken.setdefault(deal.position_id, []).append(deal)
    born = past.born_before(list(taken), first)
    for position_id, deals in taken.items():
        position = books.named(position_id)
        before = _without(position.holding, deals)
        if position_id not in born:
            books.leave(position, before, entry.booking_no)
            continue
        turn = past.last_turn(position_id, first)
        position.ticket = turn or position.opening_order_id
        books.hold(position, before)
    fills = [deal for deal in books.replaced if deal.kind == DealKind.FILL]
    books.add_dust(_returned(fills, taken_from=books))


def _without(holding: Holding, deals: Iterable[BookedDeal]) -> Holding:
    """The position before these deals; which of them came first makes no difference."""
    signed, cost, profit = holding.signed_qty, holding.cost, holding.profit
    fees, in_quote = holding.fees, holding.fees_quote
    for deal in deals:
        signed, cost, profit = signed - deal.change, cost - deal.cost, profit - deal.profit
        if deal.fee is not None:
            fees = add_fee(fees, deal.fee_currency, -deal.fee)
            in_quote -= deal.fee_quote or ZERO
        for currency, fee, worth in deal.other_fees:
            fees = add_fee(fees, currency, -Decimal(fee or ZERO))
            in_quote -= Decimal(worth or ZERO)
    side = holding.side if not signed else Side.BUY if signed > ZERO else Side.SELL
    left = tuple((currency, fee) for currency, fee in fees if fee)
    return Holding(side, abs(signed), cost, profit, left, in_quote)


def _returned(fills: Iterable[BookedDeal], *, taken_from: Books) -> Iterator[DustMove]:
    """What the fees of these deals took from the dust record: on spot, all that is no volume."""
    for deal in fills:
        market = taken_from.named(deal.position_id).market
        if market.is_spot and deal.fee is not None and deal.fee_currency != market.quote:
            assert deal.fee_currency is not None
            yield DustMove(deal.fee_currency, deal.fee - deal.base_fee)
        for currency, fee, _ in deal.other_fees if market.is_spot else ():
            if currency is not None and currency != market.quote:
                yield DustMove(currency, Decimal(fee or ZERO))


def _book_anew(books: Books, entry: JournalRow, past: Past) -> list[BookedDeal]:
    """Fills and payments in the order of their times; a payment after the fills of its moment."""
    ids = {deal.execution_id for deal in books.replaced if deal.execution_id is not None}
    ids -= {*entry.facts.get("provisional_ids", ())}
    ids |= {*entry.facts.get("execution_ids", ())}
    payments = _payments(books.replaced)
    touched = set(entry.facts["position_ids"])
    rule = entry.facts.get("deal_rule", DealRule.POSITION)  # Older ones do not say it.
    deals: list[BookedDeal] = []
    for execution in past.executions(ids):
        due = [each for each in payments if each.deal.executed_at < execution.executed_at]
        for payment in due:
            if rows := _standing(books, touched):
                deals += _pay(books, entry, payment, rows, len(deals))
                payments.remove(payment)
        number = entry.booking_no + 1 + len(deals)
        booked = books.fill(execution, facts_of(books, execution), number, rule=rule)
        touched |= {deal.position_id for deal in booked}
        deals += booked
    for payment in payments:
        deals += _pay(books, entry, payment, _standing(books, touched), len(deals))
    return deals


def _payments(deals: Iterable[BookedDeal]) -> list[Payment]:
    """Funding of the touched positions, one sum per payment, oldest first."""
    sums: dict[str | None, Payment] = {}
    for deal in deals:
        if deal.kind == DealKind.FUNDING:
            known = sums.get(deal.exchange_trade_id, Payment(deal, ZERO))
            sums[deal.exchange_trade_id] = Payment(known.deal, known.amount + deal.profit)
    return sorted(sums.values(), key=lambda payment: payment.deal.executed_at)


def _standing(books: Books, touched: Iterable[int]) -> list[Rebuilt]:
    rows = (books.named(position_id) for position_id in sorted(touched))
    return [row for row in rows if row.superseded_by is None]


def _pay(
    books: Books, entry: JournalRow, payment: Payment, rows: list[Rebuilt], booked: int
) -> list[BookedDeal]:
    """Share a payment anew among those of the touched positions that are open now.

    Their net volume is what it was, so their sum is too. What rounding left where they net to zero
    goes to the newest of them.
    """
    volumes = [Volume(row.position_id, row.holding.signed_qty) for row in rows if row.holding.qty]
    shares = funding_shares(payment.amount, volumes)
    if payment.amount and not shares:
        shares = (Share(rows[-1].position_id, payment.amount),)
    return pay_shares(
        books,
        shares,
        first=entry.booking_no + 1 + booked,
        currency=payment.deal.profit_currency,
        exchange_funding_id=payment.deal.exchange_trade_id or "",
        at=payment.deal.executed_at,
    )


def pay_shares(
    books: Books, shares: Iterable[Share], *, first: int, **payment: Any
) -> list[BookedDeal]:
    """Book a payment's shares, numbered from ``first``; ``payment``: see ``funding_deal``."""
    deals = []
    for number, share in enumerate(shares, start=first):
        position = books.named(share.position_id)
        books.hold(position, book_funding(position.holding, share.amount))
        deals.append(funding_deal(number, share.amount, position, **payment))
    return deals
