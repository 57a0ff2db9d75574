"""A ccxt exchange that trades through an OMS instead of with an exchange's own keys.

    from ccxt_driver import OmsCcxtExchange

    exchange = OmsCcxtExchange(api_key="cxp_…", account_id=1, strategy_id=1,
                               base_url="http://127.0.0.1:8000")
    exchange.create_order("BTC/USDT", "market", "buy", 0.01)

``ccxt_driver.async_support`` has the same for asyncio, ``ccxt_driver.pro`` also watches.
"""

from typing import Any

__all__ = ["OmsCcxtExchange", "OmsCcxtProExchange"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Late, because ``autopatch`` is imported at every start of a Python that may never need ccxt.
    if name == "OmsCcxtExchange":
        from ccxt_driver.exchange import OmsCcxtExchange

        return OmsCcxtExchange
    if name == "OmsCcxtProExchange":
        from ccxt_driver.pro import OmsCcxtProExchange

        return OmsCcxtProExchange
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
