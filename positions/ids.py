"""Which id does the exchange know an order by?"""

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits
_FIRST = string.ascii_letters.replace("t", "").replace("T", "")
LENGTH = 18


def new_exchange_client_order_id() -> str:
    """18 random base62 characters, the first a letter other than ``t``.

    Short and plain enough for every exchange that ccxt knows (okx takes 32 alphanumerics, gate 28;
    for gate ccxt adds its ``t-`` prefix only where the id does not start with a t already).
    """
    rest = "".join(secrets.choice(_ALPHABET) for _ in range(LENGTH - 1))
    return secrets.choice(_FIRST) + rest
