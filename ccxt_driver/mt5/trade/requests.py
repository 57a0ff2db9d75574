"""How is a trade request read?

What is absent is 0; what cannot be read is an error of the call, not an answer of the server, as in
the package. Names that it does not know it ignores.
"""

from collections.abc import Mapping
from typing import Any

from ccxt_driver.mt5 import constants as c
from ccxt_driver.mt5.arguments import decimal, whole
from ccxt_driver.mt5.failures import Failure, invalid
from ccxt_driver.mt5.tuples import TradeRequest

LONGEST_COMMENT = 255
_WHOLE = frozenset(
    "action magic order deviation type type_filling type_time position position_by".split()
)
_TEXTS = ("symbol", "comment")
_LARGEST = 2**64


def read(request: Any) -> TradeRequest:
    """The request with all its fields, numbers as the package has them.

    Raises:
        Failure: it is no mapping, or a field has the wrong kind of value.
    """
    if isinstance(request, TradeRequest):
        request = request._asdict()
    if not isinstance(request, Mapping):
        raise Failure(c.RES_E_INVALID_PARAMS, "Invalid arguments")
    found = TradeRequest(*(_field(name, request) for name in TradeRequest._fields))
    if found.action == c.TRADE_ACTION_PENDING and "type_filling" not in request:
        # 0 is FOK: an order that waits and says nothing would be refused where it fills in part.
        return found._replace(type_filling=c.ORDER_FILLING_RETURN)
    return found


def _field(name: str, request: Mapping[str, Any]) -> Any:
    if name in _TEXTS:
        value = request.get(name, "")
        if not isinstance(value, str):
            raise invalid(name)
        return value[:LONGEST_COMMENT] if name == "comment" else value
    value = request.get(name, 0)
    if name == "expiration" and hasattr(value, "timestamp"):
        value = value.timestamp()
    if name in _WHOLE or name == "expiration":
        number = whole(int(value) if name == "expiration" and isinstance(value, float) else value,
                       name)  # fmt: skip
        if not 0 <= number < _LARGEST:
            raise invalid(name)
        return number
    return float(decimal(value, name))
