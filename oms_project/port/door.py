"""May the body of this request be read, and how much of it?

Asked once the headers are there. Without a good key no body is read, except where people log in:
there a small one. A socket has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

from accounts.callers.authentication import resolve
from accounts.callers.browser_sessions import caller_of_session
from accounts.callers.client import client_address
from accounts.callers.middleware import is_public
from oms_project.errors import OmsError, PayloadTooLarge
from oms_project.port.visit import Visit
from positions.api.pool import at_the_door

# A log-in, or a form of the back office before anybody is known.
STRANGERS_BODY_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of which only the head was read; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    peer: str | None
    length: int | None


async def admit(asked: Asked, visit: Visit) -> int:
    """The bytes of body that may be read; ``visit`` knows the caller afterwards.

    Raises:
        MissingApiKey, InvalidApiKey: the address needs a key.
        PayloadTooLarge: the request says itself that it is longer.
        StorageUnavailable: nobody can be recognised now.
    """
    limit = await _limit(asked, visit)
    if asked.length is not None and asked.length > limit:
        raise PayloadTooLarge(limit=limit, value=asked.length)
    return limit


async def _limit(asked: Asked, visit: Visit) -> int:
    if not is_public(asked.path):
        address = client_address(asked.peer, asked.headers.get("x-forwarded-for", ""))
        header = asked.headers.get("x-api-key")
        visit.caller = await at_the_door(resolve, header, address=address)
        visit.recognise(visit.caller.user_id)
    elif not await _has_session(asked):
        return STRANGERS_BODY_BYTES
    return settings.OMS_MAX_BODY_BYTES


async def _has_session(asked: Asked) -> bool:
    """Whether a browser sends the form that somebody is logged in to; small ones need not be."""
    if asked.length is not None and asked.length <= STRANGERS_BODY_BYTES:
        return False
    pairs = (part.strip().partition("=") for part in asked.headers.get("cookie", "").split(";"))
    key = {name: value for name, _, value in pairs}.get(settings.SESSION_COOKIE_NAME)
    if not key:
        return False
    try:
        await at_the_door(caller_of_session, key)
    except OmsError:
        return False
    return True
