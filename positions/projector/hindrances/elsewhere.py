"""How much of a position does the exchange still hold, where somebody else trades against it?

An order that nobody here gave has a position of its own until somebody takes it over. While such a
one stands against a position, that may be closed already, at the exchange: closing it here too
would turn the account round there.
"""

from decimal import Decimal

from positions.engine.money import ZERO, exact
from positions.engine.types import CaseAction, CaseKind, MarketKind, PositionMode, Side
from positions.models import Position, Trigger
from positions.outbox import HeldLane
from positions.ports import MarketRules
from positions.projector.cases import open_case, subject_of
from positions.volumes import exchange_net


def externals_against(position: Position) -> list[Position]:
    """The unassigned external positions on the other side of its symbol, oldest first."""
    others = Position.objects.open().filter(
        account_id=position.account_id, symbol=position.symbol, is_external=True
    )
    return list(others.filter(side=Side(position.side).opposite).order_by("id"))


@exact
def within_the_net(
    position: Position, rules: MarketRules, qty: Decimal, *, promised: Decimal
) -> Decimal:
    """How much of ``qty`` may be closed without turning the exchange's net round.

    ``promised`` is what other closes of the position will close. All of it, unless external
    positions stand against the position: then what the net on its side allows. On spot nothing can
    be sold that is not held.
    """
    if rules.kind is MarketKind.SPOT or not externals_against(position):
        return qty
    net = Side(position.side).sign * exchange_net(position.account_id, position.symbol)
    return min(qty, max(net - promised, ZERO))


def must_reduce_only(position: Position, rules: MarketRules) -> bool:
    """Whether no close of it may ever leave without reduce-only: netting accounts on derivatives.

    Nobody else's volume makes the exchange's net smaller there, but what is closed elsewhere.
    """
    nets = position.account.position_mode == PositionMode.NETTING
    return nets and rules.kind is not MarketKind.SPOT


def open_elsewhere(
    lane: HeldLane, trigger: Trigger, position: Position, *, sold: Decimal, why: str = ""
) -> None:
    """A stop was reached, and the exchange holds less than it has to close: a person has to say."""
    externals = externals_against(position)
    net = exchange_net(position.account_id, position.symbol)
    open_case(
        lane,
        CaseKind.CLOSED_ELSEWHERE,
        subject_of(position),
        symbol=position.symbol,
        strategy_id=position.strategy_id,
        position=position,
        facts={
            "role": str(trigger.role),
            "volume": position.qty,
            "sold": sold,
            "exchange_net": net,
            "external_position_ids": [each.pk for each in externals],
            "external_order_ids": [each.opening_order_id for each in externals],
            "why": why or "external positions stand against it",
        },
        action=CaseAction.REASSIGN,
        proposal="Reassign the external order to the position's strategy, if it closed this one; "
        "the stop is held until then.",
    )
