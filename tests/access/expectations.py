"""Who gets which status where? One line per case, one column per kind of caller.

A route that has no line fails ``test_matrix.py``. ``{names}`` are the ids of ``world.World``;
``restricted`` may touch what belongs to the strategy ``own`` and nothing of ``foreign``.
"""

from dataclasses import dataclass
from typing import Any

from tests.access.world import KINDS


@dataclass(frozen=True)
class Case:
    """One request, and the status for each kind of caller, in the order of ``KINDS``."""

    route: str
    statuses: str
    path: str = ""
    body: Any = None

    @property
    def expected(self) -> dict[str, int]:
        return dict(zip(KINDS, map(int, self.statuses.split()), strict=True))

    @property
    def method(self) -> str:
        return self.route.split()[0]

    @property
    def is_threaded(self) -> bool:
        """Whether it is answered on threads of their own, which see only what is committed."""
        return self.route.startswith(("POST /oms/commands", "POST /ccxt/"))

    @property
    def asked(self) -> str:
        """The address with its parameters."""
        return self.path or self.route.split()[1]

    def __str__(self) -> str:
        command = self.body.get("command", "") if isinstance(self.body, dict) else ""
        return f"{self.route} {command or self.path}".strip()


def case(route: str, statuses: str, path: str = "", body: Any = None) -> Case:
    """A line of the table."""
    return Case(route, statuses, path, body)


def command(name: str, statuses: str, **payload: Any) -> Case:
    """A line for one command."""
    body = {"account_id": "{account}", "command": name, "payload": payload}
    return Case("POST /oms/commands", statuses, "/oms/commands?wait_ms=0", body)


_ORDER = {"symbol": "BTC/USDT:USDT", "side": "buy", "order_type": "market", "qty": "1"}
_CCXT_ORDER = {"symbol": "NO/PE", "side": "buy", "amount": 1}
_DAYS = "account_ids={account}&start_date=2026-01-01"

#        none other read trade restricted risk readonly admin revoked expired
_OPEN = "200  200   200  200   200        200  200      200   200     200"
_ANY = "401  200   200  200   200        200  200      200   401     401"
_READ = "401  404   200  200   200        200  200      404   401     401"
_HIDDEN = "401  404   200  200   404        200  200      404   401     401"
_TRADE = "401  404   403  202   202        403  403      403   401     401"
_ALIEN = "401  404   403  202   403        403  403      403   401     401"
_CLOSE = "401  404   403  202   202        202  403      403   401     401"
_DONE = "401  404   403  200   200        200  403      403   401     401"
_RISK = "401  404   403  403   403        200  403      404   401     401"
_ADMIN = "401  403   403  403   403        403  403      200   401     401"
_MADE = "401  403   403  403   403        403  403      201   401     401"

