"""Which rows are an order's life? What was asked, what is at the exchange, what to tell it."""

from enum import StrEnum

from django.conf import settings
from django.db import models

from accounts.words import LONGEST_COMMENT
from positions.engine.protection import PROTECTIVE, Place
from positions.engine.types import (
    CommandStatus,
    EditReplaceState,
    Expiry,
    GroupRole,
    OrderStatus,
    OrderType,
    Reason,
    Side,
    TimeInForce,
    TriggerBy,
)
from positions.fields import ExactDecimalField, Word, day_of, month_of
from positions.models.positions import Position
from positions.querysets import (
    CommandQuerySet,
    OrderQuerySet,
)


class Command(models.Model):
    """What a client asked for, stored before anything is sent; rows outlive retention."""

    account = models.ForeignKey("accounts.Account", models.PROTECT)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    api_key = models.ForeignKey("accounts.ApiKey", models.PROTECT, null=True)
    given_with = models.BigIntegerField(
        default=0, help_text="The key's id, 0 without one: request ids are each key's own"
    )
    kind = models.CharField(max_length=32)
    request_id = models.CharField(max_length=128, null=True)  # noqa: DJ001 (unset is NULL, so that the constraint lets it repeat)
    fingerprint = models.CharField(max_length=64)
    payload = models.JSONField()
    status = Word(CommandStatus, default=CommandStatus.ACCEPTED)
    error = models.JSONField(null=True)
    after = models.ForeignKey("self", models.SET_NULL, null=True, related_name="followers")
    order_ids = models.JSONField(default=list, help_text="Orders this command touches, in order")
    position_ids = models.JSONField(default=list)
    plan = models.JSONField(
        null=True, help_text="What is still to be done, and what could not be: close_all_positions"
    )
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    objects = CommandQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "request_id", "given_with"],
                name="one_command_per_key_and_request",
            )
        ]
        indexes = [models.Index(fields=["account", "status"], name="command_by_status")]

    def __str__(self):
        return f"command {self.pk} {self.kind} {self.status}"


