"""Set, replace or clear the stops of a position."""

from decimal import Decimal

from accounts.models import Account
from accounts.rights.permissions import Caller, require_strategy_visible, require_trade
from oms_project.errors import Invalid, PositionNotFound
from positions.commands import PositionChange
from positions.engine.stops import TrailingDistance, check_stops
from positions.engine.types import CommandStatus, Side, TriggerBy
from positions.models import Command, Position
from positions.projector.booking.holdings import tell_position
from positions.services import checks
from positions.services.context import Acceptance
from positions.services.pricing import Found, look_up_market
from positions.services.targets import check_live
from positions.triggers import distance_json


def look_up(command: PositionChange, caller: Caller, account: Account) -> Found:
    """The market of the position, and its price where a stop is judged by it or trails it.

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
    given = not (command.stop_loss is command.stop_gain is command.trailing is None)
    return look_up_market(account, position.symbol, needs=(position.symbol,) if given else ())


def book(acceptance: Acceptance, command: PositionChange, found: Found) -> Command:
    """Change what was given; the triggers follow before the transaction ends.

    Raises:
        OmsError, EngineError: it was refused, also where no price could be had to judge a stop by;
            nothing is stored.
    """
    position = Position.objects.get(pk=command.position_id)
    check_live(position)
    _check_trigger_by(command)
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


def _check_trigger_by(command: PositionChange) -> None:
    """Stops of positions move between the exchange and the OMS, which watches the last price."""
    if command.trigger_by not in (None, TriggerBy.LAST):
        raise Invalid(
            "The stops of a position wait for the last price.",
            field="trigger_by",
            limit=[TriggerBy.LAST],
            value=command.trigger_by,
        )


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
    side, stops, new = Side(position.side), {}, {}
    for field in ("stop_loss", "stop_gain"):
        is_given = field in command.given
        stops[field] = getattr(command if is_given else position, field)
        new[field] = stops[field] if is_given else None
        if new[field] is not None:
            checks.check_price(field, new[field], found.rules)
    check_stops(side, **stops, mark=None)
    if not (new["stop_loss"] is new["stop_gain"] is None):
        check_stops(side, **new, mark=found.price_to_judge())
    if command.trailing is not None and side is Side.BUY:
        _check_distance(command.trailing, found.last_price)


def _check_distance(trailing: TrailingDistance, price: Decimal | None) -> None:
    """A long's stop that trails by as much as its price would never fire."""
    if trailing.amount is not None and price is not None and trailing.amount >= price:
        raise Invalid(
            "A stop this far behind the price would never fire.",
            field="trailing.amount",
            limit=price,
            value=trailing.amount,
        )
