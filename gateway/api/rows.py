"""How does a raw row look outside?"""

from typing import Any

from rest_framework import serializers

from gateway.models import RawRow
from positions.rows import time_text


class RawRowSerializer(serializers.Serializer):
    """What an exchange literally said of one order or fill, in one version."""

    id = serializers.IntegerField()
    account_id = serializers.IntegerField()
    exchange_id = serializers.CharField()
    exchange_order_id = serializers.CharField()
    exchange_trade_id = serializers.CharField(allow_null=True)
    client_order_id = serializers.CharField(allow_null=True)
    symbol = serializers.CharField()
    raw_json = serializers.CharField(help_text="ccxt's structure as canonical JSON text.")
    fingerprint = serializers.CharField(help_text="SHA-256 of raw_json.")
    observed_at = serializers.DateTimeField()


def raw_row(row: RawRow) -> dict[str, Any]:
    """One raw order or trade; ``raw_json`` is the text of which ``fingerprint`` is the digest."""
    return {
        "id": row.pk,
        "account_id": row.account_id,
        "exchange_id": row.exchange_id,
        "exchange_order_id": row.exchange_order_id,
        "exchange_trade_id": row.exchange_trade_id or None,
        "client_order_id": row.client_order_id or None,
        "symbol": row.symbol,
        "raw_json": row.raw_json,
        "fingerprint": row.fingerprint,
        "observed_at": time_text(row.observed_at),
    }
