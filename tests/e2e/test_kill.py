"""kill -9 at random moments while orders flow: no order is lost, none is doubled.

Lost: an accepted order whose final state or deals disagree with the venue. A presumed rejection of
an order that the venue never saw is not lost, and is counted apart.
"""

import json
import os
import random
import time
from pathlib import Path

import pytest

from tests.e2e.agreement import check, check_final_states, is_quiet, orders_of
from tests.e2e.flow import OrderFlow
from tests.e2e.product import Product

pytestmark = [pytest.mark.e2e, pytest.mark.faults]
PROCESSES = {
    "embedded": ("oms", "oms", "venue"),
    "server": ("worker", "worker", "web", "venue", "beat"),
}
KILLS = int(os.environ.get("OMS_TORTURE_KILLS", "5"))
# What a killed worker left in mid-air is in doubt after its deadline: a short one keeps this short.
QUICK = {"OMS_EXCHANGE_TIMEOUT_MS": "4000", "OMS_SEND_DEADLINE_S": "12"}
TALLY = os.environ.get("OMS_TORTURE_TALLY")  # Where tests/slices.py adds up.
SEED = int(os.environ.get("OMS_TORTURE_SEED", "7"))


@pytest.mark.parametrize("mode", ["embedded", "server"])
def test_killing_any_process_loses_no_order_and_doubles_none(tmp_path, mode):
    product = Product(tmp_path / mode, mode=mode, settings=QUICK).start()
    flow = OrderFlow(product)
    try:
        flow.start()
        kill_at_random(product, mode)
        time.sleep(1)
        flow.stop()
        product.wait_until_ready()
        product.until(lambda: is_quiet(product), 60, "every order resolved")
        counts = [check(product, account) for account in product.accounts]
        for account in product.accounts:
            check_final_states(product, account)
        product.manage("rebuild_positions", "--verify")
        product.manage("verify_ledger")
        total = {name: sum(count[name] for count in counts) for name in counts[0]}
        known = {
            order["id"] for account in product.accounts for order in orders_of(product, account)
        }
        done = {"mode": mode, "seed": SEED, "kills": KILLS, "answered": len(flow.accepted)} | total
        print(
            f"\ntorture: kills, {mode}: seed {SEED}, {KILLS} kills, "
            f"{len(flow.accepted)} answered, {total}; 0 lost, 0 doubled"
        )

        assert flow.accepted <= known, f"answered, then gone: {sorted(flow.accepted - known)}"
        assert total["trades"] >= KILLS, "hardly anything was traded: the test shows nothing"
        if TALLY:
            with Path(TALLY).open("a") as tally:
                tally.write(json.dumps(done) + "\n")
    finally:
        flow.stop()
        product.stop()


def kill_at_random(product: Product, mode: str) -> None:
    """kill -9, a moment of absence, start again; now and then before it was ready again."""
    chance = random.Random(SEED)
    for number in range(KILLS):
        names = PROCESSES[mode]
        name = names[number] if number < len(names) else chance.choice(names)
        if chance.random() < 0.8:
            product.wait_until_ready()
        time.sleep(chance.uniform(0.3, 1.5))
        product.processes[name].kill()
        time.sleep(chance.uniform(0.0, 0.5))
        product.processes[name].start()
