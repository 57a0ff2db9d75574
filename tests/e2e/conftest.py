"""Running products, shared by the tests of a module where they leave no trace on each other."""

import socket
from urllib.parse import urlsplit

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.e2e.product import MARIADB, REDIS, Product
from tests.e2e.servers import Redis

LONGEST = {"test_three_strategies", "test_thousand_orders", "test_kill"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest begin first, so that no worker has to wait for one at the end."""
    items.sort(key=lambda item: item.path.stem not in LONGEST)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """How tests are shared out among several workers."""
    return ByProduct(config, log)


class ByProduct(LoadScopeScheduling):
    """What shares a product stays together: the tests of a module in one mode."""

    def _split_scope(self, nodeid: str) -> str:
        module, _, test = nodeid.partition("::")
        return f"{module} in server mode" if "[server" in test else module


def missing_servers() -> list[str]:
    """What the server mode needs and this machine does not answer with."""
    found = []
    for name, url in (("MariaDB", MARIADB), ("Redis", REDIS)):
        parts = urlsplit(url)
        try:
            socket.create_connection((parts.hostname, parts.port), timeout=1).close()
        except OSError:
            found.append(name)
    return found


@pytest.fixture(scope="module", params=["embedded", "server"])
def product(request, tmp_path_factory):
    """A running product, once in each mode."""
    yield from running(tmp_path_factory, request.param)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    """A running product, embedded."""
    yield from running(tmp_path_factory, "embedded")


@pytest.fixture
def own_redis():
    """A Redis of a test's own, to be broken."""
    server = Redis().start()
    yield server
    server.kill()


def running(tmp_path_factory, mode: str, **options):
    """Start a product, give it, and stop it."""
    product = Product(tmp_path_factory.mktemp(mode), mode=mode, **options)
    try:
        yield product.start()
    finally:
        product.stop()
