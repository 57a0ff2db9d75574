"""Live through many schedules and say what came of them; exit status 1 after a violation.

python -m tests.campaign --seeds 1000 --first 1
python -m tests.campaign --seeds 1 --first 17 --tell     # what happened in one life
"""

import argparse
import logging
import sys
import time
from collections import Counter
from statistics import median

from tests.campaign.memory import in_memory


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=1000, help="how many lives")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--tell", action="store_true", help="print what happened in each")
    parser.add_argument("--replay", action="store_true", help="live each twice and compare")
    options = parser.parse_args()
    with in_memory():
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    from django.core.management import call_command  # All of it needs Django to be set up.

    from tests.campaign.invariants import presumed, settled, violations
    from tests.campaign.life import live
    from tests.campaign.schedule import draw
    from tests.campaign.stage import doubts, prepared, story

    call_command("migrate", verbosity=0)
    logging.disable(logging.NOTSET if options.tell else logging.CRITICAL)
    began, bad, total = time.monotonic(), 0, Counter[str]()
    resolved_s: list[float] = []
    with prepared():
        for seed in range(options.first, options.first + options.seeds):
            life = live(draw(seed))
            told = story(life)
            if options.tell:
                print("\n".join([str(life.schedule), *told]))
            found = violations(life)
            if options.replay and story(live(draw(seed))) != told:
                found.append("lived again, it went otherwise")
            bad += bool(found)
            for each in found:
                print(f"seed {seed}: {each}", flush=True)
            resolved_s += doubts(life)
            total += Counter(
                orders=len(life.venue.orders), trades=len(life.venue.trades),
                crashes=life.crashes.total(), presumed=presumed(life), settled=settled(life),
                faults=life.exchange.faults.total() - life.exchange.faults["none"],
            )  # fmt: skip
            if seed % 100 == 0:
                print(f"… seed {seed}, {bad} with violations", flush=True)
    seconds = time.monotonic() - began
    counts = ", ".join(f"{number} {what}" for what, number in sorted(total.items()))
    last = options.first + options.seeds - 1
    twice = ", each lived twice alike" if options.replay and not bad else ""
    print(f"torture: lives, seeds {options.first} to {last} in {seconds:.0f} s: {counts}; "
          f"{bad} with a violation{twice}")  # fmt: skip
    if resolved_s:
        resolved_s.sort()
        p99 = resolved_s[int(len(resolved_s) * 0.99)]
        print(f"torture: {len(resolved_s)} orders in doubt were resolved after "
              f"{median(resolved_s):.1f} s, p99 {p99:.1f} s, of virtual time")  # fmt: skip
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
