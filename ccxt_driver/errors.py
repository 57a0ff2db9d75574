"""Which of ccxt's exceptions is a refusal of the OMS?

The class decides what a bot does next: try again (``NetworkError``), look at its order
(``InvalidOrder``), look at its money (``InsufficientFunds``), stop (``AuthenticationError``). The
README shows this table. Each exception carries ``oms_code``, the HTTP status and ``details``.
"""

from collections.abc import Mapping
from typing import Any

from ccxt.base import errors as ccxt_errors
from ccxt.base.errors import (
    AccountNotEnabled,
    AuthenticationError,
    BadRequest,
    BadSymbol,
    BaseError,
    DuplicateOrderId,
    ExchangeError,
    ExchangeNotAvailable,
    InsufficientFunds,
    InvalidOrder,
    NotSupported,
    OperationRejected,
    OrderNotFound,
    PermissionDenied,
    RateLimitExceeded,
    RequestTimeout,
)

TABLE: Mapping[str, type[BaseError]] = {
    "malformed_json": BadRequest,
    "missing_api_key": AuthenticationError,
    "invalid_api_key": AuthenticationError,
    "invalid_login": AuthenticationError,
    "two_factor_required": AuthenticationError,
    "permission_denied": PermissionDenied,
    "admin_read_only": PermissionDenied,
    "strategy_permission_denied": PermissionDenied,
    "function_not_allowed": NotSupported,
    "not_found": BadRequest,
    "account_not_found": AccountNotEnabled,
    "order_not_found": OrderNotFound,
    "position_not_found": BadRequest,
    "method_not_allowed": BadRequest,
    "conflict": OperationRejected,
    "risk_blocked": OperationRejected,
    "position_close_in_progress": OperationRejected,
    "idempotency_conflict": DuplicateOrderId,
    "duplicate_client_order_id": DuplicateOrderId,
    "events_expired": BadRequest,
    "payload_too_large": BadRequest,
    "unsupported_media_type": BadRequest,
    "validation_error": BadRequest,
    "invalid_strategy_id": BadRequest,
    "invalid_position_id": BadRequest,
    "invalid_order_state": OrderNotFound,
    "unsupported_engine": NotSupported,
    "order_rejected": InvalidOrder,
    "rate_limited": RateLimitExceeded,
    "internal_error": ExchangeError,
    "exchange_error": ExchangeNotAvailable,
    "engine_unavailable": ExchangeNotAvailable,
    "storage_unavailable": ExchangeNotAvailable,
    "exchange_timeout": RequestTimeout,
}
# The exchange's own class, as ccxt in the OMS named it, says more than the code.
_EXCHANGES_OWN = ("order_rejected", "exchange_error", "validation_error", "engine_unavailable")
_ORDER_FIELDS = frozenset(
    "qty price trigger_price order_type time_in_force trailing_amount trailing_percent side "
    "reduce_only post_only expires_at stop_loss stop_gain new_qty new_price "
    "new_trigger_price".split()
)
# After these the OMS may have taken a command all the same: it is asked for by its request id.
IN_DOUBT = frozenset({"storage_unavailable", "internal_error"})
# Said before the OMS looks whether it knows a request id, so of an earlier try they prove nothing.
SAID_FIRST = frozenset(
    "rate_limited missing_api_key invalid_api_key permission_denied admin_read_only "
    "strategy_permission_denied account_not_found".split()
)


def exception_of(
    error: Mapping[str, Any], *, status: int, prefix: str, is_order: bool
) -> BaseError:
    """The exception for an error body of the OMS; ``is_order``: it answers a command."""
    code, details = str(error.get("code")), error.get("details") or {}
    kind = _kind(code, details, is_order=is_order)
    told = kind(f"{prefix} {code}: {error.get('message')}{_facts(details)}")
    told.oms_code, told.oms_status, told.details = code, status, details  # type: ignore[attr-defined]
    return told


def code_of(error: BaseException) -> str | None:
    """The OMS's code, ``None`` where it did not answer."""
    return getattr(error, "oms_code", None)


def never_left(error: BaseException | None) -> bool:
    """Whether there was no connection at all, so that nothing can have arrived."""
    names = ("NewConnectionError", "ConnectTimeoutError", "ClientConnectorError")
    while error is not None:
        reason = getattr(error, "reason", None)
        kinds = {kind.__name__ for one in (error, reason) for kind in type(one).__mro__}
        if kinds & set(names):
            return True
        inner = next((one for one in error.args if isinstance(one, BaseException)), None)
        error = error.__cause__ or inner
    return False


def _kind(code: str, details: Mapping[str, Any], *, is_order: bool) -> type[BaseError]:
    field = details.get("field")
    if code in _EXCHANGES_OWN:
        named = getattr(ccxt_errors, str(details.get("exception")), None)
        if isinstance(named, type) and issubclass(named, BaseError):
            return named
    if code == "validation_error" and field == "symbol":
        return BadSymbol
    if code == "validation_error" and field == "qty" and "currency" in details:  # What is held.
        return InsufficientFunds
    if code == "validation_error" and is_order and field in _ORDER_FIELDS:
        return InvalidOrder
    return TABLE.get(code, ExchangeError)


def _facts(details: Mapping[str, Any]) -> str:
    words = [f"{name}={details[name]}" for name in ("field", "limit", "value") if name in details]
    return f" ({', '.join(words)})" if words else ""
