"""Which rows does a list show?

Chainable reads, one place for each condition. ``visible_to`` is where a restricted key's strategies
cut every list. A list that is read in pages remembers by which columns it is cut, so that ``pages``
can walk the index that ends with the rows wanted; see ``VisibleQuerySet.index``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import models
from django.db.models import F, Q

from accounts.rights.permissions import Caller, readable_strategies
from positions.engine.market import Market
from positions.engine.protection import PROTECTIVE
from positions.engine.types import CaseKind, CaseState, PositionState

LIVE_POSITION_STATES = (PositionState.OPEN, PositionState.CLOSE_REQUESTED)
MOST_STRATEGIES = 50
"""Of a key restricted to more, each account is read as a whole and its rows are looked through."""


@dataclass(frozen=True, slots=True)
class Days:
    """UTC days of ``column``, both included, unbounded where absent."""

    column: str
    start: date | None
    end: date | None

    @property
    def condition(self) -> dict[str, datetime]:
        """The same as times."""
        found = {}
        if self.start:
            found[f"{self.column}__gte"] = datetime.combine(self.start, time(), UTC)
        if self.end:
            after = datetime.combine(self.end + timedelta(days=1), time(), UTC)
            found[f"{self.column}__lt"] = after
        return found


def visible_condition(
    caller: Caller, account_ids: Iterable[int], owner_columns: Iterable[str] = ("strategy_id",)
) -> Q:
    """The rows of ``account_ids`` that ``caller`` may read, by account and strategy.

    A restricted key reads a row if the strategy in any of ``owner_columns`` is one of its.
    """
    whole: list[int] = []
    condition = Q(pk__in=[])
    for account_id in account_ids:
        strategies = readable_strategies(caller, account_id)
        if strategies is None:
            whole.append(account_id)
        else:
            own = Q(pk__in=[])
            for column in owner_columns:
                own |= Q(**{f"{column}__in": strategies})
            condition |= Q(account_id=account_id) & own
    return Q(account_id__in=whole) | condition if whole else condition


class VisibleQuerySet(models.QuerySet):
    """Rows that carry ``account_id`` and ``strategy_id``."""

    owner_columns: tuple[str, ...] = ("strategy_id",)
    walks: tuple[tuple[str, str | None], ...] = ()
    """By the columns of which cut the rows are found, best first, and in which index.

    Each index begins with what every part of a list is cut by and ends with the id, so that the
    newest rows stand at its end; None leaves it to the database.
    """
    buckets: Mapping[str, tuple[str, str]] = {}
    """``day`` and ``month``: the column with the row's, and the index that begins with it."""
    cuts: Mapping[str, Any] = {}
    account_id: int | None = None
    before: int | None = None
    days: Days | None = None

    def _clone(self):
        found = super()._clone()
        found.cuts, found.account_id = self.cuts, self.account_id
        found.before, found.days = self.before, self.days
        return found

    @property
    def index(self) -> str | None:
        """The index to walk, once an account is named; None where the database chooses."""
        if self.account_id is None:
            return None
        return next((index for cut, index in self.walks if not cut or cut in self.cuts), None)

    def cut_by(self, **equal):
        """Only the rows with these values, remembered for ``index``."""
        found = self.filter(**equal)
        found.cuts = {**self.cuts, **equal}
        return found

    def of_account(self, account_id: int):
        """The rows of one account."""
        found = self.filter(account_id=account_id)
        found.account_id = account_id
        return found

    def below(self, row_id: int):
        """The rows of lower ids: what comes after it in a list."""
        found = self.filter(pk__lt=row_id)
        found.before = row_id
        return found

    def within(self, days: Days):
        """The rows of these days."""
        found = self.filter(**days.condition)
        found.days = days
        return found

    def visible_parts(self, caller: Caller, account_id: int) -> list:
        """What ``visible_to`` shows of one account, in parts that have no row in common.

        Each ends an index, where a condition over several strategies would not.
        """
        if not self.walks:
            return [self.visible_to(caller, [account_id])]
        strategies = readable_strategies(caller, account_id)
        if strategies is None:
            return [self.of_account(account_id)]
        if len(strategies) > MOST_STRATEGIES:
            return [self.visible_to(caller, [account_id]).of_account(account_id)]
        parts, rest = [], self.of_account(account_id)
        for column in self.owner_columns:
            parts += [rest.cut_by(**{column: strategy_id}) for strategy_id in sorted(strategies)]
            rest = rest.exclude(**{f"{column}__in": strategies})
        return parts or [self.none()]

    def visible_to(self, caller: Caller, account_ids: Iterable[int]):
        """Only what the caller's key may read on these accounts."""
        return self.filter(visible_condition(caller, account_ids, self.owner_columns))

    def of_strategy(self, strategy_id: int):
        """The rows of one strategy."""
        return self.cut_by(strategy_id=strategy_id)

    def newest_first(self):
        """Newest id first, the order of every list."""
        return self.order_by("-id")

    def found_then_sorted(self):
        """Newest id first too, for a condition that few rows meet.

        SQLite, asked for an order that some index has, walks it through the account's whole past.
        """
        return self.order_by((F("id") + 0).desc())


