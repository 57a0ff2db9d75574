"""Set, replace or clear the stops of a position."""

from accounts.models import Account
from accounts.permissions import Caller, require_strategy_visible, require_trade
from oms_project.errors import Invalid, PositionNotFound
from positions.commands import PositionChange
from positions.engine.stops import check_stops
from positions.engine.types import CommandStatus, Side
from positions.models import Command, Position
from positions.projector.holdings import tell_position
from positions.services import checks
from positions.services.context import Acceptance
from positions.services.send_order import Found, look_up_market
from positions.services.targets import check_live
from positions.triggers import distance_json


def look_up(command: PositionChange, caller: Caller, account: Account) -> Found:
    """The market of the position, and its newest price.

    Raises:
        PositionNotFound: it does not exist for this caller.
        AdminReadOnly, PermissionDenied, StrategyPermissionDenied: the caller may not trade it.
    """
    position = Position.objects.filter(pk=command.position_id, account=account).first()
    missing = PositionNotFound(position_id=command.position_id)
    if position is None:
        raise missing
    require_strategy_visible(caller, account.pk, position.strategy_id, missing=missing)
    require_trade(caller, account.pk, position.strategy_id)
    return look_up_market(account, position.symbol)


def book(acceptance: Acceptance, command: PositionChange, found: Found) -> Command:
    """Change what was given; the triggers follow before the transaction ends.

    Raises:
        OmsError, EngineError: it was refused; nothing is stored.
    """
    position = Position.objects.get(pk=command.position_id)
    check_live(position)
    _check_is_assigned(position)
    _check_given(command, position, found)
    for field in ("stop_loss", "stop_gain"):
        if field in command.given:
            setattr(position, field, getattr(command, field))
    if "trailing" in command.given:
        position.trailing = None if command.trailing is None else distance_json(command.trailing)
    if "comment" in command.given:
        position.comment = command.comment or ""
    lane = acceptance.lane
    position.updated_at = lane.now
    position.save(update_fields=["stop_loss", "stop_gain", "trailing", "comment", "updated_at"])
    row = acceptance.store(status=CommandStatus.COMPLETED)
    row.position_ids = [position.pk]
    row.save(update_fields=["position_ids"])
    tell_position(lane, "position_updated", position)
    lane.touch(position.symbol, fully=True)
    return row


def _check_is_assigned(position: Position) -> None:
    """A close by the OMS would be booked to the strategy that nets, not to an external position."""
    if position.is_external:
        raise Invalid(
            "The position belongs to an order that nobody has taken over: reassign it first.",
            field="position_id",
            limit="an assigned position",
            value=position.pk,
        )


def _check_given(command: PositionChange, position: Position, found: Found) -> None:
    """What is new keeps the market's step and would not fire at once; what stays is not judged."""
    stops = {}
    for field in ("stop_loss", "stop_gain"):
        new = field in command.given
        stops[field] = getattr(command if new else position, field)
        if new and stops[field] is not None:
            checks.check_price(field, stops[field], found.rules)
            check_stops(
                Side(position.side),
                **{"stop_loss": None, "stop_gain": None, field: stops[field]},
                mark=found.last_price,
            )
    check_stops(Side(position.side), **stops, mark=None)
