"""Fills that the exchange reports and never lists, for the tests about them."""

from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from accounts.audit import OPERATOR
from accounts.models import Account
from positions.engine.types import CaseAction, OrderStatus
from positions.models import Case, Order
from positions.projector.reassign.settling import NAMED_AFTER
from positions.projector.unclear import missing
from positions.services.decide_case import Decision, decide
from positions.tests.desk import NOON, Desk

D = Decimal
FILLED = OrderStatus.FILLED


def unlisted(desk: Desk, side: str = "buy", qty: str = "2", average: str = "100", **payload):
    """An order that has filled, as the exchange says, without a trade."""
    order = desk.send(side, qty, **payload)
    desk.claim()
    desk.report(order, FILLED, qty, average=D(average))
    return desk.fresh(order)


def later(seconds: float) -> None:
    """A sweep that long after now."""
    accounts = Account.objects.values_list("pk", flat=True)
    missing.sweep(timezone.now() + timedelta(seconds=seconds), [*accounts])


def booked(desk: Desk, *args: str, **payload) -> Order:
    """The same, booked provisionally by a person."""
    order = unlisted(desk, *args, **payload)
    later(NAMED_AFTER.total_seconds())
    case = Case.objects.open().get(order=order)
    decide(case.pk, Decision(CaseAction.BOOK_PROVISIONAL, "they do not list it"), OPERATOR)
    return desk.fresh(order)


def listed(desk: Desk, order: Order, qty: str, price: str = "100", **facts) -> None:
    """The exchange lists a trade of it after all, with the time when it was."""
    desk.tell(desk.trade(order, qty, price, **{"executed_at": NOON} | facts))
