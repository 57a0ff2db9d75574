"""Is a request whose answer was lost never sent again, and never taken for one that never left?"""

import threading

import pytest

from ccxt_driver import mt5
from tests.faults.proxy import Answer, Proxy
from tests.mt5.giving import MIDDLE, SYMBOL, deal, only, pending

pytestmark = pytest.mark.e2e
COMMANDS = ("POST", "/oms/commands")


def posts(desk):
    return sum(desk.product.order_posts().values())


@pytest.mark.parametrize("account", ["spot hedge", "usdm"], indirect=True)
def test_a_lost_answer_is_asked_for_again_and_nothing_is_sent_twice(desk, account):
    lost = []

    def lose(asked, answer):
        if (asked.method, asked.path) == COMMANDS and len(lost) < 2:
            lost.append(answer)
            return Answer(b"<html>Bad gateway</html>", 502)
        return None

    desk.oms.after(lose)
    before = posts(desk)
    bought = deal(mt5.ORDER_TYPE_BUY, 0.1)
    desk.oms.forget(lose)

    assert len(lost) == 2
    assert bought.retcode == 10009
    assert posts(desk) == before + 1
    assert only(mt5.positions_get(symbol=SYMBOL)).ticket == bought.order


@pytest.mark.parametrize("account", ["usdm"], indirect=True)
@pytest.mark.parametrize(("status", "code"), [(429, "rate_limited"), (401, "invalid_api_key")])
def test_a_refusal_after_a_lost_answer_is_doubt(desk, account, status, code):
    """It is said before anybody looks whether the first try was taken, which it was here."""
    heard = []

    def refuse(asked, answer):
        if (asked.method, asked.path) != COMMANDS:
            return None
        heard.append(answer)
        body = {"code": code, "message": "No.", "details": {}, "request_id": "1"}
        return Answer(b"<html>", 502) if len(heard) == 1 else Answer.of(body, status)

    desk.connect("usdm", 5000)  # So long it goes on asking.
    desk.oms.after(refuse)
    before = posts(desk)
    bought = deal(mt5.ORDER_TYPE_BUY, 0.1)
    desk.oms.forget(refuse)

    assert bought.retcode == mt5.TRADE_RETCODE_TIMEOUT
    assert posts(desk) == before + 1
    assert only(mt5.positions_get(symbol=SYMBOL)).volume == 0.1


@pytest.mark.parametrize("account", ["usdm"], indirect=True)
def test_an_oms_that_goes_away_after_a_lost_answer_leaves_doubt(desk, account):
    """The last that is heard is a refused connection, and yet the request had left before."""
    way = Proxy(desk.product.port).start()
    heard = []

    def lose_and_go(asked, answer):
        if (asked.method, asked.path) != COMMANDS:
            return None
        heard.append(answer)
        threading.Thread(target=way.stop).start()
        return Answer(b"<html>", 502)

    assert mt5.initialize(login=account["id"], password=desk.key,
                          server=f"http://127.0.0.1:{way.port}", timeout=2000)  # fmt: skip
    way.after(lose_and_go)
    before = posts(desk)
    bought = deal(mt5.ORDER_TYPE_BUY, 0.1)
    desk.connect("usdm")

    assert len(heard) == 1
    assert bought.retcode == mt5.TRADE_RETCODE_TIMEOUT
    assert posts(desk) == before + 1
    assert only(mt5.positions_get(symbol=SYMBOL)).volume == 0.1


@pytest.mark.parametrize("account", ["usdm"], indirect=True)
def test_what_was_done_is_told_also_where_its_deal_cannot_be_read(desk, account):
    def fail(asked, answer):
        return Answer(b"<html>", 502) if asked.path == "/oms/deals" else None

    desk.connect("usdm", 500)
    desk.oms.after(fail)
    bought = deal(mt5.ORDER_TYPE_BUY, 0.1)
    desk.oms.forget(fail)

    assert (bought.retcode, bought.deal) == (10009, 0)
    assert bought.order == only(mt5.positions_get(symbol=SYMBOL)).ticket


@pytest.mark.parametrize("account", ["usdm"], indirect=True)
def test_what_is_never_heard_of_is_a_timeout_and_neither_none_nor_sent_again(desk, account):
    desk.connect("usdm", 1000)

    def silent(asked, answer):
        is_one = (asked.method, asked.path) == COMMANDS
        return Answer(b"<html>Gateway timeout</html>", 504) if is_one else None

    desk.oms.after(silent)
    before = posts(desk)
    bought = mt5.Buy(SYMBOL, 0.1)
    desk.oms.forget(silent)

    assert bought.retcode == mt5.TRADE_RETCODE_TIMEOUT
    assert bought.order == 0
    assert posts(desk) == before + 1
    assert only(mt5.positions_get(symbol=SYMBOL)).volume > 0
    mt5.Close(SYMBOL)


def test_what_the_exchange_has_not_said_is_a_timeout_with_its_ticket(desk):
    desk.price(MIDDLE, SYMBOL)
    desk.connect("usdm", 1500)

    def hold(asked):
        is_order = asked.path.endswith("/order") and asked.method in ("POST", "GET")
        return Answer(b"<html>", 502) if is_order else None

    desk.exchange.before(hold)
    try:
        sent = pending(mt5.ORDER_TYPE_BUY_LIMIT, 550.0)
        (order,) = mt5.orders_get(ticket=sent.order)
    finally:
        desk.exchange.forget(hold)

    assert sent.retcode == mt5.TRADE_RETCODE_TIMEOUT
    assert order.state == mt5.ORDER_STATE_REQUEST_ADD
    desk.product.until(lambda: not mt5.orders_get(ticket=sent.order), 30, "the order's end")
    assert only(mt5.history_orders_get(ticket=sent.order)).state == mt5.ORDER_STATE_REJECTED


def test_without_an_oms_a_request_that_never_left_is_none(desk):
    gone = Proxy(desk.product.port)
    gone.start()
    assert mt5.initialize(login=desk.accounts["spot"]["id"], password=desk.key,
                          server=f"http://127.0.0.1:{gone.port}", timeout=500)  # fmt: skip
    gone.stop()

    assert deal(0, 0.1) is None
    assert mt5.last_error() == (-10004, "No IPC connection")
    assert mt5.positions_get() is None
    assert mt5.Buy(SYMBOL, 0.1) is None
