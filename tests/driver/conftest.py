"""One product behind two proxies: one can change what the exchange says, one what the OMS says."""

from dataclasses import dataclass
from typing import Any

import pytest

from ccxt_driver import OmsCcxtExchange
from ccxt_driver.async_support import OmsCcxtExchange as AsyncOmsCcxtExchange
from tests.e2e.product import GENEROUS, Json, Product, free_port
from tests.e2e.strategies import add_robot
from tests.faults.proxy import Proxy

STILL = ("--tick-ms", "0", "--no-flow", *GENEROUS)


@dataclass
class Desk:
    """A running OMS with what stands before and behind it."""

    product: Product
    exchange: Proxy
    oms: Proxy

    @property
    def base(self) -> str:
        """Where bots reach the OMS, through the proxy."""
        return f"http://127.0.0.1:{self.oms.port}"

    def words(self, account: Json, key: str | None = None, **more: Any) -> Json:
        """The driver's arguments for an account."""
        given = {"api_key": key or self.product.facts["api_key"], "account_id": account["id"]}
        return given | {"base_url": self.base, "strategy_id": 1} | more

    def bot(self, account: Json, key: str | None = None, **more: Any) -> OmsCcxtExchange:
        """A blocking exchange."""
        return OmsCcxtExchange(**self.words(account, key, **more))

    def async_bot(self, account: Json, key: str | None = None, **more: Any):
        """One whose answers are awaited."""
        return AsyncOmsCcxtExchange(**self.words(account, key, **more))

    def robot(self, name: str, account: Json) -> tuple[str, int]:
        """The restricted key of a new robot, and its strategy."""
        return add_robot(self.product, name, account)


@pytest.fixture(scope="session")
def desk(tmp_path_factory):
    """One for all tests: prices stand still, and nobody else trades."""
    venue_port = free_port()
    exchange = Proxy(venue_port).start()
    product = Product(
        tmp_path_factory.mktemp("desk"),
        venue_options=STILL,
        venue_port=venue_port,
        settings=exchange.exchange_urls,
    )
    oms = Proxy(product.port).start()
    product.start()
    yield Desk(product, exchange, oms)
    product.stop()
    oms.stop()
    exchange.stop()


@pytest.fixture(params=["ccxt.binance", "ccxt.binanceusdm"], ids=["spot", "usdm"])
def account(desk, request):
    """An account on spot, and one on USD-M futures."""
    return desk.product.account(request.param)
