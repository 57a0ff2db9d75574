"""The control port: logins, the journal, faults, prices and the clock, for tests and benches.

It is served under ``/paper/`` only when the venue was started with a control token, and only to
requests that carry it in ``X-Paper-Token``. ``GET /paper/health`` needs no token.
"""

import hmac
from dataclasses import fields, replace
from decimal import Decimal
from functools import partial
from pathlib import Path

import orjson
from aiohttp import web

from gateway.paper.errors import VenueError, insufficient_balance
from gateway.paper.faults import Fault
from gateway.paper.logins import FeeMode, InsufficientBalance, Login
from gateway.paper.matching.orders import to_row
from gateway.paper.venue import Venue

FAULT_WORDS = frozenset(option.name for option in fields(Fault) if option.init) - {
    "fault_id",
    "struck",
}


def add_routes(app: web.Application, venue: Venue) -> None:
    """Open the control port; without a token only ``health`` is there."""
    app.router.add_get("/paper/health", _health)
    token = venue.options.control_token
    if not token:
        return
    port = Control(venue)
    for method, path, handler in (
        ("POST", "logins", port.open_login),
        ("GET", "logins", port.logins),
        ("POST", "deposits", port.deposit),
        ("GET", "journal", port.journal),
        ("GET", "orders", port.orders),
        ("GET", "requests", port.requests),
        ("POST", "faults", port.add_fault),
        ("GET", "faults", port.faults),
        ("DELETE", "faults", port.clear_faults),
        ("POST", "prices", port.set_price),
        ("GET", "prices", port.prices),
        ("POST", "step", port.step),
        ("POST", "clock", port.set_clock),
        ("POST", "streams/drop", port.drop_streams),
        ("POST", "listenkeys/expire", port.expire_listen_keys),
    ):
        app.router.add_route(method, f"/paper/{path}", partial(_guarded, token, handler))


def read_logins(venue: Venue, path: Path | None) -> None:
    """Open the logins of a JSON file: a list of what POST /paper/logins takes."""
    if path is not None:
        for body in orjson.loads(path.read_bytes()):
            open_login(venue, body)


def open_login(venue: Venue, body: dict) -> bool:
    """Create a login, or another wallet of one, from its JSON; gives whether it was new."""
    wallet = body.get("market", "spot")
    prefix = "" if wallet == "spot" else f"{wallet}_"
    rates = {prefix + name: Decimal(str(body[name])) for name in ("maker", "taker") if name in body}
    login = venue.logins.get(body["api_key"]) or Login(
        api_key=body["api_key"],
        secret=body["secret"],
        uid=int.from_bytes(body["api_key"].encode()[-4:]),
        fee_mode=FeeMode(body.get("fee_mode", FeeMode.BASE)),
    )
    balances = {name: Decimal(str(free)) for name, free in body.get("balances", {}).items()}
    return venue.open_login(replace(login, **rates), wallet, balances)


