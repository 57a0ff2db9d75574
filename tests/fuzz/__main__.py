"""Send a running product what its document allows, and what it does not; look for a 500.

python -m tests.fuzz --calls 100000 --seed 7 --least 500
python -m tests.fuzz --calls 2000 --mode server
python -m tests.fuzz --calls 100000 --least 500 --slice 5000 --tally /tmp/fuzz.jsonl

In slices each has a seed and a product of its own; what the tally has is not done again. With good
keys of each role, over REST and over ``/ws``. Prints the statuses of every operation. Fails where
anything is a 500, has no answer, where an operation was asked less than ``--least`` times, or where
less than two in five calls came as far as a service.
"""

import argparse
import asyncio
import itertools
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
import requests

from tests.e2e.product import Json, Product
from tests.fuzz.asking import PATIENCE_S, ROLES, Keys, Rest, Socket, Tally
from tests.fuzz.making import Maker

SIDE_BY_SIDE = 6
TELL_EVERY_S = 30
LEAST_SERVED = 0.4
ACTIONS = (
    "ping", "auth", "subscribe", "unsubscribe", "position/command", "ccxt/call",
    "ccxt/subscribe_market", "ccxt/unsubscribe_market",
)  # fmt: skip
FUNCTIONS = ("fetchTicker", "fetchBalance", "fetchOpenOrders", "createOrder", "withdraw", "sign")


def main() -> int:
    """Returns the exit status."""
    chosen = _chosen()
    total, seed = Tally(), chosen.seed
    for row in _kept(chosen):
        total.add(row)
        seed = max(seed, row["seed"] + 1)
    while (left := _wanted(chosen, total) - total.calls) > 0:
        found = _slice(chosen, seed, min(chosen.slice or left, left))
        _keep(chosen, seed, found)
        total.add(found.row())
        print(f"fuzz: seed {seed} is done: {_in_short(total)}", flush=True)
        seed += 1
    print("\n".join([*total.lines(), *total.failures]))
    print(f"torture: fuzz, {chosen.mode}, seeds to {seed - 1}: {_in_short(total)}")
    served = total.served / max(total.calls, 1)
    return int(bool(total.failures) or served < LEAST_SERVED or total.least < chosen.least)


def _wanted(chosen: argparse.Namespace, total: Tally) -> int:
    """So many calls that every operation has had its share: they take turns."""
    return max(chosen.calls, chosen.least * len(total.statuses))


def _in_short(total: Tally) -> str:
    return (
        f"{total.calls} calls, {len(total.statuses)} operations, at least {total.least} each, "
        f"{total.served / max(total.calls, 1):.0%} as far as a service, "
        f"{len(total.failures)} failures"
    )


def _slice(chosen: argparse.Namespace, seed: int, calls: int) -> Tally:
    """So many calls at a product of their own."""
    with tempfile.TemporaryDirectory(prefix="oms-fuzz-", ignore_cleanup_errors=True) as folder:
        product = Product(
            Path(folder) / "data",
            mode=chosen.mode,
            settings={"OMS_LOGIN_FAILURES": "1000000"},
        )
        try:
            return fuzz(product.start(), calls=calls, seed=seed, least=0)
        finally:
            product.stop()


def _kept(chosen: argparse.Namespace) -> list[Json]:
    """The slices that were done before."""
    if chosen.tally is None or not chosen.tally.exists():
        return []
    rows = [json.loads(line) for line in chosen.tally.read_text().splitlines()]
    return [row for row in rows if row["mode"] == chosen.mode]


def _keep(chosen: argparse.Namespace, seed: int, found: Tally) -> None:
    if chosen.tally is None:
        return
    chosen.tally.parent.mkdir(parents=True, exist_ok=True)
    with chosen.tally.open("a") as tally:
        tally.write(json.dumps({"mode": chosen.mode, "seed": seed} | found.row()) + "\n")


