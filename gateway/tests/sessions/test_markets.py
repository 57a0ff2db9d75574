"""Who knows a market's rules, and who has to ask?"""

import asyncio
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import Account
from gateway import loop
from gateway.exchanges import known_markets
from gateway.exchanges.profile import KEY_LENGTH, Profile, profile_for
from gateway.models import Catalogue, Market
from gateway.sessions import kept as sessions
from gateway.sessions import markets
from gateway.tests.venue import Answer, html, venue
from oms_project.errors import AccountNotFound, EngineUnavailable, Invalid
from positions.engine.types import MarketKind, OrderType, TimeInForce
from positions.ports import MarketRules

NOW = datetime(2026, 1, 2, tzinfo=UTC)
RULES = MarketRules(
    symbol="BTC/USDT",
    kind=MarketKind.SPOT,
    base="BTC",
    quote="USDT",
    settle=None,
    active=True,
    contract_size=Decimal(1),
    amount_step=Decimal("0.00000001"),
    price_step=Decimal("0.01"),
    min_cost=Decimal(5),
    order_types=frozenset({OrderType.LIMIT, OrderType.STOP}),
    times_in_force=frozenset({TimeInForce.GTC}),
)


@pytest.fixture(autouse=True)
def _forgetful():
    markets.forget()
    sessions._loaded.clear()
    yield
    markets.forget()
    sessions._loaded.clear()
    loop.stop()


@pytest.fixture
def account(settings) -> Account:
    settings.OMS_EXCHANGE_URLS = {}
    return Account.objects.create(exchange_id="ccxt.binance", label="a")


def stored(account: Account, *rules: MarketRules, age_s: int = 0) -> str:
    key = profile_for(account.pk).key
    known_markets.store(key, rules, timezone.now() - timedelta(seconds=age_s))
    return key


def test_rules_survive_storage_exactly():
    assert known_markets.from_json(known_markets.to_json(RULES)) == RULES


def test_a_web_process_judges_orders_without_ccxt():
    """The rules come from the database; importing ccxt costs a second and 78 MB."""
    code = (
        "import django; django.setup();"
        "import sys, gateway.sessions.markets, gateway.models, gateway.admin;"
        "sys.exit('ccxt' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.django_db
class TestStoredRules:
    def test_memory_answers_before_the_database(self, account, django_assert_num_queries):
        stored(account, RULES)
        with django_assert_num_queries(1):
            assert markets.rules(account.pk, "BTC/USDT") == RULES
            assert markets.rules(account.pk, "BTC/USDT") == RULES

    def test_a_symbol_that_a_fresh_list_lacks_is_invalid(self, account):
        stored(account, RULES)

        with pytest.raises(Invalid) as refusal:
            markets.rules(account.pk, "DOGE/BTC")

        known = {"field": "symbol", "limit": "a symbol of the exchange", "value": "DOGE/BTC"}
        assert refusal.value.details == known

    def test_storing_again_changes_only_what_changed(self, account):
        key = stored(account, RULES, replace(RULES, symbol="ETH/USDT"))
        before = Market.objects.get(symbol="ETH/USDT").pk

        known_markets.store(key, [replace(RULES, min_cost=Decimal(7))], NOW)

        assert markets.rules(account.pk, "BTC/USDT").min_cost == 7
        assert Market.objects.get(symbol="ETH/USDT").pk == before
        assert not known_markets.from_json(Market.objects.get(symbol="ETH/USDT").rules).active
        assert Catalogue.objects.get().loaded_at == NOW

    def test_an_unknown_account_has_no_markets(self):
        with pytest.raises(AccountNotFound):
            markets.rules(999, "BTC/USDT")


def test_lists_are_shared_by_accounts_that_see_the_same_markets(settings):
    settings.OMS_EXCHANGE_URLS = {"kraken": "http://h:1"}
    keys = [
        Profile(1, "ccxt.binance").key,
        Profile(2, "ccxtpro.binance").key,
        Profile(3, "ccxt.binance", is_testnet=True).key,
        Profile(4, "ccxt.binance", default_type="swap").key,
        Profile(5, "ccxt.kraken").key,
    ]

    assert keys[0] == keys[1]
    assert len(set(keys)) == 4
    assert keys[4] == "kraken@http://h:1"


def test_a_key_always_fits_its_column(settings):
    settings.OMS_EXCHANGE_URLS = {"kraken": "http://" + "h" * 300}

    assert len(Profile(1, "ccxt.kraken").key) <= KEY_LENGTH


@pytest.mark.django_db(transaction=True)
class TestLoading:
    def ask(self, account: Account, symbol="BTC/USDT", *, broken=False, age_s=None):
        """Ask for rules while a venue runs; gives the answer and how often its list was read."""

        async def attempt():
            async with venue() as here:
                if broken:
                    here.answers["GET /api/v3/exchangeInfo"] = broken
                markets.forget()
                if age_s is not None:
                    await asyncio.to_thread(stored, account, RULES, age_s=age_s)
                try:
                    found = await asyncio.to_thread(markets.rules, account.pk, symbol)
                except (EngineUnavailable, Invalid) as error:
                    found = error
                for _ in range(100):
                    if all(one.done() for one in markets._refreshing.values()):
                        break
                    await asyncio.sleep(0.02)
                return found, here.count("GET", "/api/v3/exchangeInfo")

        return asyncio.run(attempt())

    def test_a_list_never_loaded_is_loaded_once(self, account):
        found, asked = self.ask(account)

        assert found.min_cost == 5
        assert asked == 1
        assert Market.objects.count() == 1

    @pytest.mark.parametrize(
        "broken", [html(502), Answer(how="reset"), Answer(body={"symbols": []})]
    )
    def test_an_exchange_that_cannot_be_asked_is_unavailable(self, account, broken):
        found, _ = self.ask(account, broken=broken)

        assert isinstance(found, EngineUnavailable)
        assert found.code == "engine_unavailable"
        assert not Catalogue.objects.exists()

    def test_an_old_list_is_used_and_refreshed_behind(self, account):
        found, asked = self.ask(account, age_s=7200)

        assert found == RULES
        assert asked == 1
        assert Catalogue.objects.get().loaded_at > timezone.now() - timedelta(seconds=60)

    def test_a_failing_refresh_leaves_the_old_list_in_use(self, account):
        found, _ = self.ask(account, age_s=7200, broken=html(502))

        assert found == RULES
        assert Market.objects.count() == 1

    def test_an_old_list_without_the_symbol_is_read_again_before_saying_no(self, account):
        found, asked = self.ask(account, "NEW/USDT", age_s=7200)

        assert isinstance(found, Invalid)
        assert asked == 1
