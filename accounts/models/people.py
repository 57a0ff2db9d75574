"""Who may come in, and what a log-in asks of them?"""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.fields import SecretField
from accounts.words import Role, choices_of, values_of


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
