"""Evidence of an account lies in tables of its own where that was chosen, and reads the same."""

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from accounts.tests import builders
from accounts.words import RawStorage
from gateway.evidence import raw, storage
from gateway.models import RawFunding, RawOrder, RawTrade

pytestmark = pytest.mark.django_db(transaction=True)

ORDER = {"id": "11", "symbol": "BTC/USDT", "clientOrderId": "c11"}
TRADE = {"id": "t11", "order": "11", "symbol": "BTC/USDT"}


@pytest.fixture(autouse=True)
def _drop_tables(settings):
    settings.EXCHANGE_IDS = "accounts.tests.builders.exchange_ids"
    storage.forget()
    yield
    ours = {kind._meta.db_table for kind in storage.KINDS}
    for table in connection.introspection.table_names():
        if table.rpartition("_")[0] in ours:
            with connection.cursor() as cursor:
                cursor.execute(f"DROP TABLE {table}")
    storage.forget()


@pytest.fixture
def account():
    return builders.account("own tables", raw_storage="dedicated")


def record(account, *orders, trades=()):
    raw.record(
        account_id=account.pk,
        exchange_id=account.exchange_id,
        evidence=raw.Evidence(orders, trades),
        observed_at=timezone.now(),
        place=RawStorage(account.raw_storage),
    )


def rows(kind, account) -> list:
    return [row for model in storage.tables_of(kind, [account.pk]) for row in model.objects.all()]


def test_an_accounts_rows_go_to_tables_of_its_own(account):
    record(account, ORDER, trades=[TRADE])

    (order,), (trade,) = rows(RawOrder, account), rows(RawTrade, account)
    assert (order.exchange_order_id, trade.exchange_trade_id) == ("11", "t11")
    assert order._meta.db_table == f"gateway_raworder_{account.pk}"
    assert not RawOrder.objects.exists()
    assert not RawTrade.objects.exists()


def test_every_version_is_kept_once_there_too(account):
    record(account, ORDER)
    record(account, ORDER, {**ORDER, "filled": 1})

    assert len(rows(RawOrder, account)) == 2
    (first, *_), model = rows(RawOrder, account), type(rows(RawOrder, account)[0])
    first.pk = None
    with pytest.raises(IntegrityError):
        model.objects.bulk_create([first])


def test_a_table_is_made_with_the_first_row_and_found_by_other_processes(account):
    assert storage.tables_of(RawOrder, [account.pk]) == [RawOrder]

    record(account, ORDER)
    storage.forget()  # Another process has not seen it being made.

    assert len(storage.tables_of(RawOrder, [account.pk])) == 2
    assert storage.tables_of(RawFunding, [account.pk]) == [RawFunding]
    record(account, {**ORDER, "id": "12"})
    assert len(rows(RawOrder, account)) == 2


def test_it_has_the_indexes_of_the_shared_one(account):
    record(account, ORDER, trades=[TRADE])

    for kind in (RawOrder, RawTrade):
        (_, own) = storage.tables_of(kind, [account.pk])
        with connection.cursor() as cursor:
            found = [
                [facts["columns"]
                 for facts in connection.introspection.get_constraints(cursor, model._meta.db_table)
                 .values() if facts["index"] or facts["unique"]]
                for model in (kind, own)
            ]  # fmt: skip
        assert sorted(found[0]) == sorted(found[1])


def test_shared_accounts_need_no_table(account):
    shared = builders.account("like the others")
    record(shared, ORDER)

    assert storage.tables_of(RawOrder, [shared.pk]) == [RawOrder]
    assert len(rows(RawOrder, shared)) == 1
