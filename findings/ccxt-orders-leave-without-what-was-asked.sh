#!/usr/bin/env bash
# ccxt 4.5.90: orders leave without what makes them what they are, though `features` claims it.
#
# bitfinex: `stopLossPrice` (features: true) is read nowhere; a sell stop leaves as a market order.
# krakenfutures: `timeInForce="IOC"` (features: true) is looked for as "ioc"; the order rests.
# phemex: `postOnly=True` (features: true) leaves as a field of that name; the order may take.
# Exit status 0 as long as that is so. Installs into a temporary folder; no exchange is asked: the
# request is printed where it would be signed.
set -eu
VERSION=4.5.90
WORK="$(mktemp -d)"
trap 'rm -rf "$WORK"' EXIT
"${PYTHON:-python3.11}" -m venv "$WORK/venv"
"$WORK/venv/bin/pip" install --quiet --disable-pip-version-check "ccxt==$VERSION"
cat > "$WORK/orders.py" <<'PY'
import sys

import ccxt


class Left(Exception):
    pass


def leaves(name, kind, side, **params):
    """What `create_order` would send."""

    def stop_here(path, api="public", method="GET", params={}, *rest):
        raise Left(params)

    exchange = getattr(ccxt, name)({"apiKey": "k", "secret": "s"})
    exchange.fetch2 = stop_here
    spot = name == "bitfinex"
    exchange.set_markets([exchange.safe_market_structure({
        "id": "BTCUSDT", "symbol": "BTC/USDT" if spot else "BTC/USDT:USDT", "base": "BTC",
        "quote": "USDT", "settle": None if spot else "USDT", "type": "spot" if spot else "swap",
        "subType": None if spot else "linear", "spot": spot, "swap": not spot,
        "contract": not spot, "linear": not spot, "inverse": False, "contractSize": 1,
        "precision": {"amount": 8, "price": 5} if spot else {"amount": 0.001, "price": 0.1},
        "limits": {}, "info": {},
        "priceScale": 4, "ratioScale": 8, "valueScale": 8,
    })])
    price = 60000 if kind == "limit" else None
    try:
        exchange.create_order(exchange.symbols[0], kind, side, 1, price, params)
    except Left as left:
        return left.args[0]


def claims(name, word):
    kind = ("spot", None) if name == "bitfinex" else ("swap", "linear")
    return getattr(ccxt, name)().feature_value_by_type(*kind, "createOrder", word)


stop = leaves("bitfinex", "market", "sell", stopLossPrice=29000)
ioc, limit = (leaves("krakenfutures", "limit", "buy", **p) for p in ({"timeInForce": "IOC"}, {}))
post = leaves("phemex", "limit", "buy", postOnly=True)
print("bitfinex stop:", stop)
print("krakenfutures IOC:", ioc)
print("phemex post-only:", post)
as_told = (
    claims("bitfinex", "stopLossPrice") and stop["type"] == "EXCHANGE MARKET",
    claims("krakenfutures", "timeInForce")["IOC"] and ioc["orderType"] == limit["orderType"] == "lmt",
    claims("phemex", "timeInForce")["PO"] and post["postOnly"] is True and "timeInForce" not in post,
)
sys.exit(0 if all(as_told) else 1)
PY
"$WORK/venv/bin/python" "$WORK/orders.py" || { echo "changed: version $VERSION does not behave so here"; exit 1; }
