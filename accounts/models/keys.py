"""By which keys and log-ins do programs and people act, and what may each of them do?"""

from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from accounts.models.exchange_accounts import Account, Strategy
from accounts.models.people import User
from accounts.words import KeyStatus, Right, choices_of, values_of

LOGIN_TOKEN_LIFE = timedelta(hours=12)


class ApiKey(models.Model):
    """A key for programs: ``cxp_<prefix>_<secret>``, of which only prefix and digest are kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    prefix = models.CharField(max_length=8, unique=True, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    label = models.CharField(max_length=120, blank=True, default="")
    status = models.CharField(
        max_length=10, choices=choices_of(KeyStatus), default=KeyStatus.ACTIVE.value
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    ip_allow_list = models.JSONField(
        default=list, blank=True, help_text="Addresses or networks; empty allows every address."
    )
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    lineage = models.CharField(
        max_length=200,
        default="/",
        editable=False,
        help_text="The keys it descends from, its maker last: /12/15/",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = (
            models.CheckConstraint(
                name="api_key_status_known", condition=models.Q(status__in=values_of(KeyStatus))
            ),
        )

    def __str__(self) -> str:
        return f"cxp_{self.prefix}_… {self.label}".rstrip()

    @property
    def maker_ids(self) -> tuple[int, ...]:
        """The keys it descends from, its maker last; ``rights.families`` says what they bind."""
        return tuple(int(number) for number in self.lineage.split("/") if number)

    @property
    def made_by(self) -> int | None:
        """The key that made it; None: the back office did."""
        return next(reversed(self.maker_ids), None)

    def is_live(self, *, at: Any = None) -> bool:
        """Whether the key is active and not expired at ``at`` (now); its makers have a say too."""
        at = at or timezone.now()
        return self.status == KeyStatus.ACTIVE and (self.expires_at is None or self.expires_at > at)


class LoginToken(models.Model):
    """A log-in of 12 hours, acting through one of the user's keys; only its digest is kept.

    ``password_mark`` binds it to the password and second factor it was made with, as Django binds
    its sessions: a new one ends it, whichever screen or command sets that.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="login_tokens")
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    password_mark = models.CharField(max_length=64, editable=False)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"login {self.pk} of user {self.user_id}"


class KeyPermission(models.Model):
    """What one key may do on one account."""

    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="permissions")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="permissions")
    can_read = models.BooleanField(default=False)
    can_trade = models.BooleanField(default=False)
    can_close_position = models.BooleanField(default=False)
    can_risk_manage = models.BooleanField(default=False)
    can_block_new_positions = models.BooleanField(default=False)
    can_block_account = models.BooleanField(default=False)
    can_see_balance = models.BooleanField(
        default=False, help_text="With a restricted key too: the account's quote and settle money."
    )
    restrict_to_strategies = models.BooleanField(default=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("api_key", "account"), name="one_permission_per_key_and_account"
            ),
        )

    def __str__(self) -> str:
        return f"key {self.api_key_id} on account {self.account_id}"

    def granted(self) -> frozenset[Right]:
        """The rights that are ticked."""
        return frozenset(right for right in Right if getattr(self, right))


class KeyStrategy(models.Model):
    """One strategy of a restricted key on one account."""

    permission = models.ForeignKey(
        KeyPermission, on_delete=models.CASCADE, related_name="strategies"
    )
    strategy = models.ForeignKey(Strategy, on_delete=models.CASCADE, related_name="+")
    can_read = models.BooleanField(default=True)
    can_trade = models.BooleanField(default=True)

    class Meta:
        verbose_name_plural = "key strategies"
        constraints = (
            models.UniqueConstraint(
                fields=("permission", "strategy"), name="one_row_per_permission_and_strategy"
            ),
        )

    def __str__(self) -> str:
        return f"strategy {self.strategy_id} of {self.permission}"
