"""Is a documented no read as one, and a doubt as a doubt, whatever class ccxt has for it?"""

import ccxt
import pytest

from gateway.sessions.outcomes import classify
from gateway.sessions.wire import Wire
from gateway.words import Ask, Verdict

REFUSED, UNANSWERED = Verdict.REFUSED, Verdict.UNANSWERED


def judged(exchange_id: str, code: str, status: int = 400) -> Verdict:
    """What an answer of that code proves, where ccxt raises its most general class."""
    wire = Wire(exchange_id=exchange_id, ask=Ask.CREATE, sent=True, judged=True, status=status)
    wire.code = code
    return classify(ccxt.ExchangeError("text"), wire).verdict


@pytest.mark.parametrize(
    ("exchange_id", "code", "status"),
    [
        ("ccxt.binanceusdm", "-2007", 400),
        ("ccxt.binanceusdm", "-4045", 400),
        ("ccxt.binance", "-1104", 400),
        ("ccxt.binancecoinm", "-2023", 400),
        ("ccxt.bybit", "110063", 200),
        ("ccxt.bybit", "170227", 200),
        ("ccxt.okx", "51025", 200),
        ("ccxt.kraken", "EOrder:Margin allowance exceeded", 200),
    ],
)
def test_a_documented_no_is_a_refusal(exchange_id, code, status):
    assert judged(exchange_id, code, status) is REFUSED


@pytest.mark.parametrize(
    ("exchange_id", "code", "status"),
    [
        ("ccxt.binanceusdm", "-1006", 400),
        ("ccxt.binanceusdm", "-2007", 503),
        ("ccxt.binance", "-1104", 409),
        ("ccxt.bybit", "170146", 200),
        ("ccxt.bybit", "10016", 200),
        ("ccxt.okx", "51149", 200),
        ("ccxt.kraken", "EGeneral:Internal error", 200),
        ("ccxt.kucoin", "300000", 200),
    ],
)
def test_what_may_have_been_executed_stays_in_doubt(exchange_id, code, status):
    assert judged(exchange_id, code, status) is UNANSWERED
