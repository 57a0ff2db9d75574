"""How is a call to a function of ccxt answered?

One call goes through rights, the table of functions and its arguments, and then one of three ways:
market data and reads of the account (``gateway.clients.reads``), account settings
(``gateway.clients.configuring``), orders (a command of the OMS). Nothing here holds a thread while
an exchange is waited for.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from accounts.audit import Actor
from accounts.rights.permissions import (
    Caller,
    readable_strategies,
    require_account_trade,
    require_read,
    require_sight_of_balance,
    require_trade_of_new_strategy,
)
from gateway import loop
from gateway.clients import configuring, functions, reads
from gateway.clients.arguments import Arguments
from gateway.clients.ccxt_orders import bodies, order_structure, refused_structure
from gateway.clients.functions import Function, Kind, Sight
from gateway.clients.shapes import render
from gateway.exchanges.capabilities import ccxt_id
from gateway.exchanges.profile import profile_for
from gateway.sessions.instance import offered
from oms_project.errors import OmsError, StrategyPermissionDenied, error_class
from positions.api import commands
from positions.api.turns import Line, turns
from positions.engine.types import CommandStatus

_LISTS = ("createOrders", "cancelOrders", "cancelAllOrders")
_PENDING = (CommandStatus.ACCEPTED, CommandStatus.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Call:
    """What a client asks for, with nothing checked yet."""

    account_id: int
    func: str
    args: Any = field(default_factory=list)
    kwargs: Any = field(default_factory=dict)
    is_core: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """HTTP status, and ccxt's result as JSON text."""

    status: int
    result: str


async def answer(caller: Caller, call: Call, request_id: str = "") -> Answer:
    """Ccxt's result of one call.

    Raises:
        OmsError: it was refused, or it failed; see docs/howto/ccxt-gateway.md for the codes.
    """
    require_read(caller, call.account_id)
    function = functions.find(call.func)
    if call.is_core:
        function.require_core()
    arguments = function.read(call.args, call.kwargs)
    visible = readable_strategies(caller, call.account_id)
    match function.kind:
        case Kind.TRADE:
            require_trade_of_new_strategy(caller, call.account_id)
            return await _trade(caller, call.account_id, function, arguments, visible)
        case Kind.CONFIG if visible is not None:
            require_trade_of_new_strategy(caller, call.account_id)
            work = configuring.confirm(call.account_id, function, arguments)
        case Kind.CONFIG:
            require_account_trade(caller, call.account_id)
            actor = Actor.from_caller(caller, request_id)
            work = configuring.configure(call.account_id, function, arguments, by=actor)
        case Kind.PRIVATE if visible is not None:
            _require_sight(caller, call.account_id, function)
            work = reads.answer(reads.Read(call.account_id, function, arguments, visible))
        case _:
            work = reads.answer(reads.Read(call.account_id, function, arguments, visible))
    return Answer(200, await asyncio.wrap_future(loop.reading.run(work)))


def _require_sight(caller: Caller, account_id: int, function: Function) -> None:
    """A key restricted to strategies may be told something of this."""
    if function.sight is Sight.NONE:
        raise StrategyPermissionDenied(
            "This would show what other strategies do.", function=function.name
        )
    if function.sight is Sight.MONEY:
        require_sight_of_balance(caller, account_id)


async def _trade(
    caller: Caller,
    account_id: int,
    function: Function,
    arguments: Arguments,
    visible: frozenset[int] | None,
) -> Answer:
    """Give the commands that the call stands for, and show what became of them as ccxt would."""
    # What takes off goes in front, as the command that it becomes.
    line = Line.FRONT if function.name.startswith("cancel") else Line.ORDINARY
    profile = await turns().run(caller.user_id, line, profile_for, account_id)
    # Not on the pool: the first time in a process this imports ccxt.
    has = await asyncio.to_thread(offered, ccxt_id(profile.exchange_id))
    function.require(has, profile.exchange_id)
    given = await turns().run(
        caller.user_id, line, bodies, account_id, function, arguments, visible
    )
    several = function.name == "createOrders"
    found = await commands.answer(
        commands.Post(
            caller=caller,
            body=json.dumps(given if several else given[0], default=str).encode(),
            content_type="application/json",
            query={},
        )
    )
    results = found.body["results"]
    _raise_if_none_worked(results)
    pending = any(result["status"] in _PENDING for result in results)
    shown = _structures(results)
    structure = shown if function.name in _LISTS else shown[0]
    return Answer(202 if pending else 200, render(structure))


def _raise_if_none_worked(results: list[dict[str, Any]]) -> None:
    if not any(result["ok"] for result in results):
        raise _error(results[0]["error"])


def _structures(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    shown = []
    for result in results:
        if result["ok"]:
            shown += [order_structure(row) for row in result["orders"]]
        else:
            shown.append(refused_structure(result["error"]))
    return shown


def _error(body: Mapping[str, Any]) -> OmsError:
    return error_class(body["code"])(body["message"], **body["details"])
