"""Which raw rows may a key see?

Raw rows carry no strategy: they belong to the strategy of the order that they are about.
"""

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef, Q

from accounts.rights.permissions import Caller, readable_strategies
from positions.models import ExchangeOrder
from positions.querysets import VisibleQuerySet


class RawRowQuerySet(VisibleQuerySet):
    """Raw orders or trades."""

    def visible_to(self, caller: Caller, account_ids: Iterable[int]):
        """Of a restricted key's accounts only what is about its own strategies' orders."""
        whole: list[int] = []
        condition = Q(pk__in=[])
        for account_id in account_ids:
            strategies = readable_strategies(caller, account_id)
            if strategies is None:
                whole.append(account_id)
            else:
                condition |= Q(account_id=account_id) & _about(strategies)
        return self.filter(Q(account_id__in=whole) | condition if whole else condition)

    def of_strategy(self, strategy_id: int):
        """The rows about one strategy's orders."""
        return self.filter(_about({strategy_id}))


def _about(strategies: Iterable[int]) -> Q:
    """The order of the row, found by the exchange's id or by ours, belongs to one of them."""
    legs = ExchangeOrder.objects.filter(
        account_id=OuterRef("account_id"), order__strategy_id__in=list(strategies)
    )
    by_exchange_id = legs.filter(
        symbol=OuterRef("symbol"), exchange_order_id=OuterRef("exchange_order_id")
    )
    by_our_id = legs.filter(client_order_id=OuterRef("client_order_id"))
    return Exists(by_exchange_id) | Exists(by_our_id)


class BlindnessQuerySet(models.QuerySet):
    """What is not seen now."""

    def by_account(self, account_ids: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
        """For each account ``sense``, ``name``, ``since`` and ``why``, oldest first. One query."""
        found: dict[int, list[dict[str, Any]]] = {account_id: [] for account_id in account_ids}
        for row in self.filter(account_id__in=[*found]).order_by("since", "pk"):
            facts = row.facts()
            found[facts.pop("account_id")].append(facts)
        return found
