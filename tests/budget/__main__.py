"""Have forty accounts of one address work on real limits, and say what it took; exit status 1
where more was used, or later noticed, than is promised.

python -m tests.budget --minutes 10
python -m tests.budget --minutes 2 --accounts 5

Twenty USD-M and twenty spot accounts without private streams, each with three resting orders in
different symbols and two stops that the OMS watches. Clients go on reading. By the wall clock, so
it wants a machine that is not busy with something else.
"""

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.budget.crowd import REAL_LIMITS, Crowd
from tests.budget.tape import Tape
from tests.budget.watching import Watcher
from tests.budget.weights import LIMITS, Weights
from tests.budget.working import Desk
from tests.e2e.product import free_port
from tests.faults.proxy import Proxy

MOST_SHARE = 0.5
OLDEST_PRICE_S = 3.0
# A fill after the public ticker told its price, and any after its trade.
HEARD_WITHIN_S, SEEN_WITHIN_S = 3.0, 15.0


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=10, help="how long to measure")
    parser.add_argument("--accounts", type=int, default=20, help="of each kind")
    parser.add_argument("--mode", default="embedded", choices=["embedded", "server"])
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        return _run(Path(folder), options)


def _run(folder: Path, options: argparse.Namespace) -> int:
    venue_port = free_port()
    proxy = Proxy(venue_port).start()
    weights = Weights()
    proxy.after(weights.note)
    crowd = Crowd(
        folder,
        mode=options.mode,
        venue_options=REAL_LIMITS,
        venue_port=venue_port,
        settings=proxy.exchange_urls,
        count=options.accounts,
    )
    crowd.before_start = crowd.make_accounts
    try:
        crowd.start()
        tape = Tape(venue_port).start()
        desk = Desk(crowd)
        desk.prepare()
        print(f"{len(crowd.crowd)} accounts have {desk.orders} orders at rest", flush=True)
        # Measured are whole minutes of the venue's, from the first one after everything was set up.
        first = int(time.time() // 60) + 1
        time.sleep(60 * first - time.time())
        _table(weights, "set up")
        weights.forget_before(first)
        watcher = Watcher()
        until_s = time.monotonic() + options.minutes * 60
        while time.monotonic() < until_s:
            began_s = time.monotonic()
            watcher.look(crowd)
            desk.renew()
            time.sleep(max(0.0, 1.0 - (time.monotonic() - began_s)))
        return _tell(weights, watcher, desk, tape, options)
    finally:
        crowd.stop()
        proxy.stop()


def _table(weights: Weights, when: str) -> None:
    """What was asked, by endpoint, and what that used of each minute."""
    for market, limit in LIMITS.items():
        about = f"torture: budget, {when}, {market}"
        for endpoint, calls, weight in weights.by_endpoint(market):
            print(f"{about}: {endpoint:<38} {calls:>6} calls {weight:>7}")
        print(f"{about}: {weights.by_minute(market)} of {limit} by minute", flush=True)


def _tell(
    weights: Weights, watcher: Watcher, desk: Desk, tape: Tape, options: argparse.Namespace
) -> int:
    faults = []
    _table(weights, "measured")
    for market, limit in LIMITS.items():
        used = max(weights.by_minute(market), default=0)
        print(f"torture: budget, {market}: at most {used} of {limit} in a minute"
              f" ({100 * used / limit:.0f} %)")  # fmt: skip
        if used > MOST_SHARE * limit:
            faults.append(f"{market}: more than {MOST_SHARE:.0%} of the allowance")
    oldest_s = watcher.oldest_price_s
    print(f"torture: budget, the oldest price of {watcher.looks} looks was {oldest_s:.1f} s old")
    if oldest_s > OLDEST_PRICE_S:
        faults.append(f"a price was {oldest_s:.1f} s old while a stop waited")
    heard, every = desk.seen_after_s(tape)
    for what, late, within_s in (
        ("fills after the ticker told their price", heard, HEARD_WITHIN_S),
        ("fills after their trade", every, SEEN_WITHIN_S),
    ):
        if not late:
            print(f"torture: budget, no {what}")
            continue
        print(f"torture: budget, {len(late)} {what} were seen in {late[len(late) // 2]:.2f} s,"
              f" p99 {late[int(len(late) * 0.99)]:.2f} s, at most {late[-1]:.2f} s")  # fmt: skip
        if late[-1] > within_s:
            faults.append(f"one of the {what} was not seen within {within_s:g} s")
    if not every:
        faults.append("nothing was filled")
    print(f"torture: budget, {watcher.reads} reads of clients, {watcher.refused} not answered")
    faults += [f"{watcher.refused} reads were not answered"] if watcher.refused else []
    for fault in faults:
        print(f"torture: budget, FAULT: {fault}")
    print(f"torture: budget, {options.minutes:g} minutes, {2 * options.accounts} accounts,"
          f" {len(faults)} faults")  # fmt: skip
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
