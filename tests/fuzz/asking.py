"""Who asks: a key of each role at a running product, over REST and over ``/ws``."""

import asyncio
import json
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.e2e.product import Json, Product
from tests.fuzz.making import Call, Maker

ROLES = ("trader", "portfolio_manager", "robot", "risk", "readonly", "admin")
PATIENCE_S = 60
# Refusals that only a service gives: whoever gets one was read, recognised and judged.
SERVICES = {
    "permission_denied", "admin_read_only", "strategy_permission_denied", "function_not_allowed",
    "not_found", "account_not_found", "order_not_found", "position_not_found", "conflict",
    "risk_blocked", "position_close_in_progress", "idempotency_conflict", "events_expired",
    "duplicate_client_order_id", "invalid_strategy_id", "invalid_position_id", "exchange_error",
    "invalid_order_state", "unsupported_engine", "order_rejected", "engine_unavailable",
    "exchange_timeout", "invalid_login",
}  # fmt: skip


@dataclass
class Tally:
    """What came of the calls, by operation."""

    statuses: dict[str, Counter] = field(default_factory=dict)
    served: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def calls(self) -> int:
        return sum(sum(each.values()) for each in self.statuses.values())

    @property
    def least(self) -> int:
        """How often the operation was asked that was asked least."""
        return min((sum(each.values()) for each in self.statuses.values()), default=0)

    def row(self) -> Json:
        """As JSON; ``add`` takes it."""
        return {"statuses": self.statuses, "served": self.served, "failures": self.failures}

    def add(self, row: Json) -> None:
        """What came of others."""
        for operation, counts in row["statuses"].items():
            ours = self.statuses.setdefault(operation, Counter())
            ours.update({str(status): many for status, many in counts.items()})
        self.served += row["served"]
        self.failures += row["failures"]

    def note(self, operation: str, status: Any, text: str, asked: str) -> None:
        self.statuses.setdefault(operation, Counter())[status] += 1
        is_ours = status == 500 or '"internal_error"' in text
        if (is_ours or status in ("silence", "broken", "closed None", "closed 1006")) and len(
            self.failures
        ) < 50:
            self.failures.append(f"{operation}: {status} {asked[:400]!r} -> {text[:300]}")
        codes = {
            code for code in SERVICES if f'"code": "{code}"' in text or f'"code":"{code}"' in text
        }
        self.served += bool(status in ("ok", 200, 201, 202, 207) or codes)

    def lines(self) -> list[str]:
        """The table for people."""
        return [
            f"{operation:60} {sum(counts.values()):6d}  "
            + "  ".join(f"{status}:{many}" for status, many in sorted(counts.items(), key=str))
            for operation, counts in sorted(self.statuses.items())
        ]


MAKE = """
import json
from accounts import services
from accounts.audit import OPERATOR
accounts, made = {accounts}, {{}}
for name in {names}:
    role = name.partition("-")[0]
    user = services.create_user(user_name=name, role=role, by=OPERATOR)
    strategies = [1] if role == "robot" else []
    grants = services.template_grants(role, accounts, strategies)
    key = services.create_api_key(user=user, grants=grants, by=OPERATOR)
    made[name] = dict(user_id=user.pk, api_key_id=key.row.pk, plain=key.plain)
print(json.dumps(made))
"""


class Keys:
    """A good key of every role; one that was revoked by what it asked for gives way to a spare one.

    ``victim`` is whom the calls may change. The spare ones are made before anything is asked: while
    an account is held back, which the calls do too, nobody makes keys.
    """

    def __init__(self, product: Product, *, spare: int) -> None:
        accounts = [account["id"] for account in product.accounts[:2]]
        names = [f"{role}-{number}" for role in ROLES for number in range(1 + spare)]
        make = MAKE.format(accounts=accounts, names=[*names, "trader-victim"])
        made = product.manage("shell", "-c", make)
        found = json.loads(made[made.index("{") :])
        self.victim = found.pop("trader-victim")
        self._keys: dict[str, list[str]] = {role: [] for role in ROLES}
        for name, key in found.items():
            self._keys[name.partition("-")[0]].append(key["plain"])

    def of(self, role: str) -> str:
        return self._keys[role][0]

    def renew(self, role: str, gone: str) -> None:
        """Another key of the role, where ``gone`` is the one in use."""
        if gone != self._keys[role][0]:
            return
        assert len(self._keys[role]) > 1, f"no spare key of a {role} is left"
        self._keys[role].pop(0)


