"""Who is one client of ``/ws``, and what is going on with it?

Requests run side by side, at most ``OMS_SOCKET_REQUESTS`` of them; everything that leaves goes
through one bounded outlet, in the order in which it happened.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Any, Protocol

from django.conf import settings

from accounts.rights.permissions import Caller, has_lost
from oms_project.answers.request_ids import working_on
from oms_project.errors import MissingApiKey, NotFound, OmsError, PayloadTooLarge, RateLimited
from oms_project.problems import problem
from positions.sockets import messages
from positions.sockets.feeds import feeds
from positions.sockets.marks import marks
from positions.sockets.messages import Request, Unreadable
from positions.sockets.outlet import Outlet
from positions.sockets.subscriptions import Subscription
from positions.sockets.words import CloseCode, Namespace

log = logging.getLogger(__name__)

_FAREWELLS = {
    CloseCode.NOT_AUTHENTICATED: "No valid key, login token or session.",
    CloseCode.RIGHTS_WITHDRAWN: "A right of this key was withdrawn; connect again.",
    CloseCode.TOO_SLOW: "Too many messages were waiting; connect again and resume by since_seq.",
    CloseCode.TOO_LARGE: "A message was too large.",
    CloseCode.BROKEN: "A message could not be sent; connect again and resume by since_seq.",
}


ASK_LESS = "Ask for less at once (fewer rows, a limit), or over REST."


class Wire(Protocol):
    """What carries texts to the client."""

    async def send(self, text_data: str) -> None:
        """Send; returns when the client can take more."""

    async def close(self, code: int) -> None:
        """Close."""


Action = Callable[["Socket", Request], Awaitable[None]]


class Socket:
    """One client. Lives on the loop that serves it."""

    def __init__(
        self,
        wire: Wire,
        actions: Mapping[str, Action],
        address: str | None,
        *,
        on_caller: Callable[[int], None] = lambda user_id: None,
    ) -> None:
        self.address = address
        self.caller: Caller | None = None
        self.session_key: str | None = None
        self.subscriptions: dict[int, Subscription] = {}
        self.subscribing = asyncio.Lock()
        self.outlet = Outlet(wire.send, self.end)
        self._wire, self._actions, self._on_caller = wire, actions, on_caller
        self._kept: dict[str, tuple[int, Callable[[], None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._allowance = _Allowance(settings.OMS_SOCKET_MESSAGES_PER_S)
        self._ending: asyncio.Task[None] | None = None
        wait_s = settings.OMS_SOCKET_LOGIN_S
        self._login = asyncio.get_running_loop().call_later(wait_s, self._require_login)

    # --- who it is ---

    def admit(self, caller: Caller, *, session_key: str | None = None) -> None:
        """It is known who this is; ``session_key`` where a browser's session says so."""
        self.caller, self.session_key = caller, session_key
        self._on_caller(caller.user_id)
        self._login.cancel()
        self._run(self._beat())

    def require_caller(self) -> Caller:
        """Who asks, with rights at most a second old.

        Raises:
            MissingApiKey: nobody has said so yet.
        """
        if self.caller is None:
            raise MissingApiKey("Send a key first: action auth, or the header x-api-key.")
        return self.caller

    def meet(self, caller: Caller | None) -> None:
        """The caller's rights are these now; if one was withdrawn, that ends the connection."""
        if caller is None:
            self.end(CloseCode.NOT_AUTHENTICATED)
        elif self.caller is not None and has_lost(self.caller, caller):
            self.end(CloseCode.RIGHTS_WITHDRAWN)
        else:
            self.caller = caller

    # --- what it asks ---

    async def receive(self, data: bytes) -> None:
        """Begin what the message asks for."""
        if self._ending is not None:
            return
        if len(data) > settings.OMS_MAX_BODY_BYTES:
            self.end(CloseCode.TOO_LARGE)
            return
        try:
            request = messages.read_request(data)
        except Unreadable as found:
            unknown = Request(found.id, Namespace.SYSTEM, "", None)
            self.outlet.put(messages.refusal_text(found.error, unknown))
            return
        if not self._allowance.take() or len(self._tasks) > settings.OMS_SOCKET_REQUESTS:
            self.refuse(request, RateLimited(retry_after_s=1))
        elif request.action == "auth":
            await self._perform(request)  # What the client sends next comes after it.
        else:
            self._run(self._perform(request))

    def answer(
        self, request: Request, event: str, payload: Any, *, ok: bool = True, less: str = ASK_LESS
    ) -> None:
        """Answer a request; ``less`` says how to ask for less where the answer is too large."""
        text = messages.answer_text(request, event, payload, ok=ok)
        if (size := messages.excess(text)) is None:
            self.outlet.put(text)
            return
        limit = settings.OMS_MAX_MESSAGE_BYTES
        log.warning("socket.answer_too_large", extra={"action": request.name, "bytes": size})
        self.refuse(request, PayloadTooLarge(f"The answer is too large. {less}", limit=limit,
                                             value=size))  # fmt: skip

    def refuse(self, request: Request, error: OmsError) -> None:
        """Answer a request with an error."""
        self.outlet.put(messages.refusal_text(error, request))

    # --- what it keeps ---

    def drop(self, account_id: int) -> Subscription | None:
        """End the subscription of an account; returns it if there was one."""
        found = self.subscriptions.pop(account_id, None)
        if found is not None:
            feeds().leave(found)
        return found

    def keep(self, name: str, account_id: int, release: Callable[[], None]) -> None:
        """Remember something that ends with the connection, and with the right to the account."""
        self.release(name)
        self._kept[name] = account_id, release

    @property
    def kept_count(self) -> int:
        """How many such things there are."""
        return len(self._kept)

    def release(self, name: str) -> bool:
        """End it now; whether there was such a thing."""
        found = self._kept.pop(name, None)
        if found is not None:
            found[1]()
        return found is not None

    # --- its end ---

    def end(self, code: CloseCode) -> None:
        """Tell the client why, and close; once."""
        if self._ending is None:
            log.info("socket.closing", extra={"close_code": int(code), "user": self._user_name})
            self._ending = asyncio.create_task(self._end(code))

    async def leave(self) -> None:
        """The connection is gone: nothing of it goes on."""
        self._let_go()
        await self.outlet.end()

    async def _end(self, code: CloseCode) -> None:
        if code is not CloseCode.TOO_SLOW:
            await self.outlet.drained()
        self._let_go()
        why = {"close_code": int(code), "message": _FAREWELLS[code]}
        farewell = messages.news_text(Namespace.SYSTEM, "closing", why)
        # Where sending is what failed, the code has to say it alone.
        await self.outlet.end(None if code is CloseCode.BROKEN else farewell)
        await self._wire.close(int(code))

    def _let_go(self) -> None:
        self._login.cancel()
        marks().forget(self)
        for account_id in tuple(self.subscriptions):
            self.drop(account_id)
        for name in tuple(self._kept):
            self.release(name)
        for task in tuple(self._tasks):
            task.cancel()

    # --- underneath ---

    async def _perform(self, request: Request) -> None:
        with working_on(str(request.id or "")):
            try:
                await self._action(request)(self, request)
            except Exception as error:  # noqa: BLE001 (problem() logs what nobody expected)
                self.refuse(request, problem(error))

    def _action(self, request: Request) -> Action:
        found = self._actions.get(request.name) or self._actions.get(request.action)
        if found is None:
            self.require_caller()
            raise NotFound("There is no such action.", action=request.name)
        return found

    def _run(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(settings.OMS_SOCKET_HEARTBEAT_S)
            seqs = {number: each.last for number, each in self.subscriptions.items()}
            self.outlet.put(messages.heartbeat_text(seqs))

    def _require_login(self) -> None:
        if self.caller is None:
            self.end(CloseCode.NOT_AUTHENTICATED)

    @property
    def _user_name(self) -> str | None:
        return self.caller.user_name if self.caller else None


class _Allowance:
    """So many messages a second, after a burst of twice as many."""

    def __init__(self, per_s: int) -> None:
        self._per_s, self._most = per_s, per_s * 2.0
        self._left, self._at_s = self._most, monotonic()

    def take(self) -> bool:
        """Whether one more is allowed now."""
        now_s = monotonic()
        self._left = min(self._most, self._left + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
