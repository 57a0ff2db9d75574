"""What may a client give to a function of ccxt?

Every argument and every entry of ``params`` has a form: it reads one JSON value into one plain
value, and shows itself in OpenAPI. What has no form is refused by name, so nothing of ``params``
can reach a proxy, an address, a header, the number of retries or the receive window.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from accounts.words import LONGEST_COMMENT
from gateway.exchanges import order_params
from oms_project.errors import Invalid
from positions.engine.money import plain
from positions.engine.types import Side
from positions.forms import fields
from positions.forms.fields import Form, kind_of, shown, wrong

MOST_SYMBOLS = 200
MOST_ORDERS = 50
MOST_ROWS = 1500
LATEST_MS = 10**14
MOST_LEVERAGE = 1000


class Wallet(StrEnum):
    """Which of its market types an exchange is asked about, in ccxt's words."""

    SPOT = "spot"
    MARGIN = "margin"
    SWAP = "swap"
    FUTURE = "future"
    DELIVERY = "delivery"
    OPTION = "option"


class SubType(StrEnum):
    """In what contracts settle."""

    LINEAR = "linear"
    INVERSE = "inverse"


class OrderKind(StrEnum):
    """ccxt's two types of orders; triggers are among its ``params``."""

    MARKET = "market"
    LIMIT = "limit"


