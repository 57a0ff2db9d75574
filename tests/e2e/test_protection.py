"""Stops on the paper venue, in both modes: they rest, fire, move, and outlive a killed OMS."""

from decimal import Decimal

import pytest
import requests

from tests.e2e.agreement import check, check_final_states, market_of
from tests.e2e.product import Product

pytestmark = [pytest.mark.e2e, pytest.mark.faults]
USDM, SPOT, SPOT_PRO = "ccxt.binanceusdm", "ccxt.binance", "ccxtpro.binance"
OMS = {"embedded": "oms", "server": "worker"}
FIRST = 60_000
PATIENCE_S = 20  # A deadline for a loaded machine; on an idle one it takes a second or two.
# Prices move only where a test says so.
CALM = ("--volatility", "0")


@pytest.fixture(scope="module", params=["embedded", "server"])
def product(request, tmp_path_factory):
    """A product on a calm venue; its USD-M account keeps strategies apart."""
    running = Product(tmp_path_factory.mktemp(request.param), mode=request.param,
                      venue_options=CALM)  # fmt: skip
    try:
        running.start()
        set_account(running, running.account(USDM), position_mode="strategy_netting")
        yield running
    finally:
        running.stop()


@pytest.fixture(autouse=True)
def _calm(product):
    """Every test begins at the same price, and leaves nothing behind."""
    for exchange_id in (USDM, SPOT):
        product.set_price(product.account(exchange_id), FIRST)
    yield
    for exchange_id in (USDM, SPOT):
        product.set_price(product.account(exchange_id), FIRST)


def set_account(product: Product, account, **facts) -> None:
    """What an admin sets on an account that is flat."""
    words = ", ".join(f"{name}={value!r}" for name, value in facts.items())
    product.manage(
        "shell", "-v", "0", "-c",
        "from accounts.models import Account; "
        f"Account.objects.filter(pk={account['id']}).update({words})",
    )  # fmt: skip


def position(product: Product, position_id: int):
    return product.get(f"/oms/positions/{position_id}")["items"][0]


def protected(product: Product, account, qty: str = "0.02", **stops):
    """A long with stops, given once the OMS has seen the price the test began at."""
    order = product.buy(account, qty)
    position_id = order["position_id"]
    assert position_id, f"not filled: {order}\n{product.logs()}"
    product.until(sees_the_first_price(product, position_id), PATIENCE_S, "the mark came")
    product.command("position_change", position_id=position_id, **stops)
    return position(product, position_id)


def sees_the_first_price(product: Product, position_id: int):
    """Whether the mark is no longer the one an earlier test left behind."""
    return lambda: abs(Decimal(position(product, position_id)["mark_price"] or 0) - FIRST) < 50


def shows(product: Product, position_id: int, state: str, role: str = "stop_loss"):
    """Whether the position's trigger is in this state."""
    return lambda: (
        ((position(product, position_id)["protection"] or {}).get(role, {})).get("state") == state
    )


def is_closed(product: Product, position_id: int):
    return lambda: position(product, position_id)["state"] == "closed"


def resting(product: Product, account) -> list[str]:
    """The kinds of orders that rest or wait at the venue."""
    markets = ["linear", "linear_algo"] if market_of(account) == "linear" else ["spot"]
    login = product.login(account)
    rows = [row for name in markets
            for row in product.venue("GET", "orders", login=login, market=name)]  # fmt: skip
    return sorted(row["kind"] for row in rows if row["status"] in ("NEW", "PARTIALLY_FILLED"))


def last_deal(product: Product, position_id: int, account):
    deals = product.every("/oms/deals", account_ids=account["id"])
    return next(deal for deal in deals if deal["position_id"] == position_id)


def flat(product: Product, account) -> None:
    for row in product.positions(account):
        product.command("close_position", position_id=row["id"])
    product.until(lambda: resting(product, account) == [], PATIENCE_S, "nothing rests")


