"""Which row is a position?"""

from decimal import Decimal

from django.db import models

from accounts.words import LONGEST_COMMENT
from positions.engine.holding import Holding
from positions.engine.types import (
    PositionState,
    Reason,
    Side,
)
from positions.fields import ExactDecimalField, Word, day_of, month_of
from positions.querysets import (
    PositionQuerySet,
)


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
    closed_day, closed_month = day_of("closed_at"), month_of("closed_at")

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
            models.Index(fields=["account", "superseded_by", "id"], name="position_pages"),
            models.Index(
                fields=["account", "symbol", "superseded_by", "id"], name="position_symbol_pages"
            ),
            models.Index(
                fields=["account", "strategy_id", "superseded_by", "id"],
                name="position_strategy_pages",
            ),
            models.Index(fields=["account", "closed_day", "id"], name="position_day_pages"),
            models.Index(fields=["account", "closed_month", "id"], name="position_month_pages"),
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
