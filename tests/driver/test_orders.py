"""Is what a bot orders in ccxt's words one order, and does it read as ccxt shows orders?"""

import ccxt
import pytest

from tests.faults.proxy import Answer, Asked

pytestmark = pytest.mark.e2e
COMMANDS = ("POST", "/oms/commands")


@pytest.fixture
def bot(desk, account):
    exchange = desk.bot(account)
    exchange.load_markets()
    return exchange


@pytest.fixture
def symbol(account):
    return account["symbols"][0]


def settled(order):
    """Without what changes once more after an order has ended: its row's time of change."""
    return {name: value for name, value in order.items()
            if name not in ("info", "lastTradeTimestamp", "lastUpdateTimestamp")}  # fmt: skip


def test_it_is_the_accounts_exchange_with_what_the_oms_adds_and_leaves_out(bot, account):
    theirs = getattr(ccxt, account["exchange_id"].partition(".")[2])()

    assert isinstance(bot, ccxt.Exchange)
    assert (bot.id, bot.timeframes, bot.precisionMode) == (
        theirs.id,
        theirs.timeframes,
        theirs.precisionMode,
    )
    assert bot.features == theirs.features
    assert bot.fees == theirs.fees
    assert bot.has["fetchPositions"]
    assert bot.has["fetchOrders"]
    assert not bot.has["withdraw"]
    assert not bot.has["transfer"]


def test_the_life_of_an_order_reads_as_in_ccxt(bot, symbol):
    bought = bot.create_order(symbol, "market", "buy", 0.0123456)
    resting = bot.create_limit_buy_order(symbol, "0.01", 30000.004)
    shown = [order["id"] for order in bot.fetch_open_orders(symbol)]
    changed = bot.edit_order(resting["id"], symbol, "limit", "buy", 0.02, 30001)
    cancelled = bot.cancelOrder(resting["id"], symbol)

    assert bought["status"] == "closed"
    assert bought["filled"] == float(bot.amount_to_precision(symbol, 0.0123456))
    assert bought["info"]["exchange_order_id"]
    assert bought["id"] == str(bought["info"]["id"])
    assert resting["status"] == "open"
    assert resting["price"] == 30000.0
    assert resting["id"] in shown
    assert (changed["id"], changed["amount"], changed["price"]) == (resting["id"], 0.02, 30001.0)
    assert cancelled["status"] == "canceled"
    assert settled(bot.fetch_order(bought["id"], symbol)) == settled(bought)
    (trade,) = bot.fetch_order_trades(bought["id"], symbol)
    assert trade["order"] == bought["id"]
    assert trade["amount"] == bought["filled"]
    assert bot.fetch_my_trades(symbol, limit=1)[0]["id"] == trade["id"]
    assert bot.fetch_closed_orders(symbol, limit=1)[0]["id"] == bought["id"]
    assert bot.fetch_canceled_orders(symbol, limit=1)[0]["id"] == resting["id"]
    assert {bought["id"], resting["id"]} <= {order["id"] for order in bot.fetch_orders(symbol)}
    (position,) = bot.fetch_positions([symbol])
    assert position["side"] == "long"
    assert position["entryPrice"] > 0


def test_since_and_limit_select_as_in_ccxt(bot, symbol):
    first, *_, last = [bot.create_order(symbol, "market", "buy", 0.01) for _ in range(3)]

    since = bot.fetch_my_trades(symbol, since=first["timestamp"])
    two = bot.fetch_my_trades(symbol, since=first["timestamp"], limit=2)
    newest = bot.fetch_my_trades(symbol, limit=2)

    assert next(trade["order"] for trade in since) == first["id"]
    assert len(since) == 3
    assert [trade["id"] for trade in two] == [trade["id"] for trade in since[:2]]
    assert newest[-1]["order"] == last["id"]
    assert len(newest) == 2
    assert bot.fetch_my_trades(symbol, since=last["timestamp"] + 60_000) == []


