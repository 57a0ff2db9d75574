"""Which rows make up orders, deals and positions?

Executions, deals and events are append-only. Everything that moves is moved under the account's
lane (``AccountLane``), or by a conditional update; the constraints here are the last guard.
"""

from decimal import Decimal
from enum import StrEnum

from django.conf import settings
from django.db import models

from accounts.words import LONGEST_COMMENT
from positions.cases import Case  # noqa: F401 (a row too)
from positions.engine.holding import Holding
from positions.engine.protection import PROTECTIVE, Place
from positions.engine.types import (
    CommandStatus,
    DealKind,
    EditReplaceState,
    Entry,
    GroupRole,
    OrderStatus,
    OrderType,
    PositionMode,
    PositionState,
    Reason,
    Reversal,
    Side,
    TimeInForce,
)
from positions.fields import ExactDecimalField, Word
from positions.journal import (  # noqa: F401 (rows too)
    Funding,
    JournalEntry,
    JournalKind,
    MarketTerms,
    OpeningBalance,
    Transfer,
)
from positions.querysets import (
    AccountLaneQuerySet,
    CommandQuerySet,
    DealQuerySet,
    EventQuerySet,
    OrderQuerySet,
    PositionQuerySet,
)
from positions.triggers import Trigger  # noqa: F401 (a row too)


class AccountLane(models.Model):
    """The one lock and the counters of one exchange account.

    Nothing references this row, so locking it blocks no insert elsewhere (on InnoDB, locking the
    account itself would block every insert with a foreign key to it).
    """

    account = models.OneToOneField("accounts.Account", models.CASCADE, primary_key=True)
    last_seq = models.BigIntegerField(default=0, help_text="Newest event number")
    last_booking_no = models.BigIntegerField(default=0, help_text="Newest booking number")
    execution_count = models.BigIntegerField(default=0)
    execution_hash = models.CharField(max_length=64, default="", blank=True)
    owner = models.CharField(max_length=64, default="", blank=True, help_text="Worker that serves")
    fence = models.BigIntegerField(default=0, help_text="Rises with every change of the owner")
    leased_until = models.DateTimeField(null=True, help_text="By the database's clock")

    objects = AccountLaneQuerySet.as_manager()

    def __str__(self):
        return f"lane of account {self.account_id}"


class Command(models.Model):
    """What a client asked for, stored before anything is sent; rows outlive retention."""

    account = models.ForeignKey("accounts.Account", models.PROTECT)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT)
    api_key = models.ForeignKey("accounts.ApiKey", models.PROTECT, null=True)
    kind = models.CharField(max_length=32)
    request_id = models.CharField(max_length=128, null=True)  # noqa: DJ001 (unset is NULL, so that the constraint lets it repeat)
    fingerprint = models.CharField(max_length=64)
    payload = models.JSONField()
    status = Word(CommandStatus, default=CommandStatus.ACCEPTED)
    error = models.JSONField(null=True)
    after = models.ForeignKey("self", models.SET_NULL, null=True, related_name="followers")
    order_ids = models.JSONField(default=list, help_text="Orders this command touches, in order")
    position_ids = models.JSONField(default=list)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    objects = CommandQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "request_id"], name="one_command_per_request")
        ]
        indexes = [models.Index(fields=["account", "status"], name="command_by_status")]

    def __str__(self):
        return f"command {self.pk} {self.kind} {self.status}"


