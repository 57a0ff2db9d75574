"""Is this request the login's own, and is it fresh?

Source: https://developers.binance.com/docs/binance-spot-api-docs/rest-api/request-security
"""

import hashlib
import hmac
from urllib.parse import quote

from gateway.paper.calls import Call
from gateway.paper.errors import VenueError, bad_key, illegal, missing
from gateway.paper.logins import Login

DEFAULT_WINDOW_MS = 5_000
LONGEST_WINDOW_MS = 60_000
AHEAD_MS = 1_000


STALE = -1021


def check_fresh(call: Call) -> None:
    """The request's timestamp lies within its window.

    Raises:
        VenueError: -1102 without timestamp, -1131 window too long, -1021 too old or ahead.
    """
    if call.text("timestamp") is None:
        raise missing("timestamp")
    timestamp = call.number("timestamp")
    window = call.text("recvWindow", str(DEFAULT_WINDOW_MS))
    try:
        window_ms = float(window)
    except ValueError:
        raise illegal("recvWindow", "^[0-9]{1,5}(\\.[0-9]{1,3})?$") from None
    if window_ms > LONGEST_WINDOW_MS:
        raise VenueError(-1131, "recvWindow must be less than 60000.")
    if timestamp > call.now_ms + AHEAD_MS:
        raise VenueError(STALE, "Timestamp for this request was 1000ms ahead of the server's time.")
    if timestamp < call.now_ms - window_ms:
        raise VenueError(STALE, "Timestamp for this request is outside of the recvWindow.")


def check_key(login: Login | None, key: str | None) -> Login:
    """There is a key and it is a login's.

    Raises:
        VenueError: -2014 no key, -2015 a key of nobody.
    """
    if not key:
        raise VenueError(-2014, "API-key format invalid.", status=401)
    if login is None:
        raise bad_key()
    return login


def check_http_signature(login: Login, query: str, body: str, signature: str | None) -> None:
    """The HMAC-SHA256 of query and body, as they came over the wire, is the one sent.

    Raises:
        VenueError: -1102 without signature, -1022 a wrong one.
    """
    _compare(login, _unsigned(query) + _unsigned(body), signature)


def check_ws_signature(login: Login, params: dict[str, str]) -> None:
    """The same for a WebSocket request: over its parameters, sorted by name.

    Raises:
        VenueError: -1102 without signature, -1022 a wrong one.
    """
    pairs = sorted((name, value) for name, value in params.items() if name != "signature")
    plain = "&".join(f"{name}={value}" for name, value in pairs)
    encoded = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in pairs)
    payload = encoded if _sign(login, encoded) == params.get("signature") else plain
    _compare(login, payload, params.get("signature"))


def _unsigned(text: str) -> str:
    """Query text without its signature, wherever that stands."""
    return "&".join(part for part in text.split("&") if part[:10] != "signature=")


def _sign(login: Login, payload: str) -> str:
    return hmac.new(login.secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def _compare(login: Login, payload: str, signature: str | None) -> None:
    if not signature:
        raise missing("signature")
    if not hmac.compare_digest(_sign(login, payload), signature.lower()):
        raise VenueError(-1022, "Signature for this request is not valid.")
