"""Who is behind this header?

A header value becomes a ``Caller`` here, for REST, WebSocket and pages alike. What was read from
the database is believed for ``CACHE_LIFE_S``, in each process on its own: so a revoked key or an
ended log-in stops working within a second everywhere, without any process telling another.

    caller = resolve(request.headers.get("x-api-key"), address=client_address_of(request.META))
"""

import hmac
import logging
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import ip_network

from django.db import DatabaseError
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts.callers.client import client_address_of, parsed_address
from accounts.callers.key_text import KEY_FORM, TOKEN_FORM, digest_of
from accounts.models import ApiKey, LoginToken, User
from accounts.rights.families import AllowLists, Standing, rights_by_key, standings
from accounts.rights.permissions import AccountRights, Caller
from accounts.trail import refusals
from accounts.words import KeyStatus, Role
from oms_project.errors import InvalidApiKey, MissingApiKey

CACHE_LIFE_S = 0.5
CACHE_LIMIT = 4096
LAST_USED_EVERY = timedelta(minutes=1)

log = logging.getLogger(__name__)


class KeyAuthentication(BaseAuthentication):
    """DRF's view of the caller that ``middleware.require_key`` found; alone, it resolves itself.

    ``request.user`` and ``request.auth`` are both the ``Caller``.
    """

    def authenticate(self, request: Request) -> tuple[Caller, Caller]:
        caller = caller_of(request)
        return caller, caller

    def authenticate_header(self, request: Request) -> str:
        return "ApiKey"


def caller_of(request: HttpRequest | Request) -> Caller:
    """The caller of a request, resolved at most once.

    Raises:
        MissingApiKey, InvalidApiKey: as ``resolve``.
    """
    plain: HttpRequest = request._request if isinstance(request, Request) else request
    found: Caller | None = getattr(plain, "caller", None)
    if found is None:
        found = resolve(plain.headers.get("x-api-key"), address=client_address_of(plain.META))
        plain.caller = found  # type: ignore[attr-defined]
    return found


def resolve(header: str | None, *, address: str | None) -> Caller:
    """The caller whose key or login token this is, asking from ``address``.

    The key's last-used time is at most a minute behind.

    Raises:
        MissingApiKey: there is no header.
        InvalidApiKey: unknown, revoked, expired, or not to be used from ``address``.
    """
    if not header:
        raise MissingApiKey
    if not (KEY_FORM.fullmatch(header) or TOKEN_FORM.fullmatch(header)):
        raise InvalidApiKey
    name = f"header {digest_of(header)}"
    found = _cached(name)
    if found is None:
        found = _remember(name, _read_header(header))
    if found.ends_at is not None and found.ends_at <= timezone.now():
        raise InvalidApiKey
    _require_address(found, address)
    return replace(found.caller, address=address)


def refresh(caller: Caller) -> Caller:
    """The same caller with today's rights; for connections that outlive their first request.

    Raises:
        InvalidApiKey: the user is disabled, the key is revoked or expired, or the log-in ended.
    """
    name = f"caller {caller.user_id} {caller.api_key_id} {caller.login_token_id}"
    found = _cached(name)
    if found is None:
        found = _remember(name, _read_again(caller))
    return replace(found.caller, address=caller.address)


def refresh_all(
    asked: Iterable[tuple[Caller, str | None]],
) -> dict[tuple[Caller, str | None], Caller | None]:
    """Each caller, as it came from its address, with today's rights; read now.

    ``None`` where ``refresh`` would raise, or where the key is not for that address any more. For
    many at once: the number of queries does not depend on how many there are.
    """
    asked = tuple(asked)
    callers = tuple({caller for caller, _ in asked})
    started_at, now = time.monotonic(), timezone.now()
    users = User.objects.in_bulk([caller.user_id for caller in callers])
    keys = ApiKey.objects.in_bulk([each.api_key_id for each in callers if each.api_key_id])
    token_ids = [each.login_token_id for each in callers if each.login_token_id]
    tokens = LoginToken.objects.in_bulk(token_ids)
    known = standings(keys.values(), at=now)
    found: dict[tuple[Caller, str | None], Caller | None] = {}
    for caller, address in asked:
        user = users.get(caller.user_id)
        key = keys.get(caller.api_key_id) if caller.api_key_id else None
        token = tokens.get(caller.login_token_id) if caller.login_token_id else None
        is_gone = (
            user is None
            or (key is None and caller.api_key_id is not None)
            or (token is None and caller.login_token_id is not None)
        )
        found[caller, address] = None
        with suppress(InvalidApiKey):
            if not is_gone:
                read = _read(user, key, token, started_at=started_at, known=known)
                _require_address(read, address)
                found[caller, address] = replace(read.caller, address=address)
    return found


def caller_of_user(user: User, *, address: str | None, api_key_id: int | None = None) -> Caller:
    """The caller a log-in of this user is, for browser sessions: acting through one of their keys.

    Without ``api_key_id`` it is the oldest live key; a user without any has no rights on accounts.

    Raises:
        InvalidApiKey: the user is disabled, or the key is not theirs, not live or not to be used
            from ``address``.
    """
    if api_key_id is None:
        key = oldest_live_key(user)
    elif (key := ApiKey.objects.filter(pk=api_key_id, user=user).first()) is None:
        raise InvalidApiKey
    found = _read(user, key, None, started_at=time.monotonic())
    _require_address(found, address)
    return replace(found.caller, address=address)


