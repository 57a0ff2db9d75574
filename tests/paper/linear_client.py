"""Futures logins and clients for the tests of USD-M."""

import ccxt

from conftest import point, secret_of

SYMBOL = "BTC/USDT:USDT"


def usdm(url: str, key: str, *, kind=ccxt.binanceusdm, **settings: object):
    """An unmodified ccxt USD-M exchange."""
    words = {"apiKey": key, "secret": secret_of(key), "enableRateLimit": False}
    options = {"options": {"fetchCurrencies": False, "fetchMargins": False}}
    return point(kind(words | options | settings), url)


def held(client) -> list[tuple[str, float]]:
    """(side, contracts) of every position."""
    return [(row["side"], row["contracts"]) for row in client.fetch_positions()]
