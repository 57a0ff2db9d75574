"""Is the newest price kept, with its time, for everybody?"""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from gateway.models import LastPrice
from gateway.pricing import board
from positions.ports import SeenPrice

KEY, SYMBOL = "anywhere", "BTC/USDT"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _forgetful():
    board.forget()
    board._redis.cache_clear()
    yield
    board.forget()
    board._redis.cache_clear()


def seen(price: int, age_s: float = 0.0) -> SeenPrice:
    return SeenPrice(Decimal(price), timezone.now() - timedelta(seconds=age_s))


def test_a_price_that_is_older_than_wanted_is_no_price():
    board.put(KEY, SYMBOL, seen(100, age_s=6))

    assert board.newest(KEY, SYMBOL, 5) is None
    assert board.newest(KEY, SYMBOL, 60).price == 100


def test_an_answer_that_comes_late_does_not_replace_a_newer_price():
    assert board.put(KEY, SYMBOL, seen(101))
    assert not board.put(KEY, SYMBOL, seen(100, age_s=1))

    assert board.known(KEY, SYMBOL).price == 101


def test_a_process_that_starts_reads_the_row_with_its_time():
    board.put(KEY, SYMBOL, seen(100, age_s=20))
    board.publish(KEY)
    board.forget()

    assert board.newest(KEY, SYMBOL, 5) is None
    board.forget()
    assert board.newest(KEY, SYMBOL, 60).price == 100
    assert LastPrice.objects.count() == 1


def test_a_row_is_written_now_and_then_and_never_by_an_older_price():
    board.put(KEY, SYMBOL, seen(100, age_s=20))
    board.publish(KEY)
    board.put(KEY, SYMBOL, seen(101))
    board.publish(KEY)
    early = LastPrice.objects.get().price
    board._stored_at_s.clear()
    LastPrice.objects.update(price=102, at=timezone.now() + timedelta(seconds=1))
    board.publish(KEY)

    assert (early, LastPrice.objects.get().price) == (100, 102)


@pytest.mark.redis
def test_processes_share_prices_claims_and_failures(settings):
    settings.OMS_RELAY_URL = "redis://127.0.0.1:6379/13"
    began, key = timezone.now(), f"shared {timezone.now().timestamp()}"
    board.put(key, SYMBOL, seen(100))
    board.publish(key)
    board.forget()
    board.fail(key, "ETH/USDT", "exchange_timeout")

    assert board.newest(key, SYMBOL, 5).price == 100
    assert board.claim(key, [SYMBOL], 5) == {SYMBOL}
    assert board.claim(key, [SYMBOL], 5) == set()
    assert board.failure(key, "ETH/USDT", began) == "exchange_timeout"
    assert board.failure(key, "ETH/USDT", timezone.now()) is None
    assert board.failure(key, SYMBOL, began) is None


@pytest.mark.redis
@pytest.mark.parametrize("may_be_old_s", [5, 60], ids=["to decide", "to show"])
def test_a_price_that_is_young_enough_gives_way_to_a_newer_one_of_another_process(
    settings, may_be_old_s
):
    settings.OMS_RELAY_URL = "redis://127.0.0.1:6379/13"
    key = f"outdone {timezone.now().timestamp()}"
    board.put(key, SYMBOL, seen(101))
    board.publish(key)
    board.forget()
    board.put(key, SYMBOL, seen(100, age_s=3))

    assert board.newest(key, SYMBOL, may_be_old_s).price == 101
