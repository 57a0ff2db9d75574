"""Fees paid in a coin that is traded too, on spot: whose coin do they take?

First what the account had of it before, or from elsewhere; a position only after that.
"""

from dataclasses import replace
from decimal import Decimal

import pytest

from oms_project.errors import Invalid
from positions import ports
from positions.ledger import balances
from positions.models import AccountLane, Case, Dust, Transfer
from positions.projector.booking.opening import record_opening
from positions.tests.desk import NOON
from positions.tests.fakes import SPOT
from positions.tests.guarded import Guarded
from positions.volumes import held_on_spot

D = Decimal
OTHER, PAID_WITH_IT = "ETH/USDT", "ETH/BTC"


@pytest.fixture
def desk(db):
    """BTC is traded on it, and the fees of another market are paid in BTC."""
    desk, venue = Guarded(SPOT), ports.exchange()
    for symbol in (OTHER, PAID_WITH_IT):
        base, quote = symbol.split("/")
        market = replace(venue.markets[SPOT], symbol=symbol, base=base, quote=quote, min_cost=None)
        venue.markets[symbol] = market
    return desk


def began_with(desk, amount):
    lane = AccountLane.objects.get(pk=desk.account.pk)
    assert record_opening(desk.account.pk, {"BTC": D(amount)}, booked_before=lane.last_booking_no)


def transferred(desk, amount):
    facts = {"account": desk.account, "kind": "balance", "subject": f"transfer of {amount}"}
    case = Case.objects.create(**facts, opened_at=NOON)
    Transfer.objects.create(
        account=desk.account, currency="BTC", amount=D(amount), case=case, created_at=NOON
    )


def pays(desk, fee, *, symbol=OTHER, price="100"):
    order = desk.send("buy", "1", symbol=symbol)
    desk.fill(order, "1", price, fee=fee, fee_currency="BTC")


def held(desk):
    return held_on_spot(desk.account.pk, "BTC")


def test_fees_paid_from_what_was_there_before_leave_the_position_whole(desk):
    """10 there, 1 bought, 0.25 paid in fees: 10.75 are there, and the 1 is all there to sell."""
    began_with(desk, "10")
    position = desk.bought("1")
    pays(desk, "0.1")
    pays(desk, "0.15")

    before = held(desk), balances.balances(desk.account.pk)["BTC"]
    close = desk.close(position)
    desk.executed(close)

    assert before == (1, D("10.75"))
    assert close.qty == 1
    assert desk.fresh(position).state == "closed"
    assert Dust.objects.get(currency="BTC").qty == D("-0.25")
    assert (held(desk), balances.balances(desk.account.pk)["BTC"]) == (0, D("9.75"))


def test_a_position_as_small_as_the_fees_can_be_closed(desk):
    began_with(desk, "10")
    position = desk.bought("0.1")
    pays(desk, "0.25")

    close = desk.close(position)
    desk.executed(close)

    assert desk.fresh(position).state == "closed"


def test_a_stop_sells_the_whole_position_too(desk):
    began_with(desk, "10")
    position = desk.held("1")
    pays(desk, "0.25")

    desk.hear("89")
    desk.carry_on()

    assert desk.fresh(position).state == "closed"
    assert not Case.objects.filter(kind="protection_blocked").exists()


def test_what_was_there_before_is_not_sold(desk):
    began_with(desk, "10")
    desk.bought("1")
    pays(desk, "0.25")

    with pytest.raises(Invalid) as refused:
        desk.send("sell", "1.001")
    assert refused.value.details["limit"] == 1


def came(desk, *sources):
    """What was there of the coin before its fees, from each of these."""
    for source in sources:
        match source:
            case ("began", amount):
                began_with(desk, amount)
            case ("transfer", amount):
                transferred(desk, amount)
            case (side, qty):
                desk.external(side, qty)


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ([], "0.75"),
        ([("began", "0.1")], "0.85"),
        ([("began", "0.25")], "1"),
        ([("transfer", "0.3")], "1"),
        ([("began", "10"), ("transfer", "-9.8")], "0.95"),
        ([("began", "10"), ("transfer", "-11")], "0.75"),
        ([("buy", "0.2")], "0.95"),
        ([("began", "0.5"), ("sell", "0.4")], "0.85"),
        ([("buy", "5"), ("transfer", "-4.9")], "0.85"),
    ],
    ids=[
        "nothing", "less than the fees", "just as much", "a transfer", "most of it taken out",
        "more taken out", "bought by hand", "sold by hand", "bought by hand and taken out",
    ],
)  # fmt: skip
def test_fees_take_of_the_position_only_what_nothing_else_could_pay(desk, sources, expected):
    came(desk, *sources)
    desk.bought("1")
    pays(desk, "0.25")

    assert held(desk) == D(expected)


def test_what_open_positions_were_bought_with_is_not_there_for_fees(desk):
    began_with(desk, "10")
    desk.bought("1")
    pays(desk, "0.25")

    pays(desk, "0", symbol=PAID_WITH_IT, price="9.9")

    assert held(desk) == D("0.85")


def test_dust_of_the_coin_pays_first_and_is_held_as_before(desk):
    began_with(desk, "10")
    desk.bought("1")
    Dust.objects.create(account=desk.account, currency="BTC", qty=D("0.3"))
    pays(desk, "0.25")

    assert held(desk) == D("1.05")