def oldest_live_key(user: User) -> ApiKey | None:
    """The key that a log-in acts through when it names none."""
    return (
        ApiKey.objects.filter(user=user, status=KeyStatus.ACTIVE)
        .filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))
        .order_by("id")
        .first()
    )


def forget() -> None:
    """Believe nothing that was read before; this process only."""
    _cache.clear()


@dataclass(frozen=True, slots=True)
class _Found:
    """What a key or token turned out to be, and when we began to read it (monotonic seconds)."""

    caller: Caller
    allow_lists: AllowLists
    ends_at: datetime | None
    started_at: float


_NO_KEY = Standing(is_live=True, rights={}, allow_lists=(), expires_at=None)
_cache: dict[str, _Found] = {}


def _cached(name: str) -> _Found | None:
    found = _cache.get(name)
    if found is None or time.monotonic() - found.started_at > CACHE_LIFE_S:
        return None
    return found


def _remember(name: str, found: _Found) -> _Found:
    # Only what proved genuine is kept, so guessing cannot fill the memory; the limit is a guard.
    if len(_cache) >= CACHE_LIMIT:
        _cache.clear()
    _cache[name] = found
    return found


def _read_header(header: str) -> _Found:
    started_at = time.monotonic()
    if match := KEY_FORM.fullmatch(header):
        return _read_key(header, match[1], started_at)
    return _read_token(header, started_at)


def _read_key(text: str, prefix: str, started_at: float) -> _Found:
    key = ApiKey.objects.select_related("user").filter(prefix=prefix).first()
    stored = key.digest if key else "0" * 64
    if not hmac.compare_digest(stored, digest_of(text)) or key is None:
        raise InvalidApiKey
    found = _read(key.user, key, None, started_at=started_at)
    _touch(key)
    return found


def _read_token(text: str, started_at: float) -> _Found:
    rows = LoginToken.objects.select_related("user", "api_key")
    token = rows.filter(digest=digest_of(text)).first()
    if token is None:
        raise InvalidApiKey
    found = _read(token.user, token.api_key, token, started_at=started_at)
    if token.api_key:
        _touch(token.api_key)
    return found


def _read_again(caller: Caller) -> _Found:
    started_at = time.monotonic()
    user = User.objects.filter(pk=caller.user_id).first()
    key = ApiKey.objects.filter(pk=caller.api_key_id).first() if caller.api_key_id else None
    token = None
    if caller.login_token_id is not None:
        token = LoginToken.objects.filter(pk=caller.login_token_id).first()
        if token is None:
            raise InvalidApiKey
    if user is None or (caller.api_key_id is not None and key is None):
        raise InvalidApiKey
    return _read(user, key, token, started_at=started_at)


def _read(
    user: User,
    key: ApiKey | None,
    token: LoginToken | None,
    *,
    started_at: float,
    known: Mapping[int, Standing] | None = None,
) -> _Found:
    now = timezone.now()
    standing = _NO_KEY
    if key is not None:
        standing = (standings([key], at=now) if known is None else known)[key.pk]
    if not user.is_active or not standing.is_live:
        raise InvalidApiKey
    if token is not None and (
        token.expires_at <= now
        or not hmac.compare_digest(token.password_mark, user.get_session_auth_hash())
    ):
        raise InvalidApiKey
    ends = (standing.expires_at, token.expires_at if token else None)
    return _Found(
        caller=Caller(
            user_id=user.pk,
            user_name=user.username,
            role=Role(user.role),
            api_key_id=key.pk if key else None,
            rights=standing.rights,
            login_token_id=token.pk if token else None,
        ),
        allow_lists=standing.allow_lists,
        ends_at=min((each for each in ends if each is not None), default=None),
        started_at=started_at,
    )


def rights_of(key: ApiKey) -> dict[int, AccountRights]:
    """What the key says for itself, account by account; its makers bind it further."""
    return rights_by_key([key.pk]).get(key.pk, {})


def _touch(key: ApiKey) -> None:
    """Note that the key was used, once a minute, by one conditional update without a lock."""
    now = timezone.now()
    due = now - LAST_USED_EVERY
    if key.last_used_at is not None and key.last_used_at > due:
        return
    stale = ApiKey.objects.filter(pk=key.pk).filter(Q(last_used_at=None) | Q(last_used_at__lte=due))
    try:
        stale.update(last_used_at=now)
    except DatabaseError as error:
        # A busy database must not refuse a good key; the next read tries again.
        log.warning(
            "key.last_used_not_written",
            extra={"api_key_id": key.pk, "error": type(error).__name__},
        )


def _require_address(found: _Found, address: str | None) -> None:
    if all(_is_allowed(address, allowed) for allowed in found.allow_lists):
        return
    log.warning(
        "key.refused_address",
        extra={"api_key_id": found.caller.api_key_id, "address": address},
    )
    refusals.note(
        "address",
        user_name=found.caller.user_name,
        address=address,
        api_key_id=found.caller.api_key_id or 0,
    )
    raise InvalidApiKey


def _is_allowed(address: str | None, allow_list: tuple[str, ...]) -> bool:
    parsed = parsed_address(address)
    return parsed is not None and any(
        parsed in ip_network(entry, strict=False) for entry in allow_list
    )
