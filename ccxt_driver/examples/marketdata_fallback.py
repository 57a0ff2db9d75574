"""Market data from the OMS, and from the exchange itself while the OMS is away.

CCXT_OMS_API_KEY=cxp_… CCXT_OMS_ACCOUNT_ID=1 python marketdata_fallback.py
"""

import ccxt

from ccxt_driver import OmsCcxtExchange


def last_price(first: ccxt.Exchange, second: ccxt.Exchange, symbol: str) -> float:
    """From ``first``, else from ``second``; orders never go anywhere but to the OMS."""
    try:
        return first.fetch_ticker(symbol)["last"]
    except ccxt.NetworkError as error:
        print(f"the OMS does not answer ({type(error).__name__}); asking the exchange")
        return second.fetch_ticker(symbol)["last"]


def main() -> None:
    oms = OmsCcxtExchange()
    plain = getattr(ccxt, oms.id)()
    print("BTC/USDT:", last_price(oms, plain, "BTC/USDT"))


if __name__ == "__main__":
    main()
