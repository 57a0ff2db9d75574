"""How does a row of the OMS look as a structure of ccxt?

ccxt's ``safe_*`` complete each one. Ids are the OMS's; the row itself, with the exchange's ids, is
``info``. In answers that are ccxt's already, decimals are texts and become numbers again.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ccxt.base.precise import Precise

if TYPE_CHECKING:
    from ccxt.base.exchange import Exchange

Row = Mapping[str, Any]

_STATUS: Mapping[str, str] = {
    "FILLED": "closed",
    "CANCELED": "canceled",
    "REJECTED": "rejected",
    "EXPIRED": "expired",
}
_TYPES: Mapping[str, str] = {
    "market": "market",
    "limit": "limit",
    "stop": "market",
    "stop_limit": "limit",
    "take_profit": "market",
    "take_profit_limit": "limit",
    "trailing_stop": "market",
}
# Names whose value may look like a number and is a text.
_TEXTS = frozenset(
    "id order clientOrderId symbol datetime code currency tag network referenceId "
    "referenceAccount account name txid address base quote settle baseId quoteId settleId "
    "lowercaseId uppercaseId numericId version type".split()
)
_NUMBERS_ONLY = ("precision", "limits")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


def order(exchange: "Exchange", row: Row, *, named: str | None = None) -> dict[str, Any]:
    """An order; ``named`` is the id under which the bot knows it, if not the OMS's."""
    market = _market(exchange, row["symbol"])
    kind, when = row["order_type"], _milliseconds(row["created_at"])
    changed = _milliseconds(row["updated_at"])
    traded = Precise.string_gt(row["filled_qty"], "0")
    trigger = row["trigger_price"]
    found = {
        "id": named or str(row["id"]),
        "clientOrderId": row["client_order_id"] or row["exchange_client_order_id"],
        "timestamp": when,
        "datetime": exchange.iso8601(when),
        "lastTradeTimestamp": changed if traded else None,
        "lastUpdateTimestamp": changed,
        "symbol": row["symbol"],
        "type": _TYPES.get(kind, kind),
        "timeInForce": _time_in_force(row, market),
        "postOnly": row["time_in_force"] == "PO",
        "reduceOnly": row["reduce_only"] if market.get("contract") else None,
        "side": row["side"],
        "price": row["price"],
        "triggerPrice": trigger,
        "amount": row["qty"],
        "filled": row["filled_qty"],
        "remaining": Precise.string_sub(row["qty"], row["filled_qty"]),
        "average": row["avg_fill_price"],
        "status": _STATUS.get(row["status"], "open"),
        "fees": _fees(row),
        "info": dict(row),
    }
    return exchange.safe_order(found, market)


def doubtful_order(
    exchange: "Exchange", order_id: str, payload: Mapping[str, Any]
) -> dict[str, Any]:
    """An order of which nobody knows yet whether the OMS has it: open, until that is known."""
    now = exchange.milliseconds()
    kind = payload["order_type"]
    found = {
        "id": order_id,
        "clientOrderId": order_id.split(":", 2)[2],
        "timestamp": now,
        "datetime": exchange.iso8601(now),
        "symbol": payload["symbol"],
        "type": _TYPES.get(kind, kind),
        "side": payload["side"],
        "price": payload.get("price"),
        "triggerPrice": payload.get("trigger_price"),
        "amount": payload["qty"],
        "filled": "0",
        "remaining": payload["qty"],
        "status": "open",
        "info": {"in_doubt": True, "payload": dict(payload)},
    }
    return exchange.safe_order(found, _market(exchange, payload["symbol"]))


def refused_order(exchange: "Exchange", error: Mapping[str, Any]) -> dict[str, Any]:
    """What stands for an order that was not taken, in a list where others were."""
    return exchange.safe_order({"status": "rejected", "info": {"error": dict(error)}})


def trade(exchange: "Exchange", deal: Row) -> dict[str, Any]:
    """A deal, as a trade of the account."""
    market = _market(exchange, deal["symbol"])
    when = _milliseconds(deal["executed_at"])
    found = {
        "id": str(deal["id"]),
        "order": None if deal["order_id"] is None else str(deal["order_id"]),
        "timestamp": when,
        "datetime": exchange.iso8601(when),
        "symbol": deal["symbol"],
        "type": None,
        "side": deal["side"],
        "takerOrMaker": None,
        "price": deal["price"],
        "amount": deal["qty"],
        "fee": _fee(deal["fee_currency"], deal["fee"]),
        "info": dict(deal),
    }
    return exchange.safe_trade(found, market)


