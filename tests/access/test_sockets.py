"""Who may ask what over ``/ws``: every action, asked by every kind of caller.

The actions come from the project's table. Commands and calls of ccxt are asked with the lines of
``expectations.py``: a caller is told the same as over REST.
"""

import time
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import override_settings

from accounts import services
from accounts.audit import OPERATOR
from accounts.models import ApiKey
from gateway.api import sockets as of_ccxt
from oms_project import errors
from positions.api.pool import in_pool
from positions.sockets import actions
from positions.tests.sockets.client import Message, connected
from tests.access import expectations
from tests.access.table import ANY, READ
from tests.access.world import KINDS, World

ACTIONS = actions.ACTIONS | of_ccxt.ACTIONS
TURNED_AWAY = ("revoked", "expired")
NOT_AUTHENTICATED = 4401
NO_EXCHANGE = {"OMS_EXCHANGE_URLS": {"binanceusdm": "http://127.0.0.1:9"}}

_MARKET = {"account_id": "{account}", "symbol": "NO/PE", "channels": ["ticker"]}


@dataclass(frozen=True)
class Case:
    """One request, and the status that each kind of caller would get over REST; 200: it is done."""

    action: str
    statuses: str
    payload: Any = None

    @property
    def expected(self) -> dict[str, int]:
        return dict(zip(KINDS, map(int, self.statuses.split()), strict=True))


def _as_over_rest() -> list[Case]:
    """The lines for commands and for calls of ccxt, as requests of a socket."""
    found = []
    for case in expectations.CASES:
        if case.route == "POST /oms/commands":
            found.append(Case("position/command", case.statuses, case.body | {"wait_ms": 0}))
        elif case.route == "POST /ccxt/{account_id}/{func}":
            func = case.asked.rpartition("/")[2]
            payload = {"account_id": "{account}", "func": func} | case.body
            found.append(Case("ccxt/call", case.statuses, payload))
    return found


CASES = [
    #                      none other read trade restricted risk readonly admin revoked expired
    Case("ping", "200  200   200  200   200        200  200      200   401     401"),
    Case(
        "auth",
        "200  409   409  200   409        409  409      409   401     401",
        {"api_key": "{trade key}"},
    ),
    Case("subscribe", READ, {"account_ids": ["{account}"]}),
    Case("unsubscribe", ANY, {"account_ids": ["{account}"]}),
    # The account's exchange cannot be reached here; who may not read it is not told so.
    Case(
        "ccxt/subscribe_market",
        "401  404   503  503   503        503  503      404   401     401",
        _MARKET,
    ),
    Case(
        "ccxt/unsubscribe_market",
        "401  404   404  404   404        404  404      404   401     401",
        _MARKET,
    ),
    *_as_over_rest(),
]


def test_every_action_has_a_line_in_the_table():
    assert {case.action for case in CASES} == set(ACTIONS)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in TURNED_AWAY])
async def test_each_kind_of_caller_gets_what_the_table_says(stored_world, kind):
    wrong = []
    with override_settings(**NO_EXCHANGE):
        for case in CASES:
            async with connected(stored_world.keys.get(kind), actions=ACTIONS) as client:
                payload = _filled_in(stored_world, case.payload)
                answer = await client.ask(case.action, payload)
            if _done(answer) and case.action == "position/command":
                await in_pool(stored_world.make_objects)
            expected = case.expected[kind]
            if _status(answer) != (200 if expected < 300 else expected):
                wrong.append((case, _status(answer), answer["payload"]))

    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize("kind", TURNED_AWAY)
async def test_a_key_that_is_no_longer_good_is_turned_away(stored_world, kind):
    async with connected(stored_world.keys[kind], actions=ACTIONS) as client:
        assert await client.close_code() == NOT_AUTHENTICATED

    assert [message["event"] for message in client.seen] == ["error", "closing"]


async def test_whoever_loses_the_key_hears_nothing_more_within_a_second(stored_world):
    account_id = stored_world.ids["account"]
    async with connected(stored_world.keys["trade"], actions=ACTIONS) as client:
        await client.subscribe(account_id)
        key = await in_pool(ApiKey.objects.get, pk=stored_world.ids["trade_key"])

        await in_pool(services.revoke_api_key, api_key=key, by=OPERATOR)
        revoked_at_s = time.monotonic()
        code = await client.close_code()
        took_s = time.monotonic() - revoked_at_s

    assert code in (NOT_AUTHENTICATED, 4403)
    assert took_s < 1.5


def _filled_in(world: World, payload: Any) -> Any:
    if payload == {"api_key": "{trade key}"}:
        return {"api_key": world.keys["trade"]}
    return world.filled_in(payload)


def _done(answer: Message) -> bool:
    return _status(answer) == 200


def _status(answer: Message) -> int:
    """The status that REST has for this answer."""
    payload = answer["payload"]
    if answer["ok"]:
        return 200
    if "results" in payload:
        payload = payload["results"][0]["error"]
    return errors.error_class(payload["code"]).status
