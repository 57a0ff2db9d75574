"""Is everything true of an account's books that always has to be?

Contract section 6, "Always true", as far as it can be told without asking the exchange. Nothing is
replayed: deals are added up, and executions beside them, in any order.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import StrEnum
from heapq import merge
from operator import add
from typing import Any, NamedTuple

from positions.engine.market import Market
from positions.engine.money import ZERO, exact_decimals
from positions.engine.types import DealKind, Side
from positions.journal import JournalKind
from positions.ledger import stream
from positions.ledger.chain import Chain
from positions.ledger.executions import Executed, knows_fee, other_fees_of
from positions.ledger.findings import Finding, Report, Seen, shown
from positions.ledger.past import Past
from positions.ledger.shelf import Shelf
from positions.ledger.stream import BookedDeal, Counters
from positions.models import Deal, Dust, Event, JournalEntry, MarketTerms, Position
from positions.outbox import holding

_AT_ONCE = 500
_SAID_EVERY = 500


class Check(StrEnum):
    """What is always true."""

    CHAIN = "every execution is there and unchanged"
    BOOKINGS = "booking numbers have no gap"
    EVENTS = "event numbers have no gap"
    VOLUMES = "deals and merges add up to each position's volume"
    RESULTS = "profits add up to each position's result"
    COSTS = "what deals and merges cost adds up to each position's cost"
    FUNDING = "shares add up to each symbol's funding"
    SUMS = "positions and dust add up to what was executed"


class Outcome(NamedTuple):
    """One check on one account: how many rows it looked at, and how many differences it found."""

    account_id: int
    check: Check
    looked_at: int
    differences: int


class Total(NamedTuple):
    """What the deals and merges of a position add up to."""

    volume: Decimal = ZERO
    profit: Decimal = ZERO
    cost: Decimal = ZERO


def verify(account_id: int, *, report: Report, seen: Seen) -> list[Outcome]:
    """Run every check on the account and report each difference."""
    run = _Run(account_id, report, seen)
    try:
        with exact_decimals():
            run.advance(stream.counters(account_id))
        with holding(account_id):
            run.advance(stream.counters(account_id))
            run.finish()
    finally:
        run.close()
    return [Outcome(account_id, each, run.looked_at[each], run.found[each]) for each in Check]


class _Run:
    """One account while it is added up."""

    def __init__(self, account_id: int, report: Report, seen: Seen) -> None:
        self.looked_at: Counter[Check] = Counter()
        self.found: Counter[Check] = Counter()
        self._account_id = account_id
        self._report_one = report
        self._seen = seen
        self._at = Counters()
        self._chain = Chain(account_id, self._reporter(Check.CHAIN))
        self._totals: Shelf[Total] = Shelf()
        self._terms: dict[int, Market] = {}
        self._assets: dict[str, str] = {}
        self._executed: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._paid: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._shared: defaultdict[str, Decimal] = defaultdict(Decimal)

    def advance(self, upto: Counters) -> None:
        """Add up what was booked until ``upto``."""
        for row in stream.executions(self._account_id, self._at, upto):
            self._chain.follow(row)
            if not row.deferred:
                self._add_execution(row)
            self.looked_at[Check.CHAIN] += 1
        for deal in stream.live_deals(self._account_id, self._at, upto):
            self._add_deal(deal)
        for entry in stream.journal(self._account_id, self._at, upto):
            if entry.kind == JournalKind.MERGE:
                self._add_merge(entry.facts)
            elif entry.kind == JournalKind.FUNDING:
                self._add_payment(entry.facts)
            elif entry.kind == JournalKind.SETTLE_PROVISIONAL:
                self._add_settling(entry)
        self._count_bookings(upto)
        self._at = upto

    def finish(self) -> None:
        """Compare the sums with the rows."""
        self._chain.end(self._at)
        self._count_events()
        kept: defaultdict[str, Decimal] = defaultdict(Decimal)
        for row in self._positions():
            self._compare(row, self._totals.get(row.pk) or Total())
            kept[self._assets.get(row.symbol, row.symbol)] += row.holding.signed_qty
        for dust in Dust.objects.filter(account_id=self._account_id):
            kept[dust.currency] += dust.qty
        for asset in sorted(kept.keys() | self._executed.keys()):
            self.looked_at[Check.SUMS] += 1
            self._expect(Check.SUMS, f"sum of {asset}", "qty", kept[asset], self._executed[asset])
        for symbol in sorted(self._paid.keys() | self._shared.keys()):
            self.looked_at[Check.FUNDING] += 1
            shared, paid = self._shared[symbol], self._paid[symbol]
            self._expect(Check.FUNDING, f"funding of {symbol}", "profit", shared, paid)

    def close(self) -> None:
        """Give the shelf back."""
        self._totals.close()

    def _add_settling(self, entry: stream.Entry) -> None:
        """What came counts in the place of what stood for it."""
        past = Past(self._account_id, entry.booking_no)
        for row in past.executions(entry.facts["provisional_ids"]):
            self._add_execution(row, times=-1)
        for row in past.executions(entry.facts["execution_ids"]):
            self._add_execution(row)

    def _add_execution(self, row: Executed, *, times: int = 1) -> None:
        """On spot the currencies that moved, elsewhere the contracts; what a quote did is cash."""
        market = self._market(row)
        if market is None:
            return
        sign = Side(row.side).sign
        self._executed[self._assets[market.symbol]] += times * sign * row.qty
        if market.is_spot and knows_fee(row) and row.fee_currency != market.quote:
            self._executed[row.fee_currency] -= times * row.fee
        for other in other_fees_of(row) if market.is_spot else ():
            if other.currency != market.quote:
                self._executed[other.currency] -= times * other.fee

    def _add_deal(self, deal: BookedDeal) -> None:
        if deal.kind == DealKind.FUNDING:
            self._shared[deal.symbol] += deal.profit
        self._add(deal.position_id, Total(deal.change, deal.profit, deal.cost))

    def _add_merge(self, facts: dict[str, Any]) -> None:
        qty, cost = Side(facts["side"]).sign * Decimal(facts["qty"]), Decimal(facts["cost"])
        self._add(facts["source_position_id"], Total(volume=-qty, cost=-cost))
        self._add(facts["target_position_id"], Total(volume=qty, cost=cost))

    def _add_payment(self, facts: dict[str, Any]) -> None:
        """What moved where nothing was open is a case, and nobody's share."""
        if sum((Decimal(qty) for _, qty in facts["volumes"]), ZERO):
            self._paid[facts["symbol"]] += Decimal(facts["amount"])

    def _add(self, position_id: int, more: Total) -> None:
        total = self._totals.get(position_id) or Total()
        self._totals.put(position_id, Total(*map(add, total, more)))

    def _count_bookings(self, upto: Counters) -> None:
        account = {"account_id": self._account_id}
        both = merge(
            *(
                stream.numbers(rows, "booking_no", self._at.bookings, upto.bookings)
                for rows in (Deal.objects.filter(**account), JournalEntry.objects.filter(**account))
            )
        )
        said = self._at.bookings
        for number in self._followed(Check.BOOKINGS, "booking", both, said, upto.bookings):
            if number - said >= _SAID_EVERY:
                self._seen(number - said)
                said = number
        self._seen(upto.bookings - said)

    def _count_events(self) -> None:
        """From the oldest one kept: older ones may be gone by retention."""
        rows = Event.objects.filter(account_id=self._account_id)
        oldest = rows.order_by("seq").values_list("seq", flat=True).first()
        last = self._at.events
        before = last if oldest is None else oldest - 1
        for _ in self._followed(
            Check.EVENTS, "event", stream.numbers(rows, "seq", before, last), before, last
        ):
            pass

    def _followed(
        self, check: Check, noun: str, numbers: Iterator[int], before: int, last: int
    ) -> Iterator[int]:
        """The numbers as they are, each expected to be the next; gaps are reported."""
        expected = before + 1
        for number in numbers:
            self.looked_at[check] += 1
            if number != expected:
                self._missing(check, noun, expected, number - 1)
            expected = number + 1
            yield number
        if expected <= last:
            self._missing(check, noun, expected, last)

    def _missing(self, check: Check, noun: str, first: int, last: int) -> None:
        which = f"{noun} {first}" if first == last else f"{noun}s {first} to {last}"
        self._say(check, which, "row", "missing", "a row")

    def _positions(self) -> Iterator[Position]:
        rows = Position.objects.filter(account_id=self._account_id).order_by("id")
        last = 0
        while page := list(rows.filter(pk__gt=last)[:_AT_ONCE]):
            yield from page
            last = page[-1].pk

    def _compare(self, row: Position, total: Total) -> None:
        for check, field, live, added in (
            (Check.VOLUMES, "qty", row.holding.signed_qty, total.volume),
            (Check.RESULTS, "profit", row.profit, total.profit),
            (Check.COSTS, "cost", row.cost, total.cost),
        ):
            self.looked_at[check] += 1
            self._expect(check, f"position {row.pk}", field, live, added)

    def _market(self, row: Executed) -> Market | None:
        if row.terms_id not in self._terms:
            found = MarketTerms.objects.filter(pk=row.terms_id).first()
            if found is None:
                self._say(Check.SUMS, f"execution {row.number}", "terms", row.terms_id, "a row")
                return None
            market = self._terms[row.terms_id] = found.engine_market
            self._assets[market.symbol] = market.base if market.is_spot else market.symbol
        return self._terms[row.terms_id]

    def _expect(self, check: Check, row: str, field: str, live: Decimal, added: Decimal) -> None:
        if live != added:
            self._say(check, row, field, live, added)

    def _say(self, check: Check, row: str, field: str, live: Any, right: Any) -> None:
        self._reporter(check)(Finding(self._account_id, row, field, shown(live), shown(right)))

    def _reporter(self, check: Check) -> Callable[[Finding], None]:
        def say(finding: Finding) -> None:
            self.found[check] += 1
            self._report_one(finding)

        return say
