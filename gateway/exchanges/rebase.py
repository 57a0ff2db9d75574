"""How is an exchange reached at another host than its own?

``settings.OMS_EXCHANGE_URLS`` maps a ccxt id to a base URL: the paper venue, a test venue or a
reverse proxy. Scheme and host of every REST and WebSocket address of that exchange are replaced,
the path is kept.

The address is changed where the request leaves (``gateway.sessions.wire``), not in
``exchange.urls``. ccxt reads more from its own addresses than where to connect: Binance's error
tables are chosen by the URL's prefix (``get_exceptions_by_url``), spot and contract streams are
told apart by ``/stream`` in the URL, some exchanges sign the host. Behind a changed
``exchange.urls`` all of that goes wrong; here ccxt goes on seeing the addresses it knows, for every
exchange.
"""

from urllib.parse import urlsplit, urlunsplit

from django.conf import settings

_SECURE = {"https": True, "wss": True, "http": False, "ws": False}


def base_of(ccxt_id: str) -> str | None:
    """The base URL that the operator gave ``ccxt_id``, without a trailing slash; ``None``: its own.

    >>> base_of("kraken") is None
    True
    """
    base = settings.OMS_EXCHANGE_URLS.get(ccxt_id)
    return base.rstrip("/") if base else None


def rebased(url: str, base: str | None) -> str:
    """``url`` at ``base``: scheme and host are the base's, path and query stay.

    A WebSocket address stays one (http → ws, https → wss). A path in ``base`` goes in front.

    >>> rebased("wss://stream.binance.com:9443/ws/0", "http://127.0.0.1:8090")
    'ws://127.0.0.1:8090/ws/0'

    Raises:
        ValueError: the base has no host or no http(s)/ws(s) scheme.
    """
    if base is None:
        return url
    target, address = urlsplit(base), urlsplit(url)
    if target.scheme not in _SECURE or not target.netloc:
        raise ValueError("OMS_EXCHANGE_URLS: give http(s)://host[:port] as the base URL")

    plain = "ws" if address.scheme in ("ws", "wss") else "http"
    scheme = f"{plain}s" if _SECURE[target.scheme] else plain
    path = target.path.rstrip("/") + address.path
    return urlunsplit((scheme, target.netloc, path, address.query, ""))
