"""Which market is a command about, and by which prices may it be judged?

A price decides only with its time. What a rule needs is looked up before the transaction; whether
it was needed after all shows under the lane. Then a command that opens is refused where the price
could not be had, and a close goes on without.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from accounts.models import Account
from oms_project.errors import ExchangeTimeout, OmsError
from positions.engine.types import Side
from positions.ports import MarketRules, exchange


@dataclass(frozen=True, slots=True)
class Found:
    """What had to be looked up outside the transaction.

    ``last_price`` is the exchange's, no older than ``OMS_PRICE_MAX_AGE_S``. ``prices`` are those of
    all symbols that were asked for; ``unpriced`` says why one of them could not be had.
    """

    rules: MarketRules
    last_price: Decimal | None
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    unpriced: OmsError | None = None

    def price_to_judge(self) -> Decimal:
        """The last price, for a check that cannot do without.

        Raises:
            ExchangeError, ExchangeTimeout, EngineUnavailable: it could not be had.
        """
        if self.last_price is None:
            raise self.unpriced or ExchangeTimeout(
                f"No price of {self.rules.symbol} could be had, and this needs one.",
                symbol=self.rules.symbol,
            )
        return self.last_price

    def entry_price(
        self, side: Side, price: Decimal | None, trigger_price: Decimal | None
    ) -> Decimal:
        """What an order would open at: the market's price, or a better one that it insists on.

        A limit beyond the market executes at the market's price, one with a trigger when that is
        reached.

        Raises:
            ExchangeError, ExchangeTimeout, EngineUnavailable: only the market's price tells, and
                it could not be had.
        """
        if trigger_price is not None:
            return price or trigger_price
        if price is None:
            return self.price_to_judge()
        if self.last_price is None:
            return price
        better = min if side is Side.BUY else max
        return better(price, self.last_price)


def look_up_market(account: Account, symbol: str, *, needs: Collection[str] = ()) -> Found:
    """The rules of one market, and the prices of ``needs`` as young as a decision wants them.

    Raises:
        Invalid: there is no such symbol.
        EngineUnavailable: the exchange's markets cannot be loaded now.
    """
    port = exchange()
    rules = port.market(account.pk, symbol)
    prices: Mapping[str, Decimal] = {}
    unpriced = None
    if needs:
        try:
            prices = port.fresh_prices(account.pk, needs)
        except OmsError as failure:
            unpriced = failure
    last_price = prices.get(symbol) or port.last_price(account.pk, symbol)
    return Found(rules, last_price, prices, unpriced)
