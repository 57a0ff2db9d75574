"""How does a person's decision see an order of the exchange?

From any process, in the account's own reader: nothing is sent, and no order waits for it.
"""

from django.conf import settings

from gateway import loop, pacing
from gateway.clients import readers
from gateway.evidence import normalize
from gateway.exchanges.numbers import Unreadable
from gateway.exchanges.profile import profile_for
from gateway.sessions.finding import fetch_order
from gateway.sessions.outcomes import NotFound
from oms_project.errors import ExchangeError
from positions.reports import OrderReport


def order_there(account_id: int, symbol: str, exchange_order_id: str) -> OrderReport | None:
    """The order as the exchange shows it now; ``None``: it shows none of that id.

    Raises:
        ExchangeError, ExchangeTimeout, EngineUnavailable, RateLimited: it could not be asked, or
            what it says cannot be read.
    """
    ask = readers.within_time(_fetched(account_id, symbol, exchange_order_id))
    found = loop.reading.call(ask, settings.OMS_CCXT_TIMEOUT_S * 2)
    if found is None:
        return None
    try:
        exchange_id = profile_for(account_id).exchange_id
        return normalize.order_report(found, exchange_id=exchange_id)
    except Unreadable as fault:
        raise ExchangeError(f"What the exchange says of it cannot be read: {fault}.") from None


async def _fetched(account_id: int, symbol: str, exchange_order_id: str):
    reader = await readers.for_account(account_id)
    try:
        with pacing.going(pacing.Rank.ACTING):
            return await fetch_order(reader.session, symbol, exchange_order_id=exchange_order_id)
    except NotFound:
        return None
