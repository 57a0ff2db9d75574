"""How does a JSON body become a typed command?

One table per command says which fields there are, in which form, and what OpenAPI shows of them.
Unknown fields are refused; every error names field, limit and value.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from accounts.words import LONGEST_COMMENT
from oms_project.errors import Invalid
from positions import commands
from positions.engine.money import plain
from positions.engine.stops import TrailingDistance
from positions.engine.types import OrderType, Reason, Side, TimeInForce, TriggerBy
from positions.forms.fields import (
    Form,
    amount,
    extras,
    flag,
    kind_of,
    moment,
    number,
    numbers,
    read_fields,
    text,
    trailing,
    unknown_field,
    word,
)
from positions.triggers import distance_json

CLOSING_TYPES = (OrderType.MARKET, OrderType.LIMIT)
GIVEN_REASONS = tuple(
    reason for reason in Reason if reason in ("api", "trader", "portfolio_manager", "robot", "risk")
)

_ORDER_OPTIONS = {
    "price": amount(about="Limit price in the quote currency."),
    "time_in_force": word(tuple(TimeInForce)),
    "expires_at": moment(),
    "post_only": flag(),
    "reason": word(GIVEN_REASONS),
    "comment": text(longest=LONGEST_COMMENT),
    "client_order_id": text(
        longest=64, is_id=True, about="Yours, unique among live orders of the account."
    ),
    "params": extras(),
}

FORMS: dict[str, dict[str, Form]] = {
    "send_order": {
        "symbol": text(longest=64, required=True, about="ccxt's unified symbol: BTC/USDT."),
        "side": word(tuple(Side), required=True),
        "order_type": word(tuple(OrderType), required=True, alias="type"),
        "qty": amount(required=True, alias="amount", about="Base units; contracts elsewhere."),
        "trigger_price": amount(
            alias="stop_price", about="A stop waits for a worse price, a take_profit for a better."
        ),
        "trigger_by": word(tuple(TriggerBy)),
        "trailing_amount": amount(about="How far a trailing_stop stays behind, in quote currency."),
        "trailing_percent": amount(about="The same, in percent of the price: 1.5."),
        "stop_loss": amount(about="The position's stop once this fills."),
        "stop_gain": amount(about="The position's take-profit once this fills."),
        "reduce_only": flag(),
        "strategy_id": number(least=0),
        "position_id": number(least=0, about="0 or absent: automatic."),
        **_ORDER_OPTIONS,
    },
    "cancel_order": {"order_id": number(), "order_ids": numbers()},
    "cancel_all_orders": {
        "strategy_ids": numbers(least=0, about="Absent: every strategy."),
        "symbol": text(longest=64),
    },
    "change_order": {
        "order_id": number(required=True),
        "new_price": amount(),
        "new_qty": amount(about="The new total, what is filled included."),
        "new_trigger_price": amount(about="Of an order that waits for its trigger still."),
    },
    "close_position": {
        "position_id": number(required=True),
        "qty": amount(alias="amount", about="Absent: all that is free."),
        "order_type": word(CLOSING_TYPES, alias="type"),
        "strategy_id": number(least=0),
        "override_unknown": flag(),
        **_ORDER_OPTIONS,
    },
    "close_all_positions": {
        "symbol": text(longest=64),
        "strategy_ids": numbers(least=0, about="Absent: every strategy."),
        "side": word(tuple(Side)),
        "percent": amount(about="Of what each holds, 1 to 100; rounded down to the step."),
        "comment": text(longest=LONGEST_COMMENT, about="The risk desk has to give one."),
    },
    "close_by": {
        "position_id_a": number(required=True),
        "position_id_b": number(required=True, about="Within one strategy: its average counts."),
        "qty": amount(alias="amount", about="Absent: the smaller of the two."),
        "comment": text(longest=LONGEST_COMMENT, about="The risk desk has to give one."),
    },
    "merge_positions": {
        "source_position_id": number(required=True),
        "target_position_id": number(required=True),
        "stop_mode": word(tuple(commands.StopMode)),
        "stop_loss": amount(about="With stop_mode set."),
        "stop_gain": amount(about="With stop_mode set."),
        "comment": text(longest=LONGEST_COMMENT, about="The risk desk has to give one."),
    },
    "position_change": {
        "position_id": number(required=True),
        "stop_loss": amount(about="Null clears it, absent leaves it.").or_null(),
        "stop_gain": amount(about="Null clears it, absent leaves it.").or_null(),
        "trailing": trailing().or_null(),
        "trigger_by": word(tuple(TriggerBy)),
        "comment": text(longest=LONGEST_COMMENT).or_null(),
    },
}

_ENVELOPE = {
    "account_id": number(),
    "command": text(longest=32, required=True),
    "request_id": text(longest=128, is_id=True),
}


@dataclass(frozen=True, slots=True)
class Parsed:
    """A command and the envelope fields it came in; ``account_id`` may have to be looked up."""

    name: str
    account_id: int | None
    request_id: str | None
    payload: dict[str, Any]
    command: commands.Command


def parse_command(body: Any) -> Parsed:
    """Read one command of the request.

    Raises:
        Invalid: naming the field, its limit and its value.
    """
    if not isinstance(body, dict):
        raise Invalid("A command is an object.", field="", limit="an object", value=kind_of(body))
    unknown = sorted(set(body) - {*_ENVELOPE, "payload"})
    if unknown:
        raise unknown_field(unknown[0], [*_ENVELOPE, "payload"])
    envelope = {
        name: form.read(name, body[name])
        for name, form in _ENVELOPE.items()
        if body.get(name) is not None
    }
    name = envelope.get("command")
    if name not in FORMS:
        raise Invalid("There is no such command.", field="command", limit=list(FORMS), value=name)
    payload = body.get("payload", {})
    fields = read_fields(FORMS[name], payload, within="payload")
    return Parsed(
        name=name,
        account_id=envelope.get("account_id"),
        request_id=envelope.get("request_id"),
        payload=as_json(fields),
        command=_BUILD[name](fields),
    )


def fingerprint(parsed: Parsed, account_id: int) -> str:
    """SHA-256 of the canonical body: decimals normalised, aliases resolved, names sorted."""
    canonical = json.dumps([account_id, parsed.name, parsed.payload], sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def as_json(value: Any) -> Any:
    """A parsed value as JSON types, decimals and times as canonical text."""
    match value:
        case Decimal():
            return plain(value)
        case datetime():
            return value.isoformat()
        case StrEnum():
            return value.value
        case TrailingDistance():
            return distance_json(value)
        case dict():
            return {name: as_json(item) for name, item in value.items()}
        case list() | tuple():
            return [as_json(item) for item in value]
        case _:
            return value


def _send_order(fields: dict[str, Any]) -> commands.SendOrder:
    return commands.SendOrder(**_with_time_in_force(fields))


def _close_position(fields: dict[str, Any]) -> commands.ClosePosition:
    return commands.ClosePosition(**_with_time_in_force(fields))


def _cancel_order(fields: dict[str, Any]) -> commands.CancelOrder:
    one, some = fields.get("order_id"), fields.get("order_ids")
    if (one is None) == (some is None):
        raise Invalid("Give order_id or order_ids.", field="order_id", limit="exactly one of them")
    return commands.CancelOrder(some if one is None else (one,))


def _close_all(fields: dict[str, Any]) -> commands.CloseAllPositions:
    percent = fields.get("percent")
    if percent is not None and not 1 <= percent <= 100:
        raise Invalid("percent is from 1 to 100.", field="percent", limit=[1, 100], value=percent)
    return commands.CloseAllPositions(**fields)


def _position_change(fields: dict[str, Any]) -> commands.PositionChange:
    given = frozenset(fields) - {"position_id", "trigger_by"}
    if not given:
        raise Invalid(
            "Nothing would change.",
            field="stop_loss, stop_gain, trailing, comment",
            limit="at least one of them",
        )
    return commands.PositionChange(given=given, **fields)


def _merge_positions(fields: dict[str, Any]) -> commands.MergePositions:
    command = commands.MergePositions(**fields)
    gives = command.stop_loss is not None or command.stop_gain is not None
    if gives is not (command.stop_mode is commands.StopMode.SET):
        raise Invalid(
            "stop_mode set needs stop_loss or stop_gain, and they need it.",
            field="stop_mode",
            limit=str(commands.StopMode.SET) if gives else "stop_loss or stop_gain",
            value=str(command.stop_mode),
        )
    return command


def _with_time_in_force(fields: dict[str, Any]) -> dict[str, Any]:
    """``post_only`` is the time in force PO; an expiry implies GTD, which needs one."""
    fields = dict(fields)
    post_only = fields.pop("post_only", False)
    given = fields.get("time_in_force")
    if post_only and given not in (None, TimeInForce.PO, TimeInForce.GTC):
        raise Invalid(
            "A post-only order cannot have this time in force.",
            field="time_in_force",
            limit=[TimeInForce.PO, TimeInForce.GTC],
            value=given,
        )
    if post_only:
        fields["time_in_force"] = TimeInForce.PO
    expires = fields.get("expires_at")
    asked = fields.get("time_in_force")
    if expires is None:
        if asked is TimeInForce.GTD:
            raise Invalid("GTD needs expires_at.", field="expires_at", limit="with GTD")
        return fields
    if (
        asked in (TimeInForce.IOC, TimeInForce.FOK)
        or fields.get("order_type", OrderType.MARKET) is OrderType.MARKET
    ):
        raise Invalid(
            "What executes at once does not expire.",
            field="expires_at",
            limit="an order that rests",
            value=expires,
        )
    if asked is not TimeInForce.PO:
        fields["time_in_force"] = TimeInForce.GTD
    return fields


_BUILD: dict[str, Callable[[dict[str, Any]], commands.Command]] = {
    "send_order": _send_order,
    "cancel_order": _cancel_order,
    "cancel_all_orders": lambda fields: commands.CancelAllOrders(**fields),
    "change_order": lambda fields: commands.ChangeOrder(**fields),
    "close_position": _close_position,
    "close_all_positions": _close_all,
    "close_by": lambda fields: commands.CloseBy(**fields),
    "merge_positions": _merge_positions,
    "position_change": _position_change,
}
