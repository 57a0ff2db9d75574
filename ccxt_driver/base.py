"""What do all exchanges of the driver have in common?

``Driven`` stands before one of ccxt's base classes: it reads the settings, takes over what ccxt
knows about the account's exchange, and turns the OMS's refusals into ccxt's exceptions. How plans
are carried out is left to the class that it is mixed into.
"""

import json
from collections.abc import Mapping
from functools import wraps
from typing import Any, ClassVar

from ccxt.base.errors import NotSupported

from ccxt_driver import implicit, plans, profile, settings
from ccxt_driver.errors import exception_of
from ccxt_driver.steps import Call, Plan
from ccxt_driver.words import MARKET_DATA, OF_THE_ACCOUNT, snake

_OWN_PLANS = (
    plans.create_order, plans.create_orders, plans.edit_order, plans.cancel_order,
    plans.cancel_orders, plans.cancel_all_orders, plans.fetch_order, plans.fetch_open_orders,
    plans.fetch_orders, plans.fetch_closed_orders, plans.fetch_canceled_orders,
    plans.fetch_canceled_and_closed_orders, plans.fetch_order_trades, plans.fetch_my_trades,
    plans.fetch_positions, plans.fetch_position, plans.fetch_positions_for_symbol,
    plans.fetch_position_history, plans.fetch_positions_history, plans.fetch_funding_history,
    plans.fetch_markets, plans.fetch_currencies, plans.fetch_balance, plans.set_leverage,
)  # fmt: skip
_SAME_ORDER = {"fetch_open_order": plans.fetch_order, "fetch_closed_order": plans.fetch_order}
_PASSED_ON = {
    snake(name): plans.passed_on(name) for name in (MARKET_DATA | OF_THE_ACCOUNT) - {"loadMarkets"}
}
PLANS: Mapping[str, Any] = _PASSED_ON | {plan.__name__: plan for plan in _OWN_PLANS} | _SAME_ORDER


def carried_out(method: Any) -> Any:
    """A class decorator's work: a method for every plan, made by ``method(plan)``."""

    def dress(kind: type) -> type:
        for name, plan in PLANS.items():
            made = wraps(plan)(method(plan))
            made.__name__ = name
            made.__qualname__ = f"{kind.__name__}.{name}"
            setattr(kind, name, made)
            setattr(kind, _camel(name), made)
        return kind

    return dress


class Driven:
    """Settings, description, addresses and errors; ``STREAMS`` where it also watches."""

    STREAMS: ClassVar[bool] = False

    def __init__(self, config: Mapping[str, Any] | None = None, **given: Any) -> None:
        """Either ccxt's way, or ``api_key``, ``account_id``, ``strategy_id``, ``base_url``.

        Raises:
            ArgumentsRequired: nothing says which account is meant.
        """
        self.oms, rest = settings.read(config, given)
        self.oms_exchange_id = profile.exchange_id(self.oms)
        self.oms_doubts: dict[str, dict[str, Any]] = {}
        super().__init__(rest)  # type: ignore[call-arg]
        self.urls["api"] = {"rest": self.oms.base_url, "ws": self.oms.ws_url}
        self._lend()

    def describe(self) -> dict[str, Any]:
        """The account's exchange, with what the OMS adds and without what it never does."""
        known = profile.described(self.oms_exchange_id, streams=self.STREAMS)
        ours = {
            "rateLimit": 1,  # The OMS keeps the exchange's limits for all its clients.
            "pro": self.STREAMS,
            "requiredCredentials": {"apiKey": True, "secret": False},
            "urls": {"api": {"rest": self.oms.base_url, "ws": self.oms.ws_url}},
        }
        return self.deep_extend(super().describe(), known, ours)

    def meet(self, accounts: Mapping[str, Any]) -> None:
        """Become the account's exchange, which was not known at construction."""
        self.oms_exchange_id = profile.of_accounts(self.oms, accounts)
        if self.oms_exchange_id is None:
            return
        for name, value in self.describe().items():
            mine = getattr(self, name, None)
            both = isinstance(mine, dict) and isinstance(value, dict)
            setattr(self, name, self.deep_extend(value, mine) if name == "options" and both
                    else self.deep_extend(mine, value) if both else value)  # fmt: skip
        self._lend()

    def set_sandbox_mode(self, enabled: bool) -> None:
        """Whether it is a sandbox is a matter of the account, not of the bot.

        Raises:
            NotSupported: it would be switched on here.
        """
        if enabled:
            raise NotSupported(f"{self.id} make the OMS's account a testnet account instead")

    def sign(self, *_args: Any, **_kwargs: Any) -> dict[str, Any]:
        """Nothing is ever signed here.

        Raises:
            NotSupported: always.
        """
        raise NotSupported(f"{self.id} requests through the OMS are not signed")

    def handle_errors(
        self, code, reason, url, method, headers, body, response, request_headers, request_body
    ):
        """Raise the OMS's refusal as ccxt's exception; an answer without one is ccxt's to judge."""
        if code < 400 or not isinstance(response, dict):
            return None
        results = [one for one in response.get("results") or () if not one["ok"]]
        error = results[0]["error"] if results else response
        if "code" not in error:
            return None
        is_order = "/oms/commands" in url or "Order" in url.rpartition("/")[2]
        raise exception_of(error, status=code, prefix=self.id, is_order=is_order)

    def __getattr__(self, name: str) -> Any:
        """Implicit methods: those of a table are answered, all others refuse."""
        if not name.startswith("_") and implicit.is_one(name):
            return implicit.method(self, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def oms_request(self, call: Call) -> tuple[str, str, dict[str, str], str | None]:
        """Address, method, headers and body of a step."""
        query = f"?{self.urlencode(dict(call.query))}" if call.query else ""
        headers = {"x-api-key": self.apiKey or ""}
        body = None
        if call.body is not None:
            headers["content-type"] = "application/json"
            body = json.dumps(call.body)
        return f"{self.oms.base_url}{call.path}{query}", call.method, headers, body

    def oms_plan(self, name: str, *args: Any, **kwargs: Any) -> Plan:
        """The plan of a method, for those who build on it."""
        return PLANS[name](self, *args, **kwargs)

    def _lend(self) -> None:
        if self.oms_exchange_id is not None:
            profile.lend_methods(self, self.oms_exchange_id)  # type: ignore[arg-type]


def _camel(name: str) -> str:
    first, *more = name.split("_")
    return first + "".join("OHLCV" if word == "ohlcv" else word.capitalize() for word in more)
