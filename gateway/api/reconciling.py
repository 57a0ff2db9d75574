"""Reconciliations over REST: ask for them, and see how fresh accounts are."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Count
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import Account
from accounts.rights.permissions import Caller, require_read, require_read_all
from gateway import runs
from gateway.api.fresh import Freshness, RunSerializer, freshness_of, run_row
from gateway.exchange import ring_for_runs
from gateway.models import ReconcileRun
from gateway.runs import Asked
from gateway.words import Scope
from oms_project.errors import AccountNotFound, Invalid
from positions.api.lists import ids_in, refuse_unknown, whole_number, word_in
from positions.api.schema import ProblemSerializer, listed
from positions.forms.fields import day, fields_of, number, numbers, texts, word
from positions.models import Case
from positions.ports import exchange
from positions.rows import time_text

STALE_AFTER_S = 120
MOST_STALE_S = 30 * 86_400
MOST_SYMBOLS = 20

FORM = fields_of(
    {
        "account_id": number(about="This one; or account_ids; or neither: all you may read."),
        "account_ids": numbers(),
        "scope": word(tuple(Scope), required=True),
        "start_date": day(),
        "end_date": day(),
        "symbols_hint": texts(longest=64, most=MOST_SYMBOLS, about="Read these symbols too."),
    }
)


class AskedRunsSerializer(serializers.Serializer):
    """The runs that were asked for."""

    run_ids = serializers.ListField(child=serializers.IntegerField())


class StatusSerializer(serializers.Serializer):
    """How fresh an account is."""

    account_id = serializers.IntegerField()
    status = serializers.ChoiceField([*map(str, Freshness)])
    last_success_at = serializers.DateTimeField(allow_null=True)
    age_seconds = serializers.FloatField(allow_null=True)
    stale_after_seconds = serializers.IntegerField()
    open_cases = serializers.IntegerField()
    running = RunSerializer(allow_null=True)
    last_run = RunSerializer(allow_null=True)


_PROBLEMS = dict.fromkeys((401, 403, 404, 422), ProblemSerializer)
_STALE = OpenApiParameter(
    "stale_after_seconds", int, description=f"Default {STALE_AFTER_S}, up to {MOST_STALE_S}."
)


class Reconcile(APIView):
    """Ask an exchange for what the books may lack."""

    @extend_schema(
        operation_id="reconcile",
        request={"application/json": FORM.schema},
        responses={202: AskedRunsSerializer, **_PROBLEMS, 400: ProblemSerializer},
        tags=["reconcile"],
    )
    def post(self, request: Request) -> Response:
        """One run per account; each goes on after the answer, see the account's status."""
        account_ids, wish = _read(request.user, FORM.read("body", request.data))
        run_ids = runs.ask(account_ids, wish, user_id=request.user.user_id)
        for account_id in account_ids:
            ring_for_runs(account_id)
        return Response({"run_ids": run_ids}, status=202)


class AllStatus(APIView):
    """How fresh the caller's accounts are."""

    @extend_schema(
        operation_id="list_reconcile_status",
        parameters=[
            OpenApiParameter("status", str, enum=[*map(str, Freshness)]),
            _STALE,
            OpenApiParameter("account_ids", str, description="Only these."),
        ],
        responses={200: listed(StatusSerializer, "ReconcileStatus"), **_PROBLEMS},
        tags=["reconcile"],
    )
    def get(self, request: Request) -> Response:
        """By account id."""
        refuse_unknown(request, {"status", "stale_after_seconds", "account_ids"})
        account_ids: Iterable[int] = request.user.account_ids()
        if "account_ids" in request.query_params:
            account_ids = ids_in(request, "account_ids")
            require_read_all(request.user, account_ids)
        items = _statuses(request.user, account_ids, _stale_after(request))
        if (wanted := word_in(request, "status", Freshness)) is not None:
            items = [item for item in items if item["status"] == wanted]
        return Response({"items": items, "next_cursor": None})


