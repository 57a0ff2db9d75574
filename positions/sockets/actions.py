"""What may a client ask of the OMS over ``/ws``?

``ACTIONS`` is the table. A name without a slash is asked of the connection itself, in whatever
namespace. The gateway has a table of its own (``gateway.api.sockets``); ``oms_project.sockets``
joins them.
"""

import asyncio
import json
from dataclasses import replace
from typing import Any

from accounts.authentication import resolve
from accounts.permissions import readable_strategies, require_read_all
from oms_project.errors import Conflict, Invalid, OmsError
from positions.api import commands, forms
from positions.api.forms import Form, read_fields, shown, wrong
from positions.api.pool import in_pool, reading
from positions.selectors import require_kept_events
from positions.sockets import snapshots
from positions.sockets.connection import Socket
from positions.sockets.feeds import catch_up, feeds
from positions.sockets.messages import Request
from positions.sockets.snapshots import Snapshot
from positions.sockets.subscriptions import Subscription
from positions.sockets.vigil import vigil
from positions.sockets.words import LOGGED, CloseCode, Namespace

MOST_ACCOUNTS = 500
ROWS_AT_ONCE = 200
_OPTIONS = ("parallel", "wait_ms")


async def ping(socket: Socket, request: Request) -> None:
    """Answer; a client may ask before it has said who it is."""
    socket.answer(request, "pong", {})


async def authenticate(socket: Socket, request: Request) -> None:
    """Say who the client is. A wrong key ends the connection.

    Raises:
        Conflict: it is somebody else already.
    """
    wish = read_fields(_AUTH, request.payload, within="payload")
    try:
        caller = await in_pool(resolve, wish["api_key"], address=socket.address)
    except OmsError as error:
        socket.refuse(request, error)
        if socket.caller is None:
            socket.end(CloseCode.NOT_AUTHENTICATED)
        return
    if socket.caller is None:
        socket.admit(caller)
        vigil().add(socket)
    elif (socket.caller.user_id, socket.caller.api_key_id) != (caller.user_id, caller.api_key_id):
        raise Conflict("This socket is somebody else's already; open another one.")
    socket.answer(
        request,
        "authenticated",
        {
            "user_id": caller.user_id,
            "role": caller.role,
            "api_key_id": caller.api_key_id,
            "account_ids": sorted(caller.account_ids()),
        },
    )


async def subscribe(socket: Socket, request: Request) -> None:
    """Send the events of the accounts from a point on that is named, each once.

    With ``since_seq`` that point is what the client had last; else, it is now. The snapshot comes
    after what was missed, and live events after the snapshot: each follows on the other. An account
    that is subscribed already is subscribed anew.

    Raises:
        AccountNotFound: one of the accounts is not the caller's.
        EventsExpired: what follows ``since_seq`` was deleted.
    """
    caller = socket.require_caller()
    wish = read_fields(_SUBSCRIBE, request.payload, within="payload")
    account_ids = list(wish["account_ids"])
    require_read_all(caller, account_ids)
    since = _since(wish.get("since_seq"), account_ids)
    namespaces = wish.get("namespaces", frozenset(LOGGED))
    for account_id, seq in since.items():
        await reading(require_kept_events, account_id, seq)
    async with socket.subscribing:
        snapshot = await _look(socket, account_ids, with_rows=wish.get("with_snapshot", True))
        begun = snapshot.seqs | since
        new = [
            Subscription(
                account_id,
                namespaces,
                readable_strategies(caller, account_id),
                begun[account_id],
                socket.outlet,
            )
            for account_id in account_ids
        ]
        for subscription in new:
            socket.drop(subscription.account_id)
            socket.subscriptions[subscription.account_id] = subscription
        told = {"account_ids": account_ids, "namespaces": sorted(namespaces), "seq": begun}
        socket.answer(request, "subscribed", told)
        try:
            for subscription in new:
                await catch_up(subscription, until=snapshot.seqs[subscription.account_id])
            if wish.get("with_snapshot", True):
                await _show(socket, request, snapshot)
            for subscription in new:
                await feeds().join(subscription)
        except OmsError:
            for subscription in new:
                socket.drop(subscription.account_id)
            raise


async def unsubscribe(socket: Socket, request: Request) -> None:
    """Send nothing more of these accounts, of all where none is named."""
    socket.require_caller()
    wish = read_fields(_UNSUBSCRIBE, request.payload, within="payload")
    async with socket.subscribing:
        gone = []
        for account_id in wish.get("account_ids", tuple(socket.subscriptions)):
            if socket.drop(account_id):
                gone.append(account_id)
        socket.answer(request, "unsubscribed", {"account_ids": gone})


