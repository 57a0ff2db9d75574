"""Is everything the exchange said kept, once?"""

import hashlib
import json
from datetime import UTC, datetime

import pytest

from accounts.models import Account
from gateway.evidence import raw
from gateway.evidence.raw import Evidence
from gateway.models import RawOrder, RawTrade

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ORDER = {"id": "7", "clientOrderId": "aB3", "symbol": "BTC/USDT", "info": {"z": 1, "a": "é"}}
TRADE = {"id": "9", "order": "7", "symbol": "BTC/USDT", "info": {}}

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Account:
    return Account.objects.create(exchange_id="ccxt.binance", label="a")


def record(account, *, orders=(), trades=()):
    return raw.record(
        account_id=account.pk,
        exchange_id=account.exchange_id,
        evidence=Evidence(tuple(orders), tuple(trades)),
        observed_at=NOW,
    )


def test_a_row_holds_the_structure_and_its_fingerprint(account):
    given = record(account, orders=[ORDER], trades=[TRADE])

    order, trade = RawOrder.objects.get(), RawTrade.objects.get()
    assert json.loads(order.raw_json) == ORDER
    assert order.fingerprint == hashlib.sha256(order.raw_json.encode()).hexdigest()
    assert (order.exchange_order_id, order.client_order_id, order.symbol) == (
        "7",
        "aB3",
        "BTC/USDT",
    )
    assert (trade.exchange_trade_id, trade.exchange_order_id) == ("9", "7")
    assert given == Evidence((ORDER,), (TRADE,))


def test_the_same_words_are_kept_once_whatever_their_order(account):
    record(account, orders=[ORDER, ORDER])
    record(account, orders=[dict(reversed(ORDER.items()))])

    assert RawOrder.objects.count() == 1


def test_every_version_is_kept(account):
    record(account, orders=[ORDER])
    record(account, orders=[ORDER | {"status": "closed"}])

    assert RawOrder.objects.count() == 2


def test_two_accounts_keep_their_own_evidence(account):
    other = Account.objects.create(exchange_id="ccxt.binance", label="b")

    record(account, orders=[ORDER])
    record(other, orders=[ORDER])

    assert RawOrder.objects.count() == 2


def test_any_number_of_rows_takes_one_query_per_kind(account, django_assert_num_queries):
    orders = [ORDER | {"id": str(number)} for number in range(50)]
    with django_assert_num_queries(2):
        record(account, orders=orders, trades=[TRADE])


def test_nothing_said_is_nothing_written(account, django_assert_num_queries):
    with django_assert_num_queries(0):
        record(account)
