"""How is ``POST /oms/commands`` answered?

Shape and rights come first and cost nothing but the reading. What passes is accepted one after the
other when it is the user's turn, each in its own transaction; the wait for the exchange is an
asyncio future that the relay wakes, so it holds no thread, no transaction and no connection.
"""

import asyncio
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from accounts.rights.permissions import Caller
from oms_project.errors import error_class
from oms_project.problems import problem
from positions import rows, services
from positions.api.asking import (
    Item,
    Options,
    Post,
    envelope_of,
    read_items,
    read_options,
)
from positions.api.checking import check, checked_body
from positions.api.turns import Line, turns
from positions.commands import CLOSE_ALL
from positions.courtesy import courtesy, parties
from positions.engine.types import CommandStatus
from positions.models import Command, Order
from positions.projector.orders.close_all import left_of
from positions.relay import Waiter, hub
from positions.services.rights import is_urgent

# The relay may lose a wake-up, with Redis gone it loses all: a waiting request looks by itself too.
LOOK_AGAIN_S = 1.0
# With ``parallel``, so many are on their way to the exchange at once.
SIDE_BY_SIDE = 16


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and JSON body."""

    status: int
    body: dict[str, Any]


class _Asking:
    """A request on its way: who asks, in which line, and until when it waits for the exchange."""

    def __init__(self, caller: Caller, line: Line, waiter: Waiter, wait_ms: int) -> None:
        self.caller, self.line, self.waiter = caller, line, waiter
        self.deadline = asyncio.get_running_loop().time() + wait_ms / 1000


async def answer(post: Post) -> Answer:
    """Accept every command, wait up to ``wait_ms`` for the exchange, and say where each stands.

    Raises:
        OmsError: the body as a whole cannot be read, or too many requests of this user wait;
            nothing was accepted.
    """
    options, items = read_options(post.query), await read_items(post)
    wanted = [item for item in items if item.parsed is not None]
    if options.check:
        await check(post.caller, wanted)
        return _checked([checked_body(item) for item in items])
    if wanted:
        await _carry_out(post.caller, wanted, options)
    return _together([_refused(item) if item.body is None else item.body for item in items])


async def _carry_out(caller: Caller, items: list[Item], options: Options) -> None:
    """Accept, wait and render those that may be asked for."""
    asking = _Asking(caller, _line_of(items, caller), Waiter(), options.wait_ms)
    with hub().listening(asking.waiter.hear), _courtesy_for(caller, items):
        with turns().waiting(caller.user_id, asking.line, commands=len(items)):
            await _accept_all(asking, items, options)
        await _wait_for(items, asking)
        await turns().go_on(caller.user_id, asking.line, _render, items)


def _courtesy_for(caller: Caller, items: list[Item]) -> AbstractContextManager[None]:
    """Who asks for little does not wait for those who ask for much."""
    user = parties(user_id=caller.user_id)
    if courtesy().is_busy(user, len(items)):
        return nullcontext()
    ids = {item.parsed.account_id for item in items if item.parsed is not None} - {None}
    return courtesy().waiting(user | parties(account_ids=ids))


async def _accept_all(asking: _Asking, items: list[Item], options: Options) -> None:
    most = SIDE_BY_SIDE - 1 if options.parallel else 0
    before: Item | None = None  # The last one that had no answer yet; the next waits for it.
    for place, item in enumerate(items):
        if place:
            await _wait_for(items[:place], asking, most=most)
        user_id = asking.caller.user_id
        await turns().run(user_id, asking.line, _accept, asking.caller, item, before)
        if not options.parallel:
            before = item if item.waits else before


def _line_of(items: list[Item], caller: Caller) -> Line:
    """In front only where nothing in the request could open anything."""
    wanted = [item.parsed.command for item in items if item.parsed is not None]
    return Line.FRONT if all(is_urgent(each, caller) for each in wanted) else Line.ORDINARY


def _accept(caller: Caller, item: Item, before: Item | None) -> None:
    """Accept one command; a refusal is its own result and stops nobody else."""
    parsed = item.parsed
    if parsed is None:
        return
    try:
        after_id = None if before is None else before.command_id
        envelope = envelope_of(parsed, caller, after_id=after_id)
        command = services.accept(envelope, parsed.command, caller)
    except Exception as error:  # noqa: BLE001 (problem() logs what nobody expected)
        item.error = problem(error)
    else:
        item.command_id = command.pk
        item.waits = command.status == CommandStatus.ACCEPTED


async def _wait_for(items: list[Item], asking: _Asking, *, most: int = 0) -> None:
    """Until at most ``most`` of the items are ``accepted`` still, or the time is up."""
    loop = asyncio.get_running_loop()
    while len(waiting := [item for item in items if item.waits]) > most:
        asking.waiter.watch(item.command_id for item in waiting if item.command_id is not None)
        left = asking.deadline - loop.time()
        if left <= 0:
            return
        await asking.waiter.wait(min(left, LOOK_AGAIN_S))
        await turns().go_on(asking.caller.user_id, asking.line, _look_again, waiting)


def _look_again(items: list[Item]) -> None:
    ids = [item.command_id for item in items]
    still = Command.objects.filter(pk__in=ids, status=CommandStatus.ACCEPTED)
    accepted = set(still.values_list("pk", flat=True))
    for item in items:
        item.waits = item.command_id in accepted


def _render(items: list[Item]) -> None:
    """Where each command stands now."""
    commands = Command.objects.in_bulk([item.command_id for item in items if item.command_id])
    order_ids = {order_id for command in commands.values() for order_id in command.order_ids}
    orders = Order.objects.in_bulk(order_ids)
    for item in items:
        if item.command_id is not None:
            item.body = _result(item.index, commands[item.command_id], orders)


def _result(index: int, command: Command, orders: dict[int, Order]) -> dict[str, Any]:
    # The command outlives its orders.
    kept = [orders[order_id] for order_id in command.order_ids if order_id in orders]
    shown = [rows.order_row(order) for order in kept]
    single = shown[0] if len(shown) == 1 else None
    position_ids = list(
        dict.fromkeys(
            [*command.position_ids, *(row["position_id"] for row in shown if row["position_id"])]
        )
    )
    return {
        "index": index,
        "ok": command.status != CommandStatus.FAILED,
        "command_id": command.pk,
        "status": command.status,
        "order_id": single["id"] if single else None,
        "order": single,
        "orders": shown,
        "position_ids": position_ids,
        "error": command.error,
    } | ({"left": left_of(command)} if command.kind == CLOSE_ALL else {})


def _refused(item: Item) -> dict[str, Any]:
    return {
        "index": item.index,
        "ok": False,
        "command_id": None,
        "status": CommandStatus.FAILED,
        "order_id": None,
        "order": None,
        "orders": [],
        "position_ids": [],
        "error": item.problem,
    }


def _together(results: list[dict[str, Any]]) -> Answer:
    """The results in input order, with the status that they add up to."""
    return Answer(_status(results), {"results": results})


def _checked(results: list[dict[str, Any]]) -> Answer:
    return Answer(_status_of_failures(results) or 200, {"results": results})


def _status(results: list[dict[str, Any]]) -> int:
    pending = (CommandStatus.ACCEPTED, CommandStatus.UNKNOWN)
    good = 202 if any(result["status"] in pending for result in results) else 200
    return _status_of_failures(results) or good


def _status_of_failures(results: list[dict[str, Any]]) -> int | None:
    """The status that the refusals among the results make; ``None`` where there are none."""
    failed = [result for result in results if not result["ok"]]
    if failed and len(failed) < len(results):
        return 207
    return error_class(failed[0]["error"]["code"]).status if failed else None
