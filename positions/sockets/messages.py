"""How do messages on ``/ws`` look? Requests are read here, everything else is written here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from oms_project.answers.json_text import encoded
from oms_project.errors import Invalid, OmsError, PayloadTooLarge
from oms_project.parsers import read_json
from positions.forms.fields import shown, wrong
from positions.models import Event
from positions.rows import event_row
from positions.sockets.words import Namespace

_FIELDS = ("id", "namespace", "action", "payload")
_LONGEST_ID = 128


class Json(str):
    """Text that is JSON already."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks for; nothing of the payload is checked."""

    id: str | int | None
    namespace: str
    action: str
    payload: Any

    @property
    def name(self) -> str:
        """Where the action is found in the table."""
        return f"{self.namespace}/{self.action}"


class Unreadable(Exception):
    """A message that is no request; ``id`` is its id as far as it could be read."""

    def __init__(self, error: OmsError, request_id: str | int | None = None) -> None:
        super().__init__(str(error))
        self.error, self.id = error, request_id


def read_request(data: bytes) -> Request:
    """The request in a message. ``action`` may also be written ``position/command``.

    Raises:
        Unreadable: it is no JSON object, or a field is unknown, missing or wrong.
    """
    try:
        body = read_json(data)
    except OmsError as error:
        raise Unreadable(error) from None
    if not isinstance(body, dict):
        raise Unreadable(wrong("message", "an object", body))
    request_id = body.get("id")
    if not _is_id(request_id):
        raise Unreadable(wrong("id", f"a number or up to {_LONGEST_ID} characters", request_id))
    try:
        return _request(request_id, body)
    except OmsError as error:
        raise Unreadable(error, request_id) from None


def answer_text(request: Request, event: str, payload: Any, *, ok: bool = True) -> str:
    """An answer to a request."""
    return _dumps(
        {
            "id": request.id,
            "ok": ok,
            "type": "ws_response",
            "namespace": request.namespace,
            "action": request.action,
            "event": event,
        },
        payload,
    )


def refusal_text(error: OmsError, request: Request) -> str:
    """The answer to a request that was refused or failed: the error body of REST."""
    return answer_text(request, "error", error.body(str(request.id or "")), ok=False)


def news_text(
    namespace: Namespace, event: str, payload: Any, *, account_id: int | None = None
) -> str:
    """News that are in no log: market data, and what happens to the connection."""
    head = {"id": None, "ok": True, "type": "ws_event", "namespace": namespace, "event": event}
    return _dumps(head | {"account_id": account_id}, payload)


def heartbeat_text(seqs: Mapping[int, int]) -> str:
    """The newest seq of each account that this socket was entitled to."""
    return _dumps({"id": None, "ok": True, "type": "ws_heartbeat"}, {"seq": seqs})


class LoggedEvent:
    """An event of the log; its text is made once and shared by all sockets."""

    __slots__ = ("_after", "_before", "namespace", "seq", "strategy_ids")

    def __init__(self, event: Event) -> None:
        row = event_row(event)
        self.seq = event.seq
        self.strategy_ids = (event.strategy_id, event.position_strategy_id)
        self.namespace = event.namespace
        head = {"id": None, "ok": True, "type": "ws_event"}
        head |= {name: row[name] for name in ("namespace", "event", "seq")}
        tail = {name: row[name] for name in ("account_id", "strategy_id", "created_at", "payload")}
        self._before = json.dumps(head, ensure_ascii=False)[:-1]
        self._after = json.dumps(tail, ensure_ascii=False)[1:]
        if (size := excess(self.text(self.seq))) is not None:
            self._after = json.dumps(tail | {"payload": _elsewhere(row, size)})[1:]

    def text(self, prev_seq: int) -> str:
        """The message to a socket whose newest event was ``prev_seq``."""
        return f'{self._before}, "prev_seq": {prev_seq}, {self._after}'


def excess(text: str) -> int | None:
    """The bytes of a message that is longer than may be sent; ``None`` where it is not."""
    limit = settings.OMS_MAX_MESSAGE_BYTES
    if len(text) * 4 <= limit:  # No character takes more.
        return None
    size = len(encoded(text))
    return size if size > limit else None


def _dumps(head: dict[str, Any], payload: Any) -> str:
    body = payload if isinstance(payload, Json) else json.dumps(payload, ensure_ascii=False)
    return f'{json.dumps(head, ensure_ascii=False)[:-1]}, "payload": {body}}}'


def _elsewhere(row: dict[str, Any], size: int) -> dict[str, Any]:
    """What stands in the place of a payload that is too large: the event is told all the same."""
    query = f"account_ids={row['account_id']}&since_seq={row['seq'] - 1}&limit=1"
    told = PayloadTooLarge(
        f"The event is too large for a message: GET /oms/events?{query}",
        limit=settings.OMS_MAX_MESSAGE_BYTES,
        value=size,
    )
    return {"error": told.body("")}


def _is_id(value: Any) -> bool:
    match value:
        case bool():
            return False
        case None | int():
            return True
        case str():
            return len(value) <= _LONGEST_ID and value.isprintable()
    return False


def _request(request_id: str | int | None, body: dict[str, Any]) -> Request:
    for name in body:
        if name not in _FIELDS:
            raise Invalid("There is no such field.", field=shown(name), limit=list(_FIELDS))
    namespace, action = body.get("namespace"), body.get("action")
    if not isinstance(action, str) or not action:
        raise wrong("action", "a word", action)
    if namespace is None:
        namespace, _, action = action.rpartition("/")
    elif isinstance(namespace, str):
        action = action.removeprefix(f"{namespace}/")
    else:
        raise wrong("namespace", "a word", namespace)
    payload = {} if body.get("payload") is None else body["payload"]
    return Request(request_id, shown(namespace or Namespace.SYSTEM), shown(action), payload)