def fuzz(product: Product, *, calls: int, seed: int, least: int) -> Tally:
    """Ask so many times, every operation at least ``least`` times, and tell what came of it."""
    tally, keys = Tally(), Keys(product, spare=5 + calls // 500)
    document = requests.get(f"{product.base}/api/schema?format=json", timeout=PATIENCE_S).json()
    victim = keys.victim
    ids = {"user_id": [victim["user_id"]], "api_key_id": [victim["api_key_id"]]}
    maker = Maker(document, _pools(product) | ids | {"key_id": ids["api_key_id"]}, seed)
    wanted = max(calls, least * _many(maker))

    async def all_of_it() -> None:
        progress = asyncio.create_task(_tell(tally, wanted))
        await _all(product, maker, keys, tally, wanted, seed)
        progress.cancel()

    asyncio.run(all_of_it())
    return tally


async def _tell(tally: Tally, wanted: int) -> None:
    """How far it is, now and then."""
    started_s = time.monotonic()
    while True:
        await asyncio.sleep(TELL_EVERY_S)
        per_s = tally.calls / (time.monotonic() - started_s)
        print(
            f"fuzz: {tally.calls} of {wanted} calls, {per_s:.0f} a second, "
            f"{len(tally.failures)} failures",
            flush=True,
        )


def _many(maker: Maker) -> int:
    return len(maker.operations()) + len(ACTIONS)


async def _all(
    product: Product, maker: Maker, keys: Keys, tally: Tally, calls: int, seed: int
) -> None:
    rest = Rest(product, keys, tally)
    everything: list[Any] = [*maker.operations(), *ACTIONS]
    turns = iter(itertools.islice(itertools.cycle(everything), calls))
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)

    async def client(number: int) -> None:
        rng = random.Random(seed * 1000 + number)
        socket = Socket(product, keys, tally, maker)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            for asked in turns:
                if isinstance(asked, tuple):
                    call = maker.call(*asked)
                    await rest.ask(session, call, _role(rng, call.path))
                else:
                    payload = _payload(maker, asked, rng)
                    wrong = rng.random() < 0.3
                    await socket.ask(session, asked, payload, rng.choice(ROLES[:5]), wrong=wrong)

    await asyncio.gather(*(client(number) for number in range(SIDE_BY_SIDE)))


def _role(rng: random.Random, path: str) -> str:
    """Mostly somebody whom the address is meant for."""
    if path.startswith(("/backoffice", "/system")):
        return "admin" if rng.random() < 0.8 else rng.choice(ROLES)
    if path.startswith("/oms/risk"):
        return "risk" if rng.random() < 0.7 else rng.choice(ROLES)
    return rng.choice(ROLES[:5]) if rng.random() < 0.9 else "admin"


def _payload(maker: Maker, action: str, rng: random.Random) -> Any:
    account = maker.value({"type": "integer"}, "account_id")
    symbol = maker.value({"type": "string"}, "symbol")
    match action:
        case "position/command":
            return maker.command() | {"wait_ms": 0}
        case "ccxt/call":
            return {"account_id": account, "func": rng.choice(FUNCTIONS), "args": [symbol]}
        case "subscribe":
            return {"account_ids": [account], "with_snapshot": rng.random() < 0.3}
        case "unsubscribe":
            return {"account_ids": [account]}
        case "ping":
            return {}
        case "auth":
            return {"api_key": "cxp_abcdefgh_" + "x" * 43}
    return {"account_id": account, "symbol": symbol, "channels": ["ticker"]}


def _pools(product: Product) -> dict[str, list[Any]]:
    """Ids of what there is, and of what there is not."""
    accounts = [account["id"] for account in product.accounts[:2]]
    filled = [product.buy(account) for account in product.accounts[:2]]
    resting = [product.rest(account) for account in product.accounts[:2]]
    orders = [order["id"] for order in (*filled, *resting)]
    positions = [order["position_id"] for order in filled]
    return {
        "account_id": [*accounts, 999], "account_ids": [str(each) for each in accounts],
        "order_id": orders, "order_ids": [orders[-1:]], "ids": [str(each) for each in orders],
        "position_id": [*positions, 0], "position_id_a": positions, "position_id_b": positions,
        "source_position_id": positions, "target_position_id": positions,
        "strategy_id": [1, 0], "strategy_ids": [[1]], "target_strategy_id": [1],
        "symbol": ["BTC/USDT", "BTC/USDT", "NO/PE"], "qty": ["0.001", "0.01"], "wait_ms": [0],
        "price": ["1000", "20000"], "order_type": ["market", "limit"],
        "func": [*FUNCTIONS], "args": [["BTC/USDT"]], "params": [{}], "kwargs": [{}],
        "exchange_id": ["ccxt.binance"], "comment": ["because"], "since_seq": [0, 1],
        "limit": [1, 10], "cursor": ["1000"], "role": ["trader", "readonly"], "reason": ["api"],
    }  # fmt: skip


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mode", choices=["embedded", "server"], default="embedded")
    parser.add_argument("--calls", type=int, default=10_000, help="how many in all")
    parser.add_argument("--seed", type=int, default=7, help="the same seed makes the same calls")
    parser.add_argument("--least", type=int, default=1, help="of every operation")
    parser.add_argument("--slice", type=int, default=0, help="calls at one product; 0: all of them")
    parser.add_argument("--tally", type=Path, help="where slices are noted, and gone on from")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
