"""What does a replay keep of a position, and what does a deal look like that it writes?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from positions.engine.closing import PositionFacts
from positions.engine.fees import rate_of
from positions.engine.holding import Holding, Leg
from positions.engine.market import Market
from positions.engine.money import ZERO
from positions.engine.routing import Candidate
from positions.engine.types import DealKind, PositionState
from positions.ledger.executions import Executed, knows_fee, told_fees
from positions.ledger.stream import BookedDeal


class Assigned(NamedTuple):
    """To whom an order's executions before this booking went, whatever they were booked by.

    ``taken_by``: the order that it turned out to be, and whose its deals are from then on.
    """

    booking_no: int
    strategy_id: int
    position_id: int | None
    taken_by: int | None = None

    @classmethod
    def by(cls, booking_no: int, facts: Mapping[str, Any]) -> "Assigned":
        """As a journal entry of a reassign says."""
        return cls(booking_no, facts["strategy_id"], facts["position_id"], facts.get("taken_by"))


@dataclass(slots=True)
class Rebuilt:
    """A position as the ledger determines it."""

    position_id: int
    ticket: int
    opening_order_id: int
    symbol: str
    strategy_id: int
    market: Market
    holding: Holding
    merged_into: int | None = None
    dedicated: bool = False
    superseded_by: int | None = None

    @property
    def state(self) -> PositionState:
        """Open, closed or merged; that a close is requested is no matter of the ledger."""
        if self.merged_into is not None:
            return PositionState.MERGED
        return PositionState.OPEN if self.holding.qty else PositionState.CLOSED

    @property
    def candidate(self) -> Candidate:
        """The position as routing sees it."""
        return Candidate(
            position_id=self.position_id,
            side=self.holding.side,
            qty=self.holding.qty,
            strategy_id=self.strategy_id,
            opened_by=self.opening_order_id,
            dedicated=self.dedicated,
            merged_into=self.merged_into,
        )

    @property
    def facts(self) -> PositionFacts:
        """The position as close-by and merge see it; what was booked had its volume free."""
        return PositionFacts(
            position_id=self.position_id,
            account_id=0,
            symbol=self.symbol,
            strategy_id=self.strategy_id,
            holding=self.holding,
            free=self.holding.qty,
            dedicated=self.dedicated,
        )


def fill_deal(
    number: int,
    execution: Executed,
    leg: Leg,
    position: Rebuilt,
    *,
    market: Market,
    cost: Decimal,
    order_id: int,
    strategy_id: int,
) -> BookedDeal:
    """The deal of one leg of an execution; ``cost`` is by how much it changed the position's."""
    known = knows_fee(execution)
    return BookedDeal(
        booking_no=number,
        kind=DealKind.FILL,
        entry=leg.entry,
        side=leg.side,
        qty=leg.qty,
        price=leg.price,
        profit=leg.profit,
        profit_currency=market.profit_currency,
        fee=leg.fee if known else None,
        fee_currency=execution.fee_currency,
        fee_rate=rate_of(leg.fee, leg.fee_quote),
        fee_quote=leg.fee_quote if known else None,
        other_fees=told_fees(leg.other_fees),
        base_fee=leg.base_fee,
        cost=cost,
        symbol=execution.symbol,
        strategy_id=strategy_id,
        position_strategy_id=position.strategy_id,
        position_id=position.position_id,
        order_id=order_id,
        execution_id=execution.id,
        exchange_trade_id=execution.exchange_trade_id,
        executed_at=execution.executed_at,
    )


def of_no_order(position: Rebuilt) -> dict[str, Any]:
    """The columns of a deal that no order made: it is its position's."""
    return {
        "symbol": position.symbol,
        "strategy_id": position.strategy_id,
        "position_strategy_id": position.strategy_id,
        "position_id": position.position_id,
        "order_id": None,
        "execution_id": None,
    }


def _no_fees() -> dict[str, Any]:
    return {
        "fee": None,
        "fee_currency": None,
        "fee_rate": None,
        "fee_quote": None,
        "other_fees": [],
        "base_fee": ZERO,
    }


def transfer_deal(
    number: int,
    kind: DealKind,
    leg: Leg,
    position: Rebuilt,
    *,
    market: Market,
    cost: Decimal,
    at: datetime,
) -> BookedDeal:
    """The deal of one side of a close-by, or of dust written off."""
    return BookedDeal(
        booking_no=number,
        kind=kind,
        entry=leg.entry,
        side=leg.side,
        qty=leg.qty,
        price=leg.price,
        profit=leg.profit,
        profit_currency=market.profit_currency,
        **_no_fees(),
        cost=cost,
        **of_no_order(position),
        exchange_trade_id=None,
        executed_at=at,
    )


def funding_deal(
    number: int,
    amount: Decimal,
    position: Rebuilt,
    *,
    currency: str,
    exchange_funding_id: str,
    at: datetime,
) -> BookedDeal:
    """One position's part of a funding payment."""
    return BookedDeal(
        booking_no=number,
        kind=DealKind.FUNDING,
        entry=None,
        side=position.holding.side,
        qty=ZERO,
        price=None,
        profit=amount,
        profit_currency=currency,
        **_no_fees(),
        cost=ZERO,
        **of_no_order(position),
        exchange_trade_id=exchange_funding_id,
        executed_at=at,
    )
