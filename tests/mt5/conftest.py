"""One product for all scripts."""

import pytest

from ccxt_driver import mt5
from tests.mt5.desk import prepare
from tests.mt5.giving import MIDDLE, SYMBOL, send


@pytest.fixture(scope="session")
def desk(tmp_path_factory):
    """Prices stand still until a test moves them."""
    desk = prepare(tmp_path_factory.mktemp("mt5"))
    yield desk
    mt5.shutdown()
    desk.product.stop()
    desk.oms.stop()
    desk.exchange.stop()


@pytest.fixture(params=["spot", "spot hedge", "usdm"])
def account(desk, request):
    """One with fees that holds nothing of the symbol, now and afterwards: all three, or some."""
    desk.price(MIDDLE, SYMBOL)
    yield desk.connect(request.param)
    desk.connect(request.param)
    for order in mt5.orders_get(symbol=SYMBOL):
        assert send(action=mt5.TRADE_ACTION_REMOVE, order=order.ticket).retcode == 10009
    mt5.Close(SYMBOL)
    assert mt5.positions_get(symbol=SYMBOL) == ()
