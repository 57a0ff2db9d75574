"""Under which name do scripts import this façade?"""

import sys

NAME = "MetaTrader5"


def register() -> None:
    """From now on ``import MetaTrader5`` gives the façade, in this process and nowhere else."""
    sys.modules[NAME] = sys.modules["ccxt_driver.mt5"]