class Control:
    """The handlers of the control port; each takes parsed JSON or query words."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def open_login(self, body: dict) -> object:
        """``{"api_key", "secret", "balances": {"USDT": "1000"}, "fee_mode", "maker", "taker",
        "market"}`` → ``{"created": true}``. A login that exists is left alone."""
        return {"created": open_login(self._venue, body)}

    def logins(self, query: dict) -> object:
        """The keys of all logins, and what each owns by wallet."""
        return [
            {
                "api_key": login.api_key,
                "balances": {
                    wallet: {
                        asset: {"free": str(balance.free), "locked": str(balance.locked)}
                        for asset, balance in self._venue.ledger.of(login.api_key, wallet).items()
                    }
                    for wallet in self._venue.markets
                },
            }
            for login in self._venue.logins
        ]

    def deposit(self, body: dict) -> object:
        """``{"api_key", "market", "asset", "amount"}``: money comes, or with a minus goes."""
        wallet = body.get("market", "spot")
        amount = Decimal(str(body["amount"]))
        if body["api_key"] not in {login.api_key for login in self._venue.logins}:
            raise VenueError(-2015, "There is no such login.")
        try:
            self._venue.deposit(body["api_key"], wallet, body["asset"], amount)
        except InsufficientBalance:
            raise insufficient_balance() from None
        return {}

    def journal(self, query: dict) -> object:
        """``?login=&after=&limit=`` → the journal's rows after that number, oldest first."""
        return self._venue.store.journal_rows(
            after=int(query.get("after", 0)),
            login=query.get("login"),
            limit=int(query.get("limit", 100_000)),
        )

    def orders(self, query: dict) -> object:
        """``?login=&market=&symbol=`` → a login's orders in their present state."""
        rows = self._venue.store.orders(
            query.get("market", "spot"),
            query["login"],
            query.get("symbol"),
            from_id=0,
            limit=int(query.get("limit", 100_000)),
        )
        return [to_row(order) for order in rows]

    def requests(self, query: dict) -> object:
        """How often each route was called, and how often each client order id was sent.

        ``turned_away`` counts those of them that were not looked at: their time or signature was
        wrong, or a limit was reached. Routes count since the start.
        """
        away = self._venue.store.turned_away_posts()
        return {
            "routes": [
                {"method": method, "route": route, "login": login, "count": count}
                for (method, route, login), count in sorted(self._venue.tally.items())
            ],
            "orders": [
                {
                    "login": login,
                    "market": market,
                    "client_id": client_id,
                    "count": count,
                    "turned_away": away.get(client_id, 0),
                }
                for login, market, client_id, count in self._venue.store.posts()
            ],
        }

    def add_fault(self, body: dict) -> object:
        """``{"route", "kind", "probability", "count", "seed", …}`` → the fault with its id."""
        if unknown := set(body) - FAULT_WORDS:
            raise VenueError(-1101, f"Unknown words: {', '.join(sorted(unknown))}")
        return self._venue.faults.add(Fault(**body)).told()

    def faults(self, query: dict) -> object:
        """The faults in force, with how often each struck."""
        return [fault.told() for fault in self._venue.faults]

    def clear_faults(self, query: dict) -> object:
        """``?fault_id=`` removes one fault, no word removes all."""
        fault_id = query.get("fault_id")
        self._venue.faults.clear(int(fault_id) if fault_id else None)
        return {}

    def set_price(self, body: dict) -> object:
        """``{"symbol", "price"}``: move the mid price there, now, and fill what it crosses."""
        self._venue.set_price(body["symbol"], Decimal(str(body["price"])))
        return {}

    def prices(self, query: dict) -> object:
        """The step and every mid price."""
        return self._venue.prices.dump()

    def step(self, body: dict) -> object:
        """``{"count": n}``: go on n steps at once."""
        for _ in range(int(body.get("count", 1))):
            self._venue.step()
        return {"step": self._venue.prices.step}

    def set_clock(self, body: dict) -> object:
        """``{"skew_ms": n}``: let the venue's clock go wrong by n."""
        self._venue.skew_ms = int(body["skew_ms"])
        return {"now_ms": self._venue.now_ms()}

    def drop_streams(self, body: dict) -> object:
        """``{"topic": "spot:*"}``: cut the connections that listen to a matching topic."""
        return {"dropped": self._venue.hub.drop(body.get("topic", "*"))}

    def expire_listen_keys(self, body: dict) -> object:
        """End all listen keys, or ``{"login"}``'s, as if their hour were over."""
        return {"expired": self._venue.expire_listen_keys(body.get("login"))}


async def _health(request: web.Request) -> web.Response:
    return web.json_response({"ok": True})


async def _guarded(token: str, handler, request: web.Request) -> web.Response:
    """Let in who knows the token; a malformed request is told so."""
    if not hmac.compare_digest(request.headers.get("X-Paper-Token", ""), token):
        return web.json_response({"error": "wrong or no X-Paper-Token"}, status=403)
    try:
        words = dict(request.query)
        if request.method == "POST":
            words = orjson.loads(await request.read() or b"{}")
        body, status = handler(words), 200
    except VenueError as refusal:
        body, status = refusal.body(), refusal.status
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        body, status = {"error": f"{type(error).__name__}: {error}"}, 400
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")
