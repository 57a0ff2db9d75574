"""What may a client ask of the OMS over ``/ws``?

``ACTIONS`` is the table. A name without a slash is asked of the connection itself, in whatever
namespace. The gateway has a table of its own (``gateway.api.sockets``);
``oms_project.serving.sockets`` joins them.
"""

import asyncio
from dataclasses import replace
from typing import Any

from django.conf import settings

from accounts.callers.authentication import resolve
from accounts.rights.permissions import readable_strategies, require_read_all
from oms_project.errors import Conflict, Invalid, OmsError, RateLimited
from positions.api import commands
from positions.api.pool import at_the_door
from positions.forms import fields
from positions.forms.fields import Form, read_fields, shown, wrong
from positions.selectors import require_kept_events
from positions.sockets import snapshots
from positions.sockets.connection import Socket
from positions.sockets.feeds import catch_up, feeds
from positions.sockets.marks import marks
from positions.sockets.messages import Request
from positions.sockets.reading import for_user
from positions.sockets.snapshots import Snapshot
from positions.sockets.subscriptions import Subscription
from positions.sockets.vigil import vigil
from positions.sockets.words import LOGGED, CloseCode, Namespace

MOST_ACCOUNTS = 500
ROWS_AT_ONCE = 200
LONGEST_ROW_BYTES = 5000
_OPTIONS = ("parallel", "check", "wait_ms")

_LESS_GIVEN = "The commands were taken. Ask for them by request_id, fewer at once, or over REST."
_LESS_CHECKED = "Nothing was done. Check fewer at once, or over REST."


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
        caller = await at_the_door(resolve, wish["api_key"], address=socket.address)
    except OmsError as error:
        socket.refuse(request, error)
        if socket.caller is None:
            socket.end(CloseCode.NOT_AUTHENTICATED)
        return
    if socket.caller is None:
        if not vigil().admit(socket, caller):
            return
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
        RateLimited: too many accounts on this socket.
    """
    caller = socket.require_caller()
    wish = read_fields(_SUBSCRIBE, request.payload, within="payload")
    account_ids = list(wish["account_ids"])
    require_read_all(caller, account_ids)
    since = _since(wish.get("since_seq"), account_ids)
    namespaces = wish.get("namespaces", frozenset(LOGGED))
    most = settings.OMS_SOCKET_SUBSCRIPTIONS
    if len({*socket.subscriptions, *account_ids}) > most:
        raise RateLimited("Too many accounts on one socket; open another.", limit=most)
    for account_id, seq in since.items():
        await for_user(caller.user_id, require_kept_events, account_id, seq)
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
                caller.user_id,
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
            marks().tell(socket)
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
    found = await commands.answer(commands.Post(caller=caller, query=query, given=given))
    less = _LESS_CHECKED if query.get("check") == "true" else _LESS_GIVEN
    ok = found.status < 400
    socket.answer(request, "command_result", found.body, ok=ok, less=less)


ACTIONS = {
    "ping": ping,
    "auth": authenticate,
    "subscribe": subscribe,
    "unsubscribe": unsubscribe,
    "position/command": command,
}


async def _look(socket: Socket, account_ids: list[int], *, with_rows: bool) -> Snapshot:
    caller = socket.require_caller()
    if with_rows:
        return await for_user(caller.user_id, snapshots.take, caller, account_ids)
    return Snapshot(await for_user(caller.user_id, snapshots.newest_seqs, account_ids))


async def _show(socket: Socket, request: Request, snapshot: Snapshot) -> None:
    """The snapshot; a long list comes in several messages of the same event."""
    at_once = max(1, min(ROWS_AT_ONCE, settings.OMS_MAX_MESSAGE_BYTES // LONGEST_ROW_BYTES))
    for event, rows in (
        ("snapshot_open_orders", snapshot.orders),
        ("snapshot_open_positions", snapshot.positions),
    ):
        for start in range(0, len(rows) or 1, at_once):
            await socket.outlet.room()
            socket.answer(request, event, {"items": rows[start : start + at_once]})
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
    one = fields.number()

    def read(field: str, value: Any) -> tuple[int, ...]:
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_ACCOUNTS:
            raise wrong(field, f"a list of 1 to {MOST_ACCOUNTS} ids", value)
        return tuple(dict.fromkeys(one.read(field, item) for item in value))

    return Form(read, {"type": "array", "items": one.schema}, required)


def _seqs() -> Form:
    one = fields.number(least=0)

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


_AUTH = {"api_key": replace(fields.text(longest=256, required=True), alias="token")}
_SUBSCRIBE = {
    "account_ids": _accounts(required=True),
    "namespaces": _namespaces(),
    "with_snapshot": fields.flag(),
    "since_seq": _seqs(),
}
_UNSUBSCRIBE = {"account_ids": _accounts()}
