"""Run ccxt's own tests with the driver in an exchange's place.

``python ccxts_own.py TREE binance BTC/USDT --private --info [--sync | --ws]``, or with the one word
``base`` after the tree. ``TREE`` is a copy of ccxt made by ``tests.ccxt_suite.tree``. The account
comes from ``CCXT_OMS_*``, and ccxt is patched by the driver's own autopatch.
"""

import asyncio
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTHON = Path(sys.argv[1]) / "python"
sys.path[:1] = [str(PYTHON), str(PYTHON / "ccxt" / "test"), str(ROOT)]
del sys.argv[1]


def main() -> None:
    """Run the tests; failures are told on standard output, as ccxt does."""
    if sys.argv[1] == "base":
        _base()
        return
    from ccxt_driver.autopatch.patch import apply

    apply({"AUTOPATCH_MODE": "aggressive", "OVERRIDE_EXCHANGES": sys.argv[1]})
    import tests_helpers

    if tests_helpers.IS_SYNCHRONOUS:
        from tests_sync import testMainClass as Suite
    else:
        from tests_async import testMainClass as Suite

    class DriverSuite(Suite):
        """ccxt's tests; what an exchange's own addresses are is not for them to say."""

        def check_constructor(self, exchange):
            pass

    words = (tests_helpers.argvExchange, tests_helpers.argvSymbol, tests_helpers.argvMethod)
    running = DriverSuite().init(*words)
    if asyncio.iscoroutine(running):
        asyncio.run(running)


def _base() -> None:
    """ccxt's tests of what every exchange can do, on the driver's class."""
    import ccxt

    from ccxt_driver import OmsCcxtExchange

    class Sample(OmsCcxtExchange):
        def __init__(self, config=None):
            super().__init__(config or {}, account_id=1, base_url="http://127.0.0.1:9")

    ccxt.Exchange = Sample
    from base.tests_init import base_tests_init

    base_tests_init()
    print("base tests done", os.getpid())


main()
