"""How is a command accepted?

Look up what needs the network first, then decide and store in one transaction under the account's
lane. A refusal stores nothing and does not use up the request id.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError

from accounts.callers.authentication import rights_of
from accounts.models import Account
from accounts.rights.permissions import Caller, is_within, require_read
from accounts.words import Right
from oms_project.errors import (
    AccountNotFound,
    AdminReadOnly,
    IdempotencyConflict,
    OmsError,
    error_class,
)
from positions import commands
from positions.engine.errors import EngineError
from positions.models import Command
from positions.outbox import holding, trying
from positions.services import (
    cancel_orders,
    change_order,
    close_all,
    close_by,
    close_position,
    merge_positions,
    position_change,
    send_order,
)
from positions.services.among_others import veiled
from positions.services.context import Acceptance
from positions.services.effects import Effect, effect_of, standing_before


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of command.

    ``look_up`` may use the network and the database, outside any transaction; what it returns is
    given to ``book``, which runs under the lane and must not use the network. ``refused`` hears of
    a refusal once nothing is stored.
    """

    look_up: Callable[[commands.Command, Caller, Account], Any]
    book: Callable[[Acceptance, Any, Any], Command]
    refused: Callable[[Account, Any, OmsError], None] | None = None


KINDS: dict[type, Kind] = {
    commands.SendOrder: Kind(send_order.look_up, send_order.book),
    commands.CancelOrder: Kind(cancel_orders.look_up, cancel_orders.book_some),
    commands.CancelAllOrders: Kind(cancel_orders.look_up, cancel_orders.book_all),
    commands.ChangeOrder: Kind(change_order.look_up, change_order.book),
    commands.ClosePosition: Kind(
        close_position.look_up, close_position.book, close_position.refused
    ),
    commands.CloseAllPositions: Kind(close_all.look_up, close_all.book),
    commands.CloseBy: Kind(close_by.look_up, close_by.book),
    commands.MergePositions: Kind(merge_positions.look_up, merge_positions.book),
    commands.PositionChange: Kind(position_change.look_up, position_change.book),
}


_DECIDING = ("status", "position_mode", "reversal")


def accept(envelope: commands.Envelope, command: commands.Command, caller: Caller) -> Command:
    """Store a command so that it will be carried out once, whatever breaks from here on.

    The same request id with the same body answers the earlier command and sends nothing.

    Raises:
        OmsError: the command was refused; nothing is stored.
    """
    if earlier := _begin(envelope, caller):
        return earlier
    account = _account(envelope)
    with _telling(caller, account, command):
        return _accept(envelope, command, caller, account)


def check(envelope: commands.Envelope, command: commands.Command, caller: Caller) -> Effect:
    """Say what would come of a command, by doing all that ``accept`` does and undoing it.

    So it is refused exactly where, and exactly as, the command itself would be. A request id that
    stands for an earlier command would send nothing: that has no effect.

    Raises:
        OmsError: the command would be refused.
    """
    if _begin(envelope, caller):
        return Effect()
    account = _account(envelope)
    with _telling(caller, account, command):
        kind = KINDS[type(command)]
        found = kind.look_up(command, caller, account)
        with trying(account.pk) as lane:
            if replayed(envelope, caller):
                return Effect()
            account.refresh_from_db(fields=_DECIDING)
            before = standing_before(command, caller, account)
            row = kind.book(Acceptance(lane, caller, envelope, account), command, found)
            return effect_of(row, command, before=before, found=found)


def _begin(envelope: commands.Envelope, caller: Caller) -> Command | None:
    """The command that stands under this request id already, for whoever may ask here at all."""
    if caller.is_admin:
        raise AdminReadOnly
    require_read(caller, envelope.account_id)
    return replayed(envelope, caller)


def _account(envelope: commands.Envelope) -> Account:
    account = Account.objects.filter(pk=envelope.account_id).first()
    if account is None:
        raise AccountNotFound(account_id=envelope.account_id)
    return account


@contextmanager
def _telling(caller: Caller, account: Account, command: commands.Command) -> Iterator[None]:
    """Refusals leave as the caller may see them."""
    try:
        yield
    except (OmsError, EngineError) as refusal:
        told = veiled(refusal, caller, account.pk, command)
        if isinstance(told, EngineError):
            told = error_class(told.code)(told.message, **told.facts)
        raise told from None


def _accept(
    envelope: commands.Envelope, command: commands.Command, caller: Caller, account: Account
) -> Command:
    kind = KINDS[type(command)]
    found = kind.look_up(command, caller, account)
    try:
        with holding(account.pk) as lane:
            if earlier := replayed(envelope, caller):
                return earlier
            # It was read before the lane was held: somebody may have blocked it since.
            account.refresh_from_db(fields=_DECIDING)
            return kind.book(Acceptance(lane, caller, envelope, account), command, found)
    except OmsError as refusal:
        if kind.refused is not None:
            kind.refused(account, command, refusal)
        raise
    except IntegrityError:
        # The same request id won on another account at the same moment.
        if earlier := replayed(envelope, caller):
            return earlier
        raise


def replayed(envelope: commands.Envelope, caller: Caller) -> Command | None:
    """The command that already stands under this request id, or ``None``.

    Of the caller's own key, else of a narrower one of the same user: what another key gave is no
    business of this one, not even that it did.

    Raises:
        IdempotencyConflict: the id was used for another body.
    """
    if envelope.request_id is None:
        return None
    given = Command.objects.under(caller.user_id, envelope.request_id)
    earlier = next((each for each in given if each.api_key_id == caller.api_key_id), None)
    if earlier is None:
        earlier = next((each for each in given if _is_wider(caller, each)), None)
    if earlier is not None and earlier.fingerprint != envelope.fingerprint:
        raise IdempotencyConflict(
            field="request_id", value=envelope.request_id, command_id=earlier.pk
        )
    return earlier


def _is_wider(caller: Caller, earlier: Command) -> bool:
    """Whether the caller's key allows all that the key behind the command does, and sees it."""
    held = caller.rights_on(earlier.account_id)
    if earlier.api_key is None:
        return False
    sender = rights_of(earlier.api_key).get(earlier.account_id)
    if sender is None:
        return held.strategies is None and Right.READ in held.granted
    return is_within(sender, held)
