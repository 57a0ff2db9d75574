"""With what did an account begin?"""

from collections.abc import Mapping
from decimal import Decimal

from positions.engine.money import ZERO
from positions.engine.types import OrderStatus
from positions.ledger import balances
from positions.models import ExchangeOrder, OpeningBalance, Order
from positions.outbox import holding

_IN_FLIGHT = (OrderStatus.SENDING, OrderStatus.UNKNOWN)


def has_opening(account_id: int) -> bool:
    """Whether the opening balances were recorded."""
    return OpeningBalance.objects.filter(account_id=account_id).exists()


def record_opening(account_id: int, owned: Mapping[str, Decimal], *, booked_before: int) -> bool:
    """Record, once, what the account began with, from what its exchange shows it to own now.

    ``booked_before`` is the newest booking number from before the exchange was asked. Nothing is
    recorded (False) where something was booked since, is on its way, or has filled and its trades
    are not here: then both sides are not of the same moment.
    """
    moved = balances.Moved(account_id).now()  # A long ledger is read before the lane is locked.
    with holding(account_id) as lane:
        if lane.last_booking_no != booked_before or has_opening(account_id):
            return False
        if Order.objects.open().filter(account_id=account_id, status__in=_IN_FLIGHT).exists():
            return False
        if ExchangeOrder.objects.filter(account_id=account_id, owes_since__isnull=False).exists():
            return False
        OpeningBalance.objects.bulk_create(
            OpeningBalance(
                account_id=account_id,
                currency=currency,
                amount=owned.get(currency, ZERO) - moved.get(currency, ZERO),
                is_derived=bool(lane.execution_count),
                recorded_at=lane.now,
            )
            for currency in sorted(owned.keys() | moved.keys())
        )
    return True
