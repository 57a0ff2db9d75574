"""Who is behind a browser's session cookie, and through which key do they act?

The key is chosen in the session: the one of the user's settings at the log-in, else their oldest
live one. A chosen key that is revoked or expired is not replaced by another: until one is chosen
again the session has no rights on accounts.
"""

from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user
from django.http import HttpRequest

from accounts.callers import second_factor
from accounts.callers.authentication import caller_of_user
from accounts.models import User
from accounts.rights.permissions import Caller
from accounts.words import Role
from oms_project.errors import InvalidApiKey, NotFound

KEY_IN_SESSION = "oms_api_key_id"


def session_in(cookies: str) -> str | None:
    """The session key in a ``Cookie`` header; whether there is such a session is not asked."""
    try:
        cookie = SimpleCookie(cookies).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return None
    return None if cookie is None else cookie.value


def user_id_of_session(session_key: str) -> int | None:
    """Who began the session, by one look: enough to queue by, and no proof of any right."""
    user_id = _stored(session_key).get(SESSION_KEY)
    return None if user_id is None else int(user_id)


def caller_of_session(session_key: str, *, address: str | None) -> Caller:
    """The caller of a logged-in browser, with today's rights: those of the key it acts through.

    Raises:
        InvalidApiKey: nobody is logged in with it, the user is disabled, or lacks the second
            factor that their role needs; or the key is not for ``address``.
    """
    request = HttpRequest()
    request.session = _stored(session_key)
    user = get_user(request)
    if not user.is_authenticated or second_factor.lacks_required(user):
        raise InvalidApiKey
    return acting_caller(user, request.session, address=address)


def acting_caller(user: User, session: Any, *, address: str | None) -> Caller:
    """The caller that the user is in this session.

    Raises:
        InvalidApiKey: the user is disabled, or the oldest key is not for ``address``.
    """
    chosen = session.get(KEY_IN_SESSION)
    if chosen is None:
        return caller_of_user(user, address=address)
    try:
        return caller_of_user(user, address=address, api_key_id=chosen)
    except InvalidApiKey:
        if not user.is_active:
            raise
        return Caller(user.pk, user.username, Role(user.role), None, address=address)


def act_through(user: User, session: Any, api_key_id: int, *, address: str | None) -> None:
    """The session acts through this key from now on.

    Raises:
        NotFound: it is no live key of the user, or not to be used from ``address``.
    """
    try:
        caller_of_user(user, address=address, api_key_id=api_key_id)
    except InvalidApiKey as error:
        raise NotFound("You have no such live key.", api_key_id=api_key_id) from error
    session[KEY_IN_SESSION] = api_key_id


def _stored(session_key: str) -> Any:
    return import_module(settings.SESSION_ENGINE).SessionStore(session_key)
