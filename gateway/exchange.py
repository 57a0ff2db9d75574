"""The exchange port: how ``positions`` reaches the exchange without knowing ccxt."""

import logging
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.conf import settings
from kombu.exceptions import OperationalError

from gateway.clients import asking
from gateway.exchanges import known_markets, order_params
from gateway.exchanges.profile import profile_for
from gateway.models import Blindness, SeenBalance
from gateway.pricing import board, fresh
from gateway.sessions import markets, position_mode
from gateway.worker import heartbeat
from positions.engine.types import MarketKind, TriggerBy
from positions.ports import MarketRules, SeenBalances, SeenPrice
from positions.reports import OrderReport

log = logging.getLogger(__name__)


class CcxtExchange:
    """Markets from the catalogue, sending by the account's worker."""

    def market(self, account_id: int, symbol: str) -> MarketRules:
        """The rules of ``symbol``; see ``gateway.sessions.markets.rules`` for what it raises."""
        return markets.rules(account_id, symbol)

    def known_market(self, account_id: int, symbol: str) -> MarketRules | None:
        """The rules of ``symbol``, without asking the network."""
        return known_markets.known(account_id, symbol)

    def symbols_named(self, account_id: int, name: str) -> list[str] | None:
        """The symbols that a name means; see ``gateway.exchanges.known_markets.symbols_named``."""
        return known_markets.symbols_named(account_id, name)

    def last_price(self, account_id: int, symbol: str) -> Decimal | None:
        """The exchange's last price, young enough to decide by; the exchange is not asked."""
        key = profile_for(account_id).key
        seen = board.newest(key, symbol, settings.OMS_PRICE_MAX_AGE_S)
        return None if seen is None else seen.price

    def seen_price(self, account_id: int, symbol: str) -> SeenPrice | None:
        """The newest price known, to show; nothing is asked."""
        key = profile_for(account_id).key
        return board.newest(key, symbol, settings.OMS_PRICE_SHOWN_S)

    def seen_balances(self, account_ids: Collection[int]) -> dict[int, SeenBalances]:
        """What the accounts owned when it was last compared; nothing is asked."""
        rows = SeenBalance.objects.in_bulk([*account_ids])
        return {number: SeenBalances(row.amounts, row.asked_at) for number, row in rows.items()}

    def fresh_prices(self, account_id: int, symbols: Collection[str]) -> Mapping[str, Decimal]:
        """Prices to decide by, asked for where they are too old; see ``gateway.pricing.fresh``."""
        return fresh.prices(account_id, symbols, settings.OMS_PRICE_MAX_AGE_S)

    def order_there(
        self, account_id: int, symbol: str, exchange_order_id: str
    ) -> OrderReport | None:
        """One order by the exchange's id; see ``gateway.clients.asking``."""
        return asking.order_there(account_id, symbol, exchange_order_id)

    def check_tradable(self, account_id: int, symbol: str) -> None:
        """Let an order for ``symbol`` pass where the account is set up for it at its exchange."""
        if markets.rules(account_id, symbol).kind is not MarketKind.SPOT:
            position_mode.check(account_id)

    def check_params(self, account_id: int, params: Mapping[str, Any]) -> None:
        """Let a client's exchange extras pass; see ``gateway.exchanges.order_params``."""
        if params:
            order_params.check(profile_for(account_id).exchange_id, params)

    def trigger_by(self, account_id: int, params: Mapping[str, Any]) -> TriggerBy | None:
        """The price that extras have a trigger wait for; see ``gateway.exchanges.order_params``."""
        return order_params.trigger_by(params)

    def blind(self, account_ids: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
        """What exchanges do not show now; see ``gateway.models.Blindness``."""
        return Blindness.objects.by_account(account_ids)

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
