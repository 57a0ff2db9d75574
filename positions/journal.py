"""What is in an account's ledger beside its executions?

The ledger of an account is its executions and its journal, in the order of their booking numbers:
all positions and deals follow from it, and can be rebuilt from it at any time.
"""

from enum import StrEnum

from django.db import models

from positions.engine.market import Market
from positions.engine.money import ONE
from positions.engine.types import MarketKind
from positions.fields import ExactDecimalField, Word
from positions.querysets import MarketTermsQuerySet


class JournalKind(StrEnum):
    """What a journal entry did to positions without an exchange order.

    ``close_by``: two closed each other. ``merge``: one took over another. ``correction``: a
    remainder too small to trade went to the dust record. ``funding``: a payment was shared among
    those open. ``reassign``: orders went to a strategy, and what followed was booked anew.
    ``settle_provisional``: the real trades of an order took the place of what was booked for them.
    """

    CLOSE_BY = "close_by"
    MERGE = "merge"
    CORRECTION = "correction"
    FUNDING = "funding"
    REASSIGN = "reassign"
    SETTLE_PROVISIONAL = "settle_provisional"


class JournalEntry(models.Model):
    """One booking that is no execution. Append-only; ``facts`` is all that its replay needs.

    Decimals in ``facts`` are exact text. ``booking_no`` comes from the account's one counter, and
    the deals that the entry made have the numbers after it.
    """

    account = models.ForeignKey("accounts.Account", models.PROTECT)
    booking_no = models.BigIntegerField()
    kind = Word(JournalKind)
    command = models.ForeignKey("positions.Command", models.PROTECT, null=True)
    facts = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "booking_no"], name="one_journal_entry_per_booking"
            )
        ]
        verbose_name_plural = "journal entries"

    def __str__(self):
        return f"journal entry {self.booking_no} {self.kind} of account {self.account_id}"


class Funding(models.Model):
    """A funding payment of the exchange, so that it is booked once. Append-only."""

    account = models.ForeignKey("accounts.Account", models.PROTECT)
    symbol = models.CharField(max_length=64)
    exchange_funding_id = models.CharField(max_length=128)
    amount = ExactDecimalField(help_text="Positive = received")
    currency = models.CharField(max_length=32)
    paid_at = models.DateTimeField()
    booking_no = models.BigIntegerField(help_text="Of its journal entry")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "symbol", "exchange_funding_id"], name="one_booking_per_funding"
            )
        ]

    def __str__(self):
        return f"funding {self.exchange_funding_id} of account {self.account_id}"


class MarketTerms(models.Model):
    """A market as an account's bookings calculate with it. Append-only: new terms are a new row.

    An exchange may change a contract or drop it; what was booked is rebuilt with the terms of then.
    """

    account = models.ForeignKey("accounts.Account", models.PROTECT)
    symbol = models.CharField(max_length=64)
    kind = Word(MarketKind)
    base = models.CharField(max_length=32)
    quote = models.CharField(max_length=32)
    settle = models.CharField(max_length=32, null=True)  # noqa: DJ001 (spot settles in nothing)
    contract_size = ExactDecimalField()

    objects = MarketTermsQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["account", "symbol"], name="terms_by_symbol")]
        verbose_name_plural = "market terms"

    def __str__(self):
        return f"terms {self.pk} of {self.symbol}"

    @property
    def engine_market(self) -> Market:
        """The row as the engine's value."""
        return Market(
            symbol=self.symbol,
            kind=MarketKind(self.kind),
            base=self.base,
            quote=self.quote,
            settle=self.settle,
            contract_size=self.contract_size if self.contract_size != ONE else ONE,
        )


class Transfer(models.Model):
    """Money that came (positive) or went without a trade, as a person decided. Append-only."""

    account = models.ForeignKey("accounts.Account", models.PROTECT)
    currency = models.CharField(max_length=32)
    amount = ExactDecimalField()
    case = models.ForeignKey("positions.Case", models.PROTECT, related_name="transfers")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case"], name="one_transfer_per_case")]

    def __str__(self):
        return f"transfer of {self.amount} {self.currency} on account {self.account_id}"


class OpeningBalance(models.Model):
    """What an account owned of a currency before anything that its ledger tells. Append-only.

    Recorded once per account: on derivatives, less what open contracts were bought for (see
    ``positions.ledger.balances``). ``is_derived``: something had been traded already, so it is what
    the exchange showed less what the ledger had moved by then, and proves only what came later.
    """

    account = models.ForeignKey("accounts.Account", models.PROTECT)
    currency = models.CharField(max_length=32)
    amount = ExactDecimalField()
    is_derived = models.BooleanField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "currency"], name="one_opening_balance_per_currency"
            )
        ]

    def __str__(self):
        return f"opening balance {self.amount} {self.currency} of account {self.account_id}"
