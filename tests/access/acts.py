"""What can somebody with a key try? Every row of the table of acts, and what is done with keys.

An act answers what it was told: a command, a body, what was ``Seen``; a refusal answers nothing. It
is about the foreign strategy where there are two: for a key that is restricted, the wrong one.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from accounts.callers import authentication
from accounts.callers.authentication import resolve
from accounts.models import ApiKey, Strategy
from accounts.rights.acts import Act
from accounts.words import Right
from gateway import loop
from gateway.api.calls import Call, answer
from oms_project.errors import OmsError
from positions.tests.fakes import LINEAR
from tests.access.world import JSON, World

WHY = {"comment": "why"}
WITHIN_S = 10
_ORDER = {"symbol": LINEAR, "side": "buy", "order_type": "market", "qty": "1"}
_EVERYTHING = {right.value: True for right in Right}


@dataclass(frozen=True)
class Seen:
    """What somebody was shown: orders of these strategies, or (``None``) the account's money."""

    strategies: frozenset[int] | None


@dataclass
class Hands:
    """Somebody with a key, and what the acts are about."""

    world: World
    text: str

    def rest(self, method: str, path: str, body: Any = None) -> Any:
        """Ask over REST."""
        authentication.forget()
        filled, headers = self.world.filled_in(body), {"x-api-key": self.text}
        sent = {} if body is None else {"data": json.dumps(filled), "content_type": JSON}
        ask = getattr(self.world.client, method)
        answered = ask(path.format(**self.world.ids), headers=headers, **sent)
        return answered.json() if answered.status_code < 300 else None

    def give(self, command: str, **payload: Any) -> Any:
        """Give a command."""
        authentication.forget()
        request_id = payload.pop("request_id", None)
        try:
            return self.world.desk.give(
                command,
                caller=resolve(self.text, address=None),
                request_id=request_id,
                **self.world.filled_in(payload),
            )
        except OmsError:
            return None

    def call(self, func: str, *args: Any) -> Any:
        """Call a function of ccxt."""
        authentication.forget()
        try:
            caller = resolve(self.text, address=None)
            asked = Call(self.world.ids["account"], func, list(args))
            return json.loads(loop.reading.call(answer(caller, asked), WITHIN_S).result)
        except OmsError:
            return None

    def risk(self, path: str, **body: Any) -> Any:
        """Ask the risk desk."""
        return self.rest("post", f"/oms/risk/{path}", body | WHY)

    def halt(self, scope: str, target: str, state: str = "halted") -> Any:
        """Halt something, or let it go."""
        return self.risk("halts", scope=scope, id=target, state=state)

    def decide(self, case: str, action: str, **facts: Any) -> Any:
        """Decide about a case."""
        path = f"/oms/reconcile/cases/{{{case}}}/resolve"
        return self.rest("post", path, {"action": action} | facts | WHY)

    def orders(self) -> Seen | None:
        """The open orders."""
        shown = self.rest("get", "/oms/orders/open?account_ids={account}")
        return shown and Seen(frozenset(each["strategy_id"] for each in shown["items"]))

    def balance(self) -> Seen | None:
        """The account's money."""
        shown = self.call("fetchBalance")
        return Seen(None) if shown and Decimal(shown["USDT"]["total"]) else None

    @property
    def key_id(self) -> int:
        """The id of the key in these hands."""
        return ApiKey.objects.get(prefix=self.text.split("_")[1]).pk


@dataclass(frozen=True)
class Deed:
    """One act; ``row`` of the table, and a holder who ``can`` do it, ``None``: nobody's key."""

    do: Callable[[Hands], Any]
    can: str | None
    row: Act | None = None


def _permissions(**rights: Any) -> dict[str, Any]:
    return {"permissions": [{"account_id": "{account}", **rights}]}


def _command(row: Act, can: str, command: str, **payload: Any) -> Deed:
    return Deed(lambda who: who.give(command, **payload), can, row)


def _keys(method: str, path: str, body: dict[str, Any], can: str | None) -> Deed:
    return Deed(lambda who: who.rest(method, path, body), can)


def _reassign(can: str, order: str, **wish: Any) -> Deed:
    body = {"order_ids": [order], "target_strategy_id": "{own}", **wish}
    return Deed(lambda who: who.rest("post", "/oms/reassign", body), can, Act.REASSIGN)


def _risk(row: Act, path: str, **body: Any) -> Deed:
    return Deed(lambda who: who.risk(path, **body), "risk", row)


def _halt(row: Act, scope: str, target: str, state: str = "halted") -> Deed:
    return Deed(lambda who: who.halt(scope, target, state), "risk", row)


