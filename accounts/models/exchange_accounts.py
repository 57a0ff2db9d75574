"""Which accounts at exchanges are there, by which login, and whose strategies trade on them?"""

from django.db import models
from django.utils import timezone

from accounts.fields import SecretField
from accounts.words import (
    AccountStatus,
    Engine,
    PositionMode,
    Protection,
    RawStorage,
    Reversal,
    StrategyStatus,
    choices_of,
    values_of,
)


class Account(models.Model):
    """One set of exchange credentials plus its settings.

    ``exchange_id`` never changes; ``position_mode`` and ``reversal`` only when the account is
    flat, ``status`` only through the risk desk: whoever writes them holds the account's lane.
    This row itself is never locked: on InnoDB that would block every insert that refers to it.
    """

    exchange_id = models.CharField(
        max_length=64, help_text="ccxt.NAME, or ccxtpro.NAME with private streams"
    )
    label = models.CharField(max_length=120)
    is_testnet = models.BooleanField(default=False)
    position_mode = models.CharField(
        max_length=20,
        choices=choices_of(PositionMode),
        default=PositionMode.NETTING.value,
    )
    reversal = models.CharField(
        max_length=10, choices=choices_of(Reversal), default=Reversal.SPLIT.value
    )
    protection = models.CharField(
        max_length=10,
        choices=choices_of(Protection),
        default=Protection.OMS.value,
        help_text="Who watches stops on spot: the OMS, or a stop order at the exchange.",
    )
    keep_stops = models.BooleanField(
        default=True, help_text="A later order without stops keeps the position's stops."
    )
    provisional_after_s = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="Seconds after which a fill that the exchange reports and does not list is "
        "booked provisionally; empty: only by a person.",
    )
    reconcile_policy = models.JSONField(
        default=dict, blank=True, help_text='{"short": {"every_s": 60, "look_back_s": 600}, …}'
    )
    status = models.CharField(
        max_length=10,
        choices=choices_of(AccountStatus),
        default=AccountStatus.ACTIVE.value,
    )
    raw_storage = models.CharField(
        max_length=10, choices=choices_of(RawStorage), default=RawStorage.SHARED.value
    )
    extra_config = models.JSONField(
        default=dict, blank=True, help_text="Extras for the ccxt constructor, from an allow-list."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                name="account_status_known", condition=models.Q(status__in=values_of(AccountStatus))
            ),
            models.CheckConstraint(
                name="account_mode_known",
                condition=models.Q(position_mode__in=values_of(PositionMode)),
            ),
            models.CheckConstraint(
                name="account_reversal_known", condition=models.Q(reversal__in=values_of(Reversal))
            ),
        )

    def __str__(self) -> str:
        return f"{self.pk} {self.label} ({self.exchange_id})"

    @property
    def ccxt_id(self) -> str:
        """The exchange's name in ccxt: ``binance`` of ``ccxtpro.binance``."""
        return self.exchange_id.partition(".")[2]

    @property
    def is_pro(self) -> bool:
        """Whether private streams are kept open, so that fills arrive without polling."""
        return self.exchange_id.partition(".")[0] == Engine.STREAMS


class Credentials(models.Model):
    """The encrypted exchange login of an account; ``accounts.credentials.login_of`` reads it."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="credentials")
    # One column for each ``LoginPart``. Null, not empty, says "not set": the screens can ask for it
    # without decrypting anything.
    api_key = SecretField(null=True, blank=True)
    secret = SecretField(null=True, blank=True)
    passphrase = SecretField(null=True, blank=True)
    uid = SecretField(null=True, blank=True)
    wallet_address = SecretField(null=True, blank=True)
    private_key = SecretField(null=True, blank=True)
    exchange_account_id = SecretField(null=True, blank=True)
    login_name = SecretField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "credentials"

    def __str__(self) -> str:
        return f"credentials of account {self.account_id}"


class Strategy(models.Model):
    """A strategy or robot that orders belong to. 0 means none and is never a row here."""

    name = models.CharField(max_length=120)
    client_strategy_id = models.BigIntegerField(
        null=True, blank=True, help_text="The client's own number for it; compare MT5's magic."
    )
    status = models.CharField(
        max_length=10,
        choices=choices_of(StrategyStatus),
        default=StrategyStatus.ACTIVE.value,
    )
    accounts = models.ManyToManyField(Account, related_name="strategies", blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "strategies"
        constraints = (
            models.CheckConstraint(
                name="strategy_status_known",
                condition=models.Q(status__in=values_of(StrategyStatus)),
            ),
        )

    def __str__(self) -> str:
        return f"{self.pk} {self.name}"