class Position(models.Model):
    """Exposure tracked from deals. A projection: it can always be rebuilt."""

    account = models.ForeignKey("accounts.Account", models.PROTECT)
    ticket = models.BigIntegerField(help_text="Order that opened it, or reversed it under mt5")
    opening_order_id = models.BigIntegerField(help_text="Order whose fills opened it")
    opening_booking_no = models.BigIntegerField(
        null=True, help_text="Of the deal that first opened it, superseded or not"
    )
    symbol = models.CharField(max_length=64)
    strategy_id = models.BigIntegerField(default=0)
    side = Word(Side)
    qty = ExactDecimalField(default=0)
    cost = ExactDecimalField(default=0, help_text="Exact cost of qty, 18 decimals")
    avg_price = ExactDecimalField(null=True, help_text="For display; cost is what counts")
    profit = ExactDecimalField(default=0, help_text="Realised")
    fees = ExactDecimalField(default=0, help_text="In the quote currency, known part")
    fees_by_currency = models.JSONField(default=dict)
    stop_loss = ExactDecimalField(null=True)
    stop_gain = ExactDecimalField(null=True)
    trailing = models.JSONField(null=True)
    protection = models.JSONField(null=True)
    unclosable = models.BooleanField(default=False)
    state = Word(PositionState, default=PositionState.OPEN)
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    is_external = models.BooleanField(
        default=False, help_text="Of an external order that nobody has taken over"
    )
    superseded_by = models.BigIntegerField(
        null=True, help_text="Booking number of the reassign that left it without deals"
    )
    reason = Word(Reason)
    comment = models.CharField(max_length=LONGEST_COMMENT, default="", blank=True)
    opened_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    objects = PositionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "opening_booking_no"], name="one_position_per_opening"
            )
        ]
        indexes = [
            models.Index(fields=["account", "state", "symbol"], name="position_by_state"),
            models.Index(fields=["account", "closed_at"], name="position_by_closed_at"),
            models.Index(fields=["account", "opening_order_id"], name="position_by_opening_order"),
        ]

    def __str__(self):
        return f"position {self.pk} {self.side} {self.qty} {self.symbol}"

    @property
    def has_stops(self) -> bool:
        """Whether anything is wished to protect it."""
        return not (self.stop_loss is self.stop_gain is self.trailing is None)

    @property
    def holding(self) -> Holding:
        """The row as the engine's value."""
        fees = ((currency, Decimal(fee)) for currency, fee in self.fees_by_currency.items())
        return Holding(
            side=Side(self.side),
            qty=self.qty,
            cost=self.cost,
            profit=self.profit,
            fees=tuple(fees),
            fees_quote=self.fees,
        )


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
    expires_at = models.DateTimeField(null=True)
    stop_loss = ExactDecimalField(null=True)
    stop_gain = ExactDecimalField(null=True)
    reduce_only = models.BooleanField(default=False)
    params = models.JSONField(default=dict)
    filled_qty = ExactDecimalField(default=0)
    filled_value = ExactDecimalField(default=0, help_text="Sum of qty × price of the fills")
    avg_fill_price = ExactDecimalField(null=True)
    fee = ExactDecimalField(null=True)
    fee_currency = models.CharField(max_length=16, null=True)  # noqa: DJ001 (unset is NULL)
    reject_code = models.CharField(max_length=64, null=True)  # noqa: DJ001 (unset is NULL)
    note = models.CharField(max_length=255, default="", blank=True)
    reconciled = models.BooleanField(
        default=True, help_text="False: found at the exchange, and nobody's yet"
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
            models.Index(fields=["account", "created_at"], name="order_by_created_at"),
            models.Index(fields=["position", "is_open"], name="order_by_position"),
            models.Index(fields=["status", "next_check_at"], name="order_by_next_check"),
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
    is_current = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
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


class Execution(models.Model):
    """What the exchange did: one fill of one order, hash-chained per account. Append-only.

    Beside what the exchange said it keeps what it was booked by (mode, reversal, the order's
    strategy and position, the rate of its fee, the market's terms), so that the books can be
    rebuilt from these rows alone, whatever has been changed since.
    """

    account = models.ForeignKey("accounts.Account", models.PROTECT)
    number = models.BigIntegerField(help_text="1, 2, 3… per account")
    booking_no = models.BigIntegerField(help_text="Of its first deal")
    order = models.ForeignKey(Order, models.PROTECT, related_name="executions")
    leg = models.ForeignKey(ExchangeOrder, models.PROTECT, null=True, related_name="executions")
    symbol = models.CharField(max_length=64)
    side = Word(Side)
    qty = ExactDecimalField()
    price = ExactDecimalField()
    fee = ExactDecimalField(null=True)
    fee_currency = models.CharField(max_length=16, null=True)  # noqa: DJ001 (unset is NULL)
    exchange_trade_id = models.CharField(max_length=128)
    exchange_order_id = models.CharField(max_length=128)
    executed_at = models.DateTimeField()
    terms = models.ForeignKey(MarketTerms, models.PROTECT)
    position_mode = Word(PositionMode)
    reversal = Word(Reversal)
    strategy_id = models.BigIntegerField(help_text="The order's")
    named_position_id = models.BigIntegerField(null=True, help_text="That the order named")
    fee_rate = ExactDecimalField(null=True, help_text="Quote per unit of a third fee currency")
    external = models.BooleanField(default=False, help_text="The order was nobody's then")
    forced = Word(Reason, null=True, help_text="Liquidation or adl: closes its side pro rata")
    forced_step = ExactDecimalField(null=True, help_text="The step of those shares")
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "symbol", "exchange_trade_id", "exchange_order_id"],
                name="one_execution_per_trade",
            ),
            models.UniqueConstraint(fields=["account", "number"], name="one_execution_per_number"),
        ]

    def __str__(self):
        return f"execution {self.number} of account {self.account_id}"