_WITH_KEYS = {
    "make a key": _keys("post", "/user/api-keys", {}, "trade"),
    "make a wide key": _keys("post", "/user/api-keys", _permissions(**_EVERYTHING), None),
    "free itself": Deed(
        lambda who: who.rest(
            "patch", f"/user/api-keys/{who.key_id}", {"ip_allow_list": [], "expires_at": None}
        ),
        None,
    ),
    "revoke another": _keys("patch", "/user/api-keys/{trade_key}", {"status": "revoked"}, "trade"),
    "office: a key": _keys(
        "post",
        "/backoffice/api-keys",
        {"user_id": "{trade_user}", **_permissions(**_EVERYTHING)},
        None,
    ),
    "office: widen": _keys(
        "patch", "/backoffice/api-keys/{read_key}/permissions", _permissions(**_EVERYTHING), None
    ),
    "office: an admin": _keys(
        "post",
        "/backoffice/users",
        {"user_name": "x", "role": "admin", "password": "a good one"},
        None,
    ),
}
_ORDERS = {
    "send": _command(Act.SEND_ORDER, "restricted", "send_order", **_ORDER, strategy_id="{own}"),
    "send for another": _command(
        Act.SEND_ORDER, "trade", "send_order", **_ORDER, strategy_id="{foreign}"
    ),
    "send with the newest": Deed(
        lambda who: who.give("send_order", **_ORDER, strategy_id=Strategy.objects.latest("pk").pk),
        "trade",
        Act.SEND_ORDER,
    ),
    "replay": _command(
        Act.SEND_ORDER, "trade", "send_order", **_ORDER, strategy_id=0, request_id="r-1"
    ),
    "change": _command(
        Act.CHANGE_ORDER, "trade", "change_order", order_id="{foreign_order}", new_price="91"
    ),
    "cancel": _command(Act.CANCEL_ORDER, "risk", "cancel_order", order_id="{foreign_order}"),
    "cancel all": _command(Act.CANCEL_ORDER, "restricted", "cancel_all_orders"),
    "reassign": _reassign("trade", "{stray_order}"),
    "reassign over": _reassign("admin", "{foreign_order}", override=True),
}
_POSITIONS = {
    "close": _command(
        Act.CLOSE_POSITION, "risk", "close_position", position_id="{foreign_position}", **WHY
    ),
    "close all": _command(Act.CLOSE_ALL_POSITIONS, "restricted", "close_all_positions", **WHY),
    "close by": _command(
        Act.CLOSE_BY,
        "risk",
        "close_by",
        position_id_a="{foreign_second}",
        position_id_b="{foreign_short}",
        **WHY,
    ),
    "merge": _command(
        Act.MERGE_POSITIONS,
        "risk",
        "merge_positions",
        source_position_id="{foreign_second}",
        target_position_id="{foreign_position}",
        **WHY,
    ),
    "set a stop": _command(
        Act.POSITION_CHANGE,
        "trade",
        "position_change",
        position_id="{foreign_position}",
        stop_loss="1",
    ),
    "close again": _command(
        Act.CLOSE_AGAIN,
        "risk",
        "close_position",
        position_id="{doubtful_position}",
        override_unknown=True,
        **WHY,
    ),
}
_CASES = {
    "reconcile": Deed(
        lambda who: who.rest(
            "post", "/oms/reconcile", {"account_id": "{account}", "scope": "short"}
        ),
        "readonly",
        Act.RECONCILE,
    ),
    "decide": Deed(lambda who: who.decide("foreign_case", "acknowledge"), "admin", Act.DECIDE_CASE),
    "write off": Deed(
        lambda who: who.decide("foreign_case", "write_off", price="90"), "risk", Act.WRITE_OFF
    ),
    "write off the rest": Deed(
        lambda who: who.decide("foreign_case", "write_off"), "halted", Act.WRITE_OFF_REST
    ),
    "adopt": Deed(
        lambda who: who.decide("doubt_case", "adopt", exchange_order_id="x-there"),
        "risk",
        Act.ADOPT_ORDER,
    ),
    "give up": Deed(lambda who: who.decide("doubt_case", "give_up"), "admin", Act.GIVE_UP_ORDER),
}
_DESK = {
    "limit": _risk(Act.SET_LIMITS, "{account}/limits", max_order_qty="1"),
    "limit a key": _risk(
        Act.SET_LIMITS, "{account}/limits", max_order_qty="1", api_key_id="{trade_key}"
    ),
    "limit a strategy": _risk(
        Act.SET_STRATEGY_LIMITS, "{account}/limits", max_order_qty="1", strategy_id="{foreign}"
    ),
    "block openings": _risk(
        Act.ALLOW_OPENINGS, "{account}/allow_new_positions", allow_new_positions=False
    ),
    "block a strategy": _risk(
        Act.ALLOW_STRATEGY_OPENINGS,
        "{account}/strategies/allow_new_positions",
        strategy_id="{foreign}",
        allow_new_positions=False,
    ),
    "block the account": _risk(Act.SET_STATUS, "{account}/status", status="blocked"),
    "halt the account": _halt(Act.HALT_ACCOUNT, "account", "{account}"),
    "halt a strategy": _halt(Act.HALT_STRATEGY, "strategy", "{foreign}"),
    "halt a symbol": _halt(Act.HALT_SYMBOL, "symbol", LINEAR),
    "halt a key": _halt(Act.HALT_KEY, "key", "{trade_key}"),
    "free a key": _halt(Act.HALT_KEY, "key", "{halted_key}", "active"),
    "kill": _risk(Act.KILL, "kill", scope="account", id="{account}"),
    "kill a user": _risk(Act.KILL, "kill", scope="user", id="{trade_user}"),
    "kill and flatten": _risk(Act.FLATTEN, "kill", scope="account", id="{account}", flatten=True),
    "release": _risk(Act.RELEASE, "release", scope="user", id="{stopped_user}"),
}

NOTHING = "nothing"
DEEDS: dict[str, Deed] = {
    NOTHING: Deed(lambda who: None, None),
    "read": Deed(Hands.orders, "restricted", Act.READ),
    "see the balance": Deed(Hands.balance, "read", Act.SEE_BALANCE),
    "make a strategy": Deed(
        lambda who: who.rest("post", "/strategies", {"name": "new", "account_ids": ["{account}"]}),
        "restricted",
        Act.MAKE_STRATEGY,
    ),
    "set leverage": Deed(
        lambda who: who.call("setLeverage", 5, LINEAR), "trade", Act.CONFIGURE_ACCOUNT
    ),
    **_WITH_KEYS,
    **_ORDERS,
    **_POSITIONS,
    **_CASES,
    **_DESK,
}
