"""Whose turn is it to have something read for a socket?

What all sockets wait for (live events, marks) goes in front. Snapshots and what was missed take
turns by user, so that one with a hundred sockets and long lists delays another by one read; and who
has more than a few of them under way lets others go first (see ``positions.courtesy``).
"""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from django.conf import settings

from positions.api.pool import reading
from positions.api.turns import Line, Turns
from positions.courtesy import courtesy, parties

P = ParamSpec("P")
R = TypeVar("R")

EVERYBODY = 0


async def for_everybody(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Have read what no user asked for by name, and wait for it."""
    async with _turns().turn(EVERYBODY, Line.FRONT):
        return await reading(work, *args, **kwargs)


async def for_user(user_id: int, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Have something read for a user when it is their turn, and wait for it."""
    with courtesy().having(parties(user_id=user_id)):
        async with _turns().turn(user_id, Line.ORDINARY):
            return await reading(work, *args, **kwargs)


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()


def _turns() -> Turns:
    running = asyncio.get_running_loop()
    if running not in _of_loops:
        _of_loops[running] = Turns(settings.OMS_SOCKET_THREADS)
    return _of_loops[running]
