"""What becomes of a comparison with the exchange?

Each difference is a case with the likeliest reason while it lasts; what is found no more is over.
The round itself is told as ``reconciliation_tick``.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from positions.engine.drift import Difference, Finding
from positions.engine.explaining import Context, Explained, explain, gone, unowned
from positions.engine.money import ZERO, exact_decimals
from positions.engine.types import MarketKind, OrderStatus, Resolution
from positions.models import Case, ExchangeOrder, MarketTerms, Order, Position
from positions.outbox import HeldLane, holding
from positions.ports import exchange
from positions.projector.cases import (
    close_case,
    is_same_amount,
    open_difference,
    renew_difference,
)
from positions.projector.orders.progress import owes_fills

GONE = "The next comparison found no difference any more."  # For people; the row's word decides.
_IN_DOUBT = (OrderStatus.SENDING, OrderStatus.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Noted:
    """What a comparison changed: how many cases were opened and resolved, and how many of those
    from comparing are open now.
    """

    opened: int
    resolved: int
    open: int


def explained(account_id: int, differences: Sequence[Difference]) -> tuple[Explained, ...]:
    """The differences with their likeliest reasons, from all that is known here."""
    return explain(differences, _context(account_id)) if differences else ()


def external_positions(account_id: int) -> tuple[Explained, ...]:
    """What of open positions is nobody's, by symbol, unless somebody acknowledged just those."""
    open_now = Position.objects.open().filter(account_id=account_id, is_external=True)
    by_symbol: defaultdict[str, list[Position]] = defaultdict(list)
    for position in open_now.order_by("id"):
        by_symbol[position.symbol].append(position)
    found = (_unowned(symbol, some) for symbol, some in sorted(by_symbol.items()))
    return tuple(one for one in found if not _is_acknowledged(account_id, one))


def _unowned(symbol: str, positions: list[Position]) -> Explained:
    with exact_decimals():
        net = sum((position.holding.signed_qty for position in positions), ZERO)
    numbers = [position.pk for position in positions]
    return unowned(symbol, net, numbers, [position.opening_order_id for position in positions])


def _is_acknowledged(account_id: int, found: Explained) -> bool:
    decided = Case.objects.filter(
        account_id=account_id,
        finding=found.finding,
        subject=found.subject,
        resolution=Resolution.ACKNOWLEDGED,
    )
    last = decided.order_by("-id").first()
    known = last.facts["position_ids"] if last else ()
    return set(found.facts["position_ids"]) <= set(known)


def gone_markets(account_id: int) -> tuple[Explained, ...]:
    """Open positions whose market the exchange does not trade, as far as it is known here."""
    found = []
    for position in Position.objects.open().filter(account_id=account_id).order_by("id"):
        rules = exchange().known_market(account_id, position.symbol)
        if rules is not None and not rules.active:
            found.append(gone(position.symbol, position.pk, position.qty))
    return tuple(found)


def note_comparison(
    account_id: int,
    looked_at: Collection[Finding],
    found: Sequence[Explained],
    *,
    tick: Mapping[str, Any],
) -> Noted:
    """Open, renew and resolve the cases of a round, and tell that it was made.

    ``looked_at``: what the exchange could be asked about. Cases of the rest stay as they are: not
    asked is not gone.
    """
    with holding(account_id) as lane:
        found = _unacknowledged(account_id, looked_at, found)
        rows = Case.objects.open().filter(account_id=account_id).exclude(finding=None)
        known = {(row.finding, row.subject): row for row in rows.select_related("owner")}
        opened = [_note(lane, one, known.pop((one.finding, one.subject), None)) for one in found]
        gone = [row for row in known.values() if row.finding in looked_at]
        for case in gone:
            close_case(lane, case, comment=GONE, owner_id=case.owner_id)
        noted = Noted(sum(opened), len(gone), len(found) + len(known) - len(gone))
        lane.tell("reconciliation_tick", {**tick, "open_cases": noted.open})
    return noted


def _unacknowledged(
    account_id: int, looked_at: Collection[Finding], found: Sequence[Explained]
) -> list[Explained]:
    """What nobody has acknowledged as it is; acknowledgements of what is gone lapse."""
    mine = Case.objects.filter(account_id=account_id, resolution=Resolution.ACKNOWLEDGED)
    known = {(case.finding, case.subject): case for case in mine.exclude(finding=None)}
    shown = {(one.finding, one.subject) for one in found}
    lapsed = [
        case.pk for key, case in known.items() if key not in shown and case.finding in looked_at
    ]
    Case.objects.filter(pk__in=lapsed).exclude(finding=Finding.EXTERNAL_POSITION).update(
        resolution=Resolution.LAPSED
    )
    return [
        one
        for one in found
        if not (
            (case := known.get((one.finding, one.subject)))
            and one.finding is not Finding.EXTERNAL_POSITION
            and is_same_amount(case, one)
        )
    ]


def _note(lane: HeldLane, found: Explained, known: Case | None) -> bool:
    """Whether the case is new."""
    facts = {
        "currency": found.currency,
        "ours": found.ours,
        "exchange": found.venue,
        "amount": found.amount,
        "booked_until": lane.last_booking_no,
    }
    facts = {name: fact for name, fact in (facts | found.facts).items() if fact is not None}
    if known is None:
        open_difference(lane, found, facts)
        return True
    renew_difference(lane, known, found, facts)
    return False


def _context(account_id: int) -> Context:
    newest: dict[str, MarketTerms] = {}
    for terms in MarketTerms.objects.filter(account_id=account_id).order_by("id"):
        newest[terms.symbol] = terms
    least: dict[str, Decimal] = {}
    prices: dict[tuple[str, str], Decimal] = {}
    for symbol, terms in newest.items():
        rules, price = exchange().known_market(account_id, symbol), None
        if rules is not None and rules.amount_step is not None:
            name = terms.base if terms.kind == MarketKind.SPOT else symbol
            least[name] = min(rules.amount_step, least.get(name, rules.amount_step))
        if terms.kind == MarketKind.SPOT:
            price = exchange().last_price(account_id, symbol)
        if price is not None:
            prices[terms.base, terms.quote] = price
    return Context(
        in_doubt=_in_doubt(account_id, newest),
        least=least,
        settles_in={symbol: row.settle for symbol, row in newest.items() if row.settle},
        last_prices=prices,
    )


def _in_doubt(account_id: int, terms: Mapping[str, MarketTerms]) -> dict[str, tuple[int, ...]]:
    """Orders on the wire or unanswered, and such as have fills whose trades are not here."""
    live = Order.objects.open().filter(account_id=account_id, status__in=_IN_DOUBT)
    legs = ExchangeOrder.objects.filter(account_id=account_id, order__is_open__in=[True])
    orders = {*live.values_list("symbol", "id")}
    orders |= {(leg.symbol, leg.order_id) for leg in legs if owes_fills([leg])}
    untold = ExchangeOrder.objects.filter(account_id=account_id, owes_since__isnull=False)
    orders |= {*untold.values_list("symbol", "order_id")}
    found: defaultdict[str, set[int]] = defaultdict(set)
    for symbol, order_id in orders:
        row = terms.get(symbol)
        for name in {symbol, *((row.base, row.quote, row.settle) if row else ())} - {None}:
            found[name].add(order_id)
    return {name: tuple(sorted(numbers)) for name, numbers in found.items()}
