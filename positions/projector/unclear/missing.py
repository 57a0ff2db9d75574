"""What becomes of fills that an exchange reports and never lists?

After a while they are a case about their order. They are booked provisionally, from the order's own
figures, once a person decides so, or after the time that their account says. Only where the order
has ended at the exchange: until then, what comes next could not be told from what is missing.
"""

import logging
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from accounts.models import Account
from oms_project.errors import Conflict
from positions.engine.money import ZERO
from positions.engine.orders import FINAL
from positions.engine.types import CaseAction, CaseKind, Resolution
from positions.models import Case, ExchangeOrder, Order
from positions.outbox import HeldLane, holding
from positions.ports import MarketRules, exchange
from positions.projector.apply import apply_held
from positions.projector.cases import open_case, resolve_case
from positions.projector.orders.progress import owes_fills
from positions.projector.reassign.settling import NAMED_AFTER, provisional_trade, subject_of_fills
from positions.reports import Reports

log = logging.getLogger(__name__)

AT_ONCE = 100


def sweep(now: datetime, account_ids: Collection[int]) -> None:
    """Name what has been missing on these accounts, and book what an account says is due.

    Each order by itself: one that cannot be booked is named, and keeps no other waiting. Neither do
    those that nothing more can be done about now.
    """
    late = ExchangeOrder.objects.filter(
        account__in=account_ids, owes_since__lte=now - NAMED_AFTER, reported_status__in=[*FINAL]
    )
    known = _named(account_ids)
    left = AT_ONCE
    for leg in late.select_related("order__account").order_by("owes_since"):
        is_named = (leg.account_id, subject_of_fills(leg.order_id)) in known
        is_due = _is_due(leg, now)
        if not owes_fills([leg]) or (is_named and not is_due):
            continue  # Booked provisionally already, or told.
        if not (is_due and _apart(_book_late, leg)) and not is_named:
            _apart(_name_late, leg)
        left -= 1
        if not left:
            return


def _apart(act: Callable[[ExchangeOrder], None], leg: ExchangeOrder) -> bool:
    """Whether it could be done; a failure is logged."""
    try:
        act(leg)
    except Exception:
        log.exception("missing.one_failed", extra={"order_id": leg.order_id})
        return False
    return True


def book_provisionally(lane: HeldLane, leg: ExchangeOrder, rules: MarketRules) -> None:
    """Book what is missing at the average price that the exchange told, its fee unknown.

    Raises:
        Conflict: its trades are here by now, or may still come; or no price was told.
    """
    missing = leg.reported_filled - leg.booked_filled
    about = {"order_id": leg.order_id}
    if missing <= ZERO:
        raise Conflict("Nothing of the order is missing any more.", **about)
    if leg.reported_status not in FINAL or leg.exchange_order_id is None:
        raise Conflict("The order has not ended at the exchange; its trades may still come.",
                       limit="an order that has ended there", **about)  # fmt: skip
    if leg.reported_average is None:
        raise Conflict("The exchange tells no average price of the order.",
                       field="average", **about)  # fmt: skip
    at = leg.owes_since or lane.now
    trade = provisional_trade(leg.order, leg, missing, price=leg.reported_average, at=at)
    apply_held(lane, Reports(trades=(trade,)), {leg.symbol: rules})


def missing_of(order: Order) -> ExchangeOrder:
    """The order's order at the exchange of which trades are missing.

    Raises:
        Conflict: there is none.
    """
    legs = order.exchange_orders.select_related("order__account").order_by("id")
    found = next((leg for leg in legs if owes_fills([leg])), None)
    if found is None:
        raise Conflict("Nothing of the order is missing any more.", order_id=order.pk)
    return found


def _is_due(leg: ExchangeOrder, now: datetime) -> bool:
    account: Account = leg.order.account
    after_s = account.provisional_after_s
    is_told = leg.reported_average is not None and leg.exchange_order_id is not None
    late = after_s is not None and now - leg.owes_since >= timedelta(seconds=after_s)
    return is_told and late


def _book_late(leg: ExchangeOrder) -> None:
    """By the account's own time; somebody else may have been faster."""
    rules = exchange().known_market(leg.account_id, leg.symbol)
    if rules is None:
        return
    with holding(leg.account_id) as lane:
        leg = ExchangeOrder.objects.select_related("order__account").get(pk=leg.pk)
        if not owes_fills([leg]):
            return
        book_provisionally(lane, leg, rules)
        after_s = leg.order.account.provisional_after_s
        said = f"Booked provisionally after {after_s} s."
        resolve_case(lane, CaseKind.MISSING_FILL, subject_of_fills(leg.order_id), comment=said)


def _named(account_ids: Collection[int]) -> set[tuple[int, str]]:
    """Account and subject of which there is a case, or somebody said that it is well as it is."""
    cases = Case.objects.filter(account_id__in=account_ids, kind=CaseKind.MISSING_FILL)
    told = cases.open() | cases.filter(resolution=Resolution.ACKNOWLEDGED)
    return {*told.order_by().values_list("account_id", "subject")}


def _name_late(leg: ExchangeOrder) -> None:
    with holding(leg.account_id) as lane:
        _name(lane, leg.pk)


def _name(lane: HeldLane, leg_id: int) -> None:
    leg = ExchangeOrder.objects.select_related("order").get(pk=leg_id)
    if not owes_fills([leg]):
        return
    order = leg.order
    open_case(
        lane,
        CaseKind.MISSING_FILL,
        subject_of_fills(order.pk),
        symbol=order.symbol,
        strategy_id=order.strategy_id,
        order=order,
        facts={
            "exchange_order_id": leg.exchange_order_id,
            "reported_qty": leg.reported_filled,
            "booked_qty": leg.booked_filled,
            "missing_qty": leg.reported_filled - leg.booked_filled,
            "average_price": leg.reported_average,
            "since": leg.owes_since,
        },
        action=CaseAction.BOOK_PROVISIONAL,
        proposal="Its trades are asked for all the time; if they stay away, book it provisionally "
        "at the order's average price. They take its place when they come.",
    )
