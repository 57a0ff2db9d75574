"""Who is logged in?"""

import logging
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth import authenticate
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.audit import Actor
from accounts.callers import login_throttle, second_factor
from accounts.callers.authentication import forget, oldest_live_key
from accounts.callers.key_text import digest_of, new_token_text
from accounts.models import LOGIN_TOKEN_LIFE, ApiKey, LoginToken, User
from accounts.services import two_factor
from accounts.trail import refusals
from oms_project.errors import Conflict, InvalidLogin, NotFound

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LogIn:
    """A fresh log-in; ``token`` is shown once and stored nowhere."""

    token: str = field(repr=False)
    expires_at: datetime
    user: User
    api_key_id: int | None


def identify(
    *,
    user_name: str,
    password: str,
    otp: str | None,
    address: str | None,
    may_enrol: bool = False,
) -> User:
    """The active user with this name and password, and second factor where one is needed.

    The one door of all log-ins: REST, admin site, and changes that ask for the password again.
    ``may_enrol`` lets somebody pass whose role needs a second factor and who has none yet.

    Raises:
        RateLimited: too many failures, by user name and address, or by user for ``otp``.
        InvalidLogin: name, password or ``otp`` is wrong, or the user is disabled; not said which.
        TwoFactorRequired: as ``two_factor.require_second_factor``.
    """
    login_throttle.require_login_allowed(user_name=user_name, address=address)
    user = authenticate(username=user_name, password=password)
    if not isinstance(user, User):
        login_throttle.note_failure(user_name=user_name, address=address)
        refusals.note("password", user_name=user_name, address=address)
        log.warning("login.refused", extra={"user_name": user_name, "address": address})
        raise InvalidLogin
    if may_enrol and second_factor.lacks_required(user):
        return user
    try:
        two_factor.require_second_factor(user, otp)
    except InvalidLogin:
        refusals.note("otp", user_name=user_name, address=address)
        log.warning("login.refused_otp", extra={"user_name": user_name, "address": address})
        raise
    return user


def log_in(
    *,
    user_name: str,
    password: str,
    address: str | None,
    otp: str | None = None,
    api_key_id: int | None = None,
    request_id: str = "",
) -> LogIn:
    """A token for 12 hours that acts through one of the user's keys: the oldest live one, or the
    one named. A user without a key gets a token without rights on accounts.

    Raises:
        RateLimited, InvalidLogin, TwoFactorRequired: as ``identify``.
        NotFound: ``api_key_id`` is not a live key of this user.
    """
    user = identify(user_name=user_name, password=password, otp=otp, address=address)
    key = _key_to_act_through(user, api_key_id)
    return _issue_token(user, key, address=address, request_id=request_id)


@transaction.atomic
def log_out(token_text: str, *, by: Actor) -> int:
    """The log-in with this token has ended; returns 1, or 0 where the text is no live token."""
    ended, _ = LoginToken.objects.filter(digest=digest_of(token_text)).delete()
    transaction.on_commit(forget)
    if ended:
        audit.record(by=by, action="logged_out", object_type="user", object_id=by.user_id or 0)
    return ended


def enrol_own_two_factor(
    *, user: User, password: str, address: str | None, by: Actor
) -> two_factor.Enrolment:
    """As ``two_factor.enrol``, for somebody who gives the password again.

    Raises:
        RateLimited, InvalidLogin: the password, as ``identify``.
        Conflict: there is a second factor already.
    """
    if user.has_two_factor:
        raise Conflict("There is a second factor already.", field="two_factor")
    identify(user_name=user.username, password=password, otp=None, address=address, may_enrol=True)
    return two_factor.enrol(user=user, by=by)


def confirm_own_two_factor(
    *, user: User, password: str, otp: str, address: str | None, by: Actor
) -> list[str]:
    """As ``two_factor.confirm``, for somebody who gives the password again.

    Raises:
        RateLimited, InvalidLogin: the password, as ``identify``.
        Conflict: there is a second factor already, or nothing waits for being confirmed.
        Invalid: ``otp`` is not what the authenticator shows now.
    """
    if user.has_two_factor or two_factor.pending_enrolment(user) is None:
        raise Conflict("Nothing waits for being confirmed.", field="two_factor")
    identify(user_name=user.username, password=password, otp=None, address=address, may_enrol=True)
    return two_factor.confirm(user=user, otp=otp, by=by)


def remove_own_two_factor(
    *, user: User, password: str, otp: str, address: str | None, by: Actor
) -> None:
    """Log-ins of the user need no second factor any more; every log-in ends.

    Raises:
        Conflict: the user's role may not do without, or there is none.
        RateLimited, InvalidLogin: password or ``otp``, as ``identify``.
    """
    if not user.has_two_factor:
        raise Conflict("There is no second factor.", field="two_factor")
    if second_factor.is_required(user):
        raise Conflict("The role needs a second factor.", field="two_factor")
    identify(user_name=user.username, password=password, otp=otp, address=address)
    two_factor.remove(user=user, by=by)


def _key_to_act_through(user: User, api_key_id: int | None) -> ApiKey | None:
    if api_key_id is None:
        return oldest_live_key(user)
    key = ApiKey.objects.filter(pk=api_key_id, user=user).first()
    if key is None or not key.is_live():
        raise NotFound("You have no such live key.", api_key_id=api_key_id)
    return key


@transaction.atomic
def _issue_token(user: User, key: ApiKey | None, *, address: str | None, request_id: str) -> LogIn:
    now = timezone.now()
    LoginToken.objects.filter(user=user, expires_at__lte=now).delete()
    text = new_token_text()
    token = LoginToken.objects.create(
        user=user,
        api_key=key,
        digest=digest_of(text),
        password_mark=user.get_session_auth_hash(),
        expires_at=now + LOGIN_TOKEN_LIFE,
    )
    User.objects.filter(pk=user.pk).update(last_login=now)
    key_id = key.pk if key else None
    audit.record(
        by=Actor(user.pk, user.username, key_id, request_id, address=address),
        action="logged_in",
        object_type="user",
        object_id=user.pk,
    )
    return LogIn(token=text, expires_at=token.expires_at, user=user, api_key_id=key_id)
