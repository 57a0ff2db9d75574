"""How does every account stand, in numbers? For ``/system/status`` and ``/metrics`` alike.

A handful of queries over what is open, whatever the number of accounts; nothing is counted to the
end of a table that only grows.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, Min
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import AdminView, answers
from accounts.models import Account
from gateway.models import Blindness
from gateway.worker import heartbeat
from oms_project.watching.health import missing_parts
from positions.engine.types import OrderStatus
from positions.models import AccountLane, Instruction, InstructionState, Order, Position

WAITING_STATES = (
    InstructionState.PENDING,
    InstructionState.SENDING,
    InstructionState.DOUBTFUL,
)


@dataclass(slots=True)
class AccountFigures:
    """What is open on one account."""

    account: Account
    instructions: dict[str, int] = field(default_factory=dict)
    orders: dict[str, int] = field(default_factory=dict)
    positions: int = 0
    last_seq: int = 0
    oldest_waiting_s: float = 0.0
    blind: list[dict[str, Any]] = field(default_factory=list)

    def as_row(self) -> dict[str, Any]:
        """For ``/system/status``."""
        account = self.account
        return {
            "account_id": account.pk,
            "label": account.label,
            "exchange_id": account.exchange_id,
            "status": account.status,
            "rebased_to": settings.OMS_EXCHANGE_URLS.get(account.ccxt_id),
            "open_orders": sum(self.orders.values()),
            "unknown_orders": self.orders.get(OrderStatus.UNKNOWN, 0),
            "open_positions": self.positions,
            "instructions": {str(each): self.instructions.get(each, 0) for each in WAITING_STATES},
            "oldest_waiting_s": round(self.oldest_waiting_s, 3),
            "last_seq": self.last_seq,
            "blind": self.blind,
        }


def figures(now: datetime) -> list[AccountFigures]:
    """One entry per account, by id."""
    found = {row.pk: AccountFigures(row) for row in Account.objects.order_by("id")}
    waiting = Instruction.objects.filter(state__in=WAITING_STATES)
    for account_id, state, number in _counted(waiting, "account_id", "state"):
        found[account_id].instructions[state] = number
    for account_id, oldest in _counted(waiting, "account_id", count=Min("created_at")):
        found[account_id].oldest_waiting_s = max(0.0, (now - oldest).total_seconds())
    for account_id, status, number in _counted(Order.objects.open(), "account_id", "status"):
        found[account_id].orders[status] = number
    for account_id, number in _counted(Position.objects.open(), "account_id"):
        found[account_id].positions = number
    for account_id, seq in AccountLane.objects.values_list("pk", "last_seq"):
        found[account_id].last_seq = seq
    for account_id, blind in Blindness.objects.by_account(found).items():
        found[account_id].blind = blind
    return list(found.values())


def _counted(rows: Any, *by: str, count: Any = None) -> list[tuple[Any, ...]]:
    grouped = rows.order_by().values(*by).annotate(found=count or Count("pk"))
    return list(grouped.values_list(*by, "found"))


class InstructionCounts(serializers.Serializer):
    """What waits for an exchange, by state."""

    pending = serializers.IntegerField()
    sending = serializers.IntegerField()
    doubtful = serializers.IntegerField()


class BlindRow(serializers.Serializer):
    """Something of an account that its exchange does not show now, since when and why."""

    sense = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    since = serializers.DateTimeField()
    why = serializers.CharField()


class AccountStatusRow(serializers.Serializer):
    """How one account stands."""

    account_id = serializers.IntegerField()
    label = serializers.CharField()
    exchange_id = serializers.CharField()
    status = serializers.CharField()
    rebased_to = serializers.CharField(allow_null=True)
    open_orders = serializers.IntegerField()
    unknown_orders = serializers.IntegerField()
    open_positions = serializers.IntegerField()
    instructions = InstructionCounts()
    oldest_waiting_s = serializers.FloatField()
    last_seq = serializers.IntegerField()
    blind = BlindRow(many=True)


class SystemStatusAnswer(serializers.Serializer):
    """How the whole stands."""

    version = serializers.CharField()
    ready = serializers.BooleanField()
    missing = serializers.ListField(child=serializers.CharField())
    worker_seen_s_ago = serializers.FloatField(allow_null=True)
    accounts = AccountStatusRow(many=True)


class SystemStatus(AdminView):
    """``GET /system/status``"""

    @extend_schema(
        operation_id="system_status",
        tags=["system"],
        responses=answers({200: SystemStatusAnswer}, 403),
    )
    def get(self, request: Request) -> Response:
        """What is there, what is missing, and what waits on which account."""
        now = timezone.now()
        missing = missing_parts()
        return Response(
            {
                "version": settings.SPECTACULAR_SETTINGS["VERSION"],
                "ready": not missing,
                "missing": missing,
                "worker_seen_s_ago": worker_seen_s_ago(now),
                "accounts": [each.as_row() for each in figures(now)],
            }
        )


def worker_seen_s_ago(now: datetime) -> float | None:
    """How long ago the worker last swept; None where there is none."""
    seen_at = heartbeat.seen_at()
    return None if seen_at is None else round((now - seen_at).total_seconds(), 3)
