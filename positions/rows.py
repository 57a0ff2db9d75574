"""How does a row look outside?

The one place that turns models into the field names of the contract, section 4. Decimals are plain
strings, times ISO 8601 UTC with six digits and ``Z``, unset is null.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Q

from accounts.selectors import client_strategy_ids
from positions.cases import EXPLANATIONS
from positions.engine.money import plain
from positions.engine.types import DealKind
from positions.models import Case, Deal, Event, Order, Position
from positions.ports import SeenPrice

Row = dict[str, Any]


def decimal_text(value: Decimal | None) -> str | None:
    """A decimal as clients read it."""
    return None if value is None else plain(value)


def time_text(value: datetime | None) -> str | None:
    """``2026-01-31T12:00:00.000000Z``."""
    return None if value is None else utc_text(value)


def utc_text(value: datetime) -> str:
    """The same for a time that is known."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def order_row(order: Order) -> Row:
    """One order."""
    return {
        "id": order.pk,
        "command_id": order.command_id,
        "account_id": order.account_id,
        "symbol": order.symbol,
        "side": order.side,
        "order_type": order.order_type,
        "time_in_force": order.time_in_force,
        "status": order.status,
        "strategy_id": order.strategy_id,
        "position_id": order.position_id,
        "previous_position_id": order.previous_position_id,
        "group_id": order.group_id,
        "group_role": order.group_role,
        "reason": order.reason,
        "comment": order.comment,
        "client_order_id": order.client_order_id,
        "exchange_client_order_id": order.exchange_client_order_id,
        "exchange_order_id": order.exchange_order_id,
        "qty": decimal_text(order.qty),
        "price": decimal_text(order.price),
        "trigger_price": decimal_text(order.trigger_price),
        "trigger_by": order.trigger_by,
        "trailing": order.trailing,
        "expires_at": time_text(order.expires_at),
        "expiry": order.expiry,
        "stop_loss": decimal_text(order.stop_loss),
        "stop_gain": decimal_text(order.stop_gain),
        "reduce_only": order.reduce_only,
        "provisional": order.provisional,
        "filled_qty": decimal_text(order.filled_qty),
        "avg_fill_price": decimal_text(order.avg_fill_price),
        "fee": decimal_text(order.fee),
        "fee_currency": order.fee_currency,
        "fees_by_currency": order.fees_by_currency,
        "reject_code": order.reject_code,
        "note": order.note or None,
        "reconciled": order.reconciled,
        "edit_replace_state": order.edit_replace_state,
        "created_at": time_text(order.created_at),
        "updated_at": time_text(order.updated_at),
        "closed_at": time_text(order.closed_at),
    }


def deal_row(deal: Deal) -> Row:
    """One deal."""
    return {
        "id": deal.pk,
        "booking_no": deal.booking_no,
        "execution_id": deal.execution_id,
        "account_id": deal.account_id,
        "order_id": deal.order_id,
        "position_id": deal.position_id,
        "previous_position_id": deal.previous_position_id,
        "symbol": deal.symbol,
        "side": deal.side,
        "qty": decimal_text(deal.qty),
        "price": decimal_text(deal.price),
        "entry": deal.entry,
        "kind": deal.kind,
        "profit": decimal_text(deal.profit),
        "profit_currency": deal.profit_currency,
        "fee": decimal_text(deal.fee),
        "fee_currency": deal.fee_currency,
        "fee_rate": decimal_text(deal.fee_rate),
        "fee_quote": decimal_text(deal.fee_quote),
        "other_fees": [
            {"currency": currency, "fee": fee, "fee_quote": worth}
            for currency, fee, worth in deal.other_fees
        ],
        "trigger_source": deal.trigger_source,
        "strategy_id": deal.strategy_id,
        "position_strategy_id": deal.position_strategy_id,
        "reason": deal.reason,
        "comment": deal.comment,
        "reconciled": deal.reconciled,
        "superseded_by": deal.superseded_by,
        "exchange_trade_id": deal.exchange_trade_id,
        "executed_at": time_text(deal.executed_at),
        "created_at": time_text(deal.created_at),
    }


