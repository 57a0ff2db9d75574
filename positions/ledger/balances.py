"""What should an account own at its exchange, by our books?

Contract section 6: per currency, opening + transfers + Σ(fills as base or quote) − fees in it. On
derivatives nothing is bought or sold; there the money is what closing has earned. How much that is
depends on how an exchange averages its one net position, and ours are several. What does not depend
on it is the money less what the open contracts were bought for (for inverse contracts: plus), so
that is what is added up here, and what the exchange's own figures are brought to before both are
compared.
"""

from collections import defaultdict
from decimal import Decimal

from positions.engine.market import Market, value_of
from positions.engine.money import exact_decimals
from positions.engine.types import MarketKind, Side
from positions.ledger import stream
from positions.ledger.executions import Executed
from positions.ledger.findings import Seen
from positions.ledger.stream import Counters
from positions.models import Dust, Funding, MarketTerms, OpeningBalance, Position

Amounts = dict[str, Decimal]


def moved(account_id: int, *, seen: Seen = lambda _count: None) -> Amounts:
    """What executions, their fees and funding have moved per currency; zeros are left out."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    markets: dict[int, Market] = {}
    upto = stream.counters(account_id)
    with exact_decimals():
        for row in stream.executions(account_id, Counters(), upto):
            if row.terms_id not in markets:
                markets[row.terms_id] = MarketTerms.objects.get(pk=row.terms_id).engine_market
            _add(sums, row, markets[row.terms_id])
            seen(1)
        paid = Funding.objects.filter(account_id=account_id)
        for currency, amount in paid.values_list("currency", "amount").iterator():
            sums[currency] += amount
    return {currency: amount for currency, amount in sums.items() if amount}


def balances(account_id: int, *, seen: Seen = lambda _count: None) -> Amounts:
    """Opening balances and what has moved since."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    with exact_decimals():
        for row in OpeningBalance.objects.filter(account_id=account_id):
            sums[row.currency] += row.amount
        for currency, amount in moved(account_id, seen=seen).items():
            sums[currency] += amount
    return dict(sums)


def net_positions(account_id: int) -> Amounts:
    """Signed open volume per symbol of derivatives, dust included; zeros are left out."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    symbols = _contracts(account_id)
    with exact_decimals():
        for position in Position.objects.open().filter(account_id=account_id, symbol__in=symbols):
            sums[position.symbol] += position.holding.signed_qty
        for dust in Dust.objects.filter(account_id=account_id, currency__in=symbols):
            sums[dust.currency] += dust.qty
    return {symbol: qty for symbol, qty in sums.items() if qty}


def _contracts(account_id: int) -> set[str]:
    terms = MarketTerms.objects.filter(account_id=account_id).exclude(kind=MarketKind.SPOT)
    return set(terms.values_list("symbol", flat=True).distinct())


def _add(sums: defaultdict[str, Decimal], row: Executed, market: Market) -> None:
    sign = Side(row.side).sign
    worth = value_of(row.qty, row.price, market)
    if market.is_spot:
        sums[market.base] += sign * row.qty
        sums[market.quote] -= sign * worth
    elif market.kind is MarketKind.INVERSE:
        sums[market.profit_currency] += sign * worth
    else:
        sums[market.profit_currency] -= sign * worth
    if row.fee is not None and row.fee_currency is not None:
        sums[row.fee_currency] -= row.fee
