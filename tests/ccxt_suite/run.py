"""Run ccxt's own integration tests for one exchange class against a paper venue.

``python run.py TREE URL binance --private --info [--sync | --ws]``: ``TREE`` is a copy of ccxt made
by ``tree.py``; the rest are the words of ccxt's own runner. Its test classes run as they are; the
only thing done here is to send the exchange under test to the venue, once ccxt has checked that it
was made with Binance's own URLs.
"""

import asyncio
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTHON, URL = Path(sys.argv[1]) / "python", sys.argv[2]
sys.path[:1] = [str(PYTHON), str(PYTHON / "ccxt" / "test"), str(ROOT)]
del sys.argv[1:3]

import tests_helpers  # noqa: E402 - ccxt's, which reads sys.argv when it is imported

from tests.paper.conftest import point  # noqa: E402

if tests_helpers.IS_SYNCHRONOUS:
    from tests_sync import testMainClass as Suite
else:
    from tests_async import testMainClass as Suite


class PaperSuite(Suite):
    """ccxt's tests, on the paper venue."""

    def check_constructor(self, exchange):
        super().check_constructor(exchange)
        point(exchange, URL)


def main() -> None:
    """Run the suite; failures are told on standard output, as ccxt does."""
    words = (tests_helpers.argvExchange, tests_helpers.argvSymbol, tests_helpers.argvMethod)
    running = PaperSuite().init(*words)
    if asyncio.iscoroutine(running):
        asyncio.run(running)


main()
