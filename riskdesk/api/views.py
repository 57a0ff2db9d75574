"""The risk desk over REST. Every act needs a comment."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.bodies import read_body
from accounts.api.serializers import ErrorBody
from accounts.api.views import KeyedView, actor_of
from accounts.callers.authentication import caller_of
from accounts.rights.permissions import require_read
from accounts.words import AccountStatus
from oms_project.errors import Invalid
from positions.api.asking import read_wait_ms
from positions.api.command_schema import WAIT_MS
from riskdesk import reach, selectors, services
from riskdesk.api import serializers as shapes
from riskdesk.facts import flatten_facts, switch_facts
from riskdesk.services.kill import Stopped
from riskdesk.targets import WHOLE_ACCOUNT, Target
from riskdesk.words import HaltState, KillScope, Scope

_TITLES = {
    401: "No key, or a wrong one.",
    403: "The role or the key does not allow this.",
    404: "It does not exist, or it is someone else's.",
    409: "The present state does not allow this.",
    422: "A value is not acceptable: `details` names field, limit and value.",
}


def _answers(shape: Any, *errors: int) -> dict[int, Any]:
    return {200: shape} | {
        status: OpenApiResponse(ErrorBody, description=_TITLES[status])
        for status in (401, 403, 404, *errors)
    }


class Risk(KeyedView):
    """``GET /oms/risk/{account_id}``"""

    @extend_schema(operation_id="read_risk", tags=["risk"], responses=_answers(shapes.RiskAnswer))
    def get(self, request: Request, account_id: int) -> Response:
        """Status, limits, halts and pulled kill switches of an account."""
        return _risk(request, account_id)


class Strategies(KeyedView):
    """``GET /oms/risk/{account_id}/strategies``"""

    @extend_schema(
        operation_id="list_strategy_risk",
        tags=["risk"],
        responses=_answers(shapes.StrategyRiskPage),
    )
    def get(self, request: Request, account_id: int) -> Response:
        """Halts, openings and limits of the account's strategies, newest first."""
        caller = caller_of(request)
        require_read(caller, account_id)
        items = selectors.strategies_of(caller, reach.existing_account(account_id))
        return Response({"items": items, "next_cursor": None})


class AllowNewPositions(KeyedView):
    """``POST /oms/risk/{account_id}/allow_new_positions``"""

    @extend_schema(
        operation_id="allow_new_positions",
        tags=["risk"],
        request=shapes.AllowBody,
        responses=_answers(shapes.RiskAnswer, 422),
    )
    def post(self, request: Request, account_id: int) -> Response:
        """Allow or block openings on the account; what is open can be closed all the same."""
        body = read_body(shapes.AllowBody, request)
        services.allow_new_positions(
            account_id=account_id,
            allowed=body["allow_new_positions"],
            comment=body["comment"],
            by=actor_of(request),
        )
        return _risk(request, account_id)


class AllowStrategyNewPositions(KeyedView):
    """``POST /oms/risk/{account_id}/strategies/allow_new_positions``"""

    @extend_schema(
        operation_id="allow_strategy_new_positions",
        tags=["risk"],
        request=shapes.AllowStrategyBody,
        responses=_answers(shapes.RiskAnswer, 422),
    )
    def post(self, request: Request, account_id: int) -> Response:
        """Allow or block openings of one strategy on the account."""
        body = read_body(shapes.AllowStrategyBody, request)
        services.allow_new_positions(
            account_id=account_id,
            strategy_id=body["strategy_id"],
            allowed=body["allow_new_positions"],
            comment=body["comment"],
            by=actor_of(request),
        )
        return _risk(request, account_id)


class Status(KeyedView):
    """``POST /oms/risk/{account_id}/status``"""

    @extend_schema(
        operation_id="set_account_status",
        tags=["risk"],
        request=shapes.StatusBody,
        responses=_answers(shapes.RiskAnswer, 422),
    )
    def post(self, request: Request, account_id: int) -> Response:
        """Block or unblock the account; a blocked one can be closed and unblocked."""
        body = read_body(shapes.StatusBody, request)
        services.set_account_status(
            account_id=account_id,
            status=AccountStatus(body["status"]),
            comment=body["comment"],
            by=actor_of(request),
        )
        return _risk(request, account_id)


class Limits(KeyedView):
    """``POST /oms/risk/{account_id}/limits``"""

    @extend_schema(
        operation_id="set_limits",
        tags=["risk"],
        request=shapes.LimitsBody,
        responses=_answers(shapes.RiskAnswer, 422),
    )
    def post(self, request: Request, account_id: int) -> Response:
        """Set limits of the account, or of one strategy or key there; null switches one off."""
        changes = read_body(shapes.LimitsBody, request)
        target = _limited(changes)
        comment = changes.pop("comment")
        if not changes:
            raise Invalid("Name at least one limit.", field="limits", limit="at least one")
        services.set_limits(
            account_id=account_id,
            target=target,
            changes=changes,
            comment=comment,
            by=actor_of(request),
        )
        return _risk(request, account_id)


