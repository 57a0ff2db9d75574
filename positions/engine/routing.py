"""Which position does a fill belong to?

Contract sections 5 (``position_id``) and 6 (modes). The caller asks with what it has: the facts of
the order and the positions that may matter. These are enough, a superset does no harm:

- netting modes: the open positions of the account and symbol;
- hedge and external orders: the position named by the order and the ones the order opened;
- where one of them was merged, the position it was merged into.

The values are made for every fill, so they are NamedTuples (see ``holding``).
"""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, assert_never

from positions.engine.errors import BrokenLedger, InvalidPositionId, ValidationError
from positions.engine.types import PositionMode, Reason, Reversal, Side


class OrderFacts(NamedTuple):
    """What routing needs to know of an order.

    ``position_id`` is the position it names, None for automatic; ``external`` means found at the
    exchange and not yet assigned to anyone. ``reduce_only``: it asked for nothing but a reduction.
    """

    order_id: int
    side: Side
    strategy_id: int = 0
    position_id: int | None = None
    external: bool = False
    reduce_only: bool = False


class Candidate(NamedTuple):
    """A position that a fill may belong to.

    ``opened_by`` is the order that opened it (a reversal does not change it); ``dedicated`` means
    that it belongs to an unassigned external order; ``merged_into`` is set on merged ones.
    """

    position_id: int
    side: Side
    qty: Decimal
    strategy_id: int = 0
    opened_by: int | None = None
    dedicated: bool = False
    merged_into: int | None = None


class Route(NamedTuple):
    """Where to book a fill: ``position_id`` None means into a new position.

    ``reversal`` is what ``book_fill`` must be given; ``new_reason`` is the reason of a position
    that the fill opens, None for the order's own.
    """

    position_id: int | None
    reversal: Reversal = Reversal.SPLIT
    new_reason: Reason | None = None


class Intent(StrEnum):
    """What an order asks for: its own new position, a close of one, or the net of its group."""

    OPEN = "open"
    CLOSE = "close"
    NET = "net"


def route(
    order: OrderFacts,
    candidates: Iterable[Candidate],
    *,
    mode: PositionMode,
    reversal: Reversal = Reversal.SPLIT,
) -> Route:
    """Return the position that the next fill of ``order`` is booked to.

    Contract section 6: netting has one position per symbol, strategy_netting one per symbol and
    strategy; hedge one per opening order, reopened by that order's later fills; an unassigned
    external order has a dedicated one, outside netting. What a close in hedge, or a reduce-only
    order, finds nothing left for opens its own position with reason ``correction``.

    Raises:
        BrokenLedger: a netting group has two open positions, or a merge leads nowhere.
    """
    known = {candidate.position_id: candidate for candidate in candidates}
    if order.external:
        own = _opened_by(order, known)
        return Route(own.position_id if own else None, new_reason=Reason.EXTERNAL)
    match mode:
        case PositionMode.NETTING | PositionMode.STRATEGY_NETTING:
            current = current_position(known.values(), mode=mode, strategy_id=order.strategy_id)
            excess = Reason.CORRECTION if order.reduce_only else None
            return Route(current.position_id if current else None, reversal, excess)
        case PositionMode.HEDGE:
            return _hedge_route(order, known)
        case _:
            assert_never(mode)


def current_position(
    candidates: Iterable[Candidate], *, mode: PositionMode, strategy_id: int = 0
) -> Candidate | None:
    """Return the open position that a netting account nets into, None when it is flat.

    Raises:
        BrokenLedger: there are two.
    """
    group = [
        candidate
        for candidate in candidates
        if candidate.qty
        and not candidate.dedicated
        and (mode is PositionMode.NETTING or candidate.strategy_id == strategy_id)
    ]
    if len(group) > 1:
        ids = [candidate.position_id for candidate in group]
        raise BrokenLedger("Two open positions where one is netted.", position_ids=ids)
    return group[0] if group else None


def intent_of(order: OrderFacts, candidates: Iterable[Candidate], *, mode: PositionMode) -> Intent:
    """Return what an order that is about to be sent asks for, checking the position it names.

    Contract section 5: in hedge the opposite side is a close, the same side is an error; in the
    netting modes only the current position may be named, and that implies no reduce-only.

    Raises:
        ValidationError: hedge, and the order is on the position's own side.
        InvalidPositionId: the position is unknown, closed, or not the current one.
    """
    known = {candidate.position_id: candidate for candidate in candidates}
    if mode is not PositionMode.HEDGE:
        current = current_position(known.values(), mode=mode, strategy_id=order.strategy_id)
        if order.position_id and (current is None or current.position_id != order.position_id):
            raise InvalidPositionId(
                "Only the current position can be named.",
                position_id=order.position_id,
                current_position_id=current.position_id if current else None,
            )
        return Intent.NET
    if not order.position_id:
        return Intent.OPEN
    named = known.get(order.position_id)
    if named is None or not named.qty:
        raise InvalidPositionId("There is no such open position.", position_id=order.position_id)
    if named.side is order.side:
        raise ValidationError(
            "An order that names a position closes it, so it needs the other side.",
            field="side",
            limit=named.side.opposite,
            value=order.side,
        )
    return Intent.CLOSE


def _hedge_route(order: OrderFacts, known: dict[int, Candidate]) -> Route:
    named = _lasting(known.get(order.position_id), known) if order.position_id else None
    closes = named is not None and named.side is not order.side
    if named is not None and closes and named.qty:
        return Route(named.position_id, new_reason=Reason.CORRECTION)
    if own := _opened_by(order, known):
        return Route(own.position_id)
    if named is not None and not closes:
        return Route(named.position_id)
    return Route(None, new_reason=Reason.CORRECTION if closes else None)


def _opened_by(order: OrderFacts, known: dict[int, Candidate]) -> Candidate | None:
    for candidate in known.values():
        if candidate.opened_by == order.order_id:
            return _lasting(candidate, known)
    return None


def _lasting(candidate: Candidate | None, known: dict[int, Candidate]) -> Candidate | None:
    """Follow merges to the position that took over."""
    while candidate is not None and candidate.merged_into is not None:
        target = known.get(candidate.merged_into)
        if target is None:
            raise BrokenLedger(
                "A merged position leads to none that was given.",
                position_id=candidate.position_id,
                merged_into=candidate.merged_into,
            )
        candidate = target
    return candidate
