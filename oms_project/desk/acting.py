"""Who does a browser act as, and through which of their keys?"""

from django.http import HttpRequest

from accounts.callers.browser_sessions import acting_caller
from accounts.callers.client import client_address_of
from accounts.rights.permissions import Caller
from accounts.words import Role
from oms_project.errors import InvalidApiKey


def caller_in(request: HttpRequest) -> Caller:
    """The caller that the logged-in user is in this session, found at most once.

    Where the key is not to be used from here it is a caller without rights on accounts.
    """
    found: Caller | None = getattr(request, "caller", None)
    if found is None:
        user, address = request.user, client_address_of(request.META)
        try:
            found = acting_caller(user, request.session, address=address)
        except InvalidApiKey:
            found = Caller(user.pk, user.username, Role(user.role), None, address=address)
        request.caller = found  # type: ignore[attr-defined]
    return found
