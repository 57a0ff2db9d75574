"""What do API keys and login tokens look like?

Both carry 256 random bits. The text is shown once, to its owner; only its digest is stored.
"""

import hashlib
import re
import secrets
import string

KEY_FORM = re.compile(r"cxp_([a-z0-9]{8})_[A-Za-z0-9]{43}")
TOKEN_FORM = re.compile(r"tok_[A-Za-z0-9]{43}")
_BASE62 = string.ascii_letters + string.digits


def digest_of(text: str) -> str:
    """SHA-256 of a key or token, as 64 hex digits: all that is ever stored of its secret."""
    return hashlib.sha256(text.encode()).hexdigest()


def new_key_text() -> tuple[str, str]:
    """A fresh API key as its prefix and its whole text; 256 random bits."""
    prefix = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(8))
    return prefix, f"cxp_{prefix}_{_random_text()}"


def new_token_text() -> str:
    """A fresh login token; 256 random bits."""
    return f"tok_{_random_text()}"


def _random_text() -> str:
    return "".join(secrets.choice(_BASE62) for _ in range(43))
