"""What was a fee in a third currency worth when it was paid?

By the exchange's own price nearest to the fill: the feed's within a minute, else the close of that
minute's candle. It is looked up before the fill is booked, within a second and by one question for
all fills that are booked together; what cannot be had then is unknown, and stays so.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from gateway import pacing
from gateway.exchanges import numbers
from gateway.pricing import feeds
from gateway.sessions.outcomes import CallFailed
from gateway.sessions.session import Session
from oms_project.errors import OmsError
from positions.engine.money import ONE, ZERO, exact

log = logging.getLogger(__name__)

NEAR = timedelta(seconds=60)
WITHIN_S = 1.0
MOST_CANDLES = 500
_MINUTE_MS = 60_000
_CLOSE = 4

CcxtStructure = Mapping[str, Any]
Pair = tuple[str, str]
"""A currency and the quote currency that it is valued in."""


@dataclass(frozen=True, slots=True)
class Priced:
    """A price, and whether it is the quote's in the currency."""

    price: Decimal
    at: datetime
    is_inverse: bool


@dataclass(frozen=True, slots=True)
class Rates:
    """What was found: prices by pair, each with its time."""

    found: Mapping[Pair, Sequence[Priced]] = field(default_factory=dict)

    @exact
    def of(self, currency: str, quote: str, at: datetime) -> Decimal | None:
        """Units of ``quote`` for one of ``currency`` then; ``None``: it is not known.

        Computes, so not on the exchange loop.
        """
        near = [one for one in self.found.get((currency, quote), ()) if abs(one.at - at) <= NEAR]
        if not near:
            return None
        nearest = min(near, key=lambda one: abs(one.at - at))
        return ONE / nearest.price if nearest.is_inverse else nearest.price


UNKNOWN = Rates()


@dataclass(frozen=True, slots=True)
class _Paid:
    """A fee in a third currency."""

    pair: Pair
    at: datetime


async def of_fees(
    session: Session, orders: Iterable[CcxtStructure], trades: Iterable[CcxtStructure]
) -> Rates:
    """What the third-currency fees of these fills were worth. Never raises, never waits longer."""
    paid = [*_paid_in_third(orders, trades)]
    if not paid:
        return UNKNOWN
    try:
        async with asyncio.timeout(WITHIN_S):
            with pacing.going(pacing.Rank.ACTING):
                return await _looked_up(session, paid)
    except (CallFailed, OmsError, TimeoutError) as failure:
        about = {"account_id": session.account_id, "why": type(failure).__name__}
        log.warning("fees.not_valued", extra=about)
    except Exception:
        log.exception("fees.not_valued", extra={"account_id": session.account_id})
    return UNKNOWN


async def _looked_up(session: Session, paid: Sequence[_Paid]) -> Rates:
    """From what is known, and where that is not near enough by one question to the exchange."""
    feed = await feeds.feed_of(session.account_id)
    found: dict[Pair, list[Priced]] = {}
    missing = []
    for one in paid:
        symbol, is_inverse = _symbol_of(session, one.pair)
        if symbol is None:
            continue
        known = feed.known(symbol)
        if known is not None and abs(known.at - one.at) <= NEAR:
            found.setdefault(one.pair, []).append(Priced(known.price, known.at, is_inverse))
        else:
            missing.append((one, symbol, is_inverse))
    if missing:
        first, symbol, is_inverse = missing[0]
        alike = [one.at for one, other, _ in missing if other == symbol]
        if timezone.now() - min(alike) <= NEAR:
            seen = await feed.latest(symbol, 0.0)
            prices = [Priced(seen.price, seen.at, is_inverse)]
        else:
            prices = await _candles(session, symbol, is_inverse, alike)
        found.setdefault(first.pair, []).extend(prices)
    return Rates(found)


async def _candles(
    session: Session, symbol: str, is_inverse: bool, times: Sequence[datetime]
) -> list[Priced]:
    """The closes of the minutes from the first of these times on."""
    if not session.has("fetchOHLCV"):
        return []
    first_ms = _minute_ms(min(times))
    count = (_minute_ms(max(times)) - first_ms) // _MINUTE_MS + 1
    rows = await session.fetch_candles(symbol, first_ms, min(count, MOST_CANDLES))
    wanted = {_minute_ms(at) for at in times}
    closes = [
        (int(row[0]), numbers.exact(row[_CLOSE], "close")) for row in rows if row[0] is not None
    ]
    return [
        Priced(price, datetime.fromtimestamp(began_ms / 1000, UTC) + NEAR / 2, is_inverse)
        for began_ms, price in closes
        if began_ms in wanted and price is not None and price > ZERO
    ]


def _symbol_of(session: Session, pair: Pair) -> tuple[str | None, bool]:
    """The market that values the pair, and whether it does so the other way round."""
    currency, quote = pair
    markets = session.exchange.markets
    for symbol in (f"{currency}/{quote}", f"{currency}/{quote}:{quote}"):
        if symbol in markets:
            return symbol, False
    inverse = f"{quote}/{currency}"
    return (inverse, True) if inverse in markets else (None, False)


def _paid_in_third(
    orders: Iterable[CcxtStructure], trades: Iterable[CcxtStructure]
) -> Iterator[_Paid]:
    """Fees that are in none of their market's currencies, as far as that can be read."""
    inside = [(fill, order.get("symbol")) for order in orders for fill in order.get("trades") or ()]
    for fill, symbol in [*inside, *((trade, trade.get("symbol")) for trade in trades)]:
        name = str(fill.get("symbol") or symbol or "")
        base, _, rest = name.partition("/")
        quote, _, settle = rest.partition(":")
        told = fill.get("timestamp")
        at = datetime.fromtimestamp(int(told) / 1000, UTC) if told else timezone.now()
        for fee in _fees(fill):
            currency = fee.get("currency")
            is_third = currency not in (None, base, quote, settle.partition("-")[0])
            if is_third and quote and _is_paid(fee.get("cost")):
                yield _Paid((str(currency), quote), at)


def _fees(fill: CcxtStructure) -> Iterator[CcxtStructure]:
    for fee in [fill.get("fee"), *(fill.get("fees") or ())]:
        if isinstance(fee, Mapping):
            yield fee


def _is_paid(cost: Any) -> bool:
    try:
        return bool(numbers.exact(cost))
    except numbers.Unreadable:
        return False


def _minute_ms(at: datetime) -> int:
    return int(at.timestamp() * 1000) // _MINUTE_MS * _MINUTE_MS