class Halts(KeyedView):
    """``POST /oms/risk/halts``"""

    @extend_schema(
        operation_id="set_halt",
        tags=["risk"],
        request=shapes.HaltBody,
        responses=_answers(shapes.HaltAnswer, 422),
    )
    def post(self, request: Request) -> Response:
        """Halt an account, or a strategy, symbol or key on every account the key manages.

        A symbol is ccxt's or the exchange's own id; 422 where no account has that market.
        """
        body = read_body(shapes.HaltBody, request)
        scope, state = Scope(body["scope"]), HaltState(body["state"])
        name = body["id"] if scope is Scope.SYMBOL else str(shapes.whole_id(body["id"]))
        is_account = scope is Scope.ACCOUNT
        controls = services.set_halt(
            account_id=int(name) if is_account else None,
            target=WHOLE_ACCOUNT if is_account else Target(scope, name),
            state=state,
            comment=body["comment"],
            by=actor_of(request),
        )
        named = name if scope is Scope.SYMBOL else int(name)
        account_ids = sorted({control.account_id for control in controls})
        return Response({"scope": scope, "id": named, "state": state, "account_ids": account_ids})


class Kill(KeyedView):
    """``POST /oms/risk/kill``"""

    @extend_schema(
        operation_id="pull_kill_switch",
        tags=["risk"],
        parameters=[WAIT_MS],
        request=shapes.KillBody,
        responses=_answers(shapes.KillAnswer, 422),
    )
    def post(self, request: Request) -> Response:
        """Stop every opening of an account, a user or all; pulling again finishes what was left.

        With `flatten` the answer leaves after the first pass, at the latest after `wait_ms`; the
        worker carries it on until everything is flat, or for ten minutes.
        """
        body = read_body(shapes.KillBody, request)
        within_s = read_wait_ms(request.query_params) / 1000
        scope, target_id = _killed(body)
        switch, stopped = services.pull(
            scope=scope,
            target_id=target_id,
            flatten=body["flatten"],
            comment=body["comment"],
            by=actor_of(request),
            within_s=within_s,
        )
        accounts = [_stopped(each) for each in stopped]
        return Response(switch_facts(switch) | {"accounts": accounts})


class Release(KeyedView):
    """``POST /oms/risk/release``"""

    @extend_schema(
        operation_id="release_kill_switch",
        tags=["risk"],
        request=shapes.ReleaseBody,
        responses=_answers(shapes.KillAnswer, 409, 422),
    )
    def post(self, request: Request) -> Response:
        """Let openings pass again; nothing that was stopped comes back."""
        body = read_body(shapes.ReleaseBody, request)
        scope, target_id = _killed(body)
        switch = services.release(
            scope=scope, target_id=target_id, comment=body["comment"], by=actor_of(request)
        )
        return Response(switch_facts(switch) | {"accounts": []})


def _risk(request: Request, account_id: int) -> Response:
    caller = caller_of(request)
    require_read(caller, account_id)
    return Response(selectors.risk_of(caller, reach.existing_account(account_id)))


def _limited(changes: dict[str, Any]) -> Target:
    """What the limits are for, taken out of the body."""
    strategy_id = changes.pop("strategy_id", None)
    api_key_id = changes.pop("api_key_id", None)
    if strategy_id is not None and api_key_id is not None:
        raise Invalid("Limit a strategy or a key.", field="api_key_id", limit="one of them")
    if strategy_id is not None:
        return Target(Scope.STRATEGY, str(strategy_id))
    return WHOLE_ACCOUNT if api_key_id is None else Target(Scope.KEY, str(api_key_id))


def _killed(body: dict[str, Any]) -> tuple[KillScope, int | None]:
    """What the switch stops."""
    scope, target_id = KillScope(body["scope"]), body.get("id")
    if (target_id is None) is not (scope is KillScope.ALL):
        raise Invalid(
            "An account or a user is named by its id, all by none.",
            field="id",
            limit="required" if target_id is None else "none",
            value=target_id,
        )
    return scope, target_id


def _stopped(done: Stopped) -> dict[str, Any]:
    return {
        "account_id": done.account_id,
        "rejected": done.rejected,
        "canceling": list(done.canceling),
        "netted": list(done.netted),
        "flatten": flatten_facts(done.flattening),
        "error": done.error,
    }
