"""Which rows say what happened? Executions, deals that book them, and what is in no position."""

from django.db import models

from accounts.words import LONGEST_COMMENT
from positions.engine.types import (
    DealKind,
    DealRule,
    Entry,
    PositionMode,
    Reason,
    Reversal,
    Side,
)
from positions.fields import ExactDecimalField, Word, day_of, month_of
from positions.journal import (
    MarketTerms,
)
from positions.models.orders import ExchangeOrder, Order
from positions.models.positions import Position
from positions.querysets import (
    DealQuerySet,
)


class Execution(models.Model):
    """What the exchange did: one fill of one order, hash-chained per account. Append-only.

    Beside what the exchange said it keeps what it was booked by (mode, reversal, the order's
    strategy and position, the rate of its fee, the market's terms), so that the books can be
    rebuilt from these rows alone, whatever has been changed since.

    One that is ``provisional`` stands for trades that the exchange reported and did not list; those
    come ``deferred``: without deals, until a ``settle_provisional`` books them in its place.
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
    other_fees = models.JSONField(
        default=list, help_text="Fees in further currencies: [currency, fee, rate], exact text"
    )
    deal_rule = models.SmallIntegerField(
        choices=[(rule.value, rule.name.lower()) for rule in DealRule],
        default=DealRule.POSITION.value,
        help_text="Whose strategy its deals carry: 1 the position's, 2 the order's",
    )
    provisional = models.BooleanField(default=False, help_text="Stands for trades never listed")
    deferred = models.BooleanField(default=False, help_text="Booked by settle_provisional only")
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
    """The booking of an execution to a position. Never edited; a journal entry supersedes it."""

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
    other_fees = models.JSONField(
        default=list, help_text="Beside fee: [currency, fee, worth in quote], exact text"
    )
    base_fee = ExactDecimalField(default=0, help_text="By how much it left less volume than qty")
    cost = ExactDecimalField(default=0, help_text="By how much it changed the position's cost")
    trigger_source = models.CharField(max_length=16, null=True)  # noqa: DJ001 (unset is NULL)
    strategy_id = models.BigIntegerField(default=0, help_text="Its order's, else its position's")
    position_strategy_id = models.BigIntegerField(default=0, help_text="Its position's then")
    reason = Word(Reason)
    comment = models.CharField(max_length=LONGEST_COMMENT, default="", blank=True)
    reconciled = models.BooleanField(default=True)
    exchange_trade_id = models.CharField(max_length=128, null=True)  # noqa: DJ001 (unset is NULL)
    superseded_by = models.BigIntegerField(
        null=True, help_text="Booking number of the reassign, or settling, that replaced it"
    )
    executed_at = models.DateTimeField()
    executed_day, executed_month = day_of("executed_at"), month_of("executed_at")
    created_at = models.DateTimeField()

    objects = DealQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "booking_no"], name="one_deal_per_booking")
        ]
        indexes = [
            models.Index(fields=["account", "executed_at"], name="deal_by_executed_at"),
            models.Index(fields=["position", "booking_no"], name="deal_by_position"),
            models.Index(fields=["account", "superseded_by", "id"], name="deal_pages"),
            models.Index(
                fields=["account", "symbol", "superseded_by", "id"], name="deal_symbol_pages"
            ),
            models.Index(
                fields=["account", "strategy_id", "superseded_by", "id"], name="deal_strategy_pages"
            ),
            models.Index(
                fields=["account", "position_strategy_id", "superseded_by", "id"],
                name="deal_owner_pages",
            ),
            models.Index(
                fields=["account", "position", "superseded_by", "id"], name="deal_position_pages"
            ),
            models.Index(fields=["account", "executed_day", "id"], name="deal_day_pages"),
            models.Index(fields=["account", "executed_month", "id"], name="deal_month_pages"),
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
