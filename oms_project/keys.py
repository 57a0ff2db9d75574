"""Which secrets does this installation sign and encrypt with?"""

import json
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

import environ

from oms_project.guard.strength import LEAST_LENGTH, LEAST_TOKEN_LENGTH, weakness


@dataclass(frozen=True, slots=True)
class SecretKeys:
    """Django's signing key, and the keys of the stored exchange credentials, newest first."""

    django: str
    credentials: list[str]

    def __repr__(self) -> str:
        return f"SecretKeys(django=…, credentials=[{len(self.credentials)} keys])"


def new_key() -> str:
    """A fresh random key: 43 URL-safe characters, 256 bits."""
    return secrets.token_urlsafe(32)


def secret_keys(env: environ.Env, data_dir: Path | None) -> SecretKeys:
    """The keys from ``DJANGO_SECRET_KEY`` and ``CREDENTIALS_KEYS`` (comma-separated).

    With a ``data_dir``, missing ones come from ``keys.json`` there (mode 0600, made on first use).

    Older credentials keys may be weak: they are there to be rotated away from, and only read.

    Raises:
        ImproperlyConfigured: a key is missing and there is no data directory to keep one in, or
            one that signs or encrypts can be guessed.
    """
    django = env.str("DJANGO_SECRET_KEY", "")
    credentials = env.list("CREDENTIALS_KEYS", default=[])
    require_strong("DJANGO_SECRET_KEY", django)
    require_strong("CREDENTIALS_KEYS", credentials[0] if credentials else "")
    if django and credentials:
        return SecretKeys(django, credentials)
    if sys.argv[1:2] == ["generate_master_key"]:
        return SecretKeys(new_key(), [])  # The command that makes keys has to run without them.
    if data_dir is None:
        raise environ.ImproperlyConfigured(
            "Set DJANGO_SECRET_KEY and CREDENTIALS_KEYS; `generate_master_key` makes both."
        )
    kept = _kept_keys(data_dir / "keys.json")
    return SecretKeys(django or kept["django"], credentials or kept["credentials"])


def require_strong(name: str, secret: str, *, least: int = LEAST_LENGTH) -> None:
    """The secret in the variable ``name`` is unset, or nobody guesses it.

    Raises:
        ImproperlyConfigured: somebody might.
    """
    if secret and (why := weakness(secret, least=least)):
        way = "`manage.py generate_master_key` makes good ones"
        if name == "CREDENTIALS_KEYS":
            way += "; put the new one in front of it and run `manage.py rotate_credentials_key`"
        raise environ.ImproperlyConfigured(f"{name} {why}: {way}.")


def metrics_token(env: environ.Env) -> str:
    """``OMS_METRICS_TOKEN``, empty where there is none.

    Raises:
        ImproperlyConfigured: it can be guessed.
    """
    token = env.str("OMS_METRICS_TOKEN", "")
    require_strong("OMS_METRICS_TOKEN", token, least=LEAST_TOKEN_LENGTH)
    return token


def _kept_keys(path: Path) -> dict:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = {"django": new_key(), "credentials": [new_key()]}
    draft = path.with_suffix(f".{os.getpid()}.draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(fresh))
    try:
        os.link(draft, path)  # Fails where another process was first: then its keys count.
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return json.loads(path.read_text())
