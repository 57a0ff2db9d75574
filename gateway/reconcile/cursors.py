"""Until when has an account's past at its exchange been brought in, and what of it is not ours?

The rows behind ``gateway.reconcile.importing``. Every function here is synchronous and short;
coroutines call them through ``loop.db``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from gateway.models import ImportCursor
from gateway.words import ImportKind
from positions.models import Deal, ExchangeOrder, Execution, Order, Position

LOOK_BACK = timedelta(minutes=10)
OVERLAP = timedelta(minutes=5)
QUIET_AFTER = timedelta(days=1)
MOST_QUIET = 20  # A round asks for every lively symbol and for this many of the others.
_WHOLE = ""  # The account's own cursor: its ``began`` is when it was first looked at.


@dataclass(frozen=True, slots=True)
class Reach:
    """How far back a round reads: ``since`` at least, and not beyond ``until``.

    With ``until`` it is a period, read for its own sake: no cursor is moved by it. ``symbols`` are
    read beside those that are known.
    """

    since: datetime | None = None
    until: datetime | None = None
    symbols: tuple[str, ...] = ()

    @property
    def is_period(self) -> bool:
        """Whether it has nothing to do with where the last round ended."""
        return self.until is not None

    def start(self, reached: datetime, began: datetime) -> datetime:
        """From when on a list is read: never from before the account's beginning here."""
        wanted = reached - OVERLAP
        if self.since is not None:
            wanted = self.since if self.is_period else min(wanted, self.since)
        return max(wanted, began)


NO_REACH = Reach()


@dataclass(frozen=True, slots=True)
class Place:
    """A symbol, and the moment from which its list is read again."""

    symbol: str
    since: datetime


def begin(account_id: int, now: datetime) -> None:
    """Remember every symbol that was ordered or is held, each with where its reading starts.

    Orders that were there before are read from their last execution on. What is first met later is
    read from the account's beginning here: somebody else may have traded it all the time.
    """
    whole, is_first = ImportCursor.objects.get_or_create(
        account_id=account_id,
        kind=ImportKind.TRADES,
        symbol=_WHOLE,
        defaults={"began": now - LOOK_BACK, "reached": now, "moved_at": now},
    )
    orders = Order.objects.filter(account_id=account_id)
    if not is_first:
        orders = orders.filter(created_at__gte=whole.reached - OVERLAP)
    held = Position.objects.open().filter(account_id=account_id)
    symbols = {*orders.values_list("symbol", flat=True).distinct()}
    symbols |= {*held.values_list("symbol", flat=True)}
    for symbol in symbols - _known(account_id):
        began = _last_traded(account_id, symbol) if is_first else None
        _start(account_id, ImportKind.TRADES, symbol, began or whole.began, now)
    ImportCursor.objects.filter(pk=whole.pk).update(reached=now)


def add(account_id: int, symbols: Iterable[str], now: datetime) -> None:
    """Remember symbols that the exchange shows something of."""
    for symbol in set(symbols) - _known(account_id):
        _start(account_id, ImportKind.TRADES, symbol, _beginning(account_id), now)


def due(
    account_id: int, now: datetime, *, everything: bool, reach: Reach = NO_REACH
) -> list[Place]:
    """The symbols to ask for now, oldest question first.

    Lively ones always: open orders, a position, or something executed within a day, and those that
    ``reach`` names. Of the others the ``MOST_QUIET`` that were not asked for longest, all of them
    with ``everything``.
    """
    mine = ImportCursor.objects.filter(account_id=account_id, kind=ImportKind.TRADES)
    places = [
        Place(row.symbol, reach.start(row.reached, row.began))
        for row in mine.exclude(symbol=_WHOLE).order_by("moved_at", "symbol")
    ]
    if everything:
        return places
    lively = _lively(account_id, now) | {*reach.symbols}
    quiet = [place for place in places if place.symbol not in lively][:MOST_QUIET]
    return [place for place in places if place.symbol in lively or place in quiet]


def place(
    account_id: int, kind: ImportKind, symbol: str, now: datetime, reach: Reach = NO_REACH
) -> Place:
    """Where one list is read on; one that is new starts where the account does."""
    row = ImportCursor.objects.filter(account_id=account_id, kind=kind, symbol=symbol).first()
    if row is None:
        row = _start(account_id, kind, symbol, _beginning(account_id), now)
    return Place(symbol, reach.start(row.reached, row.began))


def move(account_id: int, kind: ImportKind, symbol: str, reached: datetime) -> None:
    """Everything before ``reached`` is booked; a cursor never moves back."""
    ImportCursor.objects.filter(
        account_id=account_id, kind=kind, symbol=symbol, reached__lt=reached
    ).update(reached=reached, moved_at=reached)


def strangers(account_id: int, symbol: str, exchange_order_ids: Iterable[str]) -> set[str]:
    """Which of these orders, or triggers, we do not know by the exchange's id."""
    asked = set(exchange_order_ids)
    mine = ExchangeOrder.objects.filter(
        Q(exchange_order_id__in=asked) | Q(conditional_order_id__in=asked),
        account_id=account_id,
        symbol=symbol,
    )
    known = mine.values_list("exchange_order_id", "conditional_order_id")
    return asked.difference(*known)


def unbooked(account_id: int, symbol: str, keys: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which of these (trade id, order id) have no execution yet."""
    asked = set(keys)
    booked = Execution.objects.filter(
        account_id=account_id, symbol=symbol, exchange_trade_id__in={trade for trade, _ in asked}
    )
    return asked - set(booked.values_list("exchange_trade_id", "exchange_order_id"))


def _known(account_id: int) -> set[str]:
    mine = ImportCursor.objects.filter(account_id=account_id, kind=ImportKind.TRADES)
    return set(mine.values_list("symbol", flat=True))


def _start(
    account_id: int, kind: ImportKind, symbol: str, began: datetime, now: datetime
) -> ImportCursor:
    row, _ = ImportCursor.objects.get_or_create(
        account_id=account_id,
        kind=kind,
        symbol=symbol,
        defaults={"began": began, "reached": began, "moved_at": now},
    )
    return row


def _beginning(account_id: int) -> datetime:
    whole = ImportCursor.objects.get(account_id=account_id, kind=ImportKind.TRADES, symbol=_WHOLE)
    return whole.began


def _last_traded(account_id: int, symbol: str) -> datetime | None:
    mine = {"account_id": account_id, "symbol": symbol}
    last = Execution.objects.filter(**mine).order_by("-executed_at").first()
    first = Order.objects.filter(**mine).order_by("id").first()
    since = last.executed_at if last else first.created_at if first else None
    return None if since is None else since - LOOK_BACK


def _lively(account_id: int, now: datetime) -> set[str]:
    mine = {"account_id": account_id}
    recent = Deal.objects.filter(**mine, executed_at__gte=now - QUIET_AFTER)
    rows = (
        Order.objects.open().filter(**mine),
        Position.objects.open().filter(**mine),
        recent,
    )
    return {symbol for each in rows for symbol in each.values_list("symbol", flat=True).distinct()}
