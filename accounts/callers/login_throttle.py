"""How many wrong passwords may one try?

Counted per user name and address, and per address alone at ten times the limit, in windows of
``LOGIN_WINDOW_S``. Counting passwords per user name alone would let anyone lock out anyone else.
One-time passwords are counted per user, from wherever they come: who gets as far as guessing those
knows the password.

The counters are rows: one truth for every process, also after a restart and without a cache.
"""

import hashlib
from datetime import UTC, datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import LoginFailures
from oms_project.errors import RateLimited

ADDRESS_FACTOR = 10


def require_login_allowed(
    *, user_name: str, address: str | None, now: datetime | None = None
) -> None:
    """Another password may be tried.

    Raises:
        RateLimited: too many failures in this window; ``retry_after_s`` is when it ends.
    """
    now = now or timezone.now()
    pair, alone = _password_counters(user_name, address, now)
    _require_below({pair: _limit(), alone: _limit() * ADDRESS_FACTOR}, now)


def require_otp_allowed(*, user_id: int, now: datetime | None = None) -> None:
    """Another one-time password may be tried.

    Raises:
        RateLimited: as ``require_login_allowed``.
    """
    now = now or timezone.now()
    _require_below({_otp_counter(user_id, now): _limit()}, now)


def note_failure(*, user_name: str, address: str | None, now: datetime | None = None) -> None:
    """One more wrong password is counted."""
    now = now or timezone.now()
    _count(_password_counters(user_name, address, now), now)


def note_otp_failure(*, user_id: int, now: datetime | None = None) -> None:
    """One more wrong one-time password is counted."""
    now = now or timezone.now()
    _count((_otp_counter(user_id, now),), now)


def _limit() -> int:
    return settings.LOGIN_FAILURES


def _window_end(now: datetime) -> int:
    window_s = settings.LOGIN_WINDOW_S
    return (int(now.timestamp()) // window_s + 1) * window_s


def _password_counters(user_name: str, address: str | None, now: datetime) -> tuple[str, str]:
    return _name(now, address, user_name.lower()), _name(now, address)


def _otp_counter(user_id: int, now: datetime) -> str:
    return _name(now, "otp", user_id)


def _name(now: datetime, *parts: object) -> str:
    """A counter's name: of one length, and telling nothing of who tried."""
    return hashlib.sha256(repr((_window_end(now), *parts)).encode()).hexdigest()


def _require_below(limits: dict[str, int], now: datetime) -> None:
    rows = LoginFailures.objects.filter(counter__in=limits)
    for counter, failures in rows.values_list("counter", "failures"):
        if failures >= limits[counter]:
            raise RateLimited(
                "Too many failed log-ins; wait and try again.",
                limit=limits[counter],
                retry_after_s=max(1, _window_end(now) - int(now.timestamp())),
            )


def _count(counters: tuple[str, ...], now: datetime) -> None:
    LoginFailures.objects.filter(ends_at__lte=now).delete()
    ends_at = datetime.fromtimestamp(_window_end(now), UTC)
    for counter in counters:
        _count_one(counter, ends_at)


def _count_one(counter: str, ends_at: datetime) -> None:
    row = LoginFailures.objects.filter(counter=counter)
    if row.update(failures=F("failures") + 1):
        return
    try:
        with transaction.atomic():
            LoginFailures.objects.create(counter=counter, failures=1, ends_at=ends_at)
    except IntegrityError:  # Another process was first.
        row.update(failures=F("failures") + 1)
