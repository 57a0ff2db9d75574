"""Who exists, which exchange accounts there are, and which key may do what on them?"""

from datetime import timedelta
from typing import Any, ClassVar, NoReturn, Self

from django.contrib.auth.models import AbstractUser, UserManager
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.fields import SecretField
from accounts.personal.models import PersonalSettings, SavedView
from accounts.trail.models import AuditHead, Refusal
from accounts.words import (
    AccountStatus,
    Engine,
    KeyStatus,
    PositionMode,
    Protection,
    RawStorage,
    Reversal,
    Right,
    Role,
    StrategyStatus,
    choices_of,
    values_of,
)

LOGIN_TOKEN_LIFE = timedelta(hours=12)


class UserRows(UserManager["User"]):
    """Django's user manager; a superuser is an admin here."""

    use_in_migrations = False

    def create_superuser(
        self,
        username: str,
        email: str | None = None,
        password: str | None = None,
        **extra_fields: Any,
    ) -> "User":
        extra_fields["role"] = Role.ADMIN
        return super().create_superuser(username, email, password, **extra_fields)


class User(AbstractUser):
    """A person or a robot. The role decides what its keys can be good for at most."""

    role = models.CharField(max_length=20, choices=choices_of(Role), default=Role.READONLY.value)
    two_factor_since = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Since when log-ins need a second factor."
    )

    objects: ClassVar[UserRows] = UserRows()

    class Meta(AbstractUser.Meta):
        constraints = (
            models.CheckConstraint(
                name="user_role_known", condition=models.Q(role__in=values_of(Role))
            ),
        )

    def save(self, *args: Any, **kwargs: Any) -> None:
        """The admin site is the back office: open to the role admin and to nobody else."""
        self.is_staff = self.is_superuser = self.is_admin
        super().save(*args, **kwargs)

    @property
    def is_admin(self) -> bool:
        return self.role == Role.ADMIN

    @property
    def has_two_factor(self) -> bool:
        """Whether a log-in needs a one-time password beside the password."""
        return self.two_factor_since is not None

    def _get_session_auth_hash(self, secret: Any = None) -> str:
        """Django's hash, bound to the second factor too.

        Setting one up or removing it ends every session and login token, as a new password does:
        so no log-in lives on that was made without it.
        """
        plain: str = super()._get_session_auth_hash(secret)
        if self.two_factor_since is None:
            return plain
        bound = f"{plain} {self.two_factor_since.timestamp()}"
        return salted_hmac(
            "accounts.User.two_factor_since", bound, secret=secret, algorithm="sha256"
        ).hexdigest()


class TwoFactor(models.Model):
    """A user's authenticator: its secret, encrypted, and which of its passwords are used up.

    It counts once it is confirmed: ``User.two_factor_since`` says so.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="two_factor")
    secret = SecretField()
    last_step = models.BigIntegerField(
        default=0, help_text="The newest 30-second step whose password was used."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"second factor of user {self.user_id}"


class RecoveryCode(models.Model):
    """A password for the day the authenticator is lost: good once, only its digest is kept."""

    two_factor = models.ForeignKey(
        TwoFactor, on_delete=models.CASCADE, related_name="recovery_codes"
    )
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"recovery code {self.pk}"


class LoginFailures(models.Model):
    """How often a log-in failed in one window, by what is counted; see ``login_throttle``."""

    counter = models.CharField(max_length=64, unique=True)
    failures = models.PositiveIntegerField(default=0)
    ends_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name_plural = "login failures"

    def __str__(self) -> str:
        return f"{self.failures} failures until {self.ends_at:%H:%M:%S}"


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


class AppendOnly(TypeError):
    """Someone tried to change or remove a row that is written once."""


class AppendOnlyRows(models.QuerySet["AuditEntry"]):
    """Rows that are only ever added and read."""

    def update(self, **kwargs: Any) -> NoReturn:
        raise AppendOnly("audit entries are never changed")

    def delete(self) -> NoReturn:
        raise AppendOnly("audit entries are never removed")

    def about(self, object_type: str, object_id: int | str) -> Self:
        """The entries about one thing, newest first."""
        return self.filter(object_type=object_type, object_id=str(object_id)).order_by("-id")


class AuditEntry(models.Model):
    """Who did what, and what it changed: written once by ``accounts.audit.record``.

    The actor is kept as plain numbers and a name, not as foreign keys: the entry outlives them.
    """

    at = models.DateTimeField(default=timezone.now, db_index=True, editable=False)
    user_id = models.BigIntegerField(null=True, db_index=True)
    user_name = models.CharField(max_length=150)
    api_key_id = models.BigIntegerField(null=True)
    address = models.CharField(max_length=64, blank=True, default="")
    action = models.CharField(max_length=64)
    object_type = models.CharField(max_length=64)
    object_id = models.CharField(max_length=64)
    before = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    after = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    comment = models.TextField(blank=True, default="")
    request_id = models.CharField(max_length=64, blank=True, default="")
    # Null until ``accounts.trail.linking`` has chained it.
    link_no = models.BigIntegerField(null=True, unique=True, editable=False)
    link_hash = models.CharField(max_length=64, default="", blank=True, editable=False)

    objects = AppendOnlyRows.as_manager()

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = (models.Index(fields=("object_type", "object_id"), name="audit_by_object"),)

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.user_name} {self.action} {self.object_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly("audit entries are never changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly("audit entries are never removed")


# Registered with this app; told in ``accounts.trail`` and ``accounts.personal``.
__all__ = ["AuditHead", "PersonalSettings", "Refusal", "SavedView"]
