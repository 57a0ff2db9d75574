"""Who is behind a browser's session cookie?"""

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest

from accounts.authentication import caller_of_user
from accounts.permissions import Caller
from accounts.services import two_factor
from oms_project.errors import InvalidApiKey


def caller_of_session(session_key: str) -> Caller:
    """The caller of a logged-in browser, with today's rights: those of the user's oldest live key.

    Raises:
        InvalidApiKey: nobody is logged in with it, the user is disabled, or lacks the second
            factor that their role needs.
    """
    store: Any = import_module(settings.SESSION_ENGINE).SessionStore
    request = HttpRequest()
    request.session = store(session_key)
    user = get_user(request)
    if not user.is_authenticated or two_factor.lacks_required(user):
        raise InvalidApiKey
    return caller_of_user(user)
