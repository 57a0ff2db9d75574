"""Where do settings come from? The environment, or for each of them a file that it names."""

import json
import warnings
from typing import Any

import environ
from environ.fileaware_mapping import FileAwareMapping


class _Files(FileAwareMapping):
    """``NAME_FILE`` names the file that holds ``NAME``, without the end of its last line.

    An editor and ``echo`` end a file with a line feed, which django-environ would make a part of a
    key or a password.
    """

    def __getitem__(self, name: str) -> str:
        path = self.env.get(f"{name}_FILE")
        try:
            value: str = super().__getitem__(name)
        except OSError as unread:
            raise environ.ImproperlyConfigured(
                f"{name}_FILE names {path!r}, which cannot be read: {unread.strerror}."
            ) from None
        return value.rstrip("\r\n") if path else value


_YES, _NO = environ.Env.BOOLEAN_TRUE_STRINGS, ("false", "off", "n", "no", "0", "")
_WANTED = {bool: "true or false", int: "a whole number", float: "a number", json.loads: "JSON"}


class Environment(environ.Env):
    """Settings of the environment; each may be in a file instead, as secrets of containers are.

    Raises:
        ImproperlyConfigured: a value is not of its kind, or a file that is named cannot be read.
            django-environ would take a misspelt ``true`` for false, and ``1,500`` for 1.5.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ENVIRON = _Files()

    def get_value(self, var: str, cast: Any = None, **options: Any) -> Any:
        """The value of one setting, as ``environ.Env`` reads it."""
        given = self.ENVIRON.get(var)
        try:
            if given is not None:
                _check(given, cast)
            return super().get_value(var, cast=cast, **options)
        except ValueError:
            wanted = _WANTED.get(cast, "readable")
            raise environ.ImproperlyConfigured(
                f"{var} is {given!r}; it must be {wanted}."
            ) from None

    def database(self, var: str) -> dict[str, Any]:
        """Django's settings of the database at this address; what stands in it is never told."""
        try:
            with warnings.catch_warnings(action="ignore"):  # It would warn with the password.
                found: dict[str, Any] = self.db_url(var)
        except (ValueError, environ.ImproperlyConfigured):
            found = {}
        if not found.get("ENGINE", "").startswith("django.db.backends."):
            way = "mysql://USER:PASSWORD@HOST:3306/NAME or sqlite:///PATH"
            raise environ.ImproperlyConfigured(f"{var} is no address of a database, as {way}.")
        return found


def _check(given: str, cast: Any) -> None:
    """Raises ValueError where ``environ.Env`` would make something of what means nothing."""
    if cast is bool and given.strip().lower() not in (*_YES, *_NO):
        raise ValueError
    if cast is float:
        float(given)
