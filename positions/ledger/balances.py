"""What should an account own at its exchange, by our books?

Contract section 6: per currency, opening + transfers + Σ(fills as base or quote) − fees in it. On
derivatives nothing is bought or sold; there the money is what closing has earned. How much that is
depends on how an exchange averages its one net position, and ours are several. What does not depend
on it is the money less what the open contracts were bought for (for inverse contracts: plus), so
that is what is added up here, and what the exchange's own figures are brought to before both are
compared.
"""

import threading
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

from positions.engine.arithmetic import value_of
from positions.engine.market import Market
from positions.engine.money import exact_decimals
from positions.engine.types import MarketKind, Side
from positions.ledger import stream
from positions.ledger.executions import Executed, other_fees_of
from positions.ledger.findings import Seen
from positions.ledger.past import Past
from positions.ledger.stream import Counters
from positions.models import (
    Dust,
    Funding,
    JournalEntry,
    JournalKind,
    MarketTerms,
    OpeningBalance,
    Position,
    Transfer,
)

Amounts = dict[str, Decimal]


class Moved:
    """What executions, their fees and funding have moved on one account.

    As far as live deals book them: trades that wait to settle a provisional booking do not count.

    Executions and payments are append-only, so each reading goes on where the last one ended.
    """

    def __init__(self, account_id: int) -> None:
        self._account_id = account_id
        self._lock = threading.Lock()
        self._upto = Counters()
        self._last_funding = 0
        self._markets: dict[int, Market] = {}
        self._sums: defaultdict[str, Decimal] = defaultdict(Decimal)

    def read_on(self, most: int | None = None, *, seen: Seen = lambda _count: None) -> bool:
        """Read what was booked since, ``most`` executions; whether that was all of it."""
        with self._lock, exact_decimals():
            end = stream.counters(self._account_id)
            upto = end
            if most is not None and end.executions > self._upto.executions + most:
                upto = replace(end, executions=self._upto.executions + most)
            # Apart until all of it is read: a reading that breaks off is made again from its start.
            sums: defaultdict[str, Decimal] = defaultdict(Decimal)
            for row in stream.executions(self._account_id, self._upto, upto):
                if not row.deferred:
                    _add(sums, row, self._market(row.terms_id))
                seen(1)
            self._settle(sums, upto)
            for currency, amount in sums.items():
                self._sums[currency] += amount
            self._upto = upto
            if upto is not end:
                return False
            paid = Funding.objects.filter(account_id=self._account_id, pk__gt=self._last_funding)
            columns = paid.order_by("pk").values_list("pk", "currency", "amount")
            for number, currency, amount in columns.iterator():
                self._sums[currency] += amount
                self._last_funding = number
            return True

    def now(self, *, seen: Seen = lambda _count: None) -> Amounts:
        """The sums per currency, as far as the ledger goes now; zeros are left out."""
        self.read_on(seen=seen)
        return {currency: amount for currency, amount in self._sums.items() if amount}

    def _settle(self, sums: defaultdict[str, Decimal], upto: Counters) -> None:
        """What came counts from here on, in the place of what stood for it."""
        settled = JournalEntry.objects.filter(
            account_id=self._account_id,
            kind=JournalKind.SETTLE_PROVISIONAL,
            booking_no__gt=self._upto.bookings,
            booking_no__lte=upto.bookings,
        )
        for entry in settled.order_by("booking_no").iterator():
            past = Past(self._account_id, entry.booking_no)
            for times, name in ((-1, "provisional_ids"), (1, "execution_ids")):
                for row in past.executions(entry.facts[name]):
                    _add(sums, row, self._market(row.terms_id), times=times)

    def _market(self, terms_id: int) -> Market:
        if terms_id not in self._markets:
            self._markets[terms_id] = MarketTerms.objects.get(pk=terms_id).engine_market
        return self._markets[terms_id]


def balances(
    account_id: int, moved: Moved | None = None, *, seen: Seen = lambda _count: None
) -> Amounts:
    """Opening balances, transfers, and what has moved since; ``moved`` saves reading all of it."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    with exact_decimals():
        for kept in (OpeningBalance, Transfer):
            rows = kept.objects.filter(account_id=account_id)
            for currency, amount in rows.values_list("currency", "amount"):
                sums[currency] += amount
        for currency, amount in (moved or Moved(account_id)).now(seen=seen).items():
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


def _add(sums: defaultdict[str, Decimal], row: Executed, market: Market, *, times: int = 1) -> None:
    sign = times * Side(row.side).sign
    worth = value_of(row.qty, row.price, market)
    if market.is_spot:
        sums[market.base] += sign * row.qty
        sums[market.quote] -= sign * worth
    elif market.kind is MarketKind.INVERSE:
        sums[market.profit_currency] += sign * worth
    else:
        sums[market.profit_currency] -= sign * worth
    if row.fee is not None and row.fee_currency is not None:
        sums[row.fee_currency] -= times * row.fee
    for other in other_fees_of(row):
        sums[other.currency] -= times * other.fee
