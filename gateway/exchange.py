"""The exchange port: how ``positions`` reaches the exchange without knowing ccxt."""

import logging
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from kombu.exceptions import OperationalError

from gateway import calls, heartbeat, markets, position_mode
from positions.engine.types import MarketKind
from positions.ports import MarketRules

log = logging.getLogger(__name__)


class CcxtExchange:
    """Markets from the catalogue, sending by the account's worker."""

    def market(self, account_id: int, symbol: str) -> MarketRules:
        """The rules of ``symbol``; see ``gateway.markets.rules`` for what it raises."""
        return markets.rules(account_id, symbol)

    def known_market(self, account_id: int, symbol: str) -> MarketRules | None:
        """The rules of ``symbol``, without asking the network."""
        return markets.known(account_id, symbol)

    def last_price(self, account_id: int, symbol: str) -> Decimal | None:
        """The newest price known, without asking the network."""
        return markets.last_price(account_id, symbol)

    def check_tradable(self, account_id: int, symbol: str) -> None:
        """Let an order for ``symbol`` pass where the account is set up for it at its exchange."""
        if markets.rules(account_id, symbol).kind is not MarketKind.SPOT:
            position_mode.check(account_id)

    def check_params(self, params: Mapping[str, Any]) -> None:
        """Let a client's exchange extras pass; see ``gateway.calls.check_params``."""
        calls.check_params(params)

    def wake(self, account_id: int) -> None:
        """Ring the worker's bell; with the broker gone, the sweeper finds the row."""
        from gateway.tasks import wake  # Tasks import the worker's side, which web never needs.

        _ring(wake, account_id)

    def watch_prices(self, account_id: int) -> None:
        """Ring for the price watch; with the broker gone, the sweeper does."""
        from gateway.tasks import watch_prices  # As above.

        _ring(watch_prices, account_id)

    def is_served(self) -> bool:
        """Whether a worker is carrying out orders."""
        return heartbeat.is_alive()


def ring_for_runs(account_id: int) -> None:
    """Say that a reconciliation was asked for; with the broker gone, the sweeper does."""
    from gateway.tasks import reconcile  # As above.

    _ring(reconcile, account_id)


def _ring(task: Any, account_id: int) -> None:
    try:
        task.apply_async((account_id,), retry=False)
    except OperationalError:
        log.warning("broker.unreachable", extra={"account_id": account_id})
