"""Decide about a case: what a person says is booked, or noted, and stays on record.

The exchange is asked for nothing but a price, or an order that somebody names: what is booked is
the difference that the last comparison found. Where that was not all of it, the next one opens a
new case.
"""

from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from accounts import audit
from accounts.audit import Actor
from accounts.rights.permissions import require_case_decision
from oms_project.errors import Conflict, Invalid, NotFound, OmsError
from positions import rows
from positions.engine.money import ZERO, plain
from positions.engine.types import CaseAction, CaseState, OrderStatus, Resolution, Side
from positions.models import Case, Execution, Transfer
from positions.outbox import HeldLane, holding
from positions.ports import MarketRules, exchange
from positions.projector.apply import apply_held
from positions.projector.cases import close_case, note_case
from positions.reports import OrderReport, Reports, TradeReport
from positions.services import case_acts

PRICED = (CaseAction.BOOK_FILL, CaseAction.WRITE_OFF)
_AT_A_MARKET = (CaseAction.BOOK_FILL, CaseAction.BOOK_PROVISIONAL, CaseAction.ADOPT)
_ENDS_A_DOUBT = (CaseAction.ADOPT, CaseAction.GIVE_UP)


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody says about a case.

    ``price``: what a hidden fill is booked at, in the quote currency, ``None``: the exchange's last
    price; or what a position is written off at, ``None``: its average. ``exchange_order_id``: the
    order that one in doubt is.
    """

    action: CaseAction
    comment: str
    price: Decimal | None = None
    exchange_order_id: str | None = None


def decide(case_id: int, wish: Decision, by: Actor) -> dict[str, Any]:
    """Carry out the decision, all or nothing; returns the case's row.

    Raises:
        NotFound: there is no such case, or not for the caller.
        PermissionDenied, StrategyPermissionDenied: ``by`` may not decide about it.
        Invalid: the action is none of those that the case offers.
        Conflict: it was decided already, or the books have moved since it was compared.
    """
    asked = _decidable(case_id, wish, by)
    told = _ask(asked, wish)
    with holding(asked.account_id) as lane:
        case = Case.objects.get(pk=case_id)  # As it is now: cases move under the lane only.
        before = {"state": case.state, "owner": case.owner_id, "comment": case.comment}
        _check(case, wish)
        if wish.action is CaseAction.NOTE:
            note_case(lane, case, comment=wish.comment, owner_id=by.user_id)
        else:
            _end(lane, case, wish, by, told)
        _record(case, wish, by, before)
        case.refresh_from_db()
        return rows.case_row(case)


def _decidable(case_id: int, wish: Decision, by: Actor) -> Case:
    """The case, about which ``by`` may decide so.

    Raises:
        NotFound, PermissionDenied, StrategyPermissionDenied: as ``decide``.
    """
    case = Case.objects.filter(pk=case_id).first()
    missing = NotFound(case_id=case_id)
    if case is None:
        raise missing
    if by.caller is not None:
        act = case_acts.act_of(case, wish.action, price=wish.price)
        require_case_decision(
            by.caller, case.account_id, case.strategy_id, missing=missing, act=act
        )
    return case


def _record(case: Case, wish: Decision, by: Actor, before: dict[str, Any]) -> None:
    audit.record(
        by=by,
        action="case_decided",
        object_type="case",
        object_id=case.pk,
        before=before,
        after={
            "action": wish.action,
            "account_id": case.account_id,
            "price": None if wish.price is None else plain(wish.price),
            "exchange_order_id": wish.exchange_order_id,
            "facts": case.facts,
        },
        comment=wish.comment,
    )


def _ask(case: Case, wish: Decision) -> "_Told":
    """What the exchange has to say before the books are held."""
    if wish.action not in _AT_A_MARKET or wish.action not in case.actions or case.symbol is None:
        return _Told()
    account_id, symbol = case.account_id, case.symbol
    rules = exchange().market(account_id, symbol)
    price, shown = wish.price, None
    if wish.action is CaseAction.BOOK_FILL and price is None:
        with suppress(OmsError):
            price = exchange().fresh_prices(account_id, [symbol])[symbol]
    if wish.action is CaseAction.ADOPT:
        shown = _shown(account_id, symbol, wish.exchange_order_id)
    return _Told(rules, price, shown)


def _end(lane: HeldLane, case: Case, wish: Decision, by: Actor, told: "_Told") -> None:
    """Do it, and the case is over."""
    seen = wish.action is CaseAction.ACKNOWLEDGE
    resolution = Resolution.ACKNOWLEDGED if seen else Resolution.DECIDED
    over = {"comment": wish.comment, "owner_id": by.user_id, "resolution": resolution}
    if wish.action in _ENDS_A_DOUBT:
        close_case(lane, case, **over)  # First: it would end by itself with the doubt.
    match wish.action:
        case CaseAction.BOOK_TRANSFER:
            _book_transfer(lane, case)
        case CaseAction.BOOK_FILL:
            _book_fill(lane, case, wish, told.market, told.price)
        case CaseAction.BOOK_PROVISIONAL:
            case_acts.book_provisional(lane, case, told.market)
        case CaseAction.WRITE_OFF:
            case_acts.write_off(lane, case, at_price=wish.price, comment=wish.comment)
        case CaseAction.REASSIGN:
            case_acts.reassign(lane, case, by)
        case CaseAction.ADOPT:
            note = f"Adopted by {by.user_name}: {wish.comment}"
            case_acts.adopt(lane, case, told.order, told.market, note)
        case CaseAction.GIVE_UP:
            case_acts.give_up(lane, case, f"Given up by {by.user_name}: {wish.comment}")
    if wish.action not in _ENDS_A_DOUBT:
        close_case(lane, case, **over)


@dataclass(frozen=True, slots=True)
class _Told:
    """What was asked of the exchange for a decision."""

    rules: MarketRules | None = None
    price: Decimal | None = None
    shown: OrderReport | None = None

    @property
    def market(self) -> MarketRules:
        """The rules, which were asked for."""
        if self.rules is None:
            raise Conflict("The case was another one when the exchange was asked; try again.")
        return self.rules

    @property
    def order(self) -> OrderReport:
        """The order, which was asked for."""
        if self.shown is None:
            raise Conflict("The case was another one when the exchange was asked; try again.")
        return self.shown


def _shown(account_id: int, symbol: str, exchange_order_id: str | None) -> OrderReport:
    """The order as the exchange shows it now.

    Raises:
        Invalid: none is named, or the exchange shows none of that id.
        ExchangeError, ExchangeTimeout, EngineUnavailable: the exchange could not be asked.
    """
    if not exchange_order_id:
        raise Invalid(
            "Say which order of the exchange it is.",
            field="exchange_order_id",
            limit="required",
            value=exchange_order_id,
        )
    found = exchange().order_there(account_id, symbol, exchange_order_id)
    if found is None:
        raise Invalid(
            "The exchange shows no such order of this symbol.",
            field="exchange_order_id",
            limit="an order of the account there",
            value=exchange_order_id,
        )
    return found


def _check(case: Case, wish: Decision) -> None:
    if case.state != CaseState.OPEN:
        raise Conflict("The case is resolved already.", case_id=case.pk, comment=case.comment)
    if wish.action not in case.actions:
        raise Invalid(
            "The case does not offer this.",
            field="action",
            limit=[*map(str, case.actions)],
            value=str(wish.action),
        )
    if wish.price is not None and wish.action not in PRICED:
        raise Invalid(
            "Only a fill or a write-off has a price.",
            field="price",
            limit=[*map(str, PRICED)],
            value=wish.price,
        )
    if wish.exchange_order_id is not None and wish.action is not CaseAction.ADOPT:
        raise Invalid(
            "Only an adoption names an order of the exchange.",
            field="exchange_order_id",
            limit=[str(CaseAction.ADOPT)],
            value=wish.exchange_order_id,
        )
    if wish.price == ZERO and wish.action is CaseAction.BOOK_FILL:
        raise Invalid("A fill's price is above zero.", field="price", limit="> 0", value=wish.price)


def _book_transfer(lane: HeldLane, case: Case) -> None:
    Transfer.objects.create(
        account_id=case.account_id,
        currency=case.facts["currency"],
        amount=Decimal(case.facts["amount"]),
        case=case,
        created_at=lane.now,
    )


def _book_fill(
    lane: HeldLane, case: Case, wish: Decision, rules: MarketRules, price: Decimal | None
) -> None:
    """An external order that did what is missing; it can be reassigned like any other.

    Raises:
        Conflict: the symbol was traded since, or no price can be had.
    """
    later = Execution.objects.filter(
        account_id=case.account_id,
        symbol=rules.symbol,
        booking_no__gt=case.facts["booked_until"],
    )
    if later.exists():
        raise Conflict(
            "Fills of this symbol were booked since it was compared; wait for the next round.",
            case_id=case.pk,
        )
    if price is None:
        raise Conflict("No price can be had; give one.", case_id=case.pk, field="price")
    amount = Decimal(case.facts["amount"])
    name, side = f"case-{case.pk}", Side.BUY if amount > ZERO else Side.SELL
    order = OrderReport(
        symbol=rules.symbol,
        exchange_order_id=name,
        client_order_id=name,
        status=OrderStatus.FILLED,
        side=side,
        qty=abs(amount),
        filled_qty=abs(amount),
        reported_at=lane.now,
        note=f"Booked by case {case.pk}: {wish.comment}",
    )
    trade = TradeReport(
        symbol=rules.symbol,
        exchange_trade_id=name,
        exchange_order_id=name,
        side=side,
        qty=abs(amount),
        price=price,
        executed_at=lane.now,
        fee=ZERO,
        fee_currency=rules.settle or rules.quote,
    )
    apply_held(lane, Reports((order,), (trade,)), {rules.symbol: rules}, adopt=True)
