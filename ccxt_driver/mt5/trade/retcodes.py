"""Which return code is a refusal, or an answer, of the OMS?

REQUOTE and PRICE_OFF are never answered: they make the package's helpers, and many scripts, send
the same order again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ccxt.base.errors import BaseError

from ccxt_driver.errors import code_of
from ccxt_driver.mt5 import constants as c

FIELDS: Mapping[str, int] = {
    "qty": c.TRADE_RETCODE_INVALID_VOLUME,
    "new_qty": c.TRADE_RETCODE_INVALID_VOLUME,
    "price": c.TRADE_RETCODE_INVALID_PRICE,
    "new_price": c.TRADE_RETCODE_INVALID_PRICE,
    "trigger_price": c.TRADE_RETCODE_INVALID_PRICE,
    "new_trigger_price": c.TRADE_RETCODE_INVALID_PRICE,
    "stop_loss": c.TRADE_RETCODE_INVALID_STOPS,
    "stop_gain": c.TRADE_RETCODE_INVALID_STOPS,
    "trailing": c.TRADE_RETCODE_INVALID_STOPS,
    "trailing.amount": c.TRADE_RETCODE_INVALID_STOPS,
    "time_in_force": c.TRADE_RETCODE_INVALID_FILL,
    "expires_at": c.TRADE_RETCODE_INVALID_EXPIRATION,
    "order_type": c.TRADE_RETCODE_INVALID_ORDER,
    "position_id": c.TRADE_RETCODE_POSITION_CLOSED,
    "new_price, new_qty, new_trigger_price": c.TRADE_RETCODE_NO_CHANGES,
}
CODES: Mapping[str, int] = {
    "position_not_found": c.TRADE_RETCODE_POSITION_CLOSED,
    "invalid_position_id": c.TRADE_RETCODE_POSITION_CLOSED,
    "position_close_in_progress": c.TRADE_RETCODE_CLOSE_ORDER_EXIST,
    "permission_denied": c.TRADE_RETCODE_TRADE_DISABLED,
    "admin_read_only": c.TRADE_RETCODE_TRADE_DISABLED,
    "strategy_permission_denied": c.TRADE_RETCODE_TRADE_DISABLED,
    "rate_limited": c.TRADE_RETCODE_TOO_MANY_REQUESTS,
    "exchange_timeout": c.TRADE_RETCODE_TIMEOUT,
    "exchange_error": c.TRADE_RETCODE_ERROR,
    "engine_unavailable": c.TRADE_RETCODE_CONNECTION,
    # After these the OMS may have taken the order all the same.
    "storage_unavailable": c.TRADE_RETCODE_TIMEOUT,
    "internal_error": c.TRADE_RETCODE_TIMEOUT,
}
RULES: Mapping[str, int] = {
    "kill_switch": c.TRADE_RETCODE_SERVER_DISABLES_AT,
    "account_status": c.TRADE_RETCODE_TRADE_DISABLED,
    "allow_new_positions": c.TRADE_RETCODE_CLOSE_ONLY,
    "max_open_orders": c.TRADE_RETCODE_LIMIT_ORDERS,
    "max_orders": c.TRADE_RETCODE_LIMIT_ORDERS,
    "price_collar_percent": c.TRADE_RETCODE_INVALID_PRICE,
    "symbols": c.TRADE_RETCODE_TRADE_DISABLED,
}
FILTERS: Mapping[str, int] = {  # Which rule of its market an order broke, as the exchange said it.
    "price": c.TRADE_RETCODE_INVALID_PRICE,
    "tick": c.TRADE_RETCODE_INVALID_PRICE,
    "quantity": c.TRADE_RETCODE_INVALID_VOLUME,
    "step": c.TRADE_RETCODE_INVALID_VOLUME,
    "value": c.TRADE_RETCODE_INVALID_VOLUME,
    "status": c.TRADE_RETCODE_MARKET_CLOSED,
}
REJECTIONS: Mapping[str, int] = {
    "InsufficientFunds": c.TRADE_RETCODE_NO_MONEY,
    "InvalidOrder": c.TRADE_RETCODE_INVALID,
    "BadSymbol": c.TRADE_RETCODE_INVALID,
    "MarketClosed": c.TRADE_RETCODE_MARKET_CLOSED,
}
_ASSIGNED = "an assigned position"  # It is open, but belongs to an order that nobody took over.


@dataclass(frozen=True)
class Said:
    """A refusal in the package's words; ``external`` is the exchange's own number."""

    retcode: int
    comment: str
    external: int = 0


def of_error(error: BaseError, payload: Mapping[str, Any]) -> Said:
    """The return code of a refusal of the OMS."""
    details = getattr(error, "details", None) or {}
    said = str(error).partition(" ")[2] or str(error)
    return of_problem({"code": code_of(error), "message": said, "details": details}, payload)


def of_problem(problem: Mapping[str, Any], payload: Mapping[str, Any]) -> Said:
    """The return code of an error body of the OMS."""
    code, details = problem["code"], problem.get("details") or {}
    comment = problem["message"]
    if code == "validation_error":
        return Said(_of_field(details), comment)
    if code == "risk_blocked":
        return Said(_of_risk(details), comment)
    if code == "order_rejected":
        return Said(_of_rejection(details, payload), comment, _external(details))
    return Said(CODES.get(code, c.TRADE_RETCODE_INVALID), comment)


def of_ended(order: Mapping[str, Any], asked: Any) -> int:
    """The return code of an order as it is: whole, in part, not at all, or on its way still."""
    status = order["status"]
    if status == "UNKNOWN":
        return c.TRADE_RETCODE_TIMEOUT
    if status in ("PENDING_SUBMIT", "SENDING"):
        return c.TRADE_RETCODE_PLACED
    if order["closed_at"] is None:
        return c.TRADE_RETCODE_DONE
    if float(order["filled_qty"]) == 0:
        return c.TRADE_RETCODE_REJECT if status == "REJECTED" else c.TRADE_RETCODE_CANCEL
    return c.TRADE_RETCODE_DONE if order["filled_qty"] == asked else c.TRADE_RETCODE_DONE_PARTIAL


def _of_field(details: Mapping[str, Any]) -> int:
    field = details.get("field")
    if field == "qty" and "currency" in details:  # More than is held of a coin.
        return c.TRADE_RETCODE_NO_MONEY
    if details.get("limit") == _ASSIGNED:
        return c.TRADE_RETCODE_INVALID
    return FIELDS.get(str(field), c.TRADE_RETCODE_INVALID)


def _of_risk(details: Mapping[str, Any]) -> int:
    rule = details.get("rule")
    if rule == "halt":
        halted = details.get("value") == "halted"
        return c.TRADE_RETCODE_TRADE_DISABLED if halted else c.TRADE_RETCODE_CLOSE_ONLY
    if rule is None:
        return c.TRADE_RETCODE_TRADE_DISABLED
    return RULES.get(rule, c.TRADE_RETCODE_LIMIT_VOLUME)


def _of_rejection(details: Mapping[str, Any], payload: Mapping[str, Any]) -> int:
    name = details.get("exception")
    if name == "OrderImmediatelyFillable" and "trigger_price" in payload:
        return c.TRADE_RETCODE_INVALID_PRICE
    if details.get("filter") in FILTERS:
        return FILTERS[details["filter"]]
    return REJECTIONS.get(str(name), c.TRADE_RETCODE_REJECT)


def _external(details: Mapping[str, Any]) -> int:
    try:
        return int(details.get("exchange_code") or 0)
    except (TypeError, ValueError):
        return 0
