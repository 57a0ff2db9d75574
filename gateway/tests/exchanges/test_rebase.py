"""Which address is really used?"""

import asyncio

import pytest

from gateway.exchanges.rebase import base_of, rebased
from gateway.tests.venue import session, venue


@pytest.mark.parametrize(
    ("url", "base", "wanted"),
    [
        ("https://api.binance.com/api/v3/order?a=1%2B2", "http://h:1", "http://h:1/api/v3/order?a=1%2B2"),
        ("wss://stream.binance.com:9443/ws/0", "http://h:1", "ws://h:1/ws/0"),
        ("wss://ws-api.binance.com:443/ws-api/v3", "https://h", "wss://h/ws-api/v3"),
        ("https://api.kraken.com/0/private/AddOrder", "https://proxy/k/", "https://proxy/k/0/private/AddOrder"),
        ("wss://ws.kraken.com/v2", "wss://h:2", "wss://h:2/v2"),
        ("https://fapi.binance.com/fapi/v1/order", None, "https://fapi.binance.com/fapi/v1/order"),
    ],
)  # fmt: skip
def test_scheme_and_host_are_replaced_and_the_path_is_kept(url, base, wanted):
    assert rebased(url, base) == wanted


@pytest.mark.parametrize("base", ["127.0.0.1:8600", "ftp://h", "http://"])
def test_a_base_that_is_no_address_is_refused(base):
    with pytest.raises(ValueError, match="OMS_EXCHANGE_URLS"):
        rebased("https://api.kraken.com/0", base)


def test_only_the_exchanges_that_the_operator_names_are_re_based(settings):
    settings.OMS_EXCHANGE_URLS = {"kraken": "http://127.0.0.1:9/"}

    assert base_of("kraken") == "http://127.0.0.1:9"
    assert base_of("binance") is None


@pytest.mark.parametrize("exchange_id", ["ccxt.binance", "ccxtpro.binanceusdm"])
def test_ccxt_goes_on_seeing_the_addresses_that_it_knows(exchange_id):
    """Its error tables and its kinds of streams depend on them."""

    async def look():
        async with venue(), session(exchange_id) as talk:
            table = talk.exchange.get_exceptions_by_url("https://fapi.binance.com/fapi/v1", "exact")
            return talk.exchange.urls["api"]["private"], table

    private, table = asyncio.run(look())

    assert private == "https://api.binance.com/api/v3"
    assert "-4116" in table
