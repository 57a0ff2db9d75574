"""Products for one fault each, with something in between that changes the venue's answers."""

import pytest

from tests.e2e.conftest import embedded, own_redis, product  # noqa: F401 (fixtures)
from tests.e2e.product import Product, free_port
from tests.faults.proxy import Proxy

QUIET = ("--tick-ms", "0", "--no-flow")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One such product for a module: ``(product, proxy)``; tests forget the rules they gave."""
    venue_port = free_port()
    proxy = Proxy(venue_port).start()
    one = Product(
        tmp_path_factory.mktemp("product"),
        venue_options=QUIET,
        venue_port=venue_port,
        settings=proxy.exchange_urls,
    )
    one.start()
    yield one, proxy
    one.stop()
    proxy.stop()


@pytest.fixture
def proxied(tmp_path):
    """Start a product whose every word with its venue passes through a proxy.

    Returns ``start(*venue_options, **settings) -> (product, proxy)``; prices stand still.
    """
    started = []

    def start(*venue_options: str, **settings: str) -> tuple[Product, Proxy]:
        venue_port = free_port()
        proxy = Proxy(venue_port).start()
        one = Product(
            tmp_path / f"product-{len(started)}",
            venue_options=(*QUIET, *venue_options),
            venue_port=venue_port,
            settings=proxy.exchange_urls | settings,
        )
        started.append((one, proxy))
        one.start()
        return one, proxy

    yield start
    for one, between in started:
        one.stop()
        between.stop()
