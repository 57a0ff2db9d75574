"""Where does a request come from, and how is it called in the logs?"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request


def client_address_of(meta: Mapping[str, Any]) -> str | None:
    """The address a WSGI request came from, see ``client_address``."""
    return client_address(meta.get("REMOTE_ADDR"), meta.get("HTTP_X_FORWARDED_FOR", ""))


def client_address(peer: str | None, forwarded_for: str = "") -> str | None:
    """The nearest address that is not one of ``settings.TRUSTED_PROXIES``.

    ``X-Forwarded-For`` is believed only as far as trusted proxies wrote it: anyone can send one.
    """
    trusted = [ip_network(net) for net in settings.TRUSTED_PROXIES]
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    nearest = peer
    while hops and (parsed := parsed_address(nearest)) and any(parsed in net for net in trusted):
        nearest = hops.pop()
    return nearest


def request_id_of(request: HttpRequest | Request) -> str:
    """The id that the project's middleware gave this request; empty where there is none."""
    return str(getattr(request, "request_id", ""))


def parsed_address(address: str | None) -> IPv4Address | IPv6Address | None:
    """``address`` as a value, None if it is none; an IPv4 address in IPv6 dress is undressed."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return None
    # A dual-stack socket shows IPv4 peers as ::ffff:a.b.c.d.
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return mapped or parsed
