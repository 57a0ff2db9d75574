"""Which rows does a list show?

Chainable reads, one place for each condition. ``visible_to`` is where a restricted key's strategies
cut every list.
"""

from collections.abc import Iterable

from django.db import models
from django.db.models import F, Q

from accounts.rights.permissions import Caller, readable_strategies
from positions.engine.market import Market
from positions.engine.protection import PROTECTIVE
from positions.engine.types import CaseKind, CaseState, PositionState

LIVE_POSITION_STATES = (PositionState.OPEN, PositionState.CLOSE_REQUESTED)


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

    def visible_to(self, caller: Caller, account_ids: Iterable[int]):
        """Only what the caller's key may read on these accounts."""
        return self.filter(visible_condition(caller, account_ids, self.owner_columns))

    def of_strategy(self, strategy_id: int):
        """The rows of one strategy."""
        return self.filter(strategy_id=strategy_id)

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

    def open(self):
        """Open or with a close requested."""
        return self.filter(state__in=LIVE_POSITION_STATES)

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
