"""Three strategies on one account, at random: their positions are always the exchange's."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.agreement import check, check_final_states
from tests.e2e.strategies import Traders, add_strategies, add_strategy_account

pytestmark = pytest.mark.e2e
ORDERS = int(os.environ.get("OMS_TORTURE_ORDERS", "250"))
SEED = int(os.environ.get("OMS_TORTURE_SEED", "7"))


def test_the_positions_of_three_strategies_are_always_the_exchanges(embedded):
    exchanges = ("ccxt.binance", "ccxt.binanceusdm")
    accounts = [add_strategy_account(embedded, exchange_id) for exchange_id in exchanges]
    strategies = add_strategies(embedded, accounts)
    share = ORDERS // len(accounts)

    with ThreadPoolExecutor(len(accounts)) as clients:
        traders = [Traders(embedded, each, strategies, seed=SEED) for each in accounts]
        list(clients.map(lambda each: each.trade(share), traders))

    counts = [check(embedded, account) for account in accounts]
    for account in accounts:
        check_final_states(embedded, account)
    embedded.manage("rebuild_positions", "--verify")
    embedded.manage("verify_ledger")
    kinds = sum((each.kinds for each in traders), start=traders[0].kinds - traders[0].kinds)
    refused = sum((each.refused for each in traders), start=kinds - kinds)
    print(
        f"\ntorture: three strategies, seed {SEED}: {sum(each.orders for each in traders)} orders "
        f"in {sum(each.batches for each in traders)} batches, per account {counts}; done "
        f"{dict(kinds)}, refused {dict(refused)}; after every batch positions = exchange"
    )
    assert sum(count["orders"] for count in counts) >= ORDERS
    assert {"send_order", "close_position", "cancel_order", "change_order", "close_by"} <= {*kinds}
