"""What does a market stand on? The part of the venue that is there before any market is."""

from typing import Protocol

from gateway.paper.hub import Hub
from gateway.paper.limits import Limiter
from gateway.paper.listen_keys import ListenKeys
from gateway.paper.logins import Ledger, Logins
from gateway.paper.market.prices import Prices
from gateway.paper.options import Options
from gateway.paper.store import Store


class Ground(Protocol):
    """Memory, logins, prices, streams, options and the clock of one venue."""

    options: Options
    store: Store
    logins: Logins
    ledger: Ledger
    listen_keys: ListenKeys
    hub: Hub
    prices: Prices
    limiters: dict[str, Limiter]
    born_ms: int

    def now_ms(self) -> int:
        """The venue's clock."""