class AccountLaneQuerySet(models.QuerySet):
    """The lanes."""

    def hold(self, account_id: int):
        """Lock the account's lane until the transaction ends.

        It was made with the account; one that came otherwise (a fixture) gets it here. On SQLite
        the transaction itself (IMMEDIATE) is the lock.
        """
        lane = self.select_for_update().filter(pk=account_id).first()
        if lane is None:
            self.get_or_create(pk=account_id)
            lane = self.select_for_update().get(pk=account_id)
        return lane


class CommandQuerySet(models.QuerySet):
    """Commands."""

    def under(self, user_id: int, request_id: str):
        """The commands that this user's keys gave under ``request_id``, each at most one."""
        rows = self.filter(user_id=user_id, request_id=request_id)
        return rows.select_related("api_key").order_by("id")


class OrderQuerySet(VisibleQuerySet):
    """Orders."""

    walks = (
        ("pk", None),
        ("position_id", "order_position_pages"),
        ("strategy_id", "order_strategy_pages"),
        ("symbol", "order_symbol_pages"),
        ("", "order_by_open"),
    )
    buckets = {
        "day": ("created_day", "order_day_pages"),
        "month": ("created_month", "order_month_pages"),
    }

    # As a list of one value: Django writes ``= True`` on SQLite as a bare column, which no index
    # serves, so that every read of open orders would walk all orders that ever were.

    def open(self):
        """Not in a final state."""
        return self.filter(is_open__in=[True])

    def history(self):
        """In a final state."""
        return self.filter(is_open__in=[False])

    def parts(self):
        """Open and ended ones, for ``pages.newest``: each ends an index, both together do not."""
        return [self.open(), self.history()]

    def legs(self):
        """Stops and take-profits at the exchange; see ``Order.is_leg``."""
        return self.filter(group_role__in=PROTECTIVE, closes_position=False)

    def without_legs(self):
        """Everything but stops and take-profits at the exchange."""
        return self.exclude(group_role__in=PROTECTIVE, closes_position=False)


class PositionQuerySet(VisibleQuerySet):
    """Positions."""

    walks = (
        ("pk", None),
        ("opening_order_id", None),
        ("state__in", "position_by_state"),
        ("strategy_id", "position_strategy_pages"),
        ("symbol", "position_symbol_pages"),
        ("", "position_pages"),
    )
    buckets = {
        "day": ("closed_day", "position_day_pages"),
        "month": ("closed_month", "position_month_pages"),
    }

    def open(self):
        """Open or with a close requested."""
        return self.cut_by(state__in=LIVE_POSITION_STATES)

    def history(self):
        """Closed or merged, without those that a reassign left without deals."""
        return self.exclude(state__in=LIVE_POSITION_STATES).filter(superseded_by=None)

    def standing(self):
        """Open or not, as long as live deals lead to them: what a fill may belong to."""
        return self.filter(superseded_by=None)

    def with_stops(self):
        """Those that wish to be protected."""
        wishes = Q(stop_loss__isnull=False) | Q(stop_gain__isnull=False)
        return self.filter(wishes | Q(trailing__isnull=False))


class DealQuerySet(VisibleQuerySet):
    """Deals; who may read its position reads a deal of another strategy's order too."""

    owner_columns = ("strategy_id", "position_strategy_id")
    walks = (
        ("pk", None),
        ("order_id", None),
        ("position_id", "deal_position_pages"),
        ("position_strategy_id", "deal_owner_pages"),
        ("strategy_id", "deal_strategy_pages"),
        ("symbol", "deal_symbol_pages"),
        ("", "deal_pages"),
    )
    buckets = {
        "day": ("executed_day", "deal_day_pages"),
        "month": ("executed_month", "deal_month_pages"),
    }

    def live(self):
        """Not superseded by a reassign."""
        return self.filter(superseded_by=None)

    def live_before(self, booking_no: int):
        """What was live just before this booking, a reassign."""
        kept = Q(superseded_by=None) | Q(superseded_by__gte=booking_no)
        return self.filter(kept, booking_no__lt=booking_no)


class CaseQuerySet(VisibleQuerySet):
    """Cases."""

    def open(self):
        """Not resolved."""
        return self.filter(state=CaseState.OPEN)

    def about(self, account_id: int, kind: CaseKind, subject: str):
        """The open case of this kind about ``subject``, ``None`` where there is none."""
        return self.open().filter(account_id=account_id, kind=kind, subject=subject).first()


class EventQuerySet(VisibleQuerySet):
    """Events; those about a deal are told to both of its strategies."""

    owner_columns = ("strategy_id", "position_strategy_id")

    def since(self, seq: int):
        """After ``seq``, oldest first."""
        return self.filter(seq__gt=seq).order_by("seq")


class MarketTermsQuerySet(models.QuerySet):
    """The terms that bookings calculate with."""

    def current(self, account_id: int, market: Market):
        """The row that says the same as ``market``; a new one where none does.

        Called under the account's lane, which is why there is no second writer.
        """
        newest = self.filter(account_id=account_id, symbol=market.symbol).order_by("-id").first()
        if newest is not None and newest.engine_market == market:
            return newest
        return self.create(
            account_id=account_id,
            symbol=market.symbol,
            kind=market.kind,
            base=market.base,
            quote=market.quote,
            settle=market.settle,
            contract_size=market.contract_size,
        )
