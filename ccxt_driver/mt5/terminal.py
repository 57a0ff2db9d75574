"""What stands behind the calls of one process: one connection, its account, its last error.

A question that nobody answered is asked again for as long as ``initialize`` was given, so that a
script outlives a restart of the OMS. ``ccxt_driver`` carries everything.
"""

import inspect
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from typing import Any

from ccxt.base.errors import BaseError

from ccxt_driver import steps
from ccxt_driver.exchange import OmsCcxtExchange
from ccxt_driver.mt5 import constants as c
from ccxt_driver.mt5.failures import NOT_CONNECTED, SUCCESS, Failure, failure_of
from ccxt_driver.mt5.settings import Login
from ccxt_driver.steps import Call, Plan

Row = dict[str, Any]
TIMEOUT_MS = 60_000
MARKETS_KEPT_S = 60
EVER = 0  # Milliseconds since 1970: a list without a beginning.


class Terminal:
    """``exchange`` is None while nothing is connected; what others remember hangs on ``memory``."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.error: tuple[int, str] = SUCCESS
        self.exchange: OmsCcxtExchange | None = None
        self.login: Login | None = None
        self.account: Row = {}
        self.ping_us = 0
        self.requests = 0
        self.memory: dict[Any, Any] = {}
        self._account_at = self._markets_at = 0.0

    # --- the connection ----------------------------------------------------------------------

    def connect(self, login: Login, timeout_ms: int) -> None:
        """Take up a connection; the one before stays if this one fails.

        Raises:
            Failure: the OMS is away, does not know the key, or the key has no such account.
        """
        exchange = OmsCcxtExchange(
            api_key=login.api_key, account_id=login.account_id or 0, base_url=login.base_url
        )
        exchange.options["patience"] = timeout_ms
        accounts = exchange.oms_do(_patient(exchange, _one(Call("GET", "/oms/accounts"))))
        account = _chosen(accounts["items"], login)
        exchange.oms = replace(exchange.oms, account_id=account["id"])
        if exchange.oms_exchange_id is None:
            exchange.meet({"items": [account]})
        exchange.oms_do(_patient(exchange, _loaded(exchange)))
        self.exchange, self.account = exchange, account
        self.login = replace(login, account_id=account["id"])
        self.memory = {}
        self._account_at = self._markets_at = time.monotonic()

    def disconnect(self) -> None:
        """Forget the connection and all that was learnt by it."""
        self.exchange, self.login, self.account, self.memory = None, None, {}, {}

    @property
    def oms(self) -> OmsCcxtExchange:
        """The connection.

        Raises:
            Failure: there is none.
        """
        if self.exchange is None:
            raise Failure(*NOT_CONNECTED)
        return self.exchange

    @property
    def account_id(self) -> int:
        return self.account["id"]

    @property
    def is_hedge(self) -> bool:
        return self.account["position_mode"] == "hedge"

    def refresh(self, *, within_s: float = 0.0) -> Row:
        """The account's row as it is now, or was ``within_s`` ago."""
        if time.monotonic() - self._account_at <= within_s:
            return self.account
        self._account_at = time.monotonic()
        rows = self.ask("GET", "/oms/accounts")["items"]
        self.account = next((row for row in rows if row["id"] == self.account_id), self.account)
        return self.account

    def reload_markets(self) -> bool:
        """Look for markets that are new, at most once a minute; whether that was done."""
        if time.monotonic() - self._markets_at < MARKETS_KEPT_S:
            return False
        self._markets_at = time.monotonic()
        self.do(_loaded(self.oms))
        return True

    # --- questions ---------------------------------------------------------------------------

    def do(self, plan: Plan) -> Any:
        """Carry out a plan of the driver; questions that nobody answered are asked again."""
        started = time.perf_counter()
        try:
            return self.oms.oms_do(_patient(self.oms, plan))
        finally:
            self.ping_us = int((time.perf_counter() - started) * 1_000_000)

    def ask(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Any = None
    ) -> Any:
        """One request to the OMS."""
        return self.do(_one(Call(method, path, query or {}, body)))

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """A unified method of ccxt through the gateway, with numbers as ccxt has them."""
        return self.do(steps.called(self.oms, name, list(args), kwargs))

    def rows(self, path: str, **filters: Any) -> list[Row]:
        """All rows of a list of the account, newest first.

        ``until`` (milliseconds): none that began later; ``since`` likewise, by whole UTC days.
        """
        symbol, until = filters.pop("symbol", None), filters.pop("until", None)
        since = filters.pop("since", EVER)
        time_field = {"deals": "executed_at"}.get(path, "created_at")
        if path.startswith("positions"):
            time_field = "opened_at"
        plan = steps.listed(
            self.oms, path, time_field, symbol, since, None, {"until": until}, **filters
        )
        return self.do(plan)

    def by_ids(self, path: str, ids: list[int]) -> list[Row]:
        """Rows by their ids; those that do not exist for this key are left out."""
        found: list[Row] = []
        ids = [one for one in ids if 0 < one < 2**63]
        for first in range(0, len(ids), 100):
            some = ids[first : first + 100]
            try:
                found += self.ask("GET", f"/oms/{path}/{','.join(map(str, some))}")["items"]
            except BaseError as error:
                if getattr(error, "oms_status", None) != 404:
                    raise
                if len(some) > 1:  # One of them is gone; the others are not.
                    for each in some:
                        found += self.by_ids(path, [each])
        return found