def test_a_stop_in_ccxts_words_waits_for_its_price(bot, symbol):
    bot.create_order(symbol, "market", "buy", 0.02)

    stop = bot.create_order(symbol, "market", "sell", 0.01, None, {"stopLossPrice": 58000})
    typed = bot.create_order(symbol, "STOP_LOSS_LIMIT", "sell", 0.01, 58900, {"stopPrice": "59000"})

    assert (stop["triggerPrice"], stop["stopPrice"], stop["status"]) == (58000, 58000, "open")
    assert (typed["type"], typed["price"], typed["triggerPrice"]) == ("limit", 58900, 59000)
    assert {one["status"] for one in bot.cancel_all_orders(symbol)} == {"canceled"}


@pytest.mark.parametrize(
    ("exception", "words"),
    [
        (ccxt.InvalidOrder, ("limit", "buy", 0.01, None)),
        (ccxt.InvalidOrder, ("limit", "buy", 0.002, 1000)),
        (ccxt.InvalidOrder, ("market", "buy", 0.00000001, None)),
        (ccxt.InsufficientFunds, ("market", "sell", 900, None)),
        (ccxt.InvalidOrder, ("guess", "buy", 1, None)),
    ],
)
def test_refusals_are_ccxts(bot, symbol, exception, words):
    with pytest.raises(exception):
        bot.create_order(symbol, *words)


def test_other_refusals_are_ccxts(desk, bot, symbol):
    filled = bot.create_order(symbol, "market", "buy", 0.01)

    for exception, call in (
        (ccxt.BadSymbol, lambda: bot.create_order("NO/NO", "market", "buy", 1)),
        (ccxt.OrderNotFound, lambda: bot.fetch_order("987654321")),
        (ccxt.OrderNotFound, lambda: bot.cancel_order(filled["id"], symbol)),
        (ccxt.NotSupported, lambda: bot.withdraw("USDT", 1, "somewhere")),
        (ccxt.NotSupported, lambda: bot.sapiPostCapitalWithdrawApply({})),
        (
            ccxt.BadRequest,
            lambda: bot.create_order(symbol, "market", "buy", 1, None, {"proxy": "x"}),
        ),
        (ccxt.AuthenticationError, lambda: desk.bot({"id": 1}, "cxp_no_no").load_markets()),
    ):
        with pytest.raises(exception):
            call()


async def test_awaited_answers_are_the_same(desk, account, bot, symbol):
    exchange = desk.async_bot(account)
    try:
        await exchange.load_markets()
        bought = await exchange.create_order(symbol, "market", "buy", 0.01)

        assert exchange.markets == bot.markets
        again = await exchange.fetch_order(bought["id"])
        assert settled(again) == settled(bot.fetch_order(bought["id"]))
        assert await exchange.fetch_ticker(symbol) == bot.fetch_ticker(symbol)
        with pytest.raises(ccxt.InsufficientFunds):
            await exchange.create_order(symbol, "market", "sell", 900)
    finally:
        await exchange.close()


def test_a_create_that_nobody_answered_is_asked_for_again_and_is_one_order(desk, bot, symbol):
    bot.timeout = 3000
    answers = []

    @desk.oms.after
    def late(asked: Asked, answer: Answer) -> Answer | None:
        if (asked.method, asked.path) != COMMANDS or answers:
            return None
        answers.append(answer.json)
        answer.after_s = 5
        return answer

    order = bot.create_order(symbol, "market", "buy", 0.01)
    desk.oms.forget(late)

    assert order["status"] == "closed"
    assert order["id"] == str(answers[0]["results"][0]["order_id"])
    assert [trade["order"] for trade in bot.fetch_my_trades(symbol, limit=2)].count(
        order["id"]
    ) == 1


def test_a_create_in_doubt_is_an_open_order_that_resolves(desk, bot, symbol):
    bot.timeout, bot.options["patience"] = 3000, 0

    @desk.oms.after
    def never(asked: Asked, answer: Answer) -> Answer | None:
        if (asked.method, asked.path) == COMMANDS:
            answer.after_s = 4
        return answer

    doubtful = bot.create_order(symbol, "market", "buy", 0.01)
    desk.oms.forget(never)
    resolved = bot.fetch_order(doubtful["id"], symbol)

    assert (doubtful["status"], doubtful["amount"]) == ("open", 0.01)
    assert (resolved["id"], resolved["status"]) == (doubtful["id"], "closed")
    assert doubtful["id"] not in {order["id"] for order in bot.fetch_open_orders(symbol)}


