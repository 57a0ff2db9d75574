"""Do our books say what the exchange says, and when can nobody know?"""

from io import StringIO

import pytest
from django.core.management import call_command

from gateway.reconcile import comparing
from gateway.reconcile.comparing import Answer
from gateway.tests.strangers.trader import BOTH, LINEAR, SPOT, D, Trader, bought, failing
from positions.ports import exchange

pytestmark = pytest.mark.django_db(transaction=True)


@BOTH
def test_a_trade_that_was_hidden_from_us_is_a_difference_with_both_sides(paper, where):
    trader = Trader(paper, where)
    trader.begin()
    bought(trader, "0.01")
    agreed = set(trader.compared().values())

    trader.strange(qty="0.02")
    found = comparing.compare(trader.pk, 30)

    assert agreed == {Answer.EQUAL}
    amounts = {each.subject: each for one in found for each in one.differences}
    if where is LINEAR:
        net = amounts[trader.symbol]
        assert (net.ours, net.venue) == (D("0.01"), D("0.03"))
    assert amounts["USDT"].ours > amounts["USDT"].venue


def test_what_the_exchange_said_is_owned_is_kept_to_be_shown(paper):
    trader = Trader(paper, SPOT)
    trader.begin()
    bought(trader, "0.01")

    trader.compared()

    seen = exchange().seen_balances([trader.pk, trader.pk + 1])
    assert [*seen] == [trader.pk]
    assert D(seen[trader.pk].amounts["BTC"]) > 10


def test_could_not_ask_is_not_equal(paper):
    trader = Trader(paper, LINEAR)
    trader.begin()

    with failing(paper, "GET /fapi/v3/positionRisk"):
        answers = trader.compared()

    assert set(answers.values()) == {Answer.NOT_ASKED}


def test_the_command_tells_equal_different_and_not_asked_apart(paper):
    trader = Trader(paper, SPOT)
    trader.begin()

    equal = _verify(trader)
    with failing(paper, "GET /api/v3/account"):
        not_asked = _verify(trader)
    trader.strange()
    different = _verify(trader)

    assert [code for code, _ in (equal, not_asked, different)] == [0, 2, 1]
    assert "not asked" in not_asked[1]
    assert "balance of BTC: ours 10, exchange 10.00" in different[1]


def _verify(trader: Trader) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("verify_ledger", "--exchange", "--account-id", str(trader.pk), stdout=out)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()
