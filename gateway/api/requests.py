"""How does a POST below ``/ccxt`` become calls, and what body answers it?

Used by the plain ASGI application (``oms_project.serving.ccxt_app``) and by the views, which show
the addresses in OpenAPI.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.rights.permissions import Caller
from gateway.api import calls
from gateway.api.calls import Call
from oms_project.errors import (
    ExchangeTimeout,
    Invalid,
    NotFound,
    OmsError,
    UnsupportedMediaType,
    error_class,
)
from oms_project.parsers import read_json
from oms_project.problems import problem
from positions.forms import fields
from positions.forms.fields import kind_of, shown

ADDRESS = re.compile(
    r"/ccxt/(?:(?P<batch>commands)|(?P<core>core/)?(?P<account>\d+)/(?P<func>[^/]+))"
)
MOST_CALLS = 100
SIDE_BY_SIDE = 8
LONGEST_BATCH_S = 60

_CALL_FIELDS = {"account_id", "func", "args", "kwargs"}


@dataclass(frozen=True, slots=True)
class Asked:
    """The request, with nothing read yet but who sent it."""

    caller: Caller
    path: str
    body: bytes
    content_type: str
    query: Mapping[str, str]
    request_id: str = ""


def is_call(path: str) -> bool:
    """Whether a POST to ``path`` is answered here."""
    return ADDRESS.fullmatch(path) is not None


async def answer(asked: Asked) -> tuple[int, str]:
    """Status and JSON text: ``{"ok": true, "result": …}``, of a batch ``{"ok", "results": […]}``.

    Raises:
        OmsError: the call was refused or failed, or the batch as a whole cannot be read.
    """
    match = ADDRESS.fullmatch(asked.path)
    if match is None:
        raise NotFound
    body = _read(asked)
    if match["batch"]:
        return await _batch(asked, body)
    account_id, func = int(match["account"][:20]), match["func"]
    if match["core"]:
        call = Call(account_id, func, kwargs=_core(body), is_core=True)
    else:
        given = _fields(body, {"args", "kwargs"})
        call = Call(account_id, func, **_given(given))
    found = await calls.answer(asked.caller, call, asked.request_id)
    return found.status, f'{{"ok":true,"result":{found.result}}}'


async def _batch(asked: Asked, body: Any) -> tuple[int, str]:
    commands, parallel = _commands(asked, body)
    ends_at = asyncio.get_running_loop().time() + LONGEST_BATCH_S
    slots = asyncio.Semaphore(SIDE_BY_SIDE if parallel else 1)

    async def one(place: int, command: Any) -> tuple[int, str]:
        async with slots:
            try:
                if asyncio.get_running_loop().time() > ends_at:
                    raise ExchangeTimeout("The batch took too long; this call was not made.",
                                          limit=LONGEST_BATCH_S)  # fmt: skip
                found = await calls.answer(asked.caller, read_call(command), asked.request_id)
            except Exception as error:  # noqa: BLE001 (problem() logs what nobody expected)
                return _refused(place, problem(error))
        return found.status, f'{{"index":{place},"ok":true,"result":{found.result}}}'

    # A fair semaphore: with one slot, calls are made in the order in which they were given.
    results = await asyncio.gather(*(one(place, each) for place, each in enumerate(commands)))
    statuses = [status for status, _text in results]
    all_fine = "true" if all(status < 400 for status in statuses) else "false"
    texts = ",".join(text for _status, text in results)
    return _together(statuses), f'{{"ok":{all_fine},"results":[{texts}]}}'


def _together(statuses: list[int]) -> int:
    """The status of the whole, as of commands: mixed 207, all failed the first one's."""
    failed = [status for status in statuses if status >= 400]
    if failed:
        return 207 if len(failed) < len(statuses) else failed[0]
    return max(statuses)


def _refused(place: int, error: OmsError) -> tuple[int, str]:
    body = error.body("")
    told = {name: body[name] for name in ("code", "message", "details")}
    text = json.dumps({"index": place, "ok": False, "error": told}, ensure_ascii=False)
    return error_class(error.code).status, text


def _read(asked: Asked) -> Any:
    if not asked.body:
        return {}
    if asked.content_type.partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType(value=asked.content_type[:64])
    return read_json(asked.body)


def _commands(asked: Asked, body: Any) -> tuple[list[Any], bool]:
    """The calls of a batch, and whether they may run side by side."""
    given = (
        {"commands": body} if isinstance(body, list) else _fields(body, {"commands", "parallel"})
    )
    commands = given.get("commands")
    if not isinstance(commands, list) or not 1 <= len(commands) <= MOST_CALLS:
        raise Invalid(
            "A batch has at least one call, and not too many.",
            field="commands",
            limit=[1, MOST_CALLS],
            value=len(commands) if isinstance(commands, list) else kind_of(commands),
        )
    parallel = given.get("parallel", asked.query.get("parallel", "false"))
    if parallel not in (True, False, "true", "false"):
        raise Invalid("parallel is true or false.", field="parallel", limit="true or false",
                      value=shown(parallel))  # fmt: skip
    return commands, parallel in (True, "true")


def read_call(command: Any) -> Call:
    """A call as one of a batch: ``{account_id, func, args, kwargs}``.

    Raises:
        Invalid: a field is unknown, missing or wrong.
    """
    given = _fields(command, _CALL_FIELDS)
    for name in ("account_id", "func"):
        if given.get(name) is None:
            raise Invalid(f"{name} is missing.", field=name, limit="required", value=None)
    return Call(
        account_id=fields.number().read("account_id", given["account_id"]),
        func=fields.text(longest=64).read("func", given["func"]),
        **_given(given),
    )


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """``args`` and ``kwargs`` where they were given; null means left out."""
    return {name: fields[name] for name in ("args", "kwargs") if fields.get(name) is not None}


def _core(body: Any) -> Mapping[str, Any]:
    """A typed body: the arguments by name, ``order_type`` being another word for ``type``."""
    if not isinstance(body, dict):
        raise Invalid("Send a JSON object.", field="body", limit="object", value=kind_of(body))
    if "order_type" in body:
        if "type" in body:
            raise Invalid("type is given twice.", field="order_type", limit="once")
        body["type"] = body.pop("order_type")
    return body


def _fields(body: Any, known: set[str]) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise Invalid("Send a JSON object.", field="body", limit="object", value=kind_of(body))
    for name in body:
        if name not in known:
            raise Invalid("There is no such field.", field=shown(name), limit=sorted(known))
    return body
