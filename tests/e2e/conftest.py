"""Running products, shared by the tests of a module where they leave no trace on each other."""

import socket
from urllib.parse import urlsplit

import pytest

from tests.e2e.product import MARIADB, REDIS, Product


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


def running(tmp_path_factory, mode: str, **options):
    """Start a product, give it, and stop it."""
    product = Product(tmp_path_factory.mktemp(mode), mode=mode, **options)
    try:
        yield product.start()
    finally:
        product.stop()