CASES = [
    # --- without a key ---------------------------------------------------------------------------
    case("GET /", _OPEN),
    case("GET /healthz", _OPEN),
    case("GET /readyz", _OPEN),
    case("GET /api/schema", _OPEN),
    case("GET /api/docs", _OPEN),
    case("GET /metrics", "401 401 401 401 401 401 401 401 401 401"),
    case("POST /auth/login-password", "422 422 422 422 422 422 422 422 422 422", body={}),
    # --- oneself ---------------------------------------------------------------------------------
    case("POST /auth/logout", _ANY),
    case("GET /user/profile", _ANY),
    case("PATCH /user/profile", _ANY, body={"first_name": "A"}),
    case(
        "POST /user/password",
        "401 422 422 422 422 422 422 422 401 401",
        body={"current_password": "wrong", "new_password": "another good one"},
    ),
    case("GET /user/api-keys", _ANY),
    case("POST /user/api-keys", "401 201 201 201 201 201 201 201 401 401", body={}),
    case(
        "PATCH /user/api-keys/{api_key_id}",
        "401 404 200 200 404 404 404 404 401 401",
        "/user/api-keys/{trade_key}",
        {"label": "mine"},
    ),
    case(
        "GET /user/api-keys/{api_key_id}/permissions",
        "401 404 200 200 404 404 404 404 401 401",
        "/user/api-keys/{trade_key}/permissions",
    ),
    case("GET /user/two-factor", _ANY),
    case(
        "POST /user/two-factor",
        "401 401 401 401 401 401 401 401 401 401",
        body={"current_password": "wrong"},
    ),
    case(
        "POST /user/two-factor/confirm",
        "401 409 409 409 409 409 409 409 401 401",
        body={"otp": "000000"},
    ),
    case(
        "POST /user/two-factor/remove",
        "401 409 409 409 409 409 409 409 401 401",
        body={"current_password": "x", "otp": "000000"},
    ),
    case("GET /strategies", _ANY),
    case(
        "POST /strategies",
        "401 404 403 201 201 403 403 403 401 401",
        body={"name": "new", "account_ids": ["{account}"]},
    ),
    case("GET /meta/exchanges", _ANY),
    # --- reading the OMS -------------------------------------------------------------------------
    case("GET /oms/accounts", _ANY),
    case("GET /oms/orders/open", _READ, "/oms/orders/open?account_ids={account}"),
    case("GET /oms/orders/history", _READ, f"/oms/orders/history?{_DAYS}"),
    case("GET /oms/orders/{ids}", _READ, "/oms/orders/{own_order}"),
    case("GET /oms/orders/{ids}", _HIDDEN, "/oms/orders/{foreign_order}"),
    case("GET /oms/orders/{ids}", _HIDDEN, "/oms/orders/{own_order},{foreign_order}"),
    case("GET /oms/deals", _READ, f"/oms/deals?{_DAYS}"),
    case("GET /oms/deals/{ids}", _READ, "/oms/deals/{own_deal}"),
    case("GET /oms/deals/{ids}", _HIDDEN, "/oms/deals/{foreign_deal}"),
    case("GET /oms/positions/open", _READ, "/oms/positions/open?account_ids={account}"),
    case("GET /oms/positions/history", _READ, f"/oms/positions/history?{_DAYS}"),
    case("GET /oms/positions/{ids}", _READ, "/oms/positions/{own_position}"),
    case("GET /oms/positions/{ids}", _HIDDEN, "/oms/positions/{foreign_position}"),
    case("GET /oms/events", _READ, "/oms/events?account_ids={account}"),
    case("GET /oms/reconcile/status", _ANY),
    case("GET /oms/reconcile/{account_id}/status", _READ, "/oms/reconcile/{account}/status"),
    case(
        "POST /oms/reconcile",
        "401 404 202 202 202 202 202 404 401 401",
        body={"account_id": "{account}", "scope": "short"},
    ),
    case(
        "POST /oms/reconcile/cases/{case_id}/resolve",
        "401 404 403 200 200 200 403 200 401 401",
        "/oms/reconcile/cases/{own_case}/resolve",
        {"action": "acknowledge", "comment": "why"},
    ),
    case(
        "POST /oms/reconcile/cases/{case_id}/resolve",
        "401 404 403 200 404 200 403 200 401 401",
        "/oms/reconcile/cases/{foreign_case}/resolve",
        {"action": "acknowledge", "comment": "why"},
    ),
    # --- commands --------------------------------------------------------------------------------
    command("send_order", _TRADE, **_ORDER, strategy_id="{own}"),
    command("send_order", _ALIEN, **_ORDER, strategy_id="{foreign}"),
    command("send_order", _ALIEN, **_ORDER),
    command("cancel_order", _CLOSE, order_id="{own_order}"),
    command(
        "cancel_order",
        "401 404 403 202 404 202 403 403 401 401",
        order_id="{foreign_order}",
    ),
    command("cancel_all_orders", _CLOSE),
    command("change_order", _TRADE, order_id="{own_order}", new_price="91"),
    command(
        "change_order",
        "401 404 403 202 404 403 403 403 401 401",
        order_id="{foreign_order}",
        new_price="91",
    ),
    command("close_position", _CLOSE, position_id="{own_position}", comment="why"),
    command(
        "close_position",
        "401 404 403 202 404 202 403 403 401 401",
        position_id="{foreign_position}",
        comment="why",
    ),
    command(
        "close_by",
        _DONE,
        position_id_a="{own_second}",
        position_id_b="{own_short}",
        comment="why",
    ),
    command(
        "close_by",
        "401 404 403 200 404 200 403 403 401 401",
        position_id_a="{own_second}",
        position_id_b="{foreign_short}",
        comment="why",
    ),
    command(
        "merge_positions",
        _DONE,
        source_position_id="{own_second}",
        target_position_id="{own_position}",
        comment="why",
    ),
    command(
        "position_change",
        "401 404 403 200 200 403 403 403 401 401",
        position_id="{own_position}",
        stop_loss="1",
    ),
    command(
        "position_change",
        "401 404 403 200 404 403 403 403 401 401",
        position_id="{foreign_position}",
        stop_loss="1",
    ),
    # --- differences ------------------------------------------------------------------------------
    case("GET /oms/reconcile/cases", _READ, "/oms/reconcile/cases?account_ids={account}"),
    case(
        "POST /oms/reassign",
        "401 404 403 409 403 403 403 409 401 401",
        body={"order_ids": ["{own_order}"], "target_strategy_id": "{foreign}", "preview": True},
    ),
    # --- the risk desk ----------------------------------------------------------------------------
    case("GET /oms/risk/{account_id}", _READ, "/oms/risk/{account}"),
    case("GET /oms/risk/{account_id}/strategies", _READ, "/oms/risk/{account}/strategies"),
    case(
        "POST /oms/risk/{account_id}/allow_new_positions",
        _RISK,
        "/oms/risk/{account}/allow_new_positions",
        {"allow_new_positions": False, "comment": "why"},
    ),
    case(
        "POST /oms/risk/{account_id}/strategies/allow_new_positions",
        _RISK,
        "/oms/risk/{account}/strategies/allow_new_positions",
        {"strategy_id": "{own}", "allow_new_positions": False, "comment": "why"},
    ),
    case(
        "POST /oms/risk/{account_id}/status",
        _RISK,
        "/oms/risk/{account}/status",
        {"status": "blocked", "comment": "why"},
    ),
    case(
        "POST /oms/risk/{account_id}/limits",
        _RISK,
        "/oms/risk/{account}/limits",
        {"max_open_orders": 5, "comment": "why"},
    ),
    case(
        "POST /oms/risk/halts",
        _RISK,
        body={"scope": "account", "id": "{account}", "state": "halted", "comment": "why"},
    ),
    case(
        "POST /oms/risk/kill",
        _RISK,
        body={"scope": "account", "id": "{account}", "comment": "why"},
    ),
    case(
        "POST /oms/risk/kill",
        "401 403 403 403 403 403 403 403 401 401",
        body={"scope": "all", "comment": "why"},
    ),
    case(
        "POST /oms/risk/release",
        "401 404 403 403 403 409 403 404 401 401",
        body={"scope": "account", "id": "{account}", "comment": "why"},
    ),
    # --- ccxt: "NO/PE" is no market, so that nothing leaves for an exchange ----------------------
    case("GET /ccxt/orders/raw", _READ, f"/ccxt/orders/raw?{_DAYS}"),
    case("GET /ccxt/trades/raw", _READ, f"/ccxt/trades/raw?{_DAYS}"),
    case(
        "POST /ccxt/{account_id}/{func}",
        "401 404 403 422 422 403 403 404 401 401",
        "/ccxt/{account}/createOrder",
        {"kwargs": {**_CCXT_ORDER, "type": "market", "params": {"strategy_id": "{own}"}}},
    ),
    case(
        "POST /ccxt/{account_id}/{func}",
        "401 404 403 403 403 403 403 404 401 401",
        "/ccxt/{account}/withdraw",
        {"args": ["USDT", 1, "there"]},
    ),
    case(
        "POST /ccxt/core/{account_id}/{func}",
        "401 404 403 422 422 403 403 404 401 401",
        "/ccxt/core/{account}/create_order",
        {**_CCXT_ORDER, "order_type": "market", "params": {"strategy_id": "{own}"}},
    ),
    case(
        "POST /ccxt/commands",
        "401 404 403 422 422 403 403 404 401 401",
        body=[
            {
                "account_id": "{account}",
                "func": "createOrder",
                "kwargs": {**_CCXT_ORDER, "type": "market", "params": {"strategy_id": "{own}"}},
            }
        ],
    ),
    # --- back office -----------------------------------------------------------------------------
    case("GET /system/status", _ADMIN),
    case("GET /backoffice/accounts", _ADMIN),
    case(
        "POST /backoffice/accounts",
        _MADE,
        body={"exchange_id": "ccxt.binance", "label": "new"},
    ),
    case("GET /backoffice/accounts/{account_id}", _ADMIN, "/backoffice/accounts/{account}"),
    case(
        "PATCH /backoffice/accounts/{account_id}",
        _ADMIN,
        "/backoffice/accounts/{account}",
        {"label": "renamed"},
    ),
    case(
        "POST /backoffice/accounts/{account_id}/test-connection",
        _ADMIN,
        "/backoffice/accounts/{account}/test-connection",
    ),
    case("GET /backoffice/users", _ADMIN),
    case("POST /backoffice/users", _MADE, body={"user_name": "new", "role": "robot"}),
    case("GET /backoffice/users/{user_id}", _ADMIN, "/backoffice/users/{trade_user}"),
    case(
        "PATCH /backoffice/users/{user_id}",
        _ADMIN,
        "/backoffice/users/{trade_user}",
        {"is_active": False},
    ),
    case(
        "DELETE /backoffice/users/{user_id}/two-factor",
        _ADMIN,
        "/backoffice/users/{trade_user}/two-factor",
    ),
    case("GET /backoffice/api-keys", _ADMIN),
    case("POST /backoffice/api-keys", _MADE, body={"user_id": "{trade_user}"}),
    case("GET /backoffice/api-keys/{api_key_id}", _ADMIN, "/backoffice/api-keys/{trade_key}"),
    case(
        "PATCH /backoffice/api-keys/{api_key_id}",
        _ADMIN,
        "/backoffice/api-keys/{trade_key}",
        {"status": "revoked"},
    ),
    case(
        "GET /backoffice/api-keys/{api_key_id}/permissions",
        _ADMIN,
        "/backoffice/api-keys/{trade_key}/permissions",
    ),
    case(
        "PUT /backoffice/api-keys/{api_key_id}/permissions",
        _ADMIN,
        "/backoffice/api-keys/{trade_key}/permissions",
        {"permissions": []},
    ),
    case(
        "PATCH /backoffice/api-keys/{api_key_id}/permissions",
        _ADMIN,
        "/backoffice/api-keys/{trade_key}/permissions",
        {"permissions": [{"account_id": "{account}", "can_trade": False}]},
    ),
    case("GET /backoffice/strategies", _ADMIN),
    case("POST /backoffice/strategies", _MADE, body={"name": "new"}),
    case("GET /backoffice/strategies/{strategy_id}", _ADMIN, "/backoffice/strategies/{own}"),
    case(
        "PATCH /backoffice/strategies/{strategy_id}",
        _ADMIN,
        "/backoffice/strategies/{own}",
        {"status": "disabled"},
    ),
    case(
        "GET /backoffice/oms/orders/open",
        _ADMIN,
        "/backoffice/oms/orders/open?account_ids={account}",
    ),
    case("GET /backoffice/oms/orders/history", _ADMIN, f"/backoffice/oms/orders/history?{_DAYS}"),
    case("GET /backoffice/oms/orders/{ids}", _ADMIN, "/backoffice/oms/orders/{own_order}"),
    case("GET /backoffice/oms/deals", _ADMIN, f"/backoffice/oms/deals?{_DAYS}"),
    case("GET /backoffice/oms/deals/{ids}", _ADMIN, "/backoffice/oms/deals/{own_deal}"),
    case(
        "GET /backoffice/oms/positions/open",
        _ADMIN,
        "/backoffice/oms/positions/open?account_ids={account}",
    ),
    case(
        "GET /backoffice/oms/positions/history",
        _ADMIN,
        f"/backoffice/oms/positions/history?{_DAYS}",
    ),
    case("GET /backoffice/oms/positions/{ids}", _ADMIN, "/backoffice/oms/positions/{own_position}"),
    case("GET /backoffice/oms/events", _ADMIN, "/backoffice/oms/events?account_ids={account}"),
]