def funding(exchange: "Exchange", deal: Row) -> dict[str, Any]:
    """A deal of funding, as ccxt tells an income: the position's share of what was paid."""
    when = _milliseconds(deal["executed_at"])
    return {
        "info": dict(deal),
        "symbol": deal["symbol"],
        "code": deal["profit_currency"],
        "timestamp": when,
        "datetime": exchange.iso8601(when),
        "id": str(deal["id"]),
        "amount": exchange.parse_number(deal["profit"]),
    }


def position(exchange: "Exchange", row: Row) -> dict[str, Any]:
    """A position; ``side`` is ccxt's ``long`` or ``short``."""
    market = _market(exchange, row["symbol"])
    opened, changed = _milliseconds(row["opened_at"]), _milliseconds(row["updated_at"])
    size = exchange.safe_string(market, "contractSize", "1")
    qty, mark = row["qty"], row.get("mark_price")
    known = exchange.options.get("leverages", {}).get(row["symbol"]) or {}
    leverage = known.get("longLeverage" if row["side"] == "buy" else "shortLeverage")
    notional = _product(_product(qty, size), mark or row["avg_price"])
    margin = Precise.string_div(notional, str(leverage)) if notional and leverage else None
    profit = row.get("floating_profit")
    percentage = None
    if profit is not None and margin is not None and Precise.string_gt(margin, "0"):
        percentage = Precise.string_mul(Precise.string_div(profit, margin), "100")
    found = {
        "id": str(row["id"]),
        "symbol": row["symbol"],
        "timestamp": opened,
        "datetime": exchange.iso8601(opened),
        "lastUpdateTimestamp": changed,
        "side": "long" if row["side"] == "buy" else "short",
        "hedged": False,
        "contracts": exchange.parse_number(qty),
        "contractSize": exchange.parse_number(size),
        "entryPrice": exchange.parse_number(row["avg_price"]),
        "markPrice": exchange.parse_number(mark),
        "notional": exchange.parse_number(notional),
        "leverage": exchange.parse_number(None if leverage is None else str(leverage)),
        "initialMargin": exchange.parse_number(margin),
        "collateral": exchange.parse_number(margin),
        "initialMarginPercentage": exchange.parse_number(
            Precise.string_div("1", str(leverage)) if leverage else None
        ),
        "maintenanceMargin": None,
        "maintenanceMarginPercentage": None,
        "marginRatio": None,
        "positionMargin": None,
        "liquidationPrice": None,
        "unrealizedPnl": exchange.parse_number(profit),
        "percentage": exchange.parse_number(percentage),
        "realizedPnl": exchange.parse_number(row["profit"]),
        "stopLossPrice": exchange.parse_number(row["stop_loss"]),
        "takeProfitPrice": exchange.parse_number(row["stop_gain"]),
        "marginMode": known.get("marginMode"),
        "info": dict(row),
    }
    return exchange.safe_position(found)


def structure(exchange: "Exchange", value: Any, name: str = "") -> Any:
    """An answer of ``/ccxt`` with numbers where ccxt has numbers; ``info`` stays as it is."""
    if name == "info":
        return value
    if isinstance(value, str):
        is_number = name not in _TEXTS and _NUMBER.fullmatch(value)
        return exchange.parse_number(value) if is_number else value
    if isinstance(value, Mapping):
        # "base" and "quote" are codes of a market, and numbers of its precision.
        inside = name if name in _NUMBERS_ONLY else None
        return {key: structure(exchange, item, inside or key) for key, item in value.items()}
    if isinstance(value, list):
        return [structure(exchange, item, name) for item in value]
    return value


def _market(exchange: "Exchange", symbol: str | None) -> Mapping[str, Any]:
    """The market of a symbol; ``safe_market`` knows ids only. It may be gone from the exchange."""
    known = (exchange.markets or {}).get(symbol)
    return exchange.safe_market(symbol) if known is None else known


def _time_in_force(row: Row, market: Mapping[str, Any]) -> str:
    """As exchanges say it: at the market good till cancelled; post-only is a type on spot."""
    word = row["time_in_force"] or "GTC"
    at_market = _TYPES.get(row["order_type"]) == "market"
    return "GTC" if at_market or (word == "PO" and market.get("spot")) else word


def _milliseconds(text: str | None) -> int | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int(moment.replace(microsecond=0).timestamp()) * 1000 + moment.microsecond // 1000


def _fees(row: Row) -> list[dict[str, Any]]:
    by_currency = row.get("fees_by_currency")
    if by_currency is None:
        fee = _fee(row["fee_currency"], row["fee"])
        return [fee] if fee else []
    return [{"currency": currency, "cost": cost} for currency, cost in by_currency.items()]


def _fee(currency: str | None, cost: str | None) -> dict[str, Any] | None:
    return None if cost is None else {"currency": currency, "cost": cost}


def _product(one: str | None, other: str | None) -> str | None:
    return None if one is None or other is None else Precise.string_mul(one, other)
