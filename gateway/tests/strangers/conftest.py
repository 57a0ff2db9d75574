"""A paper venue that moves only when told, and a gateway that remembers nothing."""

import pytest

from gateway import loop
from gateway.reconcile import comparing
from gateway.sessions import kept as sessions
from gateway.sessions import markets, position_mode
from gateway.tests.paper import Paper
from positions import ports


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    venue = Paper(tmp_path_factory.mktemp("importing"), "--funding-s", "2", "--tick-ms", "0")
    yield venue
    venue.stop()


@pytest.fixture(autouse=True)
def _clean(paper, settings, monkeypatch):
    settings.OMS_EXCHANGE_URLS = dict.fromkeys(("binance", "binanceusdm"), paper.url)
    settings.OMS_RECV_WINDOW_MS = 5000
    settings.CREDENTIALS_KEYS = ["a key for tests"]
    settings.EXCHANGE_IDS = "gateway.exchanges.capabilities.exchange_ids"
    settings.OMS_RELAY_URL = "memory://"
    settings.OMS_LISTED_WITHIN_S = 0
    monkeypatch.setattr(comparing, "PAUSE_S", 0.05)
    _forget()
    yield
    loop.call(sessions.close_all(), 5)
    loop.stop()
    _forget()
    paper.control("DELETE", "faults")
    paper.control("POST", "prices", symbol="BTCUSDT", price="60000")


def _forget():
    ports.exchange.cache_clear()
    ports.risk_gate.cache_clear()
    markets.forget()
    position_mode.forget()
    sessions._loaded.clear()
