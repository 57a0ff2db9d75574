"""How does a client change how its account trades: leverage, margin mode, position mode?

Written to the audit trail before it is asked for, and again with what came of it.
"""

from typing import Any

from accounts.audit import Actor, record
from accounts.models import Account
from gateway import loop
from gateway.clients import readers
from gateway.clients.arguments import Arguments
from gateway.clients.functions import Function
from gateway.clients.restricted import unchanged
from gateway.clients.shapes import render
from gateway.words import Ask
from oms_project.errors import Invalid, OmsError
from positions.services.checks import check_account_active


async def configure(account_id: int, function: Function, arguments: Arguments, *, by: Actor) -> str:
    """The exchange's answer as JSON text; runs on the reading loop.

    Raises:
        Invalid: it would keep long and short apart at the exchange (two-way mode).
        RiskBlocked: the account is blocked.
        OrderRejected: the exchange refused.
        OmsError: see ``gateway.clients.readers``.
    """
    _refuse_two_way(arguments)
    await loop.db(_write_asked, account_id, function, arguments, by)
    reader = await readers.within_time(readers.for_account(account_id))
    work = reader.call(function, arguments, Ask.EDIT)
    try:
        answer = await readers.within_time(work, acting=True)
    except OmsError as error:
        outcome = {"outcome": error.code} | error.details
        await loop.db(_write, account_id, function, by, outcome)
        raise
    await loop.db(_write, account_id, function, by, {"outcome": "done"})
    return render(answer)


async def confirm(account_id: int, function: Function, arguments: Arguments) -> str:
    """The answer to a key that may change nothing, where nothing would change.

    Raises:
        Invalid: two-way mode.
        StrategyPermissionDenied: something would change.
        OmsError: see ``gateway.clients.readers``.
    """
    _refuse_two_way(arguments)

    async def ask() -> dict[str, Any]:
        reader = await readers.for_account(account_id)
        return await unchanged.confirmed(reader, function, arguments)

    return render(await readers.within_time(ask()))


def _refuse_two_way(arguments: Arguments) -> None:
    if arguments.values.get("hedged"):
        raise Invalid(
            "Positions are kept over a one-way account; two-way mode is not possible.",
            field="hedged",
            limit=False,
            value=True,
        )


def _write_asked(account_id: int, function: Function, arguments: Arguments, by: Actor) -> None:
    check_account_active(Account.objects.get(pk=account_id))
    _write(account_id, function, by, {"asked": {**arguments.values, "params": arguments.params}})


def _write(account_id: int, function: Function, by: Actor, after: dict[str, Any]) -> None:
    record(
        by=by,
        action=f"ccxt_{function.method}",
        object_type="account",
        object_id=account_id,
        after=after,
    )
