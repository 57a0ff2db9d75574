"""Where is an account's past read on, and in which order?"""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import Account
from gateway.models import ImportCursor
from gateway.reconcile import cursors
from gateway.words import ImportKind
from positions.engine.types import OrderStatus, OrderType, Reason, Side
from positions.models import Order

pytestmark = pytest.mark.django_db
TRADES = ImportKind.TRADES


@pytest.fixture
def account() -> Account:
    return Account.objects.create(exchange_id="ccxt.binance", label="a")


def ordered(account: Account, symbol: str, at, *, status=OrderStatus.CANCELED) -> Order:
    return Order.objects.create(
        account=account, symbol=symbol, side=Side.BUY, order_type=OrderType.LIMIT, status=status,
        is_open=status is not OrderStatus.CANCELED, reason=Reason.API, qty=Decimal(1),
        exchange_client_order_id=f"our{symbol}", created_at=at, updated_at=at,
    )  # fmt: skip


def due(account: Account, now, *, everything=True) -> dict:
    places = cursors.due(account.pk, now, everything=everything)
    return {place.symbol: place.since for place in places}


def test_at_first_a_symbol_is_read_from_its_first_order_on(account):
    now = timezone.now()
    ordered(account, "A/USDT", now - timedelta(days=3))

    cursors.begin(account.pk, now)

    start = now - timedelta(days=3) - cursors.LOOK_BACK
    assert due(account, now) == {"A/USDT": start}


def test_what_is_first_met_later_is_read_from_the_accounts_beginning_on(account):
    """Somebody else may have traded it all the time."""
    began = timezone.now() - timedelta(hours=5)
    cursors.begin(account.pk, began)
    now = timezone.now()
    ordered(account, "A/USDT", now)

    cursors.begin(account.pk, now)
    cursors.add(account.pk, {"B/USDT"}, now)

    start = began - cursors.LOOK_BACK
    assert due(account, now) == {"A/USDT": start, "B/USDT": start}


def test_a_cursor_moves_forward_only(account):
    now = timezone.now()
    cursors.begin(account.pk, now)
    cursors.add(account.pk, {"A/USDT"}, now)

    cursors.move(account.pk, TRADES, "A/USDT", now)
    cursors.move(account.pk, TRADES, "A/USDT", now - timedelta(hours=1))

    assert ImportCursor.objects.get(symbol="A/USDT").reached == now


def test_lively_symbols_come_every_time_and_quiet_ones_take_turns(account):
    now = timezone.now()
    symbols = [f"Q{number:02}/USDT" for number in range(cursors.MOST_QUIET + 5)]
    cursors.begin(account.pk, now)
    cursors.add(account.pk, symbols, now)
    ordered(account, "LIVE/USDT", now, status=OrderStatus.SUBMITTED)
    cursors.begin(account.pk, now)

    asked = []
    for turn in range(2):
        found = due(account, now, everything=False)
        asked += found
        for symbol in found:
            cursors.move(account.pk, TRADES, symbol, now + timedelta(seconds=turn + 1))

    assert asked.count("LIVE/USDT") == 2
    assert set(asked) == {*symbols, "LIVE/USDT"}


def test_a_round_reads_from_where_the_last_ended_with_an_overlap_or_as_far_back_as_asked(account):
    now = timezone.now()
    began = now - timedelta(days=3)
    cursors.begin(account.pk, began)
    cursors.add(account.pk, {"A/USDT"}, now)
    cursors.move(account.pk, TRADES, "A/USDT", now)

    def since(ago: timedelta | None) -> datetime:
        reach = cursors.Reach(now - ago) if ago else cursors.NO_REACH
        return cursors.due(account.pk, now, everything=True, reach=reach)[0].since

    assert since(None) == now - cursors.OVERLAP
    assert since(timedelta(minutes=1)) == now - cursors.OVERLAP
    assert since(timedelta(minutes=30)) == now - timedelta(minutes=30)
    assert since(timedelta(days=10)) == began - cursors.LOOK_BACK


def test_a_period_begins_where_it_begins_but_not_before_the_account(account):
    now = timezone.now()
    cursors.begin(account.pk, now - timedelta(days=3))
    cursors.add(account.pk, {"A/USDT"}, now)

    def since(start: datetime) -> datetime:
        reach = cursors.Reach(start, now)
        return cursors.due(account.pk, now, everything=True, reach=reach)[0].since

    assert since(now - timedelta(days=1)) == now - timedelta(days=1)
    assert since(now - timedelta(days=9)) == now - timedelta(days=3) - cursors.LOOK_BACK


def test_funding_is_not_read_from_before_the_account_began(account):
    now = timezone.now()
    cursors.begin(account.pk, now)

    place = cursors.place(account.pk, ImportKind.FUNDING, "", now)

    assert place.since == now - cursors.LOOK_BACK


def test_a_round_asks_the_database_the_same_number_of_times_however_many_symbols(
    account, django_assert_num_queries
):
    now = timezone.now()
    cursors.begin(account.pk, now)
    cursors.add(account.pk, [f"Q{number:02}/USDT" for number in range(50)], now)

    with django_assert_num_queries(4):
        cursors.due(account.pk, now, everything=False)
