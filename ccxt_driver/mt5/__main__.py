"""Run a script that was written for the MetaTrader5 package, unchanged.

python -m ccxt_driver.mt5 script.py [its arguments]

What its ``initialize`` does not name comes from OMS_BASE_URL, OMS_API_KEY and OMS_ACCOUNT_ID; where
it names a broker's login, all three do.
"""

import runpy
import sys
from pathlib import Path

from ccxt_driver.mt5.serving import register


def main(words: list[str]) -> int:
    """Returns 2 where no script is named; the script's own exit passes through."""
    if not words or words[0] in ("-h", "--help"):
        print(__doc__.strip())
        return 0 if words else 2
    register()
    sys.argv[:] = words
    sys.path[0] = str(Path(words[0]).resolve().parent)
    runpy.run_path(words[0], run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
