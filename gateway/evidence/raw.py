"""What exactly did the exchange say? Stored first, booked afterwards.

``record`` is the only writer of raw rows. Rows are append-only; a structure that says the same as
one already stored adds nothing, any other version is kept.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.words import RawStorage
from gateway.evidence import storage
from gateway.models import RawFunding, RawOrder, RawRow, RawTrade

_ID_LENGTH = 128


@dataclass(frozen=True, slots=True)
class Evidence:
    """ccxt structures of one answer or event, untouched."""

    orders: tuple[Mapping[str, Any], ...] = ()
    trades: tuple[Mapping[str, Any], ...] = ()
    fundings: tuple[Mapping[str, Any], ...] = ()

    def __add__(self, other: "Evidence") -> "Evidence":
        return Evidence(
            self.orders + other.orders,
            self.trades + other.trades,
            self.fundings + other.fundings,
        )

    def __bool__(self) -> bool:
        return bool(self.orders or self.trades or self.fundings)


def record(
    *,
    account_id: int,
    exchange_id: str,
    evidence: Evidence,
    observed_at: datetime,
    place: RawStorage = RawStorage.SHARED,
) -> Evidence:
    """Store every structure that is not stored yet and give the evidence back.

    One query for each kind that is there. The caller commits before it books. ``place`` is the
    account's storage.
    """
    for kind, structures in (
        (RawOrder, evidence.orders),
        (RawTrade, evidence.trades),
        (RawFunding, evidence.fundings),
    ):
        if not structures:
            continue
        model = storage.table_of(kind, account_id, place)
        rows = _rows(kind, model, structures, account_id, exchange_id, observed_at)
        model.objects.bulk_create(rows, ignore_conflicts=True)
    return evidence


def canonical_json(structure: Mapping[str, Any]) -> str:
    """One text per content: sorted keys, no spaces."""
    return json.dumps(
        structure, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str
    )


def fingerprint(text: str) -> str:
    """SHA-256 of canonical JSON."""
    return hashlib.sha256(text.encode()).hexdigest()


def _rows(
    kind: type[RawRow],
    model: type[RawRow],
    structures: Iterable[Mapping[str, Any]],
    account_id: int,
    exchange_id: str,
    observed_at: datetime,
) -> list[RawRow]:
    rows: dict[str, RawRow] = {}
    for structure in structures:
        text = canonical_json(structure)
        mark = fingerprint(text)
        rows[mark] = model(
            account_id=account_id,
            exchange_id=exchange_id,
            exchange_order_id=_id(structure.get("id" if kind is RawOrder else "order")),
            exchange_trade_id="" if kind is RawOrder else _id(structure.get("id")),
            client_order_id=_id(structure.get("clientOrderId")),
            symbol=_id(structure.get("symbol")),
            raw_json=text,
            fingerprint=mark,
            observed_at=observed_at,
        )
    return list(rows.values())


def _id(value: Any) -> str:
    """An id for the column; the whole of it is in ``raw_json``."""
    return "" if value is None else str(value)[:_ID_LENGTH]
