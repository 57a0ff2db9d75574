"""What can go wrong, as a client is told about it?

One class is one ``code`` and one HTTP status: together they are the table of the contract,
section 4. Raise them with the facts as keywords; ``oms_project.problems`` turns any of them into
the one error body. This module is a leaf: it imports nothing of ours and no framework.

    raise AccountNotFound(account_id=7)
    raise Invalid("qty is below the market's minimum", field="qty", limit=minimum, value=qty)
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from http import HTTPStatus
from typing import Any, ClassVar


class OmsError(Exception):
    """A refusal or a failure with a stable code.

    ``title`` is the sentence used when no message is given; ``details`` holds the facts. Neither
    may carry a secret or an exchange's raw text: both go to the client and to the logs.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong on our side."

    def __init__(self, message: str = "", /, **facts: Any) -> None:
        self.message = message or self.title
        self.details: dict[str, Any] = facts
        super().__init__(self.message)

    @property
    def headers(self) -> dict[str, str]:
        """Response headers that belong to this error; a 401 must say how to authenticate."""
        return {"WWW-Authenticate": "ApiKey"} if self.status == HTTPStatus.UNAUTHORIZED else {}

    def body(self, request_id: str) -> dict[str, Any]:
        """The error body of the contract, made of JSON types only."""
        return {
            "code": self.code,
            "message": self.message,
            "details": _json_ready(self.details),
            "request_id": request_id,
        }


# 400 — the body cannot be read.


class MalformedJson(OmsError):
    code, status, title = "malformed_json", 400, "The body is not valid JSON."


# 401 — we do not know who is asking.


class MissingApiKey(OmsError):
    code, status, title = "missing_api_key", 401, "Send an API key or a login token in x-api-key."


class InvalidApiKey(OmsError):
    code, status, title = "invalid_api_key", 401, "The API key or login token is not valid."


class InvalidLogin(OmsError):
    code, status, title = "invalid_login", 401, "The user name, the password or the code is wrong."


class TwoFactorRequired(OmsError):
    code, status, title = "two_factor_required", 401, "A one-time password is required."


# 403 — we know who is asking, and the answer is no.


class PermissionDenied(OmsError):
    code, status, title = "permission_denied", 403, "The role or the key does not allow this."


class AdminReadOnly(OmsError):
    code, status, title = "admin_read_only", 403, "An admin never trades."


class StrategyPermissionDenied(OmsError):
    code, status, title = "strategy_permission_denied", 403, "The strategy is not this key's."


class FunctionNotAllowed(OmsError):
    code, status, title = "function_not_allowed", 403, "This function is not offered."


# 404 — it does not exist, or it is someone else's: the two look the same.


class NotFound(OmsError):
    code, status, title = "not_found", 404, "There is no such thing here."


class AccountNotFound(OmsError):
    code, status, title = "account_not_found", 404, "There is no such account."


class OrderNotFound(OmsError):
    code, status, title = "order_not_found", 404, "There is no such order."


class PositionNotFound(OmsError):
    code, status, title = "position_not_found", 404, "There is no such position."


# 405


class MethodNotAllowed(OmsError):
    code, status, title = "method_not_allowed", 405, "This address does not know that method."


# 409 — right in itself, but not now.


class Conflict(OmsError):
    code, status, title = "conflict", 409, "The present state does not allow this."


class RiskBlocked(OmsError):
    code, status, title = "risk_blocked", 409, "A risk control refused this."


class PositionCloseInProgress(OmsError):
    code, status, title = "position_close_in_progress", 409, "Pending closes reserve that volume."


class IdempotencyConflict(OmsError):
    code, status, title = "idempotency_conflict", 409, "The request id was used for another body."


class DuplicateClientOrderId(OmsError):
    code, status, title = "duplicate_client_order_id", 409, "A live order has that client order id."


# 410


class EventsExpired(OmsError):
    code, status, title = "events_expired", 410, "Those events are gone; take a snapshot."


# 413, 415


class PayloadTooLarge(OmsError):
    code, status, title = "payload_too_large", 413, "The body is too large."


class UnsupportedMediaType(OmsError):
    code, status, title = "unsupported_media_type", 415, "Send application/json."


# 422 — readable, and wrong.


class Invalid(OmsError):
    """``validation_error``: names field, limit and value.

    Facts left out are left out of ``details``; never give ``value`` for a secret.
    """

    code, status, title = "validation_error", 422, "A value is not acceptable."

    def __init__(self, message: str = "", /, *, field: str = "", **facts: Any) -> None:
        super().__init__(message, **({"field": field} if field else {}), **facts)


class InvalidStrategyId(OmsError):
    code, status, title = "invalid_strategy_id", 422, "The strategy cannot be used here."


class InvalidPositionId(OmsError):
    code, status, title = "invalid_position_id", 422, "The position cannot be used here."


class InvalidOrderState(OmsError):
    code, status, title = "invalid_order_state", 422, "The order's state does not allow this."


class UnsupportedEngine(OmsError):
    code, status, title = (
        "unsupported_engine",
        422,
        "An exchange id starts with ccxt. or ccxtpro. and names an exchange.",
    )


class OrderRejected(OmsError):
    """The exchange's no. ``details``: the ccxt class and the exchange's number, never raw text."""

    code, status, title = "order_rejected", 422, "The exchange rejected the order."


# 429


class RateLimited(OmsError):
    """Too many attempts; ``retry_after_s`` becomes the Retry-After header."""

    code, status, title = "rate_limited", 429, "Too many attempts; wait and try again."

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.details.get("retry_after_s", 1))}


# 5xx — ours or the exchange's fault.


class InternalError(OmsError):
    code, status, title = "internal_error", 500, "Something went wrong on our side."


class ExchangeError(OmsError):
    code, status, title = "exchange_error", 502, "The exchange answered with an error."


class EngineUnavailable(OmsError):
    code, status, title = "engine_unavailable", 503, "The exchange engine is not available."


class StorageUnavailable(OmsError):
    code, status, title = "storage_unavailable", 503, "The database is not available."


class ExchangeTimeout(OmsError):
    code, status, title = "exchange_timeout", 504, "The exchange did not answer in time."


def error_class(code: str) -> type[OmsError]:
    """The class of a code; ``InternalError`` for one that is not in the table."""
    return _by_code().get(code, InternalError)


@cache
def _by_code() -> dict[str, type[OmsError]]:
    found: dict[str, type[OmsError]] = {}
    waiting = list(OmsError.__subclasses__())
    while waiting:
        kind = waiting.pop()
        found[kind.code] = kind
        # A subclass with its own code is found under that; one that shares it is no other error.
        waiting += [sub for sub in kind.__subclasses__() if sub.code != kind.code]
    return found


def _json_ready(value: Any) -> Any:
    """``value`` with decimals as plain strings and times as ISO 8601 UTC."""
    ready: Any
    match value:
        case None | bool() | int() | float() | str():
            ready = value
        case Decimal():
            ready = _plain(value)
        case datetime():
            ready = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        case Mapping():
            ready = {str(key): _json_ready(item) for key, item in value.items()}
        case set() | frozenset():
            ready = sorted(_json_ready(item) for item in value)
        case list() | tuple():
            ready = [_json_ready(item) for item in value]
        case _:
            ready = str(value)
    return ready


def _plain(number: Decimal) -> str:
    """Plain digits: no exponent, no trailing zeros, ``0`` never ``-0``."""
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text