@pytest.mark.parametrize(
    ("status", "code"),
    [(429, "rate_limited"), (401, "invalid_api_key"), (403, "permission_denied"),
     (503, "storage_unavailable"), (500, "internal_error")],
)  # fmt: skip
def test_a_refusal_after_a_lost_answer_proves_nothing_of_the_order(desk, bot, symbol, status, code):
    bot.options["patience"] = 1200
    arrived = []

    @desk.oms.after
    def lost_then_refused(asked: Asked, answer: Answer) -> Answer | None:
        if (asked.method, asked.path) != COMMANDS:
            return None
        arrived.append(asked)
        refusal = Answer.of({"code": code, "message": "no", "details": {}}, status)
        return Answer(b"", 504) if len(arrived) == 1 else refusal

    doubtful = bot.create_order(symbol, "market", "buy", 0.01)
    desk.oms.forget(lost_then_refused)

    assert len(arrived) > 1
    assert doubtful["status"] == "open"
    assert bot.fetch_order(doubtful["id"], symbol)["status"] == "closed"


def test_a_create_that_never_arrived_stays_open_until_it_cannot_arrive(desk, bot, symbol):
    bot.options["patience"] = 0

    @desk.oms.before
    def lost(asked: Asked) -> Answer | None:
        return Answer(b"", 504) if (asked.method, asked.path) == COMMANDS else None

    doubtful = bot.create_order(symbol, "limit", "buy", 0.01, 30000)
    desk.oms.forget(lost)
    listed = bot.fetch_open_orders(symbol)
    later = bot.milliseconds() + 601_000
    bot.milliseconds = lambda: later

    assert doubtful["id"] in {order["id"] for order in listed}
    assert bot.fetch_order(doubtful["id"], symbol)["status"] == "rejected"


def test_an_order_that_the_exchange_does_not_confirm_is_open(desk, bot, account, symbol):
    place = "/api/v3/order" if ":" not in symbol else "/fapi/v1/order"

    @desk.exchange.after
    def unheard(asked: Asked, answer: Answer) -> Answer | None:
        return Answer(b"", 503) if (asked.method, asked.path) == ("POST", place) else None

    order = bot.create_order(symbol, "limit", "buy", 0.01, 30000)
    desk.exchange.forget(unheard)
    desk.product.until(
        lambda: bot.fetch_order(order["id"])["info"]["status"] == "SUBMITTED", 10, "resolved"
    )

    assert order["status"] == "open"
    assert bot.cancel_order(order["id"])["status"] == "canceled"


def test_an_exit_withdraws_the_bots_own_stop_where_that_holds_the_volume(desk):
    account = desk.product.account("ccxt.binanceusdm")
    bot, symbol = desk.bot(account), account["symbols"][0]
    exits = {"reduceOnly": True}
    stops = exits | {"stopPrice": 50000}
    bot.create_order(symbol, "market", "buy", 0.02)
    held = bot.fetch_position(symbol)["contracts"]
    stop = bot.create_order(
        symbol, "stop_market", "sell", held, None, {"stopPrice": 50000, **exits}
    )

    resting = bot.create_order(symbol, "limit", "sell", held, 70000, exits)
    withdrawn = bot.fetch_order(stop["id"], symbol)
    with pytest.raises(ccxt.OperationRejected):
        bot.create_order(symbol, "market", "sell", held, None, exits)
    bot.cancel_order(resting["id"], symbol)
    rest = round(held - 0.01, 3)
    beside = bot.create_order(symbol, "stop_market", "sell", rest, None, stops)
    bot.create_order(symbol, "market", "sell", 0.01, None, exits)

    assert (resting["status"], withdrawn["status"]) == ("open", "canceled")
    assert bot.fetch_order(beside["id"], symbol)["status"] == "open"
    left = bot.create_order(symbol, "market", "sell", rest, None, exits)
    assert left["status"] == "closed"
    assert bot.fetch_order(beside["id"], symbol)["status"] == "canceled"
    assert bot.fetch_position(symbol)["contracts"] == 0
