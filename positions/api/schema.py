"""What does the OpenAPI document show of rows and lists?

The rows are those of ``positions.rows``.
"""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from positions.engine.drift import Finding
from positions.engine.types import (
    CaseAction,
    CaseKind,
    CaseState,
    DealKind,
    Entry,
    Expiry,
    OrderStatus,
    OrderType,
    PositionState,
    Resolution,
    Side,
    TriggerBy,
)

Schema = dict[str, Any]

# Named in settings, so that the document calls the enum by this name.
ORDER_STATUS_CHOICES = [(str(status), str(status)) for status in OrderStatus]


class ErrorSerializer(serializers.Serializer):
    """Why something was refused."""

    code = serializers.CharField()
    message = serializers.CharField()
    details = serializers.DictField()


class DecimalText(serializers.CharField):
    """A decimal as a plain string."""


def _decimal(**options: Any) -> DecimalText:
    return DecimalText(help_text="Decimal as a plain string.", **options)


class OrderSerializer(serializers.Serializer):
    """One order."""

    id = serializers.IntegerField()
    command_id = serializers.IntegerField(allow_null=True)
    account_id = serializers.IntegerField()
    symbol = serializers.CharField()
    side = serializers.ChoiceField([*map(str, Side)])
    order_type = serializers.ChoiceField([*map(str, OrderType)])
    time_in_force = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField([*map(str, OrderStatus)])
    strategy_id = serializers.IntegerField()
    position_id = serializers.IntegerField(allow_null=True)
    previous_position_id = serializers.IntegerField(allow_null=True)
    group_id = serializers.IntegerField(allow_null=True)
    group_role = serializers.CharField(allow_null=True)
    reason = serializers.CharField()
    comment = serializers.CharField()
    client_order_id = serializers.CharField(allow_null=True)
    exchange_client_order_id = serializers.CharField(allow_null=True)
    exchange_order_id = serializers.CharField(allow_null=True)
    qty = _decimal()
    price = _decimal(allow_null=True)
    trigger_price = _decimal(allow_null=True)
    trigger_by = serializers.ChoiceField(
        [*map(str, TriggerBy)],
        allow_null=True,
        help_text="The price that its trigger waits for; null without one.",
    )
    trailing = serializers.DictField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    expiry = serializers.ChoiceField(
        [*map(str, Expiry)], allow_null=True, help_text="Who ends the order at `expires_at`."
    )
    stop_loss = _decimal(allow_null=True)
    stop_gain = _decimal(allow_null=True)
    reduce_only = serializers.BooleanField()
    provisional = serializers.BooleanField(
        help_text="Some of its fills are booked without the exchange's trades."
    )
    filled_qty = _decimal()
    avg_fill_price = _decimal(allow_null=True)
    fee = _decimal(allow_null=True)
    fee_currency = serializers.CharField(allow_null=True)
    fees_by_currency = serializers.DictField(
        child=serializers.CharField(), help_text="All fees; `fee` is the first currency's."
    )
    reject_code = serializers.CharField(allow_null=True)
    note = serializers.CharField(allow_null=True)
    reconciled = serializers.BooleanField()
    edit_replace_state = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)


class DealSerializer(serializers.Serializer):
    """One deal."""

    id = serializers.IntegerField()
    booking_no = serializers.IntegerField()
    execution_id = serializers.IntegerField(allow_null=True)
    account_id = serializers.IntegerField()
    order_id = serializers.IntegerField(allow_null=True)
    position_id = serializers.IntegerField()
    previous_position_id = serializers.IntegerField(allow_null=True)
    symbol = serializers.CharField()
    side = serializers.ChoiceField([*map(str, Side)])
    qty = _decimal()
    price = _decimal(allow_null=True)
    entry = serializers.ChoiceField([*map(str, Entry)], allow_null=True)
    kind = serializers.ChoiceField([*map(str, DealKind)])
    profit = _decimal()
    profit_currency = serializers.CharField()
    fee = _decimal(allow_null=True)
    fee_currency = serializers.CharField(allow_null=True)
    fee_rate = _decimal(allow_null=True)
    fee_quote = _decimal(allow_null=True)
    other_fees = serializers.ListField(
        child=serializers.DictField(),
        help_text="Of the same fill in further currencies: `{currency, fee, fee_quote}`.",
    )
    trigger_source = serializers.CharField(allow_null=True)
    strategy_id = serializers.IntegerField(
        help_text="Its order's; of transfers, funding and corrections its position's."
    )
    position_strategy_id = serializers.IntegerField(help_text="Its position's when it was booked.")
    reason = serializers.CharField()
    comment = serializers.CharField()
    reconciled = serializers.BooleanField()
    superseded_by = serializers.IntegerField(
        allow_null=True, help_text="Booking number of the reassign that replaced it."
    )
    exchange_trade_id = serializers.CharField(allow_null=True)
    executed_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()