class Order(models.Model):
    """Intent plus its life at the exchange. The id never changes, whatever the exchange does."""

    account = models.ForeignKey("accounts.Account", models.PROTECT)
    command = models.ForeignKey(Command, models.PROTECT, null=True, related_name="orders")
    symbol = models.CharField(max_length=64)
    side = Word(Side)
    order_type = Word(OrderType)
    time_in_force = Word(TimeInForce, null=True)
    status = Word(OrderStatus)
    is_open = models.BooleanField(default=True, help_text="Not in a final state")
    strategy_id = models.BigIntegerField(default=0)
    position = models.ForeignKey(Position, models.PROTECT, null=True, related_name="orders")
    previous_position_id = models.BigIntegerField(null=True)
    closes_position = models.BooleanField(
        default=False, help_text="Counts against the free volume of its position"
    )
    asks_for_all = models.BooleanField(
        default=False, help_text="A close of everything: a remainder too small to trade is dust"
    )
    group_id = models.BigIntegerField(null=True)
    group_role = Word(GroupRole, null=True)
    reason = Word(Reason)
    comment = models.CharField(max_length=LONGEST_COMMENT, default="", blank=True)
    client_order_id = models.CharField(max_length=64, null=True)  # noqa: DJ001 (unset is NULL)
    exchange_client_order_id = models.CharField(max_length=64, null=True)  # noqa: DJ001 (an external order has none of ours)
    exchange_order_id = models.CharField(max_length=128, null=True)  # noqa: DJ001 (unset is NULL)
    qty = ExactDecimalField()
    price = ExactDecimalField(null=True)
    trigger_price = ExactDecimalField(null=True)
    trailing = models.JSONField(null=True, help_text="How far a trailing stop stays behind")
    trigger_by = Word(TriggerBy, null=True, help_text="The price that its trigger waits for")
    expires_at = models.DateTimeField(null=True)
    expiry = Word(Expiry, null=True, help_text="Who ends it then")
    expired_at = models.DateTimeField(null=True, help_text="When the OMS last began to end it")
    stop_loss = ExactDecimalField(null=True)
    stop_gain = ExactDecimalField(null=True)
    reduce_only = models.BooleanField(default=False)
    params = models.JSONField(default=dict)
    filled_qty = ExactDecimalField(default=0)
    filled_value = ExactDecimalField(default=0, help_text="Sum of qty × price of the fills")
    avg_fill_price = ExactDecimalField(null=True)
    fee = ExactDecimalField(null=True)
    fee_currency = models.CharField(max_length=16, null=True)  # noqa: DJ001 (unset is NULL)
    fees_by_currency = models.JSONField(default=dict, help_text="All of them; fee is the first's")
    reject_code = models.CharField(max_length=64, null=True)  # noqa: DJ001 (unset is NULL)
    note = models.CharField(max_length=255, default="", blank=True)
    presumed_at = models.DateTimeField(
        null=True, help_text="When it was concluded from silence that the exchange never took it"
    )
    reconciled = models.BooleanField(
        default=True, help_text="False: found at the exchange, and nobody's yet"
    )
    provisional = models.BooleanField(
        default=False, help_text="Some of its fills are booked without the exchange's trades"
    )
    reassigned_by = models.BigIntegerField(
        null=True, help_text="Booking number of the last reassign that moved it"
    )
    edit_replace_state = Word(EditReplaceState, null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    doubt_since = models.DateTimeField(null=True, help_text="When it became UNKNOWN")
    next_check_at = models.DateTimeField(null=True, help_text="When the exchange is asked next")
    checks = models.IntegerField(default=0, help_text="Look-ups since the doubt began")
    created_at = models.DateTimeField()
    created_day, created_month = day_of("created_at"), month_of("created_at")
    updated_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    objects = OrderQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "exchange_client_order_id"], name="one_order_per_our_id"
            )
        ]
        indexes = [
            models.Index(fields=["account", "is_open", "id"], name="order_by_open"),
            models.Index(fields=["account", "symbol", "is_open", "id"], name="order_symbol_pages"),
            models.Index(
                fields=["account", "strategy_id", "is_open", "id"], name="order_strategy_pages"
            ),
            models.Index(
                fields=["account", "position", "is_open", "id"], name="order_position_pages"
            ),
            models.Index(fields=["account", "created_day", "id"], name="order_day_pages"),
            models.Index(fields=["account", "created_month", "id"], name="order_month_pages"),
            models.Index(fields=["account", "created_at"], name="order_by_created_at"),
            models.Index(fields=["position", "is_open"], name="order_by_position"),
            models.Index(fields=["status", "next_check_at"], name="order_by_next_check"),
            models.Index(fields=["is_open", "expiry", "expires_at"], name="order_by_expiry"),
        ]

    def __str__(self):
        return f"order {self.pk} {self.side} {self.qty} {self.symbol} {self.status}"

    @property
    def is_leg(self) -> bool:
        """Whether it is a position's stop or take-profit at the exchange.

        The market order with which the OMS fires one has the same role, but is a close.
        """
        return self.group_role in PROTECTIVE and not self.closes_position

    @property
    def trigger_source(self) -> str | None:
        """Who fired it, for its deals: ``exchange`` or ``oms``; None for other orders."""
        if self.group_role not in PROTECTIVE:
            return None
        return str(Place.EXCHANGE if self.is_leg else Place.OMS)


