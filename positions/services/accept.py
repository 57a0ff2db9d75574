"""How is a command accepted?

Look up what needs the network first, then decide and store in one transaction under the account's
lane. A refusal stores nothing and does not use up the request id.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError

from accounts.models import Account
from accounts.permissions import Caller, require_read
from oms_project.errors import (
    AccountNotFound,
    AdminReadOnly,
    IdempotencyConflict,
    error_class,
)
from positions import commands
from positions.engine.errors import EngineError
from positions.models import Command
from positions.outbox import holding
from positions.services import (
    cancel_orders,
    change_order,
    close_by,
    close_position,
    merge_positions,
    position_change,
    send_order,
)
from positions.services.context import Acceptance


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of command.

    ``look_up`` may use the network and the database, outside any transaction; what it returns is
    given to ``book``, which runs under the lane and must not use the network.
    """

    look_up: Callable[[commands.Command, Caller, Account], Any]
    book: Callable[[Acceptance, Any, Any], Command]


KINDS: dict[type, Kind] = {
    commands.SendOrder: Kind(send_order.look_up, send_order.book),
    commands.CancelOrder: Kind(cancel_orders.look_up, cancel_orders.book_some),
    commands.CancelAllOrders: Kind(cancel_orders.look_up, cancel_orders.book_all),
    commands.ChangeOrder: Kind(change_order.look_up, change_order.book),
    commands.ClosePosition: Kind(close_position.look_up, close_position.book),
    commands.CloseBy: Kind(close_by.look_up, close_by.book),
    commands.MergePositions: Kind(merge_positions.look_up, merge_positions.book),
    commands.PositionChange: Kind(position_change.look_up, position_change.book),
}


def accept(envelope: commands.Envelope, command: commands.Command, caller: Caller) -> Command:
    """Store a command so that it will be carried out once, whatever breaks from here on.

    The same request id with the same body answers the earlier command and sends nothing.

    Raises:
        OmsError: the command was refused; nothing is stored.
    """
    if caller.is_admin:
        raise AdminReadOnly
    require_read(caller, envelope.account_id)
    if earlier := replayed(envelope, caller):
        return earlier
    account = Account.objects.filter(pk=envelope.account_id).first()
    if account is None:
        raise AccountNotFound(account_id=envelope.account_id)
    kind = KINDS[type(command)]
    found = kind.look_up(command, caller, account)
    try:
        with holding(account.pk) as lane:
            if earlier := replayed(envelope, caller):
                return earlier
            # It was read before the lane was held: somebody may have blocked it since.
            account.refresh_from_db(fields=["status", "position_mode", "reversal"])
            return kind.book(Acceptance(lane, caller, envelope, account), command, found)
    except EngineError as refusal:
        raise error_class(refusal.code)(refusal.message, **refusal.facts) from None
    except IntegrityError:
        # The same request id won on another account at the same moment.
        if earlier := replayed(envelope, caller):
            return earlier
        raise


def replayed(envelope: commands.Envelope, caller: Caller) -> Command | None:
    """The command that already stands under this request id, or ``None``.

    Raises:
        IdempotencyConflict: the id was used for another body.
    """
    earlier = Command.objects.earlier(caller.user_id, envelope.request_id)
    if earlier is not None and earlier.fingerprint != envelope.fingerprint:
        raise IdempotencyConflict(
            field="request_id", value=envelope.request_id, command_id=earlier.pk
        )
    return earlier
