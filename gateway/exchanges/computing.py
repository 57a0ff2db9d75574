"""Where does ccxt compute with the numbers that it has parsed?

Prices and quantities stay text as the exchange wrote them (``gateway.sessions.wire``), which is all
that ccxt's own strings arithmetic needs. A few methods of its streams compare or multiply parsed
numbers instead: the snapshot of positions with which a stream begins looks which contracts are
above zero. What they call is given floats, and only they keep them. Found by reading ccxt 4.5.90
for sums and comparisons of ``safe_number`` (gateway/tests/exchanges/test_computing.py reads the
installed one).
"""

import inspect
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import wraps
from typing import Any

# By ccxt id; "" is every class.
COMPUTES: Mapping[str, tuple[str, ...]] = {
    "": ("load_positions_snapshot",),
    "backpack": ("parse_ws_position",),
    "bitfinex": ("handle_order_book", "handle_checksum"),
    "bitrue": ("parse_ws_ticker", "convert_from_raw_quantity"),
}

_is_computing: ContextVar[bool] = ContextVar("ccxt_is_computing", default=False)


class Numbers:
    """``number`` of a ccxt class: what is made of a number's text."""

    _usually: type = str

    @property
    def number(self) -> type:
        """Text, and floats for what is computing now."""
        return float if _is_computing.get() else self._usually

    @number.setter
    def number(self, usually: type) -> None:
        self._usually = usually


def methods(cls: type) -> dict[str, Callable[..., Any]]:
    """The methods of a ccxt class that compute, each with floats while it does."""
    names = (*COMPUTES[""], *COMPUTES.get(cls.__name__, ()))
    return {name: _with_floats(getattr(cls, name)) for name in names if hasattr(cls, name)}


def _with_floats(method: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(method):

        @wraps(method)
        async def awaited(*args: Any, **named: Any) -> Any:
            token = _is_computing.set(True)
            try:
                return await method(*args, **named)
            finally:
                _is_computing.reset(token)

        return awaited

    @wraps(method)
    def called(*args: Any, **named: Any) -> Any:
        token = _is_computing.set(True)
        try:
            return method(*args, **named)
        finally:
            _is_computing.reset(token)

    return called
