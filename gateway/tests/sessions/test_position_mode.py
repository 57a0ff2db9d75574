"""Does nothing reach a two-way account, whatever is known or cannot be asked?"""

import asyncio

import pytest

from accounts.models import Account
from gateway import loop
from gateway.models import ExchangeState
from gateway.sessions import position_mode
from gateway.sessions.outcomes import NotSent, Refused
from gateway.tests.venue import Answer, code, session, venue
from gateway.words import ExchangePositionMode
from oms_project.errors import Invalid

SPOT, LINEAR = "ccxt.binance", "ccxt.binanceusdm"
DUAL = "GET /fapi/v1/accountConfig"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _clean():
    position_mode.forget()
    yield
    loop.stop()
    position_mode.forget()


def run(work, *, exchange_id=LINEAR, answer=None):
    """Run ``work(session, venue)`` for an account whose exchange answers so."""
    account = Account.objects.create(pk=1, exchange_id=exchange_id, label="a")

    async def attempt():
        async with venue() as here, session(exchange_id) as talk:
            here.answers[DUAL] = answer
            return await work(talk, here)

    return asyncio.run(attempt()), account


def told(two_way: bool) -> Answer:
    return Answer(body={"dualSidePosition": two_way})


def test_a_two_way_account_is_stored_and_refused_without_asking_again():
    async def work(talk, here):
        return await position_mode.look(talk)

    mode, account = run(work, answer=told(True))

    assert mode is ExchangePositionMode.TWO_WAY
    assert ExchangeState.objects.get(account=account).position_mode == mode
    with pytest.raises(Invalid) as refusal:
        position_mode.check(account.pk)
    assert refusal.value.details["exchange_position_mode"] == "two_way"


def test_what_is_not_known_is_asked_before_the_first_order_and_not_again():
    async def work(talk, here):
        for _ in range(3):
            await position_mode.require_one_way(talk, "BTC/USDT:USDT")
        return here.count(*DUAL.split())

    asked, account = run(work, answer=told(False))

    assert asked == 1
    position_mode.check(account.pk)


def test_an_account_that_was_switched_back_is_asked_again():
    async def work(talk, here):
        with pytest.raises(Invalid):
            await position_mode.require_one_way(talk, "BTC/USDT:USDT")
        here.answers[DUAL] = told(False)
        await position_mode.require_one_way(talk, "BTC/USDT:USDT")

    _, account = run(work, answer=told(True))

    assert ExchangeState.objects.get(account=account).position_mode == ExchangePositionMode.ONE_WAY


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(Answer(how="reset"), NotSent), (Answer(502), NotSent), (code(401, -2015), Refused)],
    ids=["reset", "502", "bad key"],
)
def test_an_exchange_that_does_not_say_gets_no_order_either(answer, outcome):
    async def work(talk, here):
        with pytest.raises(outcome):
            await position_mode.require_one_way(talk, "BTC/USDT:USDT")

    run(work, answer=answer)

    assert not ExchangeState.objects.exists()


def test_a_spot_account_is_not_asked():
    async def work(talk, here):
        await position_mode.require_one_way(talk, "BTC/USDT")
        mode = await position_mode.look(talk)
        return mode, [one for one in here.seen if "accountConfig" in one[1]]

    (mode, asked), _ = run(work, exchange_id=SPOT)

    assert (mode, asked) == (ExchangePositionMode.UNTOLD, [])