async def command(socket: Socket, request: Request) -> None:
    """Give one command, or several as ``commands``; the answer is the body that REST answers."""
    caller = socket.require_caller()
    given, query = _split(request.payload)
    found = await commands.answer(
        commands.Post(
            caller=caller,
            body=json.dumps(given, default=str).encode(),
            content_type="application/json",
            query=query,
        )
    )
    socket.answer(request, "command_result", found.body, ok=found.status < 400)


ACTIONS = {
    "ping": ping,
    "auth": authenticate,
    "subscribe": subscribe,
    "unsubscribe": unsubscribe,
    "position/command": command,
}


async def _look(socket: Socket, account_ids: list[int], *, with_rows: bool) -> Snapshot:
    if with_rows:
        return await reading(snapshots.take, socket.require_caller(), account_ids)
    return Snapshot(await reading(snapshots.newest_seqs, account_ids))


async def _show(socket: Socket, request: Request, snapshot: Snapshot) -> None:
    """The snapshot; a long list comes in several messages of the same event."""
    for event, rows in (
        ("snapshot_open_orders", snapshot.orders),
        ("snapshot_open_positions", snapshot.positions),
    ):
        for start in range(0, len(rows) or 1, ROWS_AT_ONCE):
            await socket.outlet.room()
            socket.answer(request, event, {"items": rows[start : start + ROWS_AT_ONCE]})
            await asyncio.sleep(0)  # Rendering is work; others have their turn in between.
    socket.answer(request, "snapshot_done", {"seq": snapshot.seqs})


def _since(asked: Any, account_ids: list[int]) -> dict[int, int]:
    """Where each account is resumed: those that are named."""
    if asked is None:
        return {}
    if isinstance(asked, int):
        if len(account_ids) != 1:
            raise Invalid(
                "With several accounts, since_seq names each: {account_id: seq}.",
                field="since_seq",
                limit="an object",
                value=asked,
            )
        return {account_ids[0]: asked}
    for account_id in asked:
        if account_id not in account_ids:
            raise wrong("since_seq", account_ids, account_id)
    return asked


def _split(payload: Any) -> tuple[Any, dict[str, str]]:
    """The command or commands, and what REST takes as query."""
    if not isinstance(payload, dict):
        raise wrong("payload", "an object", payload)
    query = {}
    for name in _OPTIONS:
        if (value := payload.get(name)) is not None:
            query[name] = str(value).lower() if isinstance(value, bool | int) else shown(value)
    given = {name: value for name, value in payload.items() if name not in _OPTIONS}
    if "commands" not in given:
        return given, query
    if len(given) > 1:
        raise Invalid("Beside commands there are only options.", field="payload", limit=_OPTIONS)
    if not isinstance(given["commands"], list):
        raise wrong("commands", "a list", given["commands"])
    return given["commands"], query


def _namespaces() -> Form:
    known = {str(each): each for each in Namespace if each is not Namespace.SYSTEM}

    def read(field: str, value: Any) -> frozenset[str]:
        if not isinstance(value, list) or not value:
            raise wrong(field, [*known], value)
        for item in value:
            if not isinstance(item, str) or item not in known:
                raise wrong(field, [*known], item)
        return frozenset(value)

    return Form(read, {"type": "array", "items": {"enum": [*known]}})


def _accounts(*, required: bool = False) -> Form:
    one = forms.number()

    def read(field: str, value: Any) -> tuple[int, ...]:
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_ACCOUNTS:
            raise wrong(field, f"a list of 1 to {MOST_ACCOUNTS} ids", value)
        return tuple(dict.fromkeys(one.read(field, item) for item in value))

    return Form(read, {"type": "array", "items": one.schema}, required)


def _seqs() -> Form:
    one = forms.number(least=0)

    def read(field: str, value: Any) -> int | dict[int, int]:
        if not isinstance(value, dict):
            return one.read(field, value)
        found = {}
        for name, seq in value.items():
            if not (name.isascii() and name.isdigit() and len(name) <= 19):
                raise wrong(field, "ids of accounts", name)
            found[int(name)] = one.read(f"{field}.{name}", seq)
        return found

    return Form(read, {"type": ["integer", "object"]})


_AUTH = {"api_key": replace(forms.text(longest=256, required=True), alias="token")}
_SUBSCRIBE = {
    "account_ids": _accounts(required=True),
    "namespaces": _namespaces(),
    "with_snapshot": forms.flag(),
    "since_seq": _seqs(),
}
_UNSUBSCRIBE = {"account_ids": _accounts()}
