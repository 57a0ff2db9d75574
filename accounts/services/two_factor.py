"""Is it really they? The second factor of a log-in.

One-time passwords of six digits by RFC 6238 (TOTP: SHA-1, 30 s), each good once; and recovery
codes for the day the authenticator is lost. A user who has set one up always needs it.
``OMS_TWO_FACTOR_REQUIRED`` makes the roles admin and risk set one up before they can log in.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pyotp
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.audit import Actor
from accounts.callers import login_throttle
from accounts.callers.authentication import forget
from accounts.callers.key_text import digest_of
from accounts.callers.second_factor import lacks_required
from accounts.fields import SecretUnreadable
from accounts.models import LoginToken, RecoveryCode, TwoFactor, User
from oms_project.errors import (
    Conflict,
    Invalid,
    InvalidLogin,
    StorageUnavailable,
    TwoFactorRequired,
)

RECOVERY_CODES = 10
ISSUER = "ccxt-position"
STEP_S = 30
# Steps before and after the present one that are accepted, for clocks that differ.
STEPS_OFF = 1


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app needs; shown to its owner until it is confirmed."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


def require_second_factor(user: User, otp: str | None) -> None:
    """Let a user pass whose password was right.

    Raises:
        TwoFactorRequired: one is needed and ``otp`` is empty, or none is set up and the role needs
            one (``details.enrolled`` tells which).
        RateLimited: too many wrong one-time passwords of this user.
        InvalidLogin: ``otp`` is wrong, or was used before.
    """
    if lacks_required(user):
        raise TwoFactorRequired("Set up a second factor first.", enrolled=False)
    if not user.has_two_factor:
        return
    if not otp:
        raise TwoFactorRequired(enrolled=True)
    login_throttle.require_otp_allowed(user_id=user.pk)
    if not _uses_up(user, otp.strip(), timezone.now()):
        login_throttle.note_otp_failure(user_id=user.pk)
        raise InvalidLogin


@transaction.atomic
def enrol(*, user: User, by: Actor) -> Enrolment:
    """A fresh secret, which counts once ``confirm`` has seen a password made from it.

    Raises:
        Conflict: the user has a second factor; it is removed first.
    """
    if user.has_two_factor:
        raise Conflict("There is a second factor already.", field="two_factor")
    secret = pyotp.random_base32()
    TwoFactor.objects.update_or_create(user=user, defaults={"secret": secret, "last_step": 0})
    audit.record(by=by, action="two_factor_begun", object_type="user", object_id=user.pk)
    return _enrolment(user, secret)


def pending_enrolment(user: User) -> Enrolment | None:
    """What ``enrol`` answered, while it is not confirmed."""
    row = None if user.has_two_factor else TwoFactor.objects.filter(user=user).first()
    return _enrolment(user, row.secret) if row else None


@transaction.atomic
def confirm(*, user: User, otp: str, by: Actor) -> list[str]:
    """Log-ins need the second factor from now on; returns the recovery codes, shown this once.

    Every log-in of the user ends, this one too.

    Raises:
        Conflict: nothing waits for being confirmed.
        Invalid: ``otp`` is not what the authenticator shows now.
    """
    row = None if user.has_two_factor else TwoFactor.objects.filter(user=user).first()
    if row is None:
        raise Conflict("Nothing waits for being confirmed.", field="two_factor")
    if not _uses_up_totp(row, otp.strip(), timezone.now()):
        raise Invalid(
            "This is not what the authenticator shows now.",
            field="otp",
            limit="what the authenticator shows",
        )
    return _switch_on(user, row, by=by)


@transaction.atomic
def enrol_for(*, user: User, by: Actor) -> tuple[Enrolment, list[str]]:
    """The same without a confirmation, for an operator who hands secret and codes over.

    Raises:
        Conflict: the user has a second factor.
    """
    enrolment = enrol(user=user, by=by)
    return enrolment, _switch_on(user, TwoFactor.objects.get(user=user), by=by)


@transaction.atomic
def remove(*, user: User, by: Actor, comment: str = "") -> bool:
    """Log-ins need no second factor any more, and every log-in ends; returns whether one was.

    Raises:
        PermissionDenied: an admin's, by a key of somebody else only.
    """
    if user.is_admin and by.user_id != user.pk:
        by.require_log_in(user_id=user.pk, field="two_factor")
    had_one = user.has_two_factor
    TwoFactor.objects.filter(user=user).delete()
    if had_one:
        _set_since(user, None)
        audit.record(
            by=by,
            action="two_factor_removed",
            object_type="user",
            object_id=user.pk,
            comment=comment,
        )
    return had_one


def recovery_codes_left(user: User) -> int:
    """How many recovery codes were not used."""
    return RecoveryCode.objects.filter(two_factor__user=user, used_at=None).count()


def _enrolment(user: User, secret: str) -> Enrolment:
    uri = pyotp.TOTP(secret).provisioning_uri(name=user.username, issuer_name=ISSUER)
    return Enrolment(secret, uri)


def _switch_on(user: User, row: TwoFactor, *, by: Actor) -> list[str]:
    codes = ["-".join(secrets.token_hex(2) for _ in range(4)) for _ in range(RECOVERY_CODES)]
    row.recovery_codes.all().delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(two_factor=row, digest=digest_of(code)) for code in codes
    )
    _set_since(user, timezone.now())
    audit.record(by=by, action="two_factor_set", object_type="user", object_id=user.pk)
    return codes


def _set_since(user: User, since: datetime | None) -> None:
    user.two_factor_since = since
    user.save(update_fields=["two_factor_since"])
    LoginToken.objects.filter(user=user).delete()
    transaction.on_commit(forget)


def _uses_up(user: User, otp: str, now: datetime) -> bool:
    """Whether ``otp`` was good; it is not any more."""
    try:
        row = TwoFactor.objects.get(user=user)
    except SecretUnreadable as error:
        raise StorageUnavailable(
            "The second factor cannot be decrypted with CREDENTIALS_KEYS."
        ) from error
    return _uses_up_totp(row, otp, now) or _uses_up_code(row, otp, now)


def _uses_up_totp(row: TwoFactor, otp: str, now: datetime) -> bool:
    totp = pyotp.TOTP(row.secret, interval=STEP_S)
    for offset in range(-STEPS_OFF, STEPS_OFF + 1):
        moment = now + timedelta(seconds=offset * STEP_S)
        if not totp.verify(otp, for_time=moment):
            continue
        step = int(moment.timestamp()) // STEP_S
        # One conditional update: of two log-ins with the same password one passes.
        fresh = TwoFactor.objects.filter(pk=row.pk, last_step__lt=step)
        return bool(fresh.update(last_step=step))
    return False


def _uses_up_code(row: TwoFactor, otp: str, now: datetime) -> bool:
    unused = RecoveryCode.objects.filter(
        two_factor=row, digest=digest_of(otp.lower()), used_at=None
    )
    return bool(unused.update(used_at=now))
