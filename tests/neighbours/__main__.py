"""Say how late fills are seen, and stops fire, beside lists and prices in trouble; exit status 1
after one that was too late.

python -m tests.neighbours --seeds 3 --first 1
"""

import argparse
import logging
import sys

from tests.campaign.memory import in_memory


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--seeds", type=int, default=3, help="how many times forty seconds")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    options = parser.parse_args()
    with in_memory():
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    from tests.neighbours import world  # Needs Django to be set up.

    logging.disable(logging.CRITICAL)
    seen_s: list[float] = []
    fired_s: list[float] = []
    lists = prices = 0
    for seed in range(options.first, options.first + options.seeds):
        lived = world.live(seed, virtually=False)
        seen_s += world.delays(lived).values()
        fired_s += world.stop_delays(lived).values()
        lists += len(lived.trouble)
        prices += len(lived.market.trouble)
    is_late = False
    for what, delays_s, beside, within_s in (
        ("fills", seen_s, f"{lists} lists in trouble were seen", world.SEEN_WITHIN_S),
        ("stops", fired_s, f"{prices} prices in trouble fired", world.FIRES_WITHIN_S),
    ):
        delays_s.sort()
        p99_s, worst_s = delays_s[int(len(delays_s) * 0.99)], delays_s[-1]
        print(f"torture: neighbours, {len(delays_s)} {what} beside {beside}"
              f" after p99 {p99_s:.2f} s, worst {worst_s:.2f} s")  # fmt: skip
        is_late |= worst_s > within_s
    return 1 if is_late else 0


if __name__ == "__main__":
    sys.exit(main())