class Rest:
    """One client of REST."""

    def __init__(self, product: Product, keys: Keys, tally: Tally) -> None:
        self._base, self._keys, self._tally = product.base, keys, tally

    async def ask(self, session: aiohttp.ClientSession, call: Call, role: str) -> None:
        key = self._keys.of(role)
        headers = {"x-api-key": key} | call.headers
        told = f"{role} {call.path} {call.headers} {call.body!r}"
        try:
            async with session.request(
                call.method, f"{self._base}{call.path}", data=call.body, headers=headers,
                allow_redirects=False,
            ) as answer:  # fmt: skip
                text = (await answer.read()).decode(errors="replace")
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            self._tally.note(call.operation, "broken", repr(error), told)
            return
        self._tally.note(call.operation, status, text, told)
        if status == 401 and '"invalid_api_key"' in text:
            self._keys.renew(role, key)


class Wire:
    """One connection to ``/ws`` that is read all the time, as the product's pings ask for."""

    def __init__(self, wire: aiohttp.ClientWebSocketResponse, key: str) -> None:
        self.key = key
        self._wire = wire
        self._answers: asyncio.Queue[Json | None] = asyncio.Queue()
        self._reading = asyncio.create_task(self._read())

    @property
    def is_closed(self) -> bool:
        return self._reading.done()

    @property
    def close_code(self) -> int | None:
        return self._wire.close_code

    async def ask(self, text: str, asked_id: Any) -> Json | None:
        """The answer to what is sent, ``None`` if the connection ends first."""
        with suppress(aiohttp.ClientError, ConnectionError):  # Of one that has ended; see below.
            await self._wire.send_str(text)
        async with asyncio.timeout(PATIENCE_S):
            while (body := await self._answers.get()) is not None:
                if body["id"] in (asked_id, None):
                    return body
        return None

    async def _read(self) -> None:
        try:
            async for message in self._wire:
                body = json.loads(message.data)
                if body["type"] == "ws_response":
                    self._answers.put_nowait(body)
        except (aiohttp.ClientError, ConnectionError):
            pass  # It has ended all the same.
        finally:
            self._answers.put_nowait(None)


class Socket:
    """One client of ``/ws``; what is asked has an answer with its id, or the socket is closed."""

    def __init__(self, product: Product, keys: Keys, tally: Tally, maker: Maker) -> None:
        self._product, self._keys, self._tally, self._maker = product, keys, tally, maker
        self._wires: dict[str, Wire] = {}
        self._number = 0

    async def ask(
        self, session: aiohttp.ClientSession, action: str, payload: Any, role: str, *, wrong: bool
    ) -> None:
        """Ask, and wait for the answer."""
        wire = await self._connected(session, role)
        self._number += 1
        message: Any = {"id": self._number, "action": action, "payload": payload}
        message = self._maker.spoilt(message) if wrong else message
        text = json.dumps(message)
        asked_id = message.get("id") if isinstance(message, dict) else None
        try:
            answer = await wire.ask(text, asked_id)
        except TimeoutError:
            self._tally.note(f"WS {action}", "silence", "", f"{role} {text}")
            return
        if answer is None:
            self._wires.pop(role, None)
            code = wire.close_code
            self._tally.note(f"WS {action}", f"closed {code}", "", f"{role} {text}")
            if code == 4401:
                self._keys.renew(role, wire.key)
            return
        said = json.dumps(answer["payload"])
        self._tally.note(f"WS {action}", "ok" if answer["ok"] else "refused", said, text)

    async def _connected(self, session: aiohttp.ClientSession, role: str) -> Wire:
        wire = self._wires.get(role)
        if wire is None or wire.is_closed:
            key, url = self._keys.of(role), f"{self._product.base}/ws"
            headers = {"x-api-key": key}
            wire = Wire(await session.ws_connect(url, headers=headers, max_msg_size=0), key)
            self._wires[role] = wire
        return wire
