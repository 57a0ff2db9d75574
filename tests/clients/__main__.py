"""Let real bots trade through a running OMS, restart it, and compare their books with its own.

python -m tests.clients                       every set-up
python -m tests.clients --only freqtrade-spot --keep /tmp/clients

Each kind of bot is installed, exactly as published, in an environment of its own.
"""

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.clients import campaign


def main() -> int:
    """Returns the exit status: 1 when anything differs."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.clients", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--only", action="append", choices=campaign.SET_UPS, metavar="NAME",
                        help=f"one of {', '.join(campaign.SET_UPS)}; repeat for more")  # fmt: skip
    parser.add_argument("--keep", type=Path, help="a folder for logs and databases, kept")
    chosen = parser.parse_args()
    names = chosen.only or [*campaign.SET_UPS]
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {text}", flush=True)

    if chosen.keep:
        return campaign.run(names, chosen.keep, say)
    with TemporaryDirectory() as folder:
        return campaign.run(names, Path(folder), say)


if __name__ == "__main__":
    sys.exit(main())
