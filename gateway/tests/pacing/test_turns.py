"""Who goes first, and what a session has to keep to."""

import asyncio
import secrets
from contextlib import suppress

import pytest

from gateway import pacing
from gateway.exchanges.limits import told_by
from gateway.exchanges.profile import Profile
from gateway.pacing import Pace, Rank, TooFast
from gateway.pacing.counts import Allowance, Style
from gateway.sessions import catalogue, instance, outcomes
from gateway.sessions.call import Call
from gateway.sessions.outcomes import Throttled
from gateway.sessions.wire import Wire
from gateway.tests.paper import Paper
from gateway.tests.trading import LINEAR, SPOT, trading
from gateway.tests.venue import LOGIN, Answer, code, limit_order, session, venue
from gateway.words import Ask, Verdict

TOLD = {
    "rateLimits": [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
        {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 200000},
        {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 61000},
    ]
}


def slow(most: float = 1, period_s: float = 0.05) -> Pace:
    """One call every ``period_s`` seconds."""
    return Pace((Allowance(secrets.token_hex(8), Style.BUCKET, most, period_s),))


async def ask(pace: Pace, rank: Rank, went: list[str], name: str) -> None:
    await pacing.turn(pace, 2, rank=rank, is_order=False)
    went.append(name)


async def test_a_cancel_goes_before_all_the_questions_that_came_earlier():
    pace, went = slow(), []
    await ask(pace, Rank.READING, went, "first")
    reading = [asyncio.create_task(ask(pace, Rank.READING, went, f"r{n}")) for n in range(3)]
    await asyncio.sleep(0)

    others = [
        asyncio.create_task(ask(pace, rank, went, rank.name))
        for rank in (Rank.ACTING, Rank.CLOSING)
    ]
    await asyncio.gather(*reading, *others)

    assert went == ["first", "CLOSING", "ACTING", "r0", "r1", "r2"]


async def test_whoever_leaves_the_line_holds_up_nobody():
    pace, went = slow(), []
    await ask(pace, Rank.READING, went, "first")
    gone = asyncio.create_task(ask(pace, Rank.READING, went, "gone"))
    stays = asyncio.create_task(ask(pace, Rank.READING, went, "stays"))
    await asyncio.sleep(0)

    gone.cancel()
    await stays

    assert went == ["first", "stays"]


async def test_a_rank_holds_for_everything_asked_inside_and_is_never_lowered():
    pace, went = slow(), []
    await ask(pace, Rank.READING, went, "first")
    with pacing.going(Rank.CLOSING), pacing.going(Rank.ACTING):
        closing = asyncio.create_task(ask(pace, Rank.READING, went, "closing"))
    acting = asyncio.create_task(ask(pace, Rank.ACTING, went, "acting"))

    await asyncio.gather(acting, closing)

    assert went == ["first", "closing", "acting"]


async def test_nobody_waits_longer_than_is_sensible():
    pace = slow()
    await pacing.pause(pace.requests, 60)

    with pytest.raises(TooFast) as refused:
        await pacing.turn(pace, 1, rank=Rank.CLOSING, is_order=True)

    assert 50 < refused.value.retry_after_s <= 60


def test_too_fast_is_proof_that_nothing_was_sent():
    outcome = outcomes.classify(TooFast(20), Wire(exchange_id=SPOT, ask=Ask.CREATE))

    assert (outcome.verdict, outcome.retry_after_s) == (Verdict.THROTTLED, 20)


def test_binances_own_limits_are_kept_and_those_of_a_day_left_to_it():
    profile = Profile(1, SPOT)
    pace = pacing.pace_of(instance.build(profile, LOGIN), profile, told_by(TOLD))

    assert [(one.most, one.period_s) for one in pace.requests] == [(5700, 60)]
    assert [(one.most, one.period_s) for one in pace.orders] == [(95, 10)]
    assert [need for _, need in pace.needs(0.2, is_order=True)] == [1, 1]
    assert [need for _, need in pace.needs(4, is_order=False)] == [20]


def test_requests_count_by_address_and_orders_by_login_which_is_not_shown():
    profile = Profile(1, SPOT)
    other = type(LOGIN)("another key", "s")
    one, two = (
        pacing.pace_of(instance.build(profile, login), profile, told_by(TOLD))
        for login in (LOGIN, other)
    )

    assert one.requests == two.requests
    assert {each.key for each in one.orders}.isdisjoint(each.key for each in two.orders)
    assert LOGIN.api_key not in repr(one)


def test_an_order_of_the_futures_weighs_one_where_ccxt_counts_four():
    profile = Profile(1, LINEAR)
    pace = pacing.pace_of(instance.build(profile, LOGIN), profile, told_by(TOLD))

    assert pace.needs(4, is_order=True)[0][1] == 1
    assert pace.needs(40, is_order=False)[0][1] == 40


