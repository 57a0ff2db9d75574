"""How is ``POST /oms/commands`` answered?

Commands are accepted one after the other, each in its own transaction; the wait for the exchange is
an asyncio future that the relay wakes, so it holds no thread, no transaction and no connection.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from accounts.permissions import Caller
from oms_project.errors import (
    AdminReadOnly,
    Invalid,
    OmsError,
    OrderNotFound,
    PositionNotFound,
    UnsupportedMediaType,
    error_class,
)
from oms_project.parsers import read_json
from oms_project.problems import problem
from positions import commands as words
from positions import rows, services
from positions.api.forms import shown
from positions.api.parsing import Parsed, fingerprint, parse_command
from positions.api.pool import in_pool
from positions.engine.types import CommandStatus
from positions.models import Command, Order, Position
from positions.relay import Waiter, hub

log = logging.getLogger(__name__)

DEFAULT_WAIT_MS = 10_000
LONGEST_WAIT_MS = 60_000
# The relay may lose a wake-up, with Redis gone it loses all: a waiting request looks by itself too.
LOOK_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Post:
    """The request, with nothing read yet but who sent it."""

    caller: Caller
    body: bytes
    content_type: str
    query: Mapping[str, str]
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and JSON body."""

    status: int
    body: dict[str, Any]


@dataclass(slots=True)
class _Item:
    """One command on its way: what was asked, and the row or the error that came of it."""

    index: int
    asked: Any
    command_id: int | None = None
    error: OmsError | None = None
    waits: bool = False


@dataclass(frozen=True, slots=True)
class _Options:
    parallel: bool
    wait_ms: int


async def answer(post: Post) -> Answer:
    """Accept every command, wait up to ``wait_ms`` for the exchange, and say where each stands.

    Raises:
        OmsError: the body as a whole cannot be read; nothing was accepted.
    """
    options = _read_options(post.query)
    items = [_Item(index, asked) for index, asked in enumerate(_read_body(post))]
    loop = asyncio.get_running_loop()
    deadline = loop.time() + options.wait_ms / 1000
    waiter = Waiter()
    with hub().listening(waiter.hear):
        before: _Item | None = None  # The last one that had no answer yet; the next waits for it.
        for item in items:
            await in_pool(_accept, post.caller, item, before)
            if not options.parallel:
                await _wait_for([item], waiter, deadline)
                before = item if item.waits else before
        await _wait_for(items, waiter, deadline)
    return await in_pool(_render, items)


def _read_options(query: Mapping[str, str]) -> _Options:
    unknown = sorted(set(query) - {"parallel", "wait_ms"})
    if unknown:
        raise Invalid(
            "There is no such parameter.", field=unknown[0], limit=["parallel", "wait_ms"]
        )
    parallel = query.get("parallel", "false")
    if parallel not in ("true", "false"):
        raise Invalid("parallel is true or false.", field="parallel", limit="true or false",
                      value=parallel)  # fmt: skip
    text = query.get("wait_ms", str(DEFAULT_WAIT_MS))
    if not (text.isascii() and text.isdigit() and len(text) < 8 and int(text) <= LONGEST_WAIT_MS):
        raise Invalid("wait_ms is a whole number of milliseconds.", field="wait_ms",
                      limit=[0, LONGEST_WAIT_MS], value=text)  # fmt: skip
    return _Options(parallel=parallel == "true", wait_ms=int(text))


def _read_body(post: Post) -> list[Any]:
    if post.content_type.partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType(value=post.content_type[:64])
    body = read_json(post.body)
    if not isinstance(body, list):
        return [_with_key(body, post.idempotency_key)]
    if post.idempotency_key is not None:
        raise Invalid("Idempotency-Key is for a single command; give each its request_id.",
                      field="Idempotency-Key", limit="a single command")  # fmt: skip
    if not 1 <= len(body) <= settings.OMS_MAX_BATCH:
        raise Invalid("A batch has at least one command, and not too many.", field="body",
                      limit=[1, settings.OMS_MAX_BATCH], value=len(body))  # fmt: skip
    return body


