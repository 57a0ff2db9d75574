"""A thousand orders through the API: the OMS's deals equal the venue's journal, trade by trade."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.agreement import check, check_final_states, orders_of

pytestmark = pytest.mark.e2e
ORDERS = 1000
CLIENTS = 5


def test_a_thousand_orders_equal_the_venues_journal(embedded):
    accounts = embedded.accounts
    share = -(-ORDERS // len(accounts))

    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(lambda account: _trade(embedded, account, share), accounts))
    _settle(embedded)

    counts = [check(embedded, account) for account in accounts]
    for account in accounts:
        check_final_states(embedded, account)
    embedded.manage("rebuild_positions", "--verify")
    embedded.manage("verify_ledger")
    print("orders, trades and presumed rejections per account:", counts)
    assert sum(count["orders"] for count in counts) == share * len(accounts) >= ORDERS
    assert sum(count["trades"] for count in counts) >= ORDERS // 2
    assert sum(count["presumed"] for count in counts) == 0


def _trade(product, account, share: int) -> None:
    """Buys, sells of a part of what was bought, and resting orders, in batches of twenty."""
    chance = random.Random(account["id"])
    price = int(product.mid(account))
    for start in range(0, share, 20):
        size = min(20, share - start)
        batch = [_order(account, chance, price, sells=start > 0) for _ in range(size)]
        answer = product.post(batch, parallel="true", wait_ms=60_000)
        assert answer.status_code in (200, 202), answer.text[:2000]


def _order(account, chance: random.Random, price: int, *, sells: bool) -> dict:
    payload = {"symbol": account["symbols"][0], "strategy_id": 1}
    kind = chance.random()
    if sells and kind < 0.25:
        payload |= {"side": "sell", "order_type": "market", "qty": "0.001"}
    elif kind < 0.85:
        payload |= {"side": "buy", "order_type": "market", "qty": f"0.00{chance.randint(2, 9)}"}
    else:
        far = price * chance.randint(80, 95) // 100
        payload |= {"side": "buy", "order_type": "limit", "qty": "0.002", "price": str(far)}
    return {"account_id": account["id"], "command": "send_order", "payload": payload}


def _settle(product) -> None:
    """Wait until nothing is on its way."""
    moving = {"PENDING_SUBMIT", "SENDING", "UNKNOWN"}

    def is_quiet() -> bool:
        return not any(
            order["status"] in moving
            for account in product.accounts
            for order in orders_of(product, account)
        )

    product.until(is_quiet, 60, "quiet")