TERMINAL = Terminal()


def answers(
    *, otherwise: Any = None, connected: bool = True
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A call of the package: never raises, gives ``otherwise`` and sets ``last_error`` instead."""

    def dress(function: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(function)

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with TERMINAL.lock, _told(TERMINAL):
                try:
                    bound = signature.bind(*args, **kwargs)
                except TypeError:
                    raise _misused(signature, args) from None
                if connected:
                    TERMINAL.oms  # noqa: B018 (raises)
                return function(*bound.args, **bound.kwargs)
            return otherwise

        return call

    return dress


@contextmanager
def _told(terminal: Terminal) -> Iterator[None]:
    """``last_error`` says how it went; a failure ends the block and nothing else."""
    terminal.error = SUCCESS
    try:
        yield
    except Failure as failure:
        terminal.error = (failure.code, failure.text)
    except BaseError as error:
        failure = failure_of(error)
        terminal.error = (failure.code, failure.text)


def _misused(signature: inspect.Signature, args: tuple[Any, ...]) -> Failure:
    kinds = [one.kind for one in signature.parameters.values()]
    positional = sum(kind is not inspect.Parameter.KEYWORD_ONLY for kind in kinds)
    if len(args) > positional == 0:
        return Failure(c.RES_E_INVALID_PARAMS, "Unnamed arguments not allowed")
    if len(args) > positional:
        return Failure(c.RES_E_INVALID_PARAMS, "Invalid number of arguments")
    return Failure(c.RES_E_INVALID_PARAMS, "Invalid arguments")


def _chosen(accounts: list[Row], login: Login) -> Row:
    if login.account_id is None:
        if len(accounts) == 1:
            return accounts[0]
        ids = ", ".join(str(row["id"]) for row in accounts)
        why = f"the key has accounts {ids}: name one as login" if ids else "the key has no account"
    else:
        for row in accounts:
            if row["id"] == login.account_id:
                return row
        why = f"the key has no account {login.account_id}"
    raise Failure(c.RES_E_AUTH_FAILED, f"Terminal: Authorization failed ({why})")


def _loaded(exchange: OmsCcxtExchange) -> Plan:
    """The markets, by a question that may be asked again; ``Markets`` would ask once."""
    markets = yield from steps.called(exchange, "fetchMarkets", [], {})
    exchange.set_markets(markets)


def _one(call: Call) -> Plan:
    return (yield call)


def _patient(exchange: OmsCcxtExchange, plan: Plan) -> Plan:
    """A plan whose questions are asked until they are answered, or time is up."""
    answer: Any = None
    error: BaseException | None = None
    while True:
        try:
            step = plan.send(answer) if error is None else plan.throw(error)
        except StopIteration as done:
            return done.value
        answer = error = None
        try:
            answer = (
                (yield from steps.insisted(exchange, step))
                if isinstance(step, Call)
                else (yield step)
            )
        except BaseError as failure:
            error = failure