def _with_key(body: Any, key: str | None) -> Any:
    if key is None or not isinstance(body, dict):
        return body
    if body.get("request_id") not in (None, key):
        raise Invalid("request_id and Idempotency-Key differ.", field="request_id",
                      limit=key, value=shown(body["request_id"]))  # fmt: skip
    return body | {"request_id": key}


def _accept(caller: Caller, item: _Item, before: _Item | None) -> None:
    """Accept one command; a refusal is its own result and stops nobody else."""
    try:
        parsed = parse_command(item.asked)
        account_id = parsed.account_id or _implied_account(parsed, caller)
        envelope = words.Envelope(
            account_id=account_id,
            command=parsed.name,
            request_id=parsed.request_id,
            fingerprint=fingerprint(parsed, account_id),
            payload=parsed.payload,
            after_id=None if before is None else before.command_id,
        )
        command = services.accept(envelope, parsed.command, caller)
    except Exception as error:  # noqa: BLE001 (problem() logs what nobody expected)
        item.error = problem(error)
    else:
        item.command_id = command.pk
        item.waits = command.status == CommandStatus.ACCEPTED


def _implied_account(parsed: Parsed, caller: Caller) -> int:
    """The account of the order or position that the command names."""
    match parsed.command:
        case words.CancelOrder(order_ids=(order_id, *_)) | words.ChangeOrder(order_id=order_id):
            return _account_of(Order, order_id, caller, OrderNotFound(order_id=order_id))
        case (
            words.ClosePosition(position_id=position_id)
            | words.PositionChange(position_id=position_id)
            | words.CloseBy(position_id_a=position_id)
            | words.MergePositions(source_position_id=position_id)
        ):
            missing = PositionNotFound(position_id=position_id)
            return _account_of(Position, position_id, caller, missing)
        case _:
            raise Invalid("account_id is missing.", field="account_id", limit="required")


def _account_of(
    model: type[Order] | type[Position], row_id: int, caller: Caller, missing: OmsError
) -> int:
    if caller.is_admin:
        raise AdminReadOnly
    account_id = model.objects.filter(pk=row_id).values_list("account_id", flat=True).first()
    if account_id is None or account_id not in caller.rights:
        raise missing
    return account_id


async def _wait_for(items: list[_Item], waiter: Waiter, deadline: float) -> None:
    """Until none of the items is ``accepted`` any more, or the time is up."""
    loop = asyncio.get_running_loop()
    while waiting := [item for item in items if item.waits]:
        waiter.watch(item.command_id for item in waiting if item.command_id is not None)
        left = deadline - loop.time()
        if left <= 0:
            return
        await waiter.wait(min(left, LOOK_AGAIN_S))
        await in_pool(_look_again, waiting)


def _look_again(items: list[_Item]) -> None:
    ids = [item.command_id for item in items]
    still = Command.objects.filter(pk__in=ids, status=CommandStatus.ACCEPTED)
    accepted = set(still.values_list("pk", flat=True))
    for item in items:
        item.waits = item.command_id in accepted


def _render(items: list[_Item]) -> Answer:
    """The results in input order, with the status that they add up to."""
    commands = Command.objects.in_bulk([item.command_id for item in items if item.command_id])
    order_ids = {order_id for command in commands.values() for order_id in command.order_ids}
    orders = Order.objects.in_bulk(order_ids)
    results = []
    for item in items:
        if item.command_id is None:
            results.append(_refused(item))
        else:
            results.append(_result(item.index, commands[item.command_id], orders))
    return Answer(_status(results), {"results": results})


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
    }


def _refused(item: _Item) -> dict[str, Any]:
    error = item.error or error_class("internal_error")()
    body = error.body("")
    return {
        "index": item.index,
        "ok": False,
        "command_id": None,
        "status": CommandStatus.FAILED,
        "order_id": None,
        "order": None,
        "orders": [],
        "position_ids": [],
        "error": {name: body[name] for name in ("code", "message", "details")},
    }


def _status(results: list[dict[str, Any]]) -> int:
    failed = [result for result in results if not result["ok"]]
    if failed and len(failed) < len(results):
        return 207
    if failed:
        return error_class(failed[0]["error"]["code"]).status
    pending = (CommandStatus.ACCEPTED, CommandStatus.UNKNOWN)
    return 202 if any(result["status"] in pending for result in results) else 200
