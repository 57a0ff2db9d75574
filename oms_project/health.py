"""Is this process alive, and is the whole ready to take orders?"""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from positions.ports import exchange


def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when database and worker are there, else 503 naming what is missing."""
    missing = [name for name, is_there in _parts().items() if not is_there]
    status = 503 if missing else 200
    return JsonResponse(
        {"status": "waiting" if missing else "ok", "missing": missing}, status=status
    )


def _parts() -> dict[str, bool]:
    return {"database": _database_is_ready(), "worker": exchange().is_served()}


def _database_is_ready() -> bool:
    try:
        executor = MigrationExecutor(connection)
        return not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return False
