"""What must a check find? Three accounts are spoilt, each in one row, behind the program's back."""

from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

from positions.engine.types import DealKind
from positions.models import Deal, Execution

UNIT = Decimal("1e-18")


@dataclass(frozen=True, slots=True)
class Tampering:
    """One row that was spoilt, and how the checks have to name it."""

    what: str
    account_id: int
    named: str


def tamper(account_ids: list[int]) -> list[Tampering]:
    """Alter a deal by the smallest unit, delete a deal, delete the last execution.

    On the first, the second and the third of the accounts; their other rows stay as they were.
    """
    first, second, third = account_ids[:3]
    altered, deleted = _middle_deal(first), _middle_deal(second)
    last = Execution.objects.filter(account_id=third).order_by("-number")[0]
    Deal.objects.filter(pk=altered.pk).update(profit=altered.profit + UNIT)
    Deal.objects.filter(pk=deleted.pk).delete()
    with connection.constraint_checks_disabled():
        Execution.objects.filter(pk=last.pk)._raw_delete(using=connection.alias)
    return [
        Tampering("a deal altered by 1e-18", first, f"deal {altered.booking_no}  profit: "),
        Tampering("a deal deleted", second, f"deal {deleted.booking_no}  row: live missing"),
        Tampering("the last execution deleted", third, f"execution {last.number}  row: live miss"),
    ]


def _middle_deal(account_id: int) -> Deal:
    deals = (
        Deal.objects.live().filter(account_id=account_id, kind=DealKind.FILL).order_by("booking_no")
    )
    return deals[deals.count() // 2]
