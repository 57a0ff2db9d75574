"""Which symbol does a request name?"""

from gateway.paper.calls import SYMBOL, Call
from gateway.paper.errors import bad_symbol
from gateway.paper.market.symbols import Spec


def symbol_of(call: Call, specs: dict[str, Spec]) -> Spec:
    """The symbol a call names.

    Raises:
        VenueError: -1102 none, -1100 illegal characters, -1121 unknown.
    """
    call.need("symbol")
    name = call.matching("symbol", SYMBOL)
    if name not in specs:
        raise bad_symbol()
    return specs[name]
