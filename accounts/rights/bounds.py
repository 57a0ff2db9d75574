"""Is one expiry, one list of addresses wider than another?"""

from collections.abc import Iterable
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network

from accounts.models import ApiKey
from oms_project.errors import Invalid

_Network = IPv4Network | IPv6Network


def outlives(expires_at: datetime | None, limit: datetime | None) -> bool:
    """Whether a key of that expiry lives longer; None is for ever."""
    return limit is not None and (expires_at is None or expires_at > limit)


def reaches_beyond(entries: Iterable[str], limits: Iterable[str]) -> bool:
    """Whether the entries let an address in that the limits do not; an empty list is everywhere."""
    wanted, held = [*map(ip_network, entries)], [*map(ip_network, limits)]
    if not held:
        return False
    return not wanted or not all(_lies_within(network, held) for network in wanted)


def require_no_longer_life(maker: ApiKey | None, expires_at: datetime | None) -> None:
    """The key ends when its maker does, or before.

    Raises:
        Invalid: it would live longer.
    """
    if maker is not None and outlives(expires_at, maker.expires_at):
        raise Invalid(
            "A key cannot outlive the one it is made with.",
            field="expires_at",
            limit=maker.expires_at,
            value=expires_at,
        )


def require_no_wider_network(maker: ApiKey | None, entries: list[str]) -> None:
    """The key is used from addresses of its maker only.

    Raises:
        Invalid: from others too.
    """
    if maker is not None and reaches_beyond(entries, maker.ip_allow_list):
        raise Invalid(
            "A key cannot be used from more addresses than the one it is made with.",
            field="ip_allow_list",
            limit=maker.ip_allow_list,
            value=entries,
        )


def _lies_within(network: _Network, limits: list[_Network]) -> bool:
    return any(
        network.version == limit.version and network.subnet_of(limit)  # type: ignore[arg-type]
        for limit in limits
    )