class MarginMode(StrEnum):
    """How positions share what secures them."""

    CROSS = "cross"
    ISOLATED = "isolated"


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a call was given: named values, and the extras."""

    values: Mapping[str, Any]
    params: Mapping[str, Any]


def read(
    arguments: Mapping[str, Form], params: Mapping[str, Form], args: Any, kwargs: Any
) -> Arguments:
    """The arguments given by place (``args``) and by name (``kwargs``, ``params`` among them).

    As in ccxt, ``params`` may also be the last of ``args``; null means left out.

    Raises:
        Invalid: one is unknown, missing, given twice or wrong; names the field.
    """
    if not isinstance(args, list):
        raise wrong("args", "an array", args)
    if not isinstance(kwargs, Mapping):
        raise wrong("kwargs", "an object", kwargs)
    names = [*arguments, "params"]
    if len(args) > len(names):
        raise Invalid("There are too many arguments.", field="args", limit=names, value=len(args))
    given = dict(zip(names, args, strict=False))
    for name, value in kwargs.items():
        if name not in names:
            raise Invalid("There is no such argument.", field=shown(name), limit=names)
        if name in given:
            raise Invalid(f"{name} is given twice.", field=name, limit="once")
        given[name] = value
    extras = given.pop("params", None)
    return Arguments(_values(arguments, given), _extras(params, extras))


def pick(names: Iterable[str]) -> dict[str, Form]:
    """Forms by argument name; a question mark makes one optional that otherwise is not."""
    found = {}
    for name in names:
        plain_name = name.removesuffix("?")
        known = _ARGUMENTS[plain_name]
        found[plain_name] = replace(known, required=False) if name != plain_name else known
    return found


def _values(arguments: Mapping[str, Form], given: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for name, one in arguments.items():
        value = given.get(name)
        if value is not None:
            found[name] = one.read(name, value)
        elif one.required:
            raise Invalid(f"{name} is missing.", field=name, limit="required", value=None)
    return found


def _extras(params: Mapping[str, Form], extras: Any) -> dict[str, Any]:
    if extras is None:
        return {}
    if not isinstance(extras, Mapping):
        raise wrong("params", "an object", extras)
    found = {}
    for name, value in extras.items():
        if name not in params:
            raise Invalid(
                "This parameter is not offered.",
                field=shown(f"params.{name}"),
                limit=sorted(params),
                value=shown(value),
            )
        if value is not None:
            found[name] = params[name].read(f"params.{name}", value)
    return found


# --- forms -----------------------------------------------------------------------------------


def _text(longest: int, *, required: bool = False, about: str = "") -> Form:
    return fields.text(longest=longest, required=required, is_id=True, about=about)


def _bounded(least: int, most: int, about: str, *, required: bool = False) -> Form:
    def whole(field: str, value: Any) -> int:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if not is_whole or not least <= value <= most:
            raise Invalid(
                f"{field} is a whole number from {least} to {most}.",
                field=field,
                limit=[least, most],
                value=shown(value),
            )
        return value

    schema = {"type": "integer", "minimum": least, "maximum": most, "description": about}
    return Form(whole, schema, required)


def _several(one: Form, most: int, *, required: bool = False) -> Form:
    def several(field: str, value: Any) -> list[Any]:
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise Invalid(
                f"{field} is a list of 1 to {most}.",
                field=field,
                limit=[1, most],
                value=len(value) if isinstance(value, list) else kind_of(value),
            )
        return [one.read(f"{field}.{place}", item) for place, item in enumerate(value)]

    schema = {"type": "array", "items": one.schema, "minItems": 1, "maxItems": most}
    return Form(several, schema, required)


def _amount(*, required: bool = False, about: str = "") -> Form:
    """A decimal above zero, as its exact text."""
    exact = fields.amount(required=required, about=about)

    def read_amount(field: str, value: Any) -> str:
        return plain(exact.read(field, value))

    return replace(exact, read=read_amount)


def _object() -> Form:
    """One of several orders; it is read like a call of its own, by whoever sends it."""

    def read_object(field: str, value: Any) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise wrong(field, "an object", value)
        return value

    return Form(read_object, {"type": "object"})


def _extra() -> Form:
    """A plain value that an exchange understands."""

    def read_extra(field: str, value: Any) -> str | int | bool:
        match value:
            case bool() | int():
                return value
            case Decimal():
                return plain(value)
            case str() if len(value) <= fields.LONGEST_EXTRA and value.isprintable():
                return value
            case _:
                raise wrong(field, "a string, a number, true or false", value)

    return Form(read_extra, {"type": ["string", "number", "boolean"]})


_SYMBOL = _text(64, required=True, about="ccxt's unified symbol: BTC/USDT, BTC/USDT:USDT.")
_ARGUMENTS: Mapping[str, Form] = {
    "symbol": _SYMBOL,
    "symbols": _several(_SYMBOL, MOST_SYMBOLS),
    "id": _text(128, required=True, about="The exchange's order id, or oms: and ours."),
    "ids": _several(_text(128, required=True), MOST_ORDERS, required=True),
    "code": _text(32, required=True, about="A currency: BTC."),
    "since": _bounded(0, LATEST_MS, "Milliseconds since 1970."),
    "limit": _bounded(1, MOST_ROWS, f"Rows at most, up to {MOST_ROWS}."),
    "timeframe": _text(8, about="1m, 5m, 1h, 1d …"),
    "type": fields.word(tuple(OrderKind), required=True),
    "side": fields.word(tuple(Side), required=True),
    "amount": _amount(required=True, about="Base units; contracts elsewhere."),
    "price": _amount(required=True, about="In the quote currency."),
    "triggerPrice": _amount(required=True),
    "stopLossPrice": _amount(required=True),
    "takeProfitPrice": _amount(required=True),
    "trailingAmount": _amount(required=True, about="In the quote currency."),
    "trailingPercent": _amount(required=True, about="Of the price: 1.5."),
    "trailingTriggerPrice": _amount(required=True),
    "leverage": _bounded(1, MOST_LEVERAGE, "Whole.", required=True),
    "marginMode": fields.word(tuple(MarginMode), required=True),
    "hedged": replace(fields.flag(), required=True),
    "orders": _several(_object(), MOST_ORDERS, required=True),
}

MARKET_PARAMS: Mapping[str, Form] = {
    "type": fields.word(tuple(Wallet)),
    "subType": fields.word(tuple(SubType)),
    "settle": _text(16),
    "until": _bounded(0, LATEST_MS, "Milliseconds since 1970."),
}
ACCOUNT_PARAMS: Mapping[str, Form] = MARKET_PARAMS | {
    "marginMode": fields.word(tuple(MarginMode)),
    "trigger": fields.flag(),
    "stop": fields.flag(),
}
NAMED_PARAMS: Mapping[str, Form] = ACCOUNT_PARAMS | {
    "clientOrderId": _text(64, about="Yours, instead of an id."),
}
CONFIG_PARAMS: Mapping[str, Form] = {
    "type": fields.word(tuple(Wallet)),
    "subType": fields.word(tuple(SubType)),
    "settle": _text(16),
    "marginMode": fields.word(tuple(MarginMode)),
    "leverage": _bounded(1, MOST_LEVERAGE, "Where the exchange sets both at once."),
}
# What a command of the OMS takes that ccxt has no word for.
GIVE_PARAMS: Mapping[str, Form] = {
    "request_id": _text(128, about="The same id with the same body sends nothing twice."),
}
CANCEL_PARAMS: Mapping[str, Form] = GIVE_PARAMS | {
    "clientOrderId": _text(64, about="Yours, instead of an id."),
}
EDIT_PARAMS: Mapping[str, Form] = CANCEL_PARAMS | {"triggerPrice": _amount()}
ORDER_PARAMS: Mapping[str, Form] = (
    GIVE_PARAMS
    | {
        "clientOrderId": _text(64, about="Yours; the exchange sees another one."),
        "timeInForce": _text(8, about="GTC, IOC, FOK or PO."),
        "postOnly": fields.flag(),
        "reduceOnly": fields.flag(),
        "triggerPrice": _amount(),
        "stopPrice": _amount(about="An older word for triggerPrice."),
        "stopLossPrice": _amount(),
        "takeProfitPrice": _amount(),
        "trailingAmount": _amount(),
        "trailingPercent": _amount(),
        "strategy_id": fields.number(least=0, about="Whose order it is; 0 is nobody's."),
        "position_id": fields.number(least=0, about="0 or absent: automatic."),
        "comment": fields.text(longest=LONGEST_COMMENT),
    }
    | {name: _extra() for name in sorted(order_params.NAMES)}
)
