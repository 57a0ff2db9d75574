"""Are the live rows what the ledger says they are?

The ledger is replayed without any lock as far as it went when the run began; then, under the
account's lane, what was added meanwhile, and the positions are compared. Trading of the account
waits for that last step only, about a second per 50,000 positions.
"""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any

from positions.engine.errors import EngineError
from positions.engine.holding import average_price
from positions.engine.market import Market
from positions.engine.money import exact_decimals, plain
from positions.ledger import stream
from positions.ledger.chain import Chain
from positions.ledger.entering import enter
from positions.ledger.executions import Executed
from positions.ledger.findings import Finding, Report, Seen, shown
from positions.ledger.past import Past
from positions.ledger.rebuilt import Rebuilt
from positions.ledger.replay import Books
from positions.ledger.stream import BookedDeal, Counters, Entry, Opening
from positions.models import Deal, Dust, Execution, JournalEntry, MarketTerms, Position
from positions.outbox import holding
from positions.querysets import LIVE_POSITION_STATES

_SAID_EVERY = 500
_POSITION_FIELDS = (
    "state",
    "side",
    "qty",
    "cost",
    "avg_price",
    "profit",
    "fees",
    "fees_by_currency",
    "symbol",
    "strategy_id",
    "ticket",
    "opening_order_id",
    "merged_into_id",
    "is_external",
    "superseded_by",
)
_UNREADABLE = (EngineError, KeyError, ArithmeticError, ValueError, TypeError)


def verify(account_id: int, *, report: Report, seen: Seen) -> None:
    """Replay the account's ledger and report every difference to the live rows.

    The executions' hash chain is checked on the way.
    """
    run = _Run(account_id, report, seen)
    try:
        with exact_decimals():
            run.advance(stream.counters(account_id))
        with holding(account_id):
            run.advance(stream.counters(account_id))
            run.finish()
    finally:
        run.books.close()