class ExchangeOrder(models.Model):
    """One order at the exchange. A replaced OMS order has had several, the newest is current.

    Where the exchange keeps triggers apart, one that waits has a ``conditional_order_id`` only, and
    the order that it places, of which the fills are, an ``exchange_order_id``: two namespaces, in
    which the same number may stand for two orders. Elsewhere there is the latter alone.
    ``reported_status`` is the trigger's until it has placed its order, then that order's; ``None``
    in between.

    ``booked_filled`` counts what is booked provisionally too. Executions up to the number
    ``settled_to`` await no settling any more.
    """

    account = models.ForeignKey("accounts.Account", models.PROTECT)
    order = models.ForeignKey(Order, models.PROTECT, related_name="exchange_orders")
    symbol = models.CharField(max_length=64)
    client_order_id = models.CharField(  # noqa: DJ001 (an external order has none of ours)
        max_length=64, null=True, help_text="The id we gave the exchange"
    )
    exchange_order_id = models.CharField(max_length=128, null=True)  # noqa: DJ001 (unset is NULL)
    conditional_order_id = models.CharField(max_length=128, null=True)  # noqa: DJ001 (unset is NULL)
    qty = ExactDecimalField()
    price = ExactDecimalField(null=True)
    trigger_price = ExactDecimalField(null=True)
    reduce_only = models.BooleanField(default=False, help_text="Whether the exchange is told so")
    reported_status = Word(OrderStatus, null=True)
    reported_filled = ExactDecimalField(default=0)
    booked_filled = ExactDecimalField(default=0)
    reported_average = ExactDecimalField(null=True, help_text="Price of all its fills, as told")
    owes_since = models.DateTimeField(
        null=True, help_text="When more was reported than its trades show"
    )
    provisional_filled = ExactDecimalField(default=0, help_text="Booked without trades, so far")
    settled_to = models.BigIntegerField(default=0)
    is_current = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["owes_since"], name="exchange_order_by_owing")]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "client_order_id"], name="one_exchange_order_per_our_id"
            ),
            models.UniqueConstraint(
                fields=["account", "symbol", "exchange_order_id"],
                name="one_exchange_order_per_exchange_id",
            ),
            models.UniqueConstraint(
                fields=["account", "symbol", "conditional_order_id"],
                name="one_exchange_order_per_trigger",
            ),
        ]

    def __str__(self):
        return f"exchange order {self.exchange_order_id or self.client_order_id}"

    @property
    def is_known(self) -> bool:
        """Whether the exchange has given it an id: it was there, whatever look-ups say now."""
        return self.exchange_order_id is not None or self.conditional_order_id is not None

    @property
    def has_placed(self) -> bool:
        """Whether its trigger, kept apart, has placed an order."""
        return self.conditional_order_id is not None and self.exchange_order_id is not None

    @property
    def is_unseen(self) -> bool:
        """Whether its trigger has placed an order that the exchange has not shown yet."""
        return self.has_placed and self.reported_status is None


class InstructionKind(StrEnum):
    """What the exchange is told about an order."""

    CREATE = "create"
    CANCEL = "cancel"
    EDIT = "edit"


class InstructionState(StrEnum):
    """``pending`` → ``sending`` → ``settled``; ``doubtful`` waits for proof, not for a re-send."""

    PENDING = "pending"
    SENDING = "sending"
    DOUBTFUL = "doubtful"
    SETTLED = "settled"


class Instruction(models.Model):
    """One thing to tell the exchange about one order: the queue; the broker is a doorbell."""

    account = models.ForeignKey("accounts.Account", models.PROTECT)
    order = models.ForeignKey(Order, models.PROTECT, related_name="instructions")
    exchange_order = models.ForeignKey(ExchangeOrder, models.PROTECT, related_name="instructions")
    command = models.ForeignKey(Command, models.PROTECT, null=True, related_name="instructions")
    kind = Word(InstructionKind)
    state = Word(InstructionState, default=InstructionState.PENDING)
    urgent = models.BooleanField(default=False, help_text="Cancels and closes go first")
    payload = models.JSONField(default=dict)
    fence = models.BigIntegerField(default=0, help_text="Rises with every claim")
    deadline = models.DateTimeField(null=True, help_text="After this an unanswered send is doubt")
    send_before = models.DateTimeField(null=True, help_text="After this it is too late to send")
    not_before = models.DateTimeField(null=True, help_text="Back-off after a proven non-send")
    after_order = models.ForeignKey(
        Order, models.PROTECT, null=True, related_name="+", help_text="Waits until that one ended"
    )
    attempts = models.IntegerField(default=0)
    error = models.JSONField(null=True, help_text="Why it failed, as an error body")
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["state", "account", "id"], name="instruction_by_state"),
        ]

    def __str__(self):
        return f"instruction {self.pk} {self.kind} order {self.order_id} {self.state}"