@pytest.mark.parametrize(
    ("exchange_id", "most", "period_s"), [("ccxt.coinbase", 1, 0.034), ("ccxt.kraken", 1, 1)]
)
def test_elsewhere_ccxts_own_numbers_hold(exchange_id, most, period_s):
    profile = Profile(1, exchange_id)
    pace = pacing.pace_of(instance.build(profile, LOGIN), profile)

    assert [(one.most, one.period_s) for one in pace.requests] == [(most, period_s)]
    assert pace.orders == ()


def test_of_a_rolling_window_half_may_go_at_once():
    profile = Profile(1, "ccxt.bybit")
    exchange = instance.build(profile, LOGIN)
    exchange.rateLimiterAlgorithm, exchange.rollingWindowSize = "rollingWindow", 5000.0
    exchange.rateLimit = 20

    (allowance,) = pacing.pace_of(exchange, profile).requests

    assert (allowance.most, allowance.period_s) == (125, 5)


async def test_what_an_answer_tells_of_our_use_is_heeded():
    profile = Profile(1, SPOT)
    pace = pacing.pace_of(instance.build(profile, LOGIN), profile, told_by(TOLD))

    used = pace.used({"x-mbx-used-weight-1m": "5800", "X-MBX-ORDER-COUNT-10S": "7"})

    assert [(allowance.header, count) for allowance, count in used] == [
        ("X-MBX-USED-WEIGHT-1M", 5800),
        ("X-MBX-ORDER-COUNT-10S", 7),
    ]


@pytest.mark.parametrize(
    ("number", "paused"), [(-1003, "requests"), (-1015, "orders")], ids=["requests", "orders"]
)
async def test_after_a_429_nobody_asks_for_as_long_as_the_exchange_said(number, paused):
    async with venue() as here, session(SPOT) as talk:
        here.answers["POST /api/v3/order"] = Answer(
            429, code(429, number).body, headers={"Retry-After": "30"}
        )
        pace = pacing.pace_of(talk.exchange, talk.profile, told_by(TOLD))
        talk.exchange.pace, talk.exchange.enableRateLimit = _alone(pace), True
        with pytest.raises(Throttled):
            await talk.create_order(limit_order("BTC/USDT"))

        with pytest.raises(Throttled) as again:
            await talk.create_order(limit_order("BTC/USDT"))

        assert 20 < again.value.retry_after_s <= 30
        assert here.count("POST", "/api/v3/order") == 1
        if paused == "orders":
            here.answers["GET /api/v3/time"] = Answer(body={"serverTime": 1})
            assert await talk.measure_clock() is not None


def _alone(pace: Pace) -> Pace:
    """The same, with counts that no other test uses."""

    def apart(allowances):
        mark = secrets.token_hex(8)
        return tuple(
            Allowance(mark + one.key, one.style, one.most, one.period_s, one.header)
            for one in allowances
        )

    return Pace(apart(pace.requests), apart(pace.orders), pace.weight_per_cost, pace.order_weight)


@pytest.mark.parametrize("exchange_id", [SPOT, LINEAR])
async def test_a_burst_beyond_the_limits_waits_and_none_of_it_is_refused(tmp_path, exchange_id):
    """The venue takes eight orders in ten seconds, and tells so in its list of markets."""
    paper = Paper(tmp_path, "--orders-10s", "8", "--linear-orders-10s", "8")
    try:
        async with trading(paper, exchange_id) as (talk, symbol, _):
            talk.take_over(await catalogue.load(talk.profile, None))
            call = Call("create_order", (symbol, "limit", "buy", "0.01", "20000"))
            orders = await asyncio.gather(*(talk.create_order(call) for _ in range(10)))
    finally:
        paper.stop()

    assert [one.most for one in talk.exchange.pace.orders if one.period_s == 10] == [7.6]
    assert len({order["id"] for order in orders}) == 10


async def test_what_is_polled_keeps_to_its_budget_and_holds_up_nobody():
    """A hundred units in a tenth of a second: fifteen of them for polls, at once, then evenly."""
    pace = Pace((Allowance(secrets.token_hex(8), Style.WINDOW, 100, 0.1),))
    went: list[str] = []
    loop = asyncio.get_running_loop()

    async def poll() -> None:
        with pacing.going(Rank.POLLING):
            await pacing.turn(pace, 10, rank=Rank.READING, is_order=False)
        went.append("poll")

    began_s = loop.time()
    polls = [asyncio.create_task(poll()) for _ in range(12)]
    await asyncio.sleep(0)
    await ask(pace, Rank.READING, went, "read")
    before = went.count("poll")
    await asyncio.gather(*polls)

    assert went.index("read") <= 6
    assert before < 12
    assert loop.time() - began_s > 0.2  # 120 units at 300 a second, less what may go at once.