class PositionSerializer(serializers.Serializer):
    """One position."""

    id = serializers.IntegerField()
    ticket = serializers.IntegerField(
        help_text="The order that opened it or, with the mt5 reversal, turned it round."
    )
    opening_order_id = serializers.IntegerField()
    client_strategy_id = serializers.IntegerField(
        allow_null=True, help_text="The client's own number of the strategy; compare MT5's magic."
    )
    account_id = serializers.IntegerField()
    symbol = serializers.CharField()
    strategy_id = serializers.IntegerField()
    side = serializers.ChoiceField([*map(str, Side)])
    qty = _decimal()
    avg_price = _decimal(allow_null=True)
    profit = _decimal()
    fees = _decimal(allow_null=True)
    fees_by_currency = serializers.DictField(child=serializers.CharField())
    stop_loss = _decimal(allow_null=True)
    stop_gain = _decimal(allow_null=True)
    trailing = serializers.DictField(
        allow_null=True,
        help_text="amount or percent; best_price since it was armed and stop_price, where it fires "
        "now: null before the first price.",
    )
    protection = serializers.DictField(
        allow_null=True,
        help_text="Per role (stop_loss, take_profit): place, state, order_id and what hinders it; "
        "warning {role, code, limit, value}: a stop that could not be executed at its own price.",
    )
    unclosable = serializers.BooleanField()
    state = serializers.ChoiceField([*map(str, PositionState)])
    reason = serializers.CharField()
    comment = serializers.CharField()
    mark_price = _decimal(allow_null=True)
    price_at = serializers.DateTimeField(allow_null=True)
    floating_profit = _decimal(allow_null=True)
    opened_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)


class CaseSerializer(serializers.Serializer):
    """One difference that somebody has to look at."""

    id = serializers.IntegerField()
    account_id = serializers.IntegerField()
    kind = serializers.ChoiceField([*map(str, CaseKind)])
    symbol = serializers.CharField(allow_null=True)
    subject = serializers.CharField(help_text="What it is about: `position 12`, `BTC`.")
    strategy_id = serializers.IntegerField()
    position_id = serializers.IntegerField(allow_null=True)
    order_id = serializers.IntegerField(allow_null=True)
    finding = serializers.ChoiceField(
        [*map(str, Finding)],
        allow_null=True,
        help_text="What a comparison with the exchange found; null where booking opened the case.",
    )
    explanation = serializers.CharField(help_text="What probably lies behind it.")
    facts = serializers.DictField()
    proposal = serializers.CharField()
    action = serializers.ChoiceField([*map(str, CaseAction)], help_text="What is proposed.")
    actions = serializers.ListField(
        child=serializers.ChoiceField([*map(str, CaseAction)]),
        help_text="What can be decided now; none once it is resolved.",
    )
    state = serializers.ChoiceField([*map(str, CaseState)])
    resolution = serializers.ChoiceField(
        [*map(str, Resolution)],
        allow_null=True,
        help_text="How it ended; while an acknowledged difference lasts, no new case is opened.",
    )
    owner = serializers.CharField(
        allow_null=True, help_text="Name of the user who decided, or looks after it."
    )
    comment = serializers.CharField()
    opened_at = serializers.DateTimeField()
    resolved_at = serializers.DateTimeField(allow_null=True)


