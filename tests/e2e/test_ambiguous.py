"""Orders whose answer never says what became of them: each comes to what the exchange did.

Carried out or not, the answer is lost, cut, empty, wrong or late. ``OMS_AMBIGUOUS`` sets how many
such outcomes there are at least (60); the time from doubt to its end is printed.
"""

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from statistics import median

import pytest

from tests.e2e.agreement import check, check_final_states, events_of, is_quiet, market_of
from tests.e2e.conftest import running
from tests.e2e.product import Json, Product

pytestmark = pytest.mark.e2e
AMBIGUOUS = int(os.environ.get("OMS_AMBIGUOUS", "60"))
SEED = int(os.environ.get("OMS_TORTURE_SEED", "7"))
BATCH = 20
QUICK = {"OMS_EXCHANGE_TIMEOUT_MS": "1500", "OMS_SEND_DEADLINE_S": "20"}
ROUTES = ("POST /api/v3/order", "POST /fapi/v1/order")
# Of every order a part is struck by each; ``accept``: carried out nevertheless.
FAULTS: tuple[Json, ...] = (
    {"kind": "reset", "accept": True},
    {"kind": "reset", "accept": False},
    {"kind": "silence", "accept": True, "ms": 4000},
    {"kind": "silence", "accept": False, "ms": 4000},
    {"kind": "truncated", "accept": True},
    {"kind": "empty", "accept": True},
    {"kind": "empty", "accept": False},
    {"kind": "null", "accept": True},
    {"kind": "html", "accept": True},
    {"kind": "gateway", "accept": True, "status": 504},
    {"kind": "gateway", "accept": False, "status": 502},
    {"kind": "gateway", "accept": True, "status": 524},
    {"kind": "refuse", "accept": True, "code": -1006},
    {"kind": "refuse", "accept": False, "code": -1007},
    {"kind": "late_arrival", "ms": 1700},
)


@pytest.fixture
def doubtful(tmp_path_factory):
    """A product whose exchange answers three orders in four in a way that proves nothing."""
    for product in running(tmp_path_factory, "embedded", settings=QUICK):
        share = 0.75 / len(FAULTS)
        for number, fault in enumerate(FAULTS):
            # The first that strikes wins, so the later ones see fewer orders.
            probability = share / (1 - share * number)
            for route in ROUTES:
                about = {
                    "route": route,
                    "probability": probability,
                    "seed": SEED * 100 + number + 50 * ROUTES.index(route),
                }
                product.venue("POST", "faults", fault | about)
        yield product


def test_every_ambiguous_outcome_is_resolved_rightly(doubtful):
    with ThreadPoolExecutor(len(doubtful.accounts)) as clients:
        while _struck(doubtful).total() < AMBIGUOUS:
            list(clients.map(lambda account: _send(doubtful, account), doubtful.accounts))
    struck = _struck(doubtful)
    doubtful.venue("DELETE", "faults")
    doubtful.until(lambda: is_quiet(doubtful), 60, "every order resolved")

    counts = [check(doubtful, account) for account in doubtful.accounts]
    for account in doubtful.accounts:
        check_final_states(doubtful, account)
    doubtful.manage("verify_ledger")
    took_s = sorted(second for one in doubtful.accounts for second in _doubts(doubtful, one))
    presumed = sum(count["presumed"] for count in counts)
    print(
        f"\ntorture: ambiguous outcomes, seed {SEED}: {struck.total()} of "
        f"{sum(count['orders'] for count in counts)} orders, {len(took_s)} came into doubt, "
        f"{presumed} presumed rejected, all resolved rightly; seconds to resolution median "
        f"{median(took_s):.1f}, p99 {took_s[int(len(took_s) * 0.99)]:.1f}; {dict(struck)}"
    )
    assert presumed > 0
    assert len(took_s) > struck.total() * 0.8


def _send(product: Product, account: Json) -> None:
    """A batch of small orders: buys on spot, on derivatives as many sells, so that money lasts."""
    spot = market_of(account) == "spot"
    order = {"symbol": account["symbols"][0], "order_type": "market", "strategy_id": 1}
    sides = [{"side": "buy", "qty": "0.0002"}] * 2
    if not spot:
        sides = [{"side": side, "qty": "0.002"} for side in ("buy", "sell")]
    orders = [order | sides[number % 2] for number in range(BATCH)]
    batch = [{"account_id": account["id"], "command": "send_order", "payload": each}
             for each in orders]  # fmt: skip
    answer = product.post(batch, parallel="true", wait_ms=20_000)
    assert answer.status_code < 300, answer.text[:2000]  # 207: some are presumed rejected by now.


def _struck(product: Product) -> Counter[str]:
    """How often each kind of fault has struck."""
    struck: Counter[str] = Counter()
    for fault in product.venue("GET", "faults"):
        struck[fault["kind"] + ("" if fault["accept"] else ", not carried out")] += fault["struck"]
    return struck


def _doubts(product: Product, account: Json) -> list[float]:
    """For each order that came into doubt, the seconds until it had left it."""
    since: dict[int, datetime] = {}
    took_s = []
    for row in events_of(product, account):
        order_id, status = row["payload"].get("id"), row["payload"].get("status")
        at = datetime.fromisoformat(row["created_at"])
        if row["event"] == "order_unknown":
            since.setdefault(order_id, at)
        elif order_id in since and row["event"].startswith("order_") and status != "UNKNOWN":
            took_s.append((at - since.pop(order_id)).total_seconds())
    assert not since, f"still in doubt: {since}"
    return took_s
