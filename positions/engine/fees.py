"""What does a fee do beside being paid?

Contract section 6. On spot a fee in the base currency is paid out of what was bought: on a buy that
opens or raises a long it makes the position smaller, in volume and in cost; on any other fill it
leaves the account's dust record. A fee in a third currency leaves that currency's record. Fees in
the quote currency, and all fees of derivatives, touch no volume. A rebate is a negative fee.

Leaves like ``arithmetic``: called under the engine's Decimal context.
"""

from decimal import Decimal
from typing import NamedTuple

from positions.engine.arithmetic import pro_rata, value
from positions.engine.errors import ValidationError
from positions.engine.holding import (
    Booking,
    DustMove,
    Fees,
    Fill,
    PaidFee,
    Target,
)
from positions.engine.market import Market
from positions.engine.money import UNIT, ZERO
from positions.engine.types import MarketKind, Side


class Charge(NamedTuple):
    """The effect of one leg's fee.

    ``volume`` and ``cost`` are by how much the position is smaller, ``in_quote`` the fee's worth in
    quote (None when unknown), ``dust`` what the account's records lose.
    """

    in_quote: Decimal | None = ZERO
    volume: Decimal = ZERO
    cost: Decimal = ZERO
    dust: tuple[DustMove, ...] = ()


class FeeParts(NamedTuple):
    """A fee divided between the closing and the opening part of a fill; they add up to it."""

    closing: Decimal
    opening: Decimal


# Looked up once, as in arithmetic.
_BUY = Side.BUY
_SPOT = MarketKind.SPOT


def split_fee(fee: Decimal, *, closing: Decimal, whole: Decimal) -> FeeParts:
    """Divide the fee of a fill across zero pro rata: the opening part is the exact remainder.

    Contract section 6: "a fill across zero splits the fee pro rata". ``closing`` of the ``whole``
    quantity closes; that part is rounded to 18 places half-even.
    """
    part = pro_rata(fee, closing, whole)
    return FeeParts(closing=part, opening=fee - part)


def charge_opening(
    fee: Decimal, fill: Fill, qty: Decimal, worth: Decimal, market: Market
) -> Charge:
    """Return what ``fee`` does on the ``qty`` of a fill that opens or raises a position.

    ``worth`` is what that qty is worth. A base fee as large as the qty itself would leave no
    position: it goes to dust whole.

    Raises:
        ValidationError: a fee without a currency.
    """
    in_base = market.kind is _SPOT and fill.fee_currency == market.base
    if in_base and fill.side is _BUY and fee < qty:
        cost = worth - value(qty - fee, fill.price, market)
        return Charge(cost, fee, cost)
    return charge_closing(fee, fill, market)


def charge_closing(fee: Decimal, fill: Fill, market: Market) -> Charge:
    """Return what ``fee`` does on the part of a fill that closes: it never changes the volume.

    Contract section 6: a buy that covers a short covers its full quantity, its base fee goes to the
    dust record.

    Raises:
        ValidationError: a fee without a currency.
    """
    currency = fill.fee_currency
    if currency == market.quote:
        return Charge(fee)
    if currency is None:
        raise ValidationError(
            "A fee needs its currency.", field="fee_currency", limit="a currency", value=None
        )
    rate = fill.price if currency == market.base else fill.fee_rate
    in_quote = None if rate is None else (fee * rate).quantize(UNIT)
    dust = (DustMove(currency, -fee),) if market.kind is _SPOT else ()
    return Charge(in_quote, dust=dust)


def charge_others(booking: Booking, fill: Fill, market: Market) -> Booking:
    """Return ``booking`` of a fill with its ``other_fees`` on the last leg.

    They change no volume: on spot, what is not quote leaves the account's dust record.
    """
    *legs, last = booking.legs
    holding = booking.current if last.target is Target.CURRENT else booking.opened
    assert holding is not None
    fees, fees_quote, dust, paid = holding.fees, holding.fees_quote, booking.dust, []
    for currency, fee, rate in fill.other_fees:
        charge = charge_closing(fee, fill._replace(fee_currency=currency, fee_rate=rate), market)
        paid.append(PaidFee(currency, fee, charge.in_quote))
        fees, dust = add_fee(fees, currency, fee), dust + charge.dust
        fees_quote += charge.in_quote or ZERO
    charged = holding._replace(fees=fees, fees_quote=fees_quote)
    last = last._replace(other_fees=tuple(paid))
    if last.target is Target.CURRENT:
        return booking._replace(legs=(*legs, last), current=charged, dust=dust)
    return booking._replace(legs=(*legs, last), opened=charged, dust=dust)


def rate_of(fee: Decimal, in_quote: Decimal | None) -> Decimal | None:
    """Return quote per unit of the fee's currency, to 18 places half-even; None where unknown."""
    return (in_quote / fee).quantize(UNIT) if fee and in_quote is not None else None


def add_fee(fees: Fees, currency: str | None, fee: Decimal) -> Fees:
    """Return the fees per currency with one more; a zero fee changes nothing."""
    if not fee or currency is None:
        return fees
    if not fees:
        return ((currency, fee),)
    if len(fees) == 1 and fees[0][0] == currency:
        return ((currency, fees[0][1] + fee),)
    totals = dict(fees)
    totals[currency] = totals.get(currency, ZERO) + fee
    return tuple(totals.items())
