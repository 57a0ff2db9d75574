"""Play many races and say what came of them; exit status 1 after a violation.

python -m tests.races --races 100 --first 1
python -m tests.races --races 1 --first 17 --tell    # what happened in one race
python -m tests.races --impossible                   # which cells are not played, and why
"""

import argparse
import logging
import sys
import time
from collections import Counter

from tests.campaign.memory import in_memory


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--races", type=int, default=100, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--tell", action="store_true", help="print each race and its journal")
    parser.add_argument("--impossible", action="store_true", help="list the cells that cannot be")
    options = parser.parse_args()
    if options.impossible:
        return _list_impossible()
    with in_memory():
        return _run(options)


def _list_impossible() -> int:
    from tests.races.cells import EVERY, IMPOSSIBLE, POSSIBLE, reasons

    for cell, why in IMPOSSIBLE.items():
        print(f"{cell}: {why}")
    for why, count in reasons().items():
        print(f"torture: races, {count} cells cannot be, {why}")
    print(f"torture: races, {len(EVERY)} cells, {len(POSSIBLE)} possible")
    return 0


def _run(options: argparse.Namespace) -> int:
    from django.core.management import call_command  # All of it needs Django to be set up.

    from tests.campaign.stage import prepared
    from tests.races.cells import POSSIBLE, draw, reasons
    from tests.races.judge import violations
    from tests.races.race import play

    call_command("migrate", verbosity=0)
    logging.disable(logging.NOTSET if options.tell else logging.CRITICAL)
    began, bad, struck, near = time.monotonic(), Counter[str](), 0, 0
    played: Counter[str] = Counter()
    with prepared():
        for seed in range(options.first, options.first + options.races):
            run = play(draw(seed))
            found = violations(run)
            played[str(run.race.cell)] += 1
            struck += run.struck > 0
            near += abs(run.race.offset_s) <= 0.15
            if options.tell:
                _tell(run)
            for each in found:
                bad[each.partition(":")[0]] += 1
                print(f"seed {seed} {run.race.offset_s * 1000:+.0f} ms"
                      f"{' faulty' if run.race.faulty else ''}: {run.race.cell}: {each}",
                      flush=True)  # fmt: skip
            if seed % 100 == 0:
                print(f"… seed {seed}, {bad.total()} violations", flush=True)
    least = min((played[str(cell)] for cell in POSSIBLE), default=0)
    seconds = time.monotonic() - began
    last = options.first + options.races - 1
    print(f"torture: races, {options.races}, seeds {options.first} to {last} in {seconds:.0f} s: "
          f"{len(played)} of {len(POSSIBLE)} possible cells, each at least {least} times, "
          f"{sum(reasons().values())} impossible; {near} within 150 ms of the trigger, in {struck} "
          f"a fault struck")  # fmt: skip
    words = ("closed twice", "reverse position", "a stop is left")
    others = bad.total() - sum(bad[word] for word in words)
    counts = ", ".join(f"{bad[word]} × {word}" for word in words)
    print(f"torture: races, {counts}, {others} × something else")
    return 1 if bad else 0


def _tell(run: object) -> None:
    from tests.races.race import Run

    assert isinstance(run, Run)
    print(run.race, run.refused or run.answer)
    for order in run.venue.orders:
        print(f"  {order.at_s:9.4f} {order.type} {order.side} {order.qty} {order.status} "
              f"reduce_only={order.reduce_only} {order.client_id}")  # fmt: skip
    for trade in run.venue.trades:
        print(f"  {trade.at_s:9.4f} trade of {trade.order_id}: {trade.side} {trade.qty}")


if __name__ == "__main__":
    sys.exit(main())