class OneStatus(APIView):
    """How fresh one account is."""

    @extend_schema(
        operation_id="get_reconcile_status",
        parameters=[_STALE],
        responses={200: StatusSerializer, **_PROBLEMS},
        tags=["reconcile"],
    )
    def get(self, request: Request, account_id: int) -> Response:
        """With the run under way and the last one."""
        refuse_unknown(request, {"stale_after_seconds"})
        require_read(request.user, account_id)
        items = _statuses(request.user, [account_id], _stale_after(request))
        if not items:
            raise AccountNotFound(account_id=account_id)
        return Response(items[0])


def _read(caller: Caller, fields: dict[str, Any]) -> tuple[list[int], Asked]:
    """The accounts and what to do on each.

    Raises:
        AccountNotFound, PermissionDenied: one of them is not the caller's to read.
        Invalid: fields that do not go together, or a symbol that none of the accounts has.
    """
    if "account_id" in fields and "account_ids" in fields:
        raise Invalid("Give account_id or account_ids.", field="account_ids", limit="one of them")
    if "account_id" in fields:
        named = (fields["account_id"],)
    else:
        named = fields.get("account_ids") or tuple(sorted(caller.account_ids()))
    require_read_all(caller, named)
    since, until = _period(fields)
    symbols = fields.get("symbols_hint", ())
    for symbol in symbols:
        if not any(exchange().known_market(account_id, symbol) for account_id in named):
            raise Invalid("None of the accounts' exchanges has this symbol.",
                          field="symbols_hint", limit="a symbol as in ccxt",
                          value=symbol)  # fmt: skip
    return list(named), Asked(fields["scope"], since, until, symbols)


def _period(fields: dict[str, Any]) -> tuple[datetime | None, datetime | None]:
    """The bounds of a period, None for the loops.

    Raises:
        Invalid: a period without a start, days without a period, or days that are no period.
    """
    is_period = fields["scope"] is Scope.PERIOD
    for name in ("start_date", "end_date"):
        if name in fields and not is_period:
            raise Invalid(f"{name} goes with scope period.", field=name, limit=str(Scope.PERIOD),
                          value=str(fields[name]))  # fmt: skip
    if not is_period:
        return None, None
    today = timezone.now().astimezone(UTC).date()
    start: date | None = fields.get("start_date")
    end: date = fields.get("end_date") or today
    if start is None:
        raise Invalid("A period needs its start.", field="start_date", limit="YYYY-MM-DD")
    if start > today:
        raise Invalid("start_date is yet to come.", field="start_date", limit=str(today),
                      value=str(start))  # fmt: skip
    if end < start:
        raise Invalid("end_date is before start_date.", field="end_date", limit=str(start),
                      value=str(end))  # fmt: skip
    return (
        datetime.combine(start, time(), UTC),
        datetime.combine(end + timedelta(days=1), time(), UTC),
    )


def _stale_after(request: Request) -> int:
    return whole_number(request, "stale_after_seconds", most=MOST_STALE_S) or STALE_AFTER_S


def _statuses(
    caller: Caller, account_ids: Iterable[int], stale_after_s: int
) -> list[dict[str, Any]]:
    """Of these accounts; three queries however many there are."""
    wanted = sorted(account_ids)
    accounts: list[Account] = list(runs.with_freshness(wanted))
    numbers = {number for one in accounts for number in (one.last_run_id, one.running_id)}
    rows = ReconcileRun.objects.select_related("requested_by").in_bulk(numbers - {None})
    open_cases = Case.objects.visible_to(caller, wanted).open().values_list("account_id")
    counts = dict(open_cases.annotate(Count("pk")))
    now = timezone.now()
    return [
        {
            "account_id": one.pk,
            "status": freshness_of(one.last_success_at, now, stale_after_s),
            "last_success_at": time_text(one.last_success_at),
            "age_seconds": _age_s(one.last_success_at, now),
            "stale_after_seconds": stale_after_s,
            "open_cases": counts.get(one.pk, 0),
            "running": run_row(rows.get(one.running_id)),
            "last_run": run_row(rows.get(one.last_run_id)),
        }
        for one in accounts
    ]


def _age_s(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else round(max((now - at).total_seconds(), 0.0), 3)
