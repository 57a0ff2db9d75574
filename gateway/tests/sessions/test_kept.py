"""Is a session opened once for all who ask, and are markets loaded once for all of an exchange?"""

import asyncio

import pytest

from accounts.models import Account, Credentials
from gateway import loop
from gateway.sessions import kept as sessions
from gateway.sessions import markets
from gateway.sessions.outcomes import NoSession
from gateway.tests.venue import Answer, venue

SPOT, LINEAR = "ccxt.binance", "ccxt.binanceusdm"
START_MS = 1767312000000

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _clean():
    markets.forget()
    sessions._loaded.clear()
    yield
    loop.call(sessions.close_all(), 5)
    loop.stop()
    markets.forget()
    sessions._loaded.clear()


def stored(exchange_id=SPOT, *, login=True) -> Account:
    account = Account.objects.create(exchange_id=exchange_id, label="a")
    if login:
        Credentials.objects.create(account=account, api_key="k", secret="s")
    return account


def opened(work):
    """Run ``work()`` on the process's loop while a venue runs."""

    async def attempt():
        async with venue() as here:
            here.answers["GET /api/v3/time"] = Answer(body={"serverTime": START_MS})
            return await asyncio.to_thread(loop.call, work(), 20), here

    return asyncio.run(attempt())


def test_an_account_has_one_session_however_many_ask():
    account = stored()

    async def work():
        found = await asyncio.gather(*(sessions.open_for(account.pk) for _ in range(5)))
        return len({id(one) for one in found})

    distinct, here = opened(work)

    assert distinct == 1
    assert here.count("GET", "/api/v3/exchangeInfo") == 1
    assert here.count("GET", "/api/v3/time") == 1


def test_refreshing_one_exchange_leaves_the_markets_of_the_others_alone():
    spot, linear = stored(SPOT), stored(LINEAR)

    async def work():
        await sessions.open_for(spot.pk)
        await sessions.open_for(linear.pk)
        await markets.refresh(spot.pk)
        await markets.refresh(linear.pk)
        await markets.refresh(spot.pk)
        return [
            list((await sessions.open_for(account.pk)).exchange.markets)
            for account in (spot, linear)
        ]

    found, _ = opened(work)

    assert found == [["BTC/USDT"], ["BTC/USDT:USDT"]]


def test_a_refresh_reaches_every_session_of_the_same_exchange():
    first, second = stored(SPOT), stored("ccxtpro.binance")

    async def work():
        for account in (first, second):
            await sessions.open_for(account.pk)
        await markets.refresh(first.pk)
        known = [await sessions.open_for(account.pk) for account in (first, second)]
        return known[0].exchange.markets is known[1].exchange.markets

    shared, _ = opened(work)

    assert shared


def test_many_accounts_that_start_together_have_the_markets_loaded_once():
    accounts = [stored() for _ in range(5)]

    async def work():
        await asyncio.gather(*(markets.keep_current(account.pk) for account in accounts))
        await asyncio.gather(*(sessions.open_for(account.pk) for account in accounts))

    _, here = opened(work)

    assert here.count("GET", "/api/v3/exchangeInfo") == 1


def test_markets_that_are_old_are_loaded_again_at_a_start(settings):
    account = stored()
    settings.OMS_MARKETS_TTL_S = 0

    async def work():
        await markets.keep_current(account.pk)
        await markets.keep_current(account.pk)

    _, here = opened(work)

    assert here.count("GET", "/api/v3/exchangeInfo") >= 2


def test_those_who_ask_while_markets_are_loaded_share_the_next_loading():
    account = stored()

    async def work():
        await sessions.open_for(account.pk)
        await asyncio.gather(*(markets.refresh(account.pk) for _ in range(5)))

    _, here = opened(work)

    assert here.count("GET", "/api/v3/exchangeInfo") == 3


def test_a_forgotten_session_is_closed_and_opened_anew():
    account = stored()

    async def work():
        first = await sessions.open_for(account.pk)
        await sessions.forget(account.pk)
        second = await sessions.open_for(account.pk)
        return first is not second and first.exchange.session is None

    anew, here = opened(work)

    assert anew
    assert here.count("GET", "/api/v3/exchangeInfo") == 1


def test_an_account_without_login_cannot_be_opened_until_it_has_one():
    account = stored(login=False)

    async def work():
        with pytest.raises(NoSession):
            await sessions.open_for(account.pk)
        await loop.db(Credentials.objects.create, account=account, api_key="k", secret="s")
        return await sessions.open_for(account.pk)

    talk, _ = opened(work)

    assert talk.account_id == account.pk
