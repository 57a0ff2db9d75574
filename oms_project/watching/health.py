"""Is this process alive, and is the whole ready to take orders? Asked without a key."""

from typing import ClassVar

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from positions.ports import exchange


class HealthAnswer(serializers.Serializer):
    """Alive."""

    status = serializers.ChoiceField(["ok"])


class ReadyAnswer(serializers.Serializer):
    """Ready, or what is missing."""

    status = serializers.ChoiceField([("ok", "ok"), ("waiting", "waiting")])
    missing = serializers.ListField(child=serializers.CharField())


class OpenView(APIView):
    """A view without a key."""

    authentication_classes: ClassVar[tuple[()]] = ()
    permission_classes: ClassVar[tuple[()]] = ()


class Healthz(OpenView):
    """``GET /healthz``"""

    @extend_schema(operation_id="healthz", auth=[], tags=["system"], responses=HealthAnswer)
    def get(self, request: Request) -> Response:
        """The process answers."""
        return Response({"status": "ok"})


class Readyz(OpenView):
    """``GET /readyz``"""

    @extend_schema(
        operation_id="readyz",
        auth=[],
        tags=["system"],
        responses={200: ReadyAnswer, 503: ReadyAnswer},
    )
    def get(self, request: Request) -> Response:
        """200 when database and worker are there, else 503 naming what is missing."""
        missing = missing_parts()
        status = 503 if missing else 200
        return Response(
            {"status": "waiting" if missing else "ok", "missing": missing}, status=status
        )


def missing_parts() -> list[str]:
    """What has to come before orders can go out; empty when all is there."""
    if not _database_is_ready():
        return ["database", "worker"]  # The worker's heartbeat is a row.
    return [] if exchange().is_served() else ["worker"]


def _database_is_ready() -> bool:
    try:
        executor = MigrationExecutor(connection)
        return not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return False
