"""What did exchanges literally say, and what do their markets accept?

Raw rows are evidence: written before anything is booked, never changed, every version kept. The
catalogue of markets and the last prices are copies that any process may refresh; they let web
processes judge an order without ccxt.
"""

from typing import Any

from django.conf import settings
from django.db import models

from gateway.querysets import BlindnessQuerySet, RawRowQuerySet
from gateway.words import ExchangePositionMode, ImportKind, Phase, RunState, Scope, Sense
from positions.fields import ExactDecimalField, Word
from positions.rows import utc_text


class RawRow(models.Model):
    """One ccxt structure as it came, with the exchange's own answer inside (``info``).

    ``fingerprint`` is the SHA-256 of the canonical JSON: the same words are kept once per account.
    """

    account = models.ForeignKey("accounts.Account", models.PROTECT)
    exchange_id = models.CharField(max_length=64)
    exchange_order_id = models.CharField(max_length=128, default="", blank=True)
    exchange_trade_id = models.CharField(max_length=128, default="", blank=True)
    client_order_id = models.CharField(max_length=64, default="", blank=True)
    symbol = models.CharField(max_length=64, default="", blank=True)
    raw_json = models.TextField()
    fingerprint = models.CharField(max_length=64)
    observed_at = models.DateTimeField()

    objects = RawRowQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self):
        return f"{self._meta.verbose_name} {self.exchange_order_id} {self.exchange_trade_id}"


class RawOrder(RawRow):
    """An order as the exchange described it at one moment. Append-only."""

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["account", "fingerprint"], name="one_raw_order_version"
            ),
        )
        indexes = (
            models.Index(fields=["account", "exchange_order_id"], name="raw_order_by_exchange_id"),
            models.Index(fields=["account", "client_order_id"], name="raw_order_by_our_id"),
        )


class RawTrade(RawRow):
    """A fill as the exchange described it at one moment. Append-only."""

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["account", "fingerprint"], name="one_raw_trade_version"
            ),
        )
        indexes = (
            models.Index(fields=["account", "exchange_order_id"], name="raw_trade_by_order"),
            models.Index(fields=["account", "exchange_trade_id"], name="raw_trade_by_trade"),
        )


class RawFunding(RawRow):
    """A funding payment as the exchange described it; its id is the trade id's column.

    Append-only.
    """

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["account", "fingerprint"], name="one_raw_funding_version"
            ),
        )


class Catalogue(models.Model):
    """One exchange's list of markets, as loaded at one time.

    ``exchange_key`` tells apart what must not share a list: exchange, testnet, market type, base
    URL.
    """

    exchange_key = models.CharField(max_length=191, unique=True)
    loaded_at = models.DateTimeField()

    def __str__(self):
        return f"markets of {self.exchange_key}"


class Market(models.Model):
    """The rules of one market: ``positions.ports.MarketRules`` as JSON with exact strings."""

    catalogue = models.ForeignKey(Catalogue, models.CASCADE, related_name="markets")
    symbol = models.CharField(max_length=64)
    rules = models.TextField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["catalogue", "symbol"], name="one_market_per_symbol"),
        )

    def __str__(self):
        return f"market {self.symbol}"


class LastPrice(models.Model):
    """The newest price seen of a market; ``at``: when it surely was the exchange's."""

    exchange_key = models.CharField(max_length=191)
    symbol = models.CharField(max_length=64)
    price = ExactDecimalField()
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["exchange_key", "symbol"], name="one_last_price_per_symbol"
            ),
        )

    def __str__(self):
        return f"{self.symbol} {self.price}"


class Heartbeat(models.Model):
    """When the worker last swept: how any process knows that orders are being carried out."""

    name = models.CharField(max_length=32, primary_key=True)
    at = models.DateTimeField()

    def __str__(self):
        return f"{self.name} at {self.at}"


class ExchangeState(models.Model):
    """How an exchange account is set up there, as it was last told; web processes judge by it."""

    account = models.OneToOneField("accounts.Account", models.CASCADE, primary_key=True)
    position_mode = Word(ExchangePositionMode)
    asked_at = models.DateTimeField()

    def __str__(self):
        return f"account {self.account_id} is {self.position_mode} at its exchange"


class SeenBalance(models.Model):
    """What an account owned when its exchange was last asked, by currency, as plain decimals."""

    account = models.OneToOneField("accounts.Account", models.CASCADE, primary_key=True)
    amounts = models.JSONField(default=dict)
    asked_at = models.DateTimeField()

    def __str__(self):
        return f"balances of account {self.account_id} at {self.asked_at}"


class Blindness(models.Model):
    """Something of an account that its exchange does not show now (``gateway.troubles.blind``).

    ``name``: the symbol that it is about; empty for the whole account.
    """

    account = models.ForeignKey("accounts.Account", models.CASCADE, related_name="+")
    sense = Word(Sense)
    name = models.CharField(max_length=64, blank=True)
    since = models.DateTimeField()
    why = models.CharField(max_length=255)

    objects = BlindnessQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["account", "sense", "name"], name="blind_once_per_sense_and_name"
            ),
        )
        verbose_name_plural = "blindness"

    def __str__(self):
        return f"account {self.account_id} does not see {self.sense} {self.name}".rstrip()

    def facts(self) -> dict[str, Any]:
        """For events and answers."""
        return {
            "account_id": self.account_id,
            "sense": str(self.sense),
            "name": self.name,
            "since": utc_text(self.since),
            "why": self.why,
        }


class ImportCursor(models.Model):
    """Until when the trades of a symbol, or the payments of an account, have been brought in.

    ``reached`` moves only after everything before it is booked; nothing before ``began`` is read.
    ``symbol`` is empty for what an exchange lists for the whole account.
    """

    account = models.ForeignKey("accounts.Account", models.CASCADE)
    kind = Word(ImportKind)
    symbol = models.CharField(max_length=64, default="", blank=True)
    began = models.DateTimeField()
    reached = models.DateTimeField()
    moved_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["account", "kind", "symbol"], name="one_import_cursor_per_list"
            ),
        )

    def __str__(self):
        return f"{self.kind} of {self.symbol or 'everything'} until {self.reached}"


class ReconcileRun(models.Model):
    """One reconciliation of one account: asked for by somebody, or due by the account's policy.

    It reads from ``since`` on, but nothing before the account's beginning here; ``until`` ends a
    period. ``done`` of ``total`` symbols were read. ``found`` counts what was brought in and says
    how the comparison ended.
    """

    account = models.ForeignKey("accounts.Account", models.CASCADE)
    scope = Word(Scope)
    state = Word(RunState, default=RunState.PENDING.value)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    symbols = models.JSONField(default=list, help_text="Hints: to be read beside those known")
    phase = Word(Phase, null=True)
    done = models.IntegerField(default=0)
    total = models.IntegerField(default=0)
    found = models.JSONField(default=dict)
    error = models.JSONField(null=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["account", "state", "finished_at"], name="run_by_state"),
            models.Index(fields=["account", "scope", "id"], name="run_by_scope"),
        ]

    def __str__(self):
        return f"{self.scope} reconciliation {self.pk} of account {self.account_id}"
