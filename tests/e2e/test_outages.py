"""Redis, the database or the disk fail under twenty orders a second: nothing is lost or doubled.

``OMS_OUTAGES`` sets how often each fails (2). Printed is how many seconds after the end of an
outage the first order reached the exchange again.
"""

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

import pytest

from tests.e2e.agreement import check, check_final_states, is_quiet, orders_of
from tests.e2e.flow import OrderFlow
from tests.e2e.product import Product
from tests.e2e.servers import MariaDB, Proxy, SmallDisk

pytestmark = [pytest.mark.e2e, pytest.mark.faults]
OUTAGES = int(os.environ.get("OMS_OUTAGES", "2"))
SEED = int(os.environ.get("OMS_TORTURE_SEED", "7"))
ORDERS_PER_S = 20
QUICK = {"OMS_EXCHANGE_TIMEOUT_MS": "4000", "OMS_SEND_DEADLINE_S": "12"}
FLOWING = 20  # orders that reached the exchange before the next outage


@pytest.fixture
def own_mariadb(tmp_path) -> Iterator[MariaDB]:
    """A MariaDB of this test's own."""
    server = MariaDB(tmp_path / "mariadb")
    server.folder.mkdir()
    yield server.start()
    server.kill()


@pytest.fixture
def small_disk(tmp_path) -> Iterator[SmallDisk]:
    """A small file system for the database."""
    disk = SmallDisk(tmp_path / "disk").mount()
    yield disk
    disk.unmount()


def test_redis_is_flushed_on_server(tmp_path, own_redis):
    with trading(tmp_path, redis=own_redis.url) as (product, flow):
        _outages("Redis flushed", product, flow, own_redis.flush, lambda: None)


def test_redis_is_stopped_on_server(tmp_path, own_redis):
    with trading(tmp_path, redis=own_redis.url) as (product, flow):
        _outages("Redis stopped", product, flow, own_redis.kill, own_redis.start)


def test_redis_hangs_on_server(tmp_path, own_redis):
    proxy = Proxy(own_redis.port)
    with trading(tmp_path, redis=f"redis://127.0.0.1:{proxy.port}") as (product, flow):
        _outages("Redis hanging", product, flow, proxy.stall, proxy.flow)
    proxy.close()


def test_mariadb_is_restarted_on_server(tmp_path, own_mariadb):
    chance = random.Random(SEED)

    def end() -> None:
        chance.choice([own_mariadb.stop, own_mariadb.kill])()

    with trading(tmp_path, mariadb=own_mariadb.url) as (product, flow):
        _outages("MariaDB restarted", product, flow, end, own_mariadb.start)


def test_connections_to_mariadb_are_cut_on_server(tmp_path, own_mariadb):
    proxy = Proxy(own_mariadb.port)
    url = f"mysql://root@127.0.0.1:{proxy.port}"
    with trading(tmp_path, mariadb=url) as (product, flow):
        _outages("connections to MariaDB cut", product, flow, proxy.cut, lambda: None)
    proxy.close()


@pytest.mark.root
def test_the_disk_is_full_embedded(tmp_path, small_disk):
    database = f"sqlite:///{small_disk.folder}/oms.sqlite3"
    with trading(tmp_path, mode="embedded", DATABASE_URL=database) as (product, flow):
        _outages("disk full", product, flow, small_disk.fill, small_disk.free)

    assert flow.refused["storage_unavailable"] > 0
    assert set(flow.refused) == {"storage_unavailable"}


@contextmanager
def trading(
    tmp_path, *, mode: str = "server", redis: str = "", mariadb: str = "", **settings: str
) -> Iterator[tuple[Product, OrderFlow]]:
    """A product under load; at the end everything must agree with the exchange."""
    if redis:
        settings |= {"OMS_BROKER_URL": f"{redis}/0", "OMS_RELAY_URL": f"{redis}/1"}
    where = {"mariadb": mariadb} if mariadb else {}
    product = Product(tmp_path / mode, mode=mode, settings=QUICK | settings, **where)
    flow = None
    try:
        product.start()
        flow = OrderFlow(product, pause_s=len(product.accounts) / ORDERS_PER_S)
        flow.start()
        yield product, flow
        flow.stop()
        product.until(lambda: is_quiet(product), 60, "every order resolved")
        for account in product.accounts:
            check(product, account)
            check_final_states(product, account)
        product.manage("rebuild_positions", "--verify")
        product.manage("verify_ledger")
        known = {order["id"] for one in product.accounts for order in orders_of(product, one)}
        assert flow.accepted <= known, f"answered, then gone: {sorted(flow.accepted - known)}"
    finally:
        if flow is not None:
            flow.stop()
        product.stop()


def _outages(
    what: str,
    product: Product,
    flow: OrderFlow,
    begin: Callable[[], object],
    end: Callable[[], object],
) -> None:
    """Break it and mend it, again and again; print how fast orders flow again."""
    chance, back_after_s = random.Random(SEED), []
    for _ in range(OUTAGES):
        enough = _arrived(product) + FLOWING
        product.until(lambda enough=enough: _arrived(product) >= enough, 60, "orders flow")
        begin()
        time.sleep(chance.uniform(0.3, 2.5))
        end()
        ended, seen = time.monotonic(), _arrived(product)
        product.until(lambda seen=seen: _arrived(product) > seen, 60, f"an order after: {what}")
        back_after_s.append(time.monotonic() - ended)
    print(
        f"\ntorture: {what} {OUTAGES} times under {ORDERS_PER_S} orders/s, seed {SEED}: "
        f"{_arrived(product)} orders arrived, {len(flow.accepted)} answered, refused meanwhile "
        f"{dict(flow.refused)}; first order after median {median(back_after_s):.1f} s, worst "
        f"{max(back_after_s):.1f} s"
    )


def _arrived(product: Product) -> int:
    """How many orders the exchange has taken, whoever sent them."""
    return sum(product.order_posts().values())
