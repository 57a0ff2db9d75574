"""Carry one position into another of the same side and strategy."""

from accounts.models import Account
from accounts.rights.permissions import Caller
from positions.commands import MergePositions, StopMode
from positions.engine.merge import merge
from positions.engine.stops import check_stops
from positions.engine.types import CommandStatus, Side
from positions.models import Command, Position
from positions.projector.booking.transfers import book_merge
from positions.services import checks
from positions.services.context import Acceptance
from positions.services.pricing import Found, look_up_market
from positions.services.targets import check_comment, check_live, require_closable
from positions.volumes import facts_of


def look_up(command: MergePositions, caller: Caller, account: Account) -> Found:
    """The market of the positions, and its price where stops are set.

    Raises:
        PositionNotFound: one of them does not exist for this caller.
        AdminReadOnly, PermissionDenied, StrategyPermissionDenied: the caller may not close one.
    """
    source = require_closable(caller, account, command.source_position_id)
    require_closable(caller, account, command.target_position_id)
    needs = (source.symbol,) if _judged(command) else ()
    return look_up_market(account, source.symbol, needs=needs)


def book(acceptance: Acceptance, command: MergePositions, found: Found) -> Command:
    """Move quantity, cost and open orders; the source's deals, profit and fees stay with it.

    Raises:
        OmsError, EngineError: it was refused; nothing is stored.
    """
    check_comment(acceptance.caller, command.comment)
    both = Position.objects.in_bulk([command.source_position_id, command.target_position_id])
    source, target = both[command.source_position_id], both[command.target_position_id]
    for position in (source, target):
        check_live(position)
    result = merge(facts_of(source), facts_of(target))
    _set_stops(command, target, found)
    row = acceptance.store(status=CommandStatus.COMPLETED)
    book_merge(
        acceptance.lane, row, source, target, result=result, market=found.rules.engine_market
    )
    row.position_ids = [source.pk, target.pk]
    row.save(update_fields=["position_ids"])
    return row


def _judged(command: MergePositions) -> bool:
    """Whether it sets stops, which must not fire at once."""
    return not (command.stop_loss is command.stop_gain is None)


def _set_stops(command: MergePositions, target: Position, found: Found) -> None:
    """``keep`` leaves the target's stops, ``clear`` takes them away, ``set`` gives it new ones."""
    if command.stop_mode is StopMode.KEEP:
        return
    for field in ("stop_loss", "stop_gain"):
        price = getattr(command, field)
        if price is not None:
            checks.check_price(field, price, found.rules)
    stops = {"stop_loss": command.stop_loss, "stop_gain": command.stop_gain}
    check_stops(Side(target.side), **stops, mark=None)
    if _judged(command):
        check_stops(Side(target.side), **stops, mark=found.price_to_judge())
    target.stop_loss, target.stop_gain = command.stop_loss, command.stop_gain
    target.trailing = None
