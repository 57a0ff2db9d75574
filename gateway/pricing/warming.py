"""Which prices are kept warm?

Those of every symbol in which a served account has an open order, a position or a stop, or gave an
order in the last ten minutes: what is decided next about it needs a price, and what is shown has
one. They are looked up together every few seconds, so a price is never as old as a decision allows.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from gateway.loop import db
from gateway.pricing import feeds
from gateway.pricing.feeds import Feed, Follower
from positions.models import Order, Position

log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
STAYS_WARM = timedelta(minutes=10)
SHARE = 0.8  # Of the age up to which a price may decide.


class Warmer:
    """Keeps the prices of the accounts of this process warm. Lives on the exchange loop."""

    def __init__(self, account_ids: Callable[[], Collection[int]]) -> None:
        self._account_ids = account_ids
        self._followers: dict[Feed, Follower] = {}

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self._look()
            except Exception:
                log.exception("prices.not_warmed")

    async def _look(self) -> None:
        wanted: dict[Feed, dict[str, float]] = {feed: {} for feed in self._followers}
        age_s = settings.OMS_PRICE_MAX_AGE_S * SHARE
        for account_id, symbol in await db(busy_symbols, list(self._account_ids())):
            wanted.setdefault(await feeds.feed_of(account_id), {})[symbol] = age_s
        for feed, symbols in wanted.items():
            follower = self._followers.setdefault(feed, Follower(_note))
            feed.want(follower, symbols)


def busy_symbols(account_ids: Collection[int]) -> list[tuple[int, str]]:
    """Account and symbol of every position and open order, and of what was ordered lately."""
    mine = {"account_id__in": account_ids}
    held = Position.objects.open().filter(**mine)
    resting = Order.objects.open().filter(**mine)
    lately = Order.objects.filter(**mine, created_at__gt=timezone.now() - STAYS_WARM)
    rows = [each.order_by().values_list("account_id", "symbol") for each in (held, resting, lately)]
    return sorted({place for found in rows for place in found.distinct()})


def _note(_symbol: str, _price: object) -> None:
    """The board has it."""
