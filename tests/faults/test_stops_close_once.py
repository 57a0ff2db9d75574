"""A stop and whatever else closes its position, or hinders it, through the running product."""

import random
import threading
import time
from decimal import Decimal
from typing import Any

import pytest

from tests.e2e.product import Json, Product
from tests.e2e.test_protection import other_strategy, position, set_account, shows
from tests.e2e.test_truth import Stranger
from tests.faults.proxy import Answer, Asked

pytestmark = pytest.mark.e2e

USDM, USDM_PRO = "ccxt.binanceusdm", "ccxtpro.binanceusdm"
FIRST, STOP, BEYOND = 60_000, 58_000, 57_900
RACES = 4
FIRES_WITHIN_S = 1.5
A_MOMENT_S = 0.6  # After that no stop is judged by a price of before.


@pytest.fixture
def running(proxied) -> Any:
    return proxied()


def set_price(product: Product, account: Json, price: int) -> None:
    product.set_price(account, price)


def net_at_venue(product: Product, account: Json) -> Decimal:
    """The signed sum of the fills that the venue has booked for the login."""
    return sum(
        (Decimal(row["qty"]) if row["side"].lower() == "buy" else -Decimal(row["qty"])
         for row in product.journal(account) if row["event"] == "trade"),
        Decimal(0),
    )  # fmt: skip


def guarded(product: Product, account: Json, strategy_id: int = 1, **stops: Any) -> Json:
    order = product.buy(account, "0.02", strategy_id=strategy_id)
    time.sleep(A_MOMENT_S)
    product.command("position_change", position_id=order["position_id"], **stops)
    return position(product, order["position_id"])


def is_closed(product: Product, row: Json) -> Any:
    return lambda: position(product, row["id"])["state"] == "closed"


def cases(product: Product, account: Json, kind: str) -> list[Json]:
    rows = product.every("/oms/reconcile/cases", account_ids=account["id"])
    return [row for row in rows if row["kind"] == kind]


def test_a_stop_closes_its_position_once_whatever_hinders_it(running):
    product, proxy = running
    shared, netting = product.account(USDM_PRO), product.account(USDM)
    set_account(product, shared, position_mode="strategy_netting")
    other = other_strategy(product, shared)
    neighbour = product.buy(shared, "0.02", strategy_id=other)["position_id"]

    # A close within some 80 ms of its stop, beside another strategy on the same side.
    dice = random.Random(7)
    for number in range(RACES):
        set_price(product, shared, FIRST)
        held = guarded(product, shared, stop_loss=str(STOP))
        product.until(shows(product, held["id"], "resting"), 10, "the stop rests")
        crossing = threading.Timer(dice.uniform(0.0, 0.08), set_price, (product, shared, BEYOND))
        crossing.start()
        body = {"command": "close_position", "payload": {"position_id": held["id"]}}
        product.post(body, wait_ms=10_000)
        crossing.join()
        product.until(is_closed(product, held), 10, "it is closed")
        left = product.positions(shared)
        assert [(row["id"], row["side"]) for row in left] == [(neighbour, "buy")], number
    assert net_at_venue(product, shared) == Decimal("0.02")

    # Every placing is refused: shown, a case, and fired when it is reached.
    @proxy.before
    def no_more_stops(asked: Asked) -> Answer | None:
        if (asked.method, asked.path) == ("POST", "/fapi/v1/algoOrder"):
            return Answer.of({"code": -4045, "msg": "Reach max stop order limit."}, 400)
        return None

    set_price(product, shared, FIRST)
    held = guarded(product, shared, stop_loss=str(STOP))
    product.until(lambda: cases(product, shared, "protection_blocked"), 10, "a case tells")
    shown = position(product, held["id"])["protection"]["stop_loss"]
    set_price(product, shared, BEYOND)
    took_s = product.until(is_closed(product, held), FIRES_WITHIN_S, "it fired")
    assert shown["place"] == "oms"
    assert "-4045" in shown["not_placed"], took_s
    proxy.forget(no_more_stops)

    # A close rests beside the stop: the OMS watches, and fires as soon as the close is gone.
    set_price(product, shared, FIRST)
    held = guarded(product, shared, stop_loss=str(STOP))
    resting = {"position_id": held["id"], "order_type": "limit", "price": "66000"}
    product.command("close_position", **resting)
    product.until(shows(product, held["id"], "watched"), 10, "the OMS watches")
    set_price(product, shared, BEYOND)
    product.until(is_closed(product, held), 2 * FIRES_WITHIN_S, "it fired")

    # Closed by hand at the exchange: the watched stop is held and asks.
    set_price(product, netting, FIRST)
    held = guarded(product, netting, trailing={"amount": "2000"})
    stranger = Stranger(product, netting)
    product.until(lambda: _trails(product, held), 10, "the trailing stop has its level")
    before = net_at_venue(product, netting)
    stranger.order("sell", "0.02")
    set_price(product, netting, BEYOND)
    product.until(lambda: cases(product, netting, "closed_elsewhere"), 10, "a case asks")
    time.sleep(FIRES_WITHIN_S)
    assert before == Decimal("0.02")
    assert net_at_venue(product, netting) == 0


def _trails(product: Product, row: Json) -> bool:
    shown = position(product, row["id"])["trailing"]
    return shown["best_price"] is not None and Decimal(shown["best_price"]) >= FIRST
