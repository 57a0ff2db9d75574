"""Does an answer that is changed on its way reach the product so?"""

import pytest

from tests.faults.proxy import Answer, Asked

pytestmark = pytest.mark.e2e


def test_a_refusal_put_in_the_venues_place_is_what_the_client_hears(proxied):
    product, proxy = proxied()

    @proxy.before
    def refuse(asked: Asked) -> Answer | None:
        if (asked.method, asked.path) == ("POST", "/api/v3/order"):
            return Answer.of({"code": -2010, "msg": "no"}, 400)
        return None

    account = product.account("ccxt.binance")
    order = {"symbol": "BTC/USDT", "side": "buy", "order_type": "market", "qty": "0.01"}
    body = {"account_id": account["id"], "command": "send_order", "payload": order}
    result = product.post(body).json()["results"][0]

    assert result["status"] == "failed"
    assert result["error"]["details"]["exchange_code"] == "-2010"
    assert proxy.count("POST", "/api/v3/order") == 1
