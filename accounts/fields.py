"""How is a secret kept in a column?

``SecretField`` is django_cryptography's encrypted text field with three differences: its keys are
``settings.CREDENTIALS_KEYS`` (newest first, so that a key can be rotated while old rows stay
readable) and never ``SECRET_KEY``; the plain text is stored as UTF-8, not as a pickle; and
``dumpdata`` writes the cipher text, not the secret.
"""

import base64
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signing import BadSignature
from django.db import models
from django.utils.encoding import force_bytes
from django_cryptography.core.signing import FernetSigner
from django_cryptography.fields import get_encrypted_field
from django_cryptography.utils.crypto import FernetBytes, InvalidToken

_DUMP_PREFIX = "oms-encrypted:"


class SecretUnreadable(Exception):
    """No key in ``settings.CREDENTIALS_KEYS`` opens the stored value."""


class KeyRing:
    """Encrypts with the newest credentials key and decrypts with whichever key fits.

    The keys are read from the settings at every use, so that importing a model needs none.
    """

    def encrypt(self, data: bytes) -> bytes:
        """``data`` under the newest key, authenticated."""
        return _boxes()[0].encrypt(data)

    def decrypt(self, token: bytes) -> bytes:
        """The plain bytes.

        Raises:
            SecretUnreadable: no key fits, or the value was tampered with.
        """
        for box in _boxes():
            try:
                return box.decrypt(token)
            except (BadSignature, InvalidToken):
                continue
        raise SecretUnreadable("no key in CREDENTIALS_KEYS opens this value")

    def is_newest(self, token: bytes) -> bool:
        """Whether ``token`` was written with the newest key, that is needs no rotation."""
        try:
            _boxes()[0].decrypt(token)
        except (BadSignature, InvalidToken):
            return False
        return True


class SecretField(get_encrypted_field(models.TextField, True)):  # type: ignore[misc]
    """Text that is encrypted in the database and plain on the instance; null means not set."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fernet = KeyRing()

    def _dump(self, value: str) -> bytes:
        return self._fernet.encrypt(value.encode())

    def _load(self, value: bytes) -> str:
        return self._fernet.decrypt(value).decode()

    def value_to_string(self, obj: models.Model) -> str | None:  # type: ignore[override]
        value = self.value_from_object(obj)
        if value is None:
            return None
        return _DUMP_PREFIX + base64.b64encode(self._dump(value)).decode()

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and value.startswith(_DUMP_PREFIX):
            return self._load(base64.b64decode(value.removeprefix(_DUMP_PREFIX)))
        return super().to_python(value)


def _boxes() -> list[FernetBytes]:
    keys = [key for key in settings.CREDENTIALS_KEYS if key]
    if not keys:
        raise ImproperlyConfigured(
            "CREDENTIALS_KEYS is empty: run `manage.py generate_master_key` and set it."
        )
    return [_box(key) for key in keys]


@lru_cache(maxsize=16)
def _box(master_key: str) -> FernetBytes:
    """AES-256-CBC with HMAC-SHA256 (Fernet's form) under two keys derived from ``master_key``."""
    derived = HKDF(
        algorithm=hashes.SHA256(), length=64, salt=None, info=b"ccxt-position credentials"
    ).derive(force_bytes(master_key))
    return FernetBytes(derived[:32], FernetSigner(derived[32:]))