async def test_reading_leaves_a_windows_polls_their_room():
    pace = Pace((Allowance(secrets.token_hex(8), Style.WINDOW, 100, 3600.0),))
    for _ in range(27):
        await pacing.turn(pace, 2, rank=Rank.READING, is_order=False)

    with pytest.raises(TooFast):
        await pacing.turn(pace, 2, rank=Rank.READING, is_order=False)
    with pacing.going(Rank.POLLING):
        await pacing.turn(pace, 30, rank=Rank.READING, is_order=False)
    await pacing.turn(pace, 10, rank=Rank.ACTING, is_order=False)
    await pacing.turn(pace, 6, rank=Rank.CLOSING, is_order=False)


def told(most: int) -> Pace:
    """Of an exchange that tells its limits."""
    return Pace((Allowance(secrets.token_hex(8), Style.WINDOW, most, 60.0),))


@pytest.mark.parametrize("rank", [Rank.CATCHING_UP, Rank.COMPARING])
async def test_reconciliation_keeps_to_its_part_also_the_first_after_a_start(rank):
    pace, went = told(1000), []

    async def round_of() -> None:
        with pacing.going(rank):
            for _ in range(100):
                await pacing.turn(pace, 5, rank=Rank.READING, is_order=False)
                went.append(5)

    asking = asyncio.create_task(round_of())
    await asyncio.sleep(0.1)
    asking.cancel()

    assert 0 < sum(went) <= 160
    await pacing.turn(pace, 100, rank=Rank.READING, is_order=False)  # Others do not notice.


async def test_what_somebody_asked_for_goes_before_the_loops():
    pace, went = told(1000), []

    async def ask_once(rank: Rank) -> None:
        with pacing.going(rank):
            await pacing.turn(pace, 5, rank=Rank.READING, is_order=False)
        went.append(rank)

    with pacing.going(Rank.COMPARING):
        for _ in range(25):  # What the loops may take of a window.
            with suppress(TimeoutError):
                async with asyncio.timeout(0.01):
                    await pacing.turn(pace, 5, rank=Rank.READING, is_order=False)
    loops = [asyncio.create_task(ask_once(Rank.COMPARING)) for _ in range(3)]
    await asyncio.sleep(0)
    asked = asyncio.create_task(ask_once(Rank.CATCHING_UP))
    await asyncio.wait([asked], timeout=5)
    for task in loops:
        task.cancel()

    assert went == [Rank.CATCHING_UP]


async def test_of_two_rounds_the_one_that_began_first_ends_first():
    pace, ended = slow(), []

    async def round_of(name: str) -> None:
        with pacing.going(Rank.ACTING):
            for _ in range(4):
                await pacing.turn(pace, 1, rank=Rank.READING, is_order=False)
        ended.append(name)

    await asyncio.gather(*(round_of(name) for name in "abc"))

    assert ended == ["a", "b", "c"]


async def test_waiting_for_a_budget_counts_for_no_limit_of_time():
    pace = slow(1, 0.1)
    with pacing.going(Rank.POLLING):
        await pacing.turn(pace, 2, rank=Rank.READING, is_order=False)

        async with pacing.within(0.2):  # It is twice as long until there is room.
            await pacing.turn(pace, 1, rank=Rank.READING, is_order=False)

    with pytest.raises(TimeoutError):
        async with pacing.within(0.01):
            await asyncio.sleep(0.1)


async def test_a_limit_goes_on_once_nobody_inside_waits_any_more():
    pace = slow(1, 0.05)
    with pacing.going(Rank.POLLING):
        await pacing.turn(pace, 2, rank=Rank.READING, is_order=False)
        with pytest.raises(TimeoutError):
            await _two_turns_and_a_hang(pace)


async def _two_turns_and_a_hang(pace: Pace) -> None:
    async with pacing.within(0.1):
        both = (pacing.turn(pace, 1, rank=Rank.READING, is_order=False) for _ in range(2))
        await asyncio.gather(*both)
        await asyncio.sleep(30)


async def test_what_outlives_a_limit_waits_on_without_it():
    pace = slow(1, 0.05)
    with pacing.going(Rank.POLLING):
        await pacing.turn(pace, 2, rank=Rank.READING, is_order=False)
        async with pacing.within(10):
            left = asyncio.create_task(pacing.turn(pace, 1, rank=Rank.READING, is_order=False))
            await asyncio.sleep(0)
        await left
