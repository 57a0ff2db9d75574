"""Close two opposite positions against each other, without an order at the exchange."""

from accounts.models import Account
from accounts.rights.permissions import Caller
from positions.commands import CloseBy
from positions.engine.close_by import close_by
from positions.engine.types import CommandStatus
from positions.models import Command, Position
from positions.projector.booking.transfers import book_close_by
from positions.projector.exclusive.close_bys import has_to_wait
from positions.services import checks
from positions.services.context import Acceptance
from positions.services.pricing import Found, look_up_market
from positions.services.targets import check_comment, check_live, require_closable
from positions.volumes import facts_of


def look_up(command: CloseBy, caller: Caller, account: Account) -> Found:
    """The market of the positions, and between strategies its price.

    Raises:
        PositionNotFound: one of them does not exist for this caller.
        AdminReadOnly, PermissionDenied, StrategyPermissionDenied: the caller may not close one.
    """
    a = require_closable(caller, account, command.position_id_a)
    b = require_closable(caller, account, command.position_id_b)
    needs = () if a.strategy_id == b.strategy_id else (a.symbol,)
    return look_up_market(account, a.symbol, needs=needs)


def book(acceptance: Acceptance, command: CloseBy, found: Found) -> Command:
    """Close both by ``qty``, or by the smaller of the two; between strategies at the mark price.

    Where a stop of one of them is at the exchange, that ends first; the command waits for it.

    Raises:
        OmsError, EngineError: it was refused; nothing is stored.
    """
    check_comment(acceptance.caller, command.comment)
    both = Position.objects.in_bulk([command.position_id_a, command.position_id_b])
    a, b = both[command.position_id_a], both[command.position_id_b]
    for position in (a, b):
        check_live(position)
    if command.qty not in (None, a.qty, b.qty):  # Else neither could be closed whole afterwards.
        checks.check_step("qty", command.qty, found.rules.amount_step, "quantity")
    market = found.rules.engine_market
    mark = None if a.strategy_id == b.strategy_id else found.price_to_judge()
    result = close_by(facts_of(a), facts_of(b), market, qty=command.qty, mark=mark)
    if has_to_wait(a, b):
        return _wait(acceptance, a, b)
    row = acceptance.store(status=CommandStatus.COMPLETED)
    book_close_by(
        acceptance.lane,
        row,
        a,
        b,
        result=result,
        mark=mark,
        market=market,
        comment=command.comment,
    )
    row.position_ids = [a.pk, b.pk]
    row.save(update_fields=["position_ids"])
    return row


def _wait(acceptance: Acceptance, a: Position, b: Position) -> Command:
    row = acceptance.store()
    row.position_ids = [a.pk, b.pk]
    row.save(update_fields=["position_ids"])
    acceptance.lane.touch(a.symbol)
    return row
