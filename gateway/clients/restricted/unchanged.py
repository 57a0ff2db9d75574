"""Is what a restricted key would set already so?

Bots set leverage and margin mode at every start. A key that may not change the account may confirm
it: the exchange is asked, nothing is sent that changes anything.
"""

from collections.abc import Mapping
from typing import Any

from gateway.clients.arguments import Arguments
from gateway.clients.functions import FUNCTIONS, Function
from gateway.clients.readers import Reader
from gateway.sessions.outcomes import CallFailed
from oms_project.errors import OmsError, StrategyPermissionDenied

# What is set, the function that reads it, and where its answer says so.
_READS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "leverage": ("fetchLeverage", ("longLeverage", "shortLeverage")),
    "marginMode": ("fetchMarginMode", ("marginMode",)),
    "hedged": ("fetchPositionMode", ("hedged",)),
}


async def confirmed(reader: Reader, function: Function, arguments: Arguments) -> dict[str, Any]:
    """The setting as it is, where that is what is asked for.

    Raises:
        StrategyPermissionDenied: it would be changed, or cannot be read.
    """
    name, wanted = next((n, v) for n, v in arguments.values.items() if n in _READS)
    symbol = arguments.values.get("symbol")
    asked, fields = _READS[name]
    question = Arguments({} if symbol is None else {"symbol": symbol}, {})
    try:
        answer = await reader.call(FUNCTIONS[asked], question)
    except (CallFailed, OmsError):
        answer = {}
    said = [answer.get(field) for field in fields]
    if any(value is None or value != wanted for value in said):
        raise StrategyPermissionDenied(
            "A key restricted to strategies cannot change this for the whole account.",
            function=function.name,
            field=name,
            value=wanted,
        )
    return {"symbol": symbol, name: wanted}