def position_row(
    position: Position,
    *,
    seen: SeenPrice | None = None,
    floating_profit: Decimal | None = None,
    owing: Collection[int] | None = None,
) -> Row:
    """One position; mark price, its time and floating profit are null where no price is known.

    ``owing``: see ``owing_fees``, where that was asked already.
    """
    if owing is None:
        owing = owing_fees([position])
    return {
        "id": position.pk,
        "ticket": position.ticket,
        "opening_order_id": position.opening_order_id,
        "client_strategy_id": client_strategy_ids([position.strategy_id])[position.strategy_id],
        "account_id": position.account_id,
        "symbol": position.symbol,
        "strategy_id": position.strategy_id,
        "side": position.side,
        "qty": decimal_text(position.qty),
        "avg_price": decimal_text(position.avg_price),
        "profit": decimal_text(position.profit),
        "fees": None if position.pk in owing else decimal_text(_known_fees(position)),
        "fees_by_currency": position.fees_by_currency,
        "stop_loss": decimal_text(position.stop_loss),
        "stop_gain": decimal_text(position.stop_gain),
        "trailing": _trailing(position),
        "protection": position.protection,
        "unclosable": position.unclosable,
        "state": position.state,
        "reason": position.reason,
        "comment": position.comment,
        "mark_price": None if seen is None else decimal_text(seen.price),
        "price_at": None if seen is None else time_text(seen.at),
        "floating_profit": decimal_text(floating_profit),
        "opened_at": time_text(position.opened_at),
        "updated_at": time_text(position.updated_at),
        "closed_at": time_text(position.closed_at),
    }


def position_rows(page: Sequence[Position]) -> list[Row]:
    """A page of positions as they are stored, without prices."""
    client_strategy_ids(position.strategy_id for position in page)  # All at once, for the rows.
    owing = owing_fees(page)
    return [position_row(position, owing=owing) for position in page]


def owing_fees(positions: Iterable[Position]) -> frozenset[int]:
    """The ids of those whose fills were booked without a word of their fees, as provisional ones.

    A fill that was told to cost nothing is known to. Asks the deals only where no fee is booked.
    """
    bare = [each.pk for each in positions if not each.fees and not each.fees_by_currency]
    if not bare:
        return frozenset()
    fills = Deal.objects.live().filter(position__in=bare, kind=DealKind.FILL).order_by()
    told = ExpressionWrapper(Q(fee__isnull=False), output_field=BooleanField())
    found = {*fills.annotate(told=told).values_list("position_id", "told").distinct()}
    return frozenset(
        number for number, is_told in found if not is_told and (number, True) not in found
    )


def _known_fees(position: Position) -> Decimal | None:
    """The fees that are known in the quote currency; None where there are some and none is.

    What was paid in the market's own currencies is always known, in a third one at its rate.
    """
    paid_in = position.fees_by_currency.keys()
    if position.fees or not paid_in or paid_in & set(re.split("[/:-]", position.symbol)):
        return position.fees
    return None


def _trailing(position: Position) -> Row | None:
    """The distance of a trailing stop, the best price since it was armed, and where it fires now.

    Prices are null until one has come, and where the distance was changed just now.
    """
    if position.trailing is None:
        return None
    stop = (position.protection or {}).get("stop_loss", {})
    return position.trailing | {name: stop.get(name) for name in ("best_price", "stop_price")}


def case_row(case: Case) -> Row:
    """One case; ``owner`` is the name of the user who decided, or looks after it."""
    return {
        "id": case.pk,
        "account_id": case.account_id,
        "kind": case.kind,
        "symbol": case.symbol,
        "subject": case.subject,
        "strategy_id": case.strategy_id,
        "position_id": case.position_id,
        "order_id": case.order_id,
        "finding": case.finding,
        "explanation": case.explanation or EXPLANATIONS.get(case.kind, ""),
        "facts": case.facts,
        "proposal": case.proposal,
        "action": case.action,
        "actions": case.actions,
        "state": case.state,
        "resolution": case.resolution,
        "owner": case.owner.username if case.owner else None,
        "comment": case.comment,
        "opened_at": time_text(case.opened_at),
        "resolved_at": time_text(case.resolved_at),
    }


def event_row(event: Event) -> Row:
    """One event of the log."""
    return {
        "seq": event.seq,
        "event": event.event,
        "namespace": event.namespace,
        "account_id": event.account_id,
        "strategy_id": event.strategy_id,
        "payload": event.payload,
        "created_at": time_text(event.created_at),
    }
