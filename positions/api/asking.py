"""What does a request for commands ask for?

Read alike whether the commands are to be carried out or only checked: shape and rights come first
and cost nothing but the reading.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from accounts.rights.permissions import Caller
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
from positions.forms.commands import Parsed, fingerprint, parse_command
from positions.forms.fields import shown
from positions.models import Order, Position
from positions.services.rights import require_may_ask

DEFAULT_WAIT_MS = 10_000
LONGEST_WAIT_MS = 60_000
# Reading is work on the loop that serves everybody: after so many commands others have their turn.
READ_AT_ONCE = 10
_FLAGS = ("parallel", "check")


@dataclass(frozen=True, slots=True)
class Post:
    """The request, with nothing read yet but who sent it; ``given`` where its JSON was read."""

    caller: Caller
    query: Mapping[str, str]
    body: bytes = b""
    content_type: str = "application/json"
    idempotency_key: str | None = None
    given: Any = None


@dataclass(slots=True)
class Item:
    """One command on its way: what was asked, and the row or the error that came of it."""

    index: int
    parsed: Parsed | None = None
    command_id: int | None = None
    error: OmsError | None = None
    waits: bool = False
    body: dict[str, Any] | None = None

    @property
    def problem(self) -> dict[str, Any]:
        """The error as a result shows it."""
        body = (self.error or error_class("internal_error")()).body("")
        return {name: body[name] for name in ("code", "message", "details")}


@dataclass(frozen=True, slots=True)
class Options:
    """``check``: say what would come of the commands, and do nothing."""

    parallel: bool
    check: bool
    wait_ms: int


async def read_items(post: Post) -> list[Item]:
    """Every command of the body; one that is refused already carries its error.

    Raises:
        OmsError: the body as a whole cannot be read.
    """
    items = []
    for index, asked in enumerate(_read_body(post)):
        if index % READ_AT_ONCE == READ_AT_ONCE - 1:
            await asyncio.sleep(0)
        items.append(_read(index, asked, post.caller))
    return items


def read_options(query: Mapping[str, str]) -> Options:
    """What the query says of all the commands.

    Raises:
        Invalid: a parameter is unknown or wrong.
    """
    known = [*_FLAGS, "wait_ms"]
    unknown = sorted(set(query) - {*known})
    if unknown:
        raise Invalid("There is no such parameter.", field=unknown[0], limit=known)
    flags = {name: _read_flag(query, name) for name in _FLAGS}
    return Options(**flags, wait_ms=read_wait_ms(query))


def _read_flag(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name, "false")
    if text not in ("true", "false"):
        raise Invalid(f"{name} is true or false.", field=name, limit="true or false", value=text)
    return text == "true"


def read_wait_ms(query: Mapping[str, str]) -> int:
    """How long the caller waits, in milliseconds.

    Raises:
        Invalid: it is no such number.
    """
    text = query.get("wait_ms", str(DEFAULT_WAIT_MS))
    if not (text.isascii() and text.isdigit() and len(text) < 8 and int(text) <= LONGEST_WAIT_MS):
        raise Invalid("wait_ms is a whole number of milliseconds.", field="wait_ms",
                      limit=[0, LONGEST_WAIT_MS], value=text)  # fmt: skip
    return int(text)


def envelope_of(parsed: Parsed, caller: Caller, *, after_id: int | None = None) -> words.Envelope:
    """The envelope with its account, which an order or position id may imply.

    Raises:
        OmsError: the account is not named, or what implies it does not exist for the caller.
    """
    account_id = parsed.account_id or _implied_account(parsed, caller)
    return words.Envelope(
        account_id=account_id,
        command=parsed.name,
        request_id=parsed.request_id,
        fingerprint=fingerprint(parsed, account_id),
        payload=parsed.payload,
        after_id=after_id,
    )


def _read(index: int, asked: Any, caller: Caller) -> Item:
    """Shape and rights of one command; a refusal is its own result and stops nobody else."""
    item = Item(index)
    try:
        parsed = parse_command(asked)
        require_may_ask(parsed.command, caller, parsed.account_id)
    except Exception as error:  # noqa: BLE001 (problem() logs what nobody expected)
        item.error = problem(error)
    else:
        item.parsed = parsed
    return item


def _read_body(post: Post) -> list[Any]:
    if post.content_type.partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType(value=post.content_type[:64])
    body = read_json(post.body) if post.given is None else post.given
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
