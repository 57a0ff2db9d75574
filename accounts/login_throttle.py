"""How many wrong passwords may one try?

Counted in Django's cache, per user name and address, and per address alone at ten times the
limit, in windows of ``LOGIN_WINDOW_S``. Counting per user name alone would let anyone lock out
anyone else.
"""

import contextlib
import hashlib
import time

from django.conf import settings
from django.core.cache import cache

from oms_project.errors import RateLimited


def require_login_allowed(
    *, user_name: str, address: str | None, now_s: float | None = None
) -> None:
    """Another attempt may be made.

    Raises:
        RateLimited: too many failures in this window; ``retry_after_s`` is when it ends.
    """
    limit, window_s = _limits()
    now_s = time.time() if now_s is None else now_s
    pair, alone = _counters(user_name, address, now_s, window_s)
    if cache.get(pair, 0) >= limit or cache.get(alone, 0) >= limit * 10:
        raise RateLimited(
            "Too many failed log-ins; wait and try again.",
            limit=limit,
            retry_after_s=max(1, int(window_s - now_s % window_s)),
        )


def note_failure(*, user_name: str, address: str | None, now_s: float | None = None) -> None:
    """One more failed attempt is counted."""
    _, window_s = _limits()
    now_s = time.time() if now_s is None else now_s
    for counter in _counters(user_name, address, now_s, window_s):
        if not cache.add(counter, 1, timeout=window_s):
            # The counter may expire just now: then its window is over.
            with contextlib.suppress(ValueError):
                cache.incr(counter)


def _limits() -> tuple[int, int]:
    return getattr(settings, "LOGIN_FAILURES", 10), getattr(settings, "LOGIN_WINDOW_S", 300)


def _counters(user_name: str, address: str | None, now_s: float, window_s: int) -> tuple[str, str]:
    # Hashed, because a user name may hold what a cache key must not.
    window = int(now_s // window_s)
    name = hashlib.sha256(user_name.lower().encode()).hexdigest()
    return f"login:{window}:{address}:{name}", f"login:{window}:{address}"
