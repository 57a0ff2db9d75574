"""Which limits can be set for what, and to which values?"""

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from oms_project.errors import Invalid
from riskdesk.rules import Limits
from riskdesk.words import Scope

DECIMALS = (
    "max_order_qty",
    "max_order_notional",
    "price_collar_percent",
    "max_net_qty",
    "max_gross_qty",
    "max_net_notional",
    "max_gross_notional",
    "max_daily_loss",
    "max_daily_turnover",
)
SECONDS = ("orders_interval_s", "repeat_within_s")
LONGEST_S = 86_400
MOST_SYMBOLS = 1000
LIMITED_SCOPES = (Scope.ACCOUNT, Scope.STRATEGY, Scope.KEY)
# Positions and their results belong to accounts and strategies, not to the key that gave an order.
_NOT_FOR_KEYS = frozenset(
    {
        "max_net_qty",
        "max_gross_qty",
        "max_net_notional",
        "max_gross_notional",
        "max_daily_loss",
        "max_daily_turnover",
    }
)
_VALUES = frozenset({name for name in DECIMALS if "notional" in name or "daily" in name})


def needs_values(changes: Mapping[str, Any]) -> bool:
    """Whether one of the limits adds up money over markets."""
    return any(changes.get(name) is not None for name in _VALUES)


def changed_limits(limits: Limits, changes: Mapping[str, Any], *, scope: Scope) -> dict[str, Any]:
    """The columns to store: ``changes``, checked together with the limits that stay.

    Raises:
        Invalid: naming the limit.
    """
    for name, value in changes.items():
        if value is not None:
            _check(name, value, scope)
    after = asdict(limits) | dict(changes)
    if (after["max_orders"] is None) is not (after["orders_interval_s"] is None):
        raise Invalid(
            "max_orders and orders_interval_s belong together.",
            field="orders_interval_s",
            limit="both or neither",
            value=after["orders_interval_s"],
        )
    return dict(changes)


def _check(name: str, value: Any, scope: Scope) -> None:
    if scope is Scope.KEY and name in _NOT_FOR_KEYS:
        raise Invalid(
            "Positions belong to no key; limit the account or the strategy.",
            field=name,
            limit=sorted(scope for scope in LIMITED_SCOPES if scope is not Scope.KEY),
            value=value,
        )
    if name == "symbols":
        if len(value) > MOST_SYMBOLS:
            raise Invalid("Too many symbols.", field=name, limit=MOST_SYMBOLS, value=len(value))
        return
    least, most = (1, LONGEST_S) if name in SECONDS else (0, None)
    if Decimal(value) < least or (most is not None and value > most):
        raise Invalid(f"{name} is out of bounds.", field=name, limit=[least, most], value=value)
