"""What of an account is not seen now, since when and why?

A single failure is nothing: the next question comes soon. What fails for ``AFTER_S`` seconds is
written down and told as an event, and so is that it is seen again. Web processes read the rows.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from django.utils import timezone

from gateway.loop import db
from gateway.models import Blindness
from gateway.sessions.outcomes import CallFailed
from gateway.words import Sense
from oms_project.errors import OmsError
from positions.outbox import holding

AFTER_S = 3.0

_Place = tuple[int, Sense, str]


@dataclass(slots=True)
class _Trouble:
    began_s: float
    began_at: datetime
    is_told: bool = False


_troubles: dict[_Place, _Trouble] = {}


async def failed(account_id: int, sense: Sense, name: str, failure: Exception) -> None:
    """It could not be looked at; told once it has lasted."""
    place = (account_id, sense, name)
    trouble = _troubles.setdefault(place, _Trouble(_now_s(), timezone.now()))
    if not trouble.is_told and _now_s() - trouble.began_s >= AFTER_S:
        trouble.is_told = True
        await db(_begin, place, trouble.began_at, why_of(failure))


async def seen(account_id: int, sense: Sense, name: str) -> None:
    """It was looked at."""
    trouble = _troubles.pop((account_id, sense, name), None)
    if trouble is not None and trouble.is_told:
        await db(end, account_id, sense, [name])


async def only(account_id: int, sense: Sense, names: Iterable[str]) -> None:
    """Nothing but these is looked for any more: what else was not seen does not matter now."""
    left = {*names}
    gone = [
        place for place in _troubles if place[:2] == (account_id, sense) and place[2] not in left
    ]
    for _, _, name in gone:
        await seen(account_id, sense, name)


def forget(account_id: int) -> None:
    """A process that begins to serve an account knows of no trouble yet; nor do the rows."""
    for place in [place for place in _troubles if place[0] == account_id]:
        del _troubles[place]
    for sense in Sense:
        names = Blindness.objects.filter(account_id=account_id, sense=sense)
        if listed := list(names.values_list("name", flat=True)):
            end(account_id, sense, listed)


def why_of(failure: Exception) -> str:
    """ccxt's class and the exchange's number, our own words, or what kind of thing broke."""
    match failure:
        case CallFailed():
            return f"{failure.exception} {failure.exchange_code or ''}".strip()
        case OmsError():
            return failure.message
        case ConnectionError():
            return str(failure) or type(failure).__name__
        case _:
            return type(failure).__name__


def end(account_id: int, sense: Sense, names: list[str]) -> None:
    """These are seen again."""
    with holding(account_id) as lane:
        for row in Blindness.objects.filter(account_id=account_id, sense=sense, name__in=names):
            row.delete()
            lane.tell("account_sees_again", row.facts(), namespace="risk")


def _begin(place: _Place, since: datetime, why: str) -> None:
    account_id, sense, name = place
    with holding(account_id) as lane:
        row, is_new = Blindness.objects.get_or_create(
            account_id=account_id, sense=sense, name=name, defaults={"since": since, "why": why}
        )
        if is_new:
            lane.tell("account_blind", row.facts(), namespace="risk")


def _now_s() -> float:
    """The loop's clock, which tests may move."""
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return monotonic()