class ReassignedSerializer(serializers.Serializer):
    """One order of a reassign."""

    account_id = serializers.IntegerField()
    order_id = serializers.IntegerField()
    symbol = serializers.CharField()
    previous_strategy_id = serializers.IntegerField()
    strategy_id = serializers.IntegerField()
    previous_position_id = serializers.IntegerField(allow_null=True)
    position_id = serializers.IntegerField(
        allow_null=True, help_text="Null without fills, and where a preview would open one."
    )
    superseded_by = serializers.IntegerField(
        allow_null=True, help_text="What the superseded deals carry; null in a preview."
    )


class ReassignResultSerializer(serializers.Serializer):
    """What a reassign changed, or would change."""

    preview = serializers.BooleanField()
    orders_updated = serializers.IntegerField()
    deals_relinked = serializers.IntegerField(help_text="Deals booked anew.")
    positions_rebuilt = serializers.IntegerField()
    items = ReassignedSerializer(many=True)


class EventSerializer(serializers.Serializer):
    """One event of an account's log."""

    seq = serializers.IntegerField()
    event = serializers.CharField()
    namespace = serializers.CharField()
    account_id = serializers.IntegerField()
    strategy_id = serializers.IntegerField()
    payload = serializers.DictField()
    created_at = serializers.DateTimeField()


class RiskStateSerializer(serializers.Serializer):
    """Whether the account as a whole may open exposure."""

    allow_new_positions = serializers.BooleanField()
    state = serializers.CharField(help_text="active, reduce_only or halted.")
    killed = serializers.BooleanField(help_text="A kill switch of the account, or of all, is on.")


class OmsAccountSerializer(serializers.Serializer):
    """One account as its caller sees it."""

    id = serializers.IntegerField()
    label = serializers.CharField()
    exchange_id = serializers.CharField()
    is_testnet = serializers.BooleanField()
    position_mode = serializers.CharField()
    reversal = serializers.CharField()
    status = serializers.CharField()
    risk = RiskStateSerializer()
    rebased_to = serializers.CharField(allow_null=True)
    rights = serializers.ListField(child=serializers.CharField())
    strategy_ids = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    last_seq = serializers.IntegerField()
    balances = serializers.DictField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="What is owned by currency, when the exchange was last compared; null before "
        "that, and to keys restricted to strategies, which ask `fetchBalance`.",
    )
    balances_at = serializers.DateTimeField(allow_null=True)


class ProblemSerializer(ErrorSerializer):
    """The one error body."""

    request_id = serializers.CharField(allow_blank=True)


ACCOUNT_IDS = OpenApiParameter(
    "account_ids", str, required=True, description="Account ids, separated by commas."
)
FILTERS = [
    ACCOUNT_IDS,
    OpenApiParameter("strategy_id", int),
    OpenApiParameter("symbol", str),
    OpenApiParameter("limit", int, description="Rows at most; default 100."),
    OpenApiParameter("cursor", str, description="The `next_cursor` of the page before."),
    OpenApiParameter("page", int, description="Instead of a cursor, for the first 10,000 rows."),
    OpenApiParameter("page_size", int),
]
CASE_STATE = OpenApiParameter("state", str, enum=[*map(str, CaseState)])
EVENT_PARAMETERS = [
    OpenApiParameter("since_seq", int, description="The last seq you have; default 0."),
    OpenApiParameter("cursor", str, description="The `next_cursor` of the page before."),
    OpenApiParameter("limit", int, description="Rows at most, up to 500; default 100."),
]
DAYS = [
    OpenApiParameter("start_date", str, description="UTC day, inclusive: 2026-01-31."),
    OpenApiParameter("end_date", str, description="UTC day, inclusive."),
]


def listed(row: type[serializers.Serializer], name: str) -> type[serializers.Serializer]:
    """The schema of a list of these rows."""
    return type(
        f"{name}ListSerializer",
        (serializers.Serializer,),
        {
            "items": row(many=True),
            "next_cursor": serializers.CharField(allow_null=True),
            "__doc__": f"A page of {name.lower()} rows, newest first.",
        },
    )
