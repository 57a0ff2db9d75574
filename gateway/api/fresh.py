"""How does a reconciliation look outside, and when is an account fresh?"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from rest_framework import serializers

from gateway.models import ReconcileRun
from gateway.words import Phase, RunState, Scope
from positions.rows import time_text


class Freshness(StrEnum):
    """``fresh``: the last success is younger than asked for; else ``stale``; ``never``: none."""

    FRESH = "fresh"
    STALE = "stale"
    NEVER = "never"


class RunSerializer(serializers.Serializer):
    """One reconciliation."""

    id = serializers.IntegerField()
    account_id = serializers.IntegerField()
    scope = serializers.ChoiceField([*map(str, Scope)])
    state = serializers.ChoiceField([*map(str, RunState)])
    phase = serializers.ChoiceField([*map(str, Phase)], allow_null=True)
    done = serializers.IntegerField(help_text="Lists of the phase that were read.")
    total = serializers.IntegerField()
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    requested_by = serializers.CharField(allow_null=True, help_text="Null: a loop of the account.")
    found = serializers.DictField(help_text="What was brought in, how the comparison ended.")
    error = serializers.DictField(allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


def freshness_of(last_success_at: datetime | None, now: datetime, stale_after_s: int) -> Freshness:
    """How fresh an account is (contract, section 8)."""
    if last_success_at is None:
        return Freshness.NEVER
    is_young = now - last_success_at < timedelta(seconds=stale_after_s)
    return Freshness.FRESH if is_young else Freshness.STALE


def run_row(run: ReconcileRun | None) -> dict[str, Any] | None:
    """One run; ``None`` for none."""
    if run is None:
        return None
    return {
        "id": run.pk,
        "account_id": run.account_id,
        "scope": run.scope,
        "state": run.state,
        "phase": run.phase,
        "done": run.done,
        "total": run.total,
        "since": time_text(run.since),
        "until": time_text(run.until),
        "requested_by": run.requested_by.username if run.requested_by else None,
        "found": run.found,
        "error": run.error,
        "created_at": time_text(run.created_at),
        "started_at": time_text(run.started_at),
        "finished_at": time_text(run.finished_at),
    }
