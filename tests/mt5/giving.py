"""Requests as scripts give them, in one market that pays fees."""

from ccxt_driver import mt5

SYMBOL = "BNBUSDT"
MIDDLE = 600


def send(**request):
    return mt5.order_send(request)


def deal(kind, volume, **more):
    return send(action=mt5.TRADE_ACTION_DEAL, symbol=SYMBOL, volume=volume, type=kind, **more)


def pending(kind, price, volume=0.1, **more):
    return send(action=mt5.TRADE_ACTION_PENDING, symbol=SYMBOL, volume=volume, type=kind,
                price=price, **more)  # fmt: skip


def only(found):
    (one,) = found
    return one