class _Run:
    """One account on its way through its ledger."""

    def __init__(self, account_id: int, report: Report, seen: Seen) -> None:
        self._account_id = account_id
        self._report = report
        self._seen = seen
        self._at = Counters()
        self._terms: dict[int, Market] = {}
        self._chain = Chain(account_id, report)
        self._openings: Iterator[Opening] = iter(())
        self._opening: Opening | None = None
        self._superseded = 0
        self.books = Books(self._id_of, self._market_of, partial(Past, account_id))

    def advance(self, upto: Counters) -> None:
        """Replay up to a moment, comparing each deal with the live one of its number."""
        self._openings = stream.openings(self._account_id, self._at, upto)
        self._opening = next(self._openings, None)
        live = _Deals(stream.deals(self._account_id, self._at, upto), self._extra_deal)
        said = self._at.bookings
        next_no = said + 1
        for row in stream.ledger(self._account_id, self._at, upto):
            if row.booking_no > next_no:
                self._gap(next_no, row.booking_no - 1)
            deals = self._book(row)
            for deal in deals:
                self._compare(deal, live.take(deal.booking_no))
            if isinstance(row, Entry) and self.books.replaced:
                self._compare_superseded(row)
            taken = 1 if isinstance(row, Entry) else 0
            next_no = max(next_no, row.booking_no + taken + len(deals))
            if next_no - said > _SAID_EVERY:
                self._seen(next_no - 1 - said)
                said = next_no - 1
        live.rest()
        if next_no <= upto.bookings:
            self._gap(next_no, upto.bookings)
        while self._opening is not None:
            self._skip_opening()
        self._seen(upto.bookings - said)
        self._at = upto

    def finish(self) -> None:
        """Compare what only the end decides: the chain's head, positions, dust."""
        self._chain.end(self._at)
        self._beyond()
        for rebuilt in self.books.positions.chunks():
            rows = Position.objects.filter(pk__in=rebuilt).values_list("id", *_POSITION_FIELDS)
            live = {position_id: facts for position_id, *facts in rows}
            for position_id, position in rebuilt.items():
                self._compare_position(position, live.get(position_id))
        for row in Position.objects.filter(account=self._account_id, opening_booking_no=None):
            self._say(f"position {row.pk}", "row", row, "no such position")
        self._compare_dust()
        marked = Deal.objects.filter(account=self._account_id).exclude(superseded_by=None).count()
        if marked != self._superseded:
            self._say("superseded deals", "count", marked, self._superseded)

    def _book(self, row: Executed | Entry) -> list[BookedDeal]:
        name = f"journal entry {row.booking_no}"
        try:
            if isinstance(row, Entry):
                return enter(self.books, row)
            name = f"execution {row.number}"
            self._chain.follow(row)
            return self.books.execute(row)
        except _UNREADABLE as refusal:
            self._say(name, "booking", "booked", f"impossible: {refusal}")
            return []

    def _id_of(self, booking_no: int, execution: Executed) -> int:
        """The live position that this booking opened; a number of its own where there is none."""
        while self._opening is not None and self._opening.booking_no < booking_no:
            self._skip_opening()
        if self._opening is None or self._opening.booking_no != booking_no:
            return -booking_no
        found, self._opening = self._opening, next(self._openings, None)
        return found.position_id

    def _skip_opening(self) -> None:
        assert self._opening is not None
        name = f"position {self._opening.position_id}"
        self._say(name, "row", f"opened by booking {self._opening.booking_no}", "no such position")
        self._opening = next(self._openings, None)

    def _market_of(self, terms_id: int) -> Market:
        if terms_id not in self._terms:
            rows = MarketTerms.objects.filter(account_id=self._account_id, pk=terms_id)
            found = rows.first()
            if found is None:
                raise KeyError(f"market terms {terms_id}")
            self._terms[terms_id] = found.engine_market
        return self._terms[terms_id]

    def _compare(self, deal: BookedDeal, live: BookedDeal | None) -> None:
        if deal == live:
            return
        name = f"deal {deal.booking_no}"
        if live is None:
            self._say(name, "row", "missing", _deal_text(deal))
            return
        for field, found, right in zip(BookedDeal._fields, live, deal, strict=True):
            if found != right:
                self._say(name, field, found, right)

    def _compare_superseded(self, entry: Entry) -> None:
        """The deals that a reassign replaced say so."""
        numbers = [deal.booking_no for deal in self.books.replaced]
        self._superseded += len(numbers)
        for at in range(0, len(numbers), _SAID_EVERY):
            rows = Deal.objects.filter(
                account=self._account_id, booking_no__in=numbers[at : at + _SAID_EVERY]
            )
            for number, by in rows.values_list("booking_no", "superseded_by"):
                if by != entry.booking_no:
                    self._say(f"deal {number}", "superseded_by", by, entry.booking_no)

    def _extra_deal(self, deal: BookedDeal) -> None:
        self._say(f"deal {deal.booking_no}", "row", _deal_text(deal), "no such deal")

    def _gap(self, first: int, last: int) -> None:
        what = f"booking {first}" if first == last else f"bookings {first} to {last}"
        self._say(what, "row", "missing", "an execution or a journal entry")

    def _compare_position(self, position: Rebuilt, live: list[Any] | None) -> None:
        name = f"position {position.position_id}"
        if live is None:
            text = f"{position.holding.side} {plain(position.holding.qty)} {position.symbol}"
            self._say(name, "row", "missing", text)
            return
        for field, found, right in zip(_POSITION_FIELDS, live, _facts(position), strict=True):
            if field == "state" and found in LIVE_POSITION_STATES and right in LIVE_POSITION_STATES:
                continue
            if field == "avg_price" and not position.holding.qty:
                continue  # The last one is kept for display.
            if found != right:
                self._say(name, field, found, right)

    def _compare_dust(self) -> None:
        rows = Dust.objects.filter(account_id=self._account_id).values_list("currency", "qty")
        live = dict(rows)
        for asset in sorted(live.keys() | self.books.dust.keys()):
            found, right = live.get(asset, 0), self.books.dust.get(asset, 0)
            if found != right:
                self._say(f"dust {asset}", "qty", found, right)

    def _beyond(self) -> None:
        """Nothing is numbered higher than the lane has counted."""
        for model, column, last in (
            (Execution, "number", self._at.executions),
            (Deal, "booking_no", self._at.bookings),
            (JournalEntry, "booking_no", self._at.bookings),
        ):
            rows = model.objects.filter(**{"account_id": self._account_id, f"{column}__gt": last})
            for number in islice(rows.order_by(column).values_list(column, flat=True), 100):
                name = f"{model._meta.verbose_name} {number}"
                self._say(name, column, number, f"at most {last}")

    def _say(self, row: str, field: str, live: Any, rebuilt: Any) -> None:
        self._report(Finding(self._account_id, row, field, shown(live), shown(rebuilt)))


class _Deals:
    """The live deals, taken by number; those in between belong to nothing."""

    def __init__(self, rows: Iterator[BookedDeal], extra: Any) -> None:
        self._rows = rows
        self._extra = extra
        self._next = next(rows, None)

    def take(self, booking_no: int) -> BookedDeal | None:
        """The deal of this number, None where there is none."""
        while self._next is not None and self._next.booking_no < booking_no:
            self._pass()
        if self._next is None or self._next.booking_no != booking_no:
            return None
        found, self._next = self._next, next(self._rows, None)
        return found

    def rest(self) -> None:
        """Pass what is left."""
        while self._next is not None:
            self._pass()

    def _pass(self) -> None:
        self._extra(self._next)
        self._next = next(self._rows, None)


def _facts(position: Rebuilt) -> tuple[Any, ...]:
    """In the order of ``_POSITION_FIELDS``."""
    held = position.holding
    return (
        position.state,
        held.side,
        held.qty,
        held.cost,
        average_price(held, position.market),
        held.profit,
        held.fees_quote,
        {currency: plain(fee) for currency, fee in held.fees},
        position.symbol,
        position.strategy_id,
        position.ticket,
        position.opening_order_id,
        position.merged_into,
        position.dedicated,
        position.superseded_by,
    )


def _deal_text(deal: BookedDeal) -> str:
    return f"{deal.entry} {deal.side} {plain(deal.qty)} {deal.symbol} in {deal.position_id}"