def other_strategy(product: Product, account) -> int:
    """A new strategy of the account, beside the first."""
    answer = requests.post(
        f"{product.base}/strategies",
        json={"name": "other", "account_ids": [account["id"]]},
        headers={"x-api-key": product.facts["api_key"]},
        timeout=30,
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["strategy_id"]


def test_a_stop_rests_at_the_exchange_fires_there_and_takes_its_take_profit_along(product):
    account = product.account(USDM)
    held = protected(product, account, stop_loss="58000", stop_gain="63000")
    product.until(shows(product, held["id"], "resting"), PATIENCE_S, "the stop rests")
    product.until(
        shows(product, held["id"], "resting", "take_profit"), PATIENCE_S, "the other rests"
    )
    there = resting(product, account)

    product.set_price(account, 57_900)
    product.until(is_closed(product, held["id"]), PATIENCE_S, "the stop fired")
    product.until(lambda: resting(product, account) == [], PATIENCE_S, "nothing is left")

    assert there == ["STOP_MARKET", "TAKE_PROFIT_MARKET"]
    deal = last_deal(product, held["id"], account)
    assert (deal["reason"], deal["trigger_source"]) == ("sl", "exchange")
    check_final_states(product, account)


def test_it_moves_to_the_oms_when_another_strategy_offsets_the_net_and_back_and_fires_here(
    product,
):
    account = product.account(USDM)
    other = other_strategy(product, account)
    held = protected(product, account, stop_loss="58000")
    product.until(shows(product, held["id"], "resting"), PATIENCE_S, "the stop rests")

    product.buy(account, "0.01", side="sell", strategy_id=other)
    product.until(shows(product, held["id"], "watched"), PATIENCE_S, "the OMS watches")
    watched = resting(product, account)
    product.buy(account, "0.01", strategy_id=other)
    product.until(shows(product, held["id"], "resting"), PATIENCE_S, "it rests again")
    product.buy(account, "0.01", side="sell", strategy_id=other)
    product.until(shows(product, held["id"], "watched"), PATIENCE_S, "the OMS watches again")
    product.set_price(account, 57_900)
    product.until(is_closed(product, held["id"]), PATIENCE_S, "the OMS fired")

    assert watched == []
    deal = last_deal(product, held["id"], account)
    assert (deal["reason"], deal["trigger_source"]) == ("sl", "oms")
    flat(product, account)
    check_final_states(product, account)


@pytest.mark.parametrize("exchange_id", [SPOT, SPOT_PRO])
def test_on_spot_the_oms_watches_and_a_trailing_stop_follows_the_price(product, exchange_id):
    account = product.account(exchange_id)
    held = protected(product, account, trailing={"amount": "1000"})
    there = resting(product, account)

    product.set_price(account, 62_000)
    product.until(lambda: best_price(product, held["id"]), PATIENCE_S, "the best price is kept")
    product.set_price(account, 60_900)
    product.until(is_closed(product, held["id"]), PATIENCE_S, "the OMS fired")

    assert there == []
    assert last_deal(product, held["id"], account)["reason"] in ("sl", "correction")
    check(product, account)


def best_price(product: Product, position_id: int) -> bool:
    """Whether the rise has been stored; clients do not see it, so the row is asked."""
    text = product.manage(
        "shell", "-v", "0", "-c",
        "from positions.models import Trigger; "
        f"print(Trigger.objects.get(position_id={position_id}).best_price)",
    )  # fmt: skip
    stored = text.strip().splitlines()[-1]
    return stored != "None" and Decimal(stored) > 61_500


def test_on_spot_with_the_exchanges_policy_a_close_comes_after_the_cancelled_stop(product):
    account = product.account(SPOT)
    set_account(product, account, protection="exchange")
    held = protected(product, account, stop_loss="58000", stop_gain="63000")
    product.until(shows(product, held["id"], "resting"), PATIENCE_S, "the stop rests")
    there = resting(product, account)

    product.command("close_position", position_id=held["id"], qty="0.01")
    product.until(shows(product, held["id"], "resting"), PATIENCE_S, "the smaller stop rests")
    product.set_price(account, 57_900)
    product.until(is_closed(product, held["id"]), PATIENCE_S, "the stop fired")
    set_account(product, account, protection="oms")

    assert there == ["STOP_LOSS"]
    assert resting(product, account) == []
    check(product, account)
    check_final_states(product, account)


@pytest.mark.parametrize("exchange_id", [USDM, SPOT])
def test_all_positions_are_closed_also_when_the_oms_is_killed_between(product, exchange_id):
    account = product.account(exchange_id)
    held = product.buy(account, "0.02")["position_id"]
    half = {"position_id": held, "qty": "0.01", "order_type": "limit", "price": "70000"}
    resting_close = product.command("close_position", **half)["order"]
    body = {"account_id": account["id"], "command": "close_all_positions", "payload": {}}
    process = product.processes[OMS[product.mode]]

    told = product.post(body | {"request_id": f"all {exchange_id}"}, wait_ms=0).json()["results"][0]
    process.kill()
    process.start()
    product.wait_until_ready()
    product.until(is_closed(product, held), PATIENCE_S, "everything was closed")
    again = product.post(body | {"request_id": f"all {exchange_id}"}, wait_ms=60_000)
    result = again.json()["results"][0]

    assert result["command_id"] == told["command_id"]
    assert (result["status"], result["left"]) == ("completed", [])
    assert product.order(resting_close["id"])["status"] == "CANCELED"
    assert product.positions(account) == []
    check(product, account)
    check_final_states(product, account)


def test_a_stop_that_was_watched_when_the_oms_was_killed_fires_after_the_restart(product):
    account = product.account(SPOT_PRO)
    held = protected(product, account, stop_loss="58000")
    process = product.processes[OMS[product.mode]]

    process.kill()
    product.set_price(account, 57_900)
    process.start()
    product.wait_until_ready()
    product.until(is_closed(product, held["id"]), PATIENCE_S, "the OMS fired")

    check(product, account)
    product.manage("rebuild_positions", "--verify")
    product.manage("verify_ledger")