class Deal(models.Model):
    """The booking of an execution to a position. Never edited; a reassign supersedes it."""

    account = models.ForeignKey("accounts.Account", models.PROTECT)
    booking_no = models.BigIntegerField()
    execution = models.ForeignKey(Execution, models.PROTECT, null=True, related_name="deals")
    order = models.ForeignKey(Order, models.PROTECT, null=True, related_name="deals")
    position = models.ForeignKey(Position, models.PROTECT, related_name="deals")
    previous_position_id = models.BigIntegerField(null=True)
    symbol = models.CharField(max_length=64)
    side = Word(Side)
    qty = ExactDecimalField()
    price = ExactDecimalField(null=True)
    entry = Word(Entry, null=True)
    kind = Word(DealKind, default=DealKind.FILL)
    profit = ExactDecimalField(default=0)
    profit_currency = models.CharField(max_length=16)
    fee = ExactDecimalField(null=True)
    fee_currency = models.CharField(max_length=16, null=True)  # noqa: DJ001 (unset is NULL)
    fee_rate = ExactDecimalField(null=True, help_text="Quote per fee currency, where known")
    fee_quote = ExactDecimalField(null=True, help_text="The fee in the quote currency")
    base_fee = ExactDecimalField(default=0, help_text="By how much it left less volume than qty")
    cost = ExactDecimalField(default=0, help_text="By how much it changed the position's cost")
    trigger_source = models.CharField(max_length=16, null=True)  # noqa: DJ001 (unset is NULL)
    strategy_id = models.BigIntegerField(default=0)
    reason = Word(Reason)
    comment = models.CharField(max_length=LONGEST_COMMENT, default="", blank=True)
    reconciled = models.BooleanField(default=True)
    exchange_trade_id = models.CharField(max_length=128, null=True)  # noqa: DJ001 (unset is NULL)
    superseded_by = models.BigIntegerField(
        null=True, help_text="Booking number of the reassign that replaced it"
    )
    executed_at = models.DateTimeField()
    created_at = models.DateTimeField()

    objects = DealQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "booking_no"], name="one_deal_per_booking")
        ]
        indexes = [
            models.Index(fields=["account", "executed_at"], name="deal_by_executed_at"),
            models.Index(fields=["position", "booking_no"], name="deal_by_position"),
        ]

    def __str__(self):
        return f"deal {self.pk} {self.entry} {self.side} {self.qty} {self.symbol}"


class Dust(models.Model):
    """What an account holds of a currency outside its positions; negative where fees took it."""

    account = models.ForeignKey("accounts.Account", models.PROTECT)
    currency = models.CharField(max_length=64, help_text="Or the symbol of a derivative")
    qty = ExactDecimalField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "currency"], name="one_dust_per_currency")
        ]
        verbose_name_plural = "dust"

    def __str__(self):
        return f"dust {self.qty} {self.currency} of account {self.account_id}"


class Event(models.Model):
    """What changed, in the transaction that changed it; ``seq`` has no gap within an account."""

    account = models.ForeignKey("accounts.Account", models.PROTECT)
    seq = models.BigIntegerField()
    event = models.CharField(max_length=48)
    namespace = models.CharField(max_length=16, default="position")
    strategy_id = models.BigIntegerField(default=0)
    payload = models.JSONField()
    created_at = models.DateTimeField()

    objects = EventQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "seq"], name="one_event_per_seq")]

    def __str__(self):
        return f"event {self.seq} {self.event} of account {self.account_id}"
