"""What does a fill do to the position it belongs to?

The heart of the engine. Contract section 6 and MetaTrader 5's deal entries ("Deal Properties",
ENUM_DEAL_ENTRY): a fill on the position's side is an ``in``, on the other side an ``out``; one that
crosses zero is either an ``out`` and an ``in`` on a new position (``split``) or one ``inout`` on
the same (``mt5``). Each fill is booked in constant time from the position's quantity and exact
cost; earlier deals are never looked at.
"""

from collections.abc import Mapping
from decimal import Decimal, getcontext
from typing import NamedTuple

from positions.engine.arithmetic import average, gain, pro_rata, released, value
from positions.engine.errors import ValidationError
from positions.engine.fees import (
    add_fee,
    charge_closing,
    charge_opening,
    charge_others,
    split_fee,
)
from positions.engine.funding import Volume, forced_close_shares
from positions.engine.holding import (
    NO_DUST,
    Booking,
    DustMove,
    Fill,
    Holding,
    Leg,
    Target,
    made,
)
from positions.engine.market import Market
from positions.engine.money import CONTEXT, ZERO, exact, exact_decimals
from positions.engine.types import Entry, Reversal

# Members looked up once: on Python 3.11 an enum attribute costs as much as a multiplication.
_IN, _OUT, _INOUT = Entry.IN, Entry.OUT, Entry.INOUT
_CURRENT, _NEW = Target.CURRENT, Target.NEW
_SPLIT, _MT5 = Reversal.SPLIT, Reversal.MT5


class Part(NamedTuple):
    """What a forced close did to one position; None stands for the one of its excess."""

    position_id: int | None
    booking: Booking


def book_fill(
    holding: Holding | None, fill: Fill, market: Market, reversal: Reversal = _SPLIT
) -> Booking:
    """Return the deals of ``fill`` and the positions after it.

    ``holding`` is the position that ``routing`` chose, None to open one; a closed one is reopened.
    Values and released costs are rounded to 18 places half-even; the fill that empties a position
    takes all remaining cost, so the sum of profits equals the cash exactly.

    Raises:
        ValidationError: qty or price is not above zero, or a fee has no currency.
    """
    if getcontext() is not CONTEXT:  # @exact, without the cost of its call.
        with exact_decimals():
            return book_fill(holding, fill, market, reversal)
    if fill.qty <= ZERO or fill.price <= ZERO:
        raise _not_a_fill(fill)
    if fill.other_fees:
        alone = book_fill(holding, fill._replace(other_fees=()), market, reversal)
        return charge_others(alone, fill, market)
    worth = value(fill.qty, fill.price, market)
    if holding is None or holding.side is fill.side or not holding.qty:
        return _book_in(holding, fill, worth, market)
    if fill.qty <= holding.qty:
        return _book_out(holding, fill, worth, market)
    return _book_across_zero(holding, fill, worth, market, reversal)


@exact
def book_forced_close(
    held: Mapping[int, Holding],
    fill: Fill,
    market: Market,
    *,
    step: Decimal | None = None,
    excess: Holding | None = None,
) -> tuple[Part, ...]:
    """Close the positions of one side by a liquidation or auto-deleveraging.

    Contract section 6: ``held``, all on the other side of ``fill``, are closed pro rata to their
    volumes, rounded to ``step``; what exceeds them opens a position, or raises the one that an
    earlier ``excess`` of the same order opened. The fee is divided pro rata; the last part takes
    what is left of fee and value, so that both add up to the fill's exactly.

    Raises:
        ValidationError: qty or price is not above zero, or a fee has no currency.
    """
    if fill.qty <= ZERO or fill.price <= ZERO:
        raise _not_a_fill(fill)
    volumes = [Volume(position_id, holding.qty) for position_id, holding in held.items()]
    closing = min(fill.qty, sum((volume.qty for volume in volumes), ZERO))
    left, fee, worth = fill.qty, fill.fee, value(fill.qty, fill.price, market)
    whole, fill, parts = fill, fill._replace(other_fees=()), []
    for share in forced_close_shares(closing, volumes, step=step):
        part = fill._replace(qty=share.amount, fee=pro_rata(fill.fee, share.amount, fill.qty))
        part_worth = value(part.qty, part.price, market)
        if share.amount == left:
            part, part_worth = part._replace(fee=fee), worth
        booking = _book_out(held[share.position_id], part, part_worth, market)
        parts.append(Part(share.position_id, booking))
        left, fee, worth = left - part.qty, fee - part.fee, worth - part_worth
    if left:
        beyond = fill._replace(qty=left, fee=fee)
        parts.append(Part(None, _book_in(excess, beyond, worth, market)))
    if whole.other_fees:
        last = parts.pop()
        parts.append(last._replace(booking=charge_others(last.booking, whole, market)))
    return tuple(parts)


@exact
def book_funding(holding: Holding, amount: Decimal) -> Holding:
    """Return the position after its part of a funding payment, positive = received.

    Contract section 6: funding is a deal without quantity, price or entry; its profit counts.
    """
    return holding._replace(profit=holding.profit + amount)


@exact
def book_dust(
    holding: Holding,
    market: Market,
    qty: Decimal | None = None,
    *,
    at_price: Decimal | None = None,
) -> Booking:
    """Close ``qty`` (all of it by default) at the average, profit 0, into the dust record.

    Contract section 6, Dust: one ``correction`` deal; the record takes over quantity and cost.
    ``at_price`` books it at another price, with what that earned.

    Raises:
        ValidationError: more than is held.
    """
    qty = holding.qty if qty is None else qty
    if not ZERO < qty <= holding.qty:
        raise ValidationError(
            "Dust cannot exceed the position.", field="qty", limit=holding.qty, value=qty
        )
    freed = released(holding.cost, holding.qty, qty)
    price, earned = average(qty, freed, market) or ZERO, ZERO
    if at_price is not None:
        price = at_price
        earned = gain(holding.side, freed, value(qty, at_price, market), market)
    leg = Leg(_CURRENT, _OUT, holding.side.opposite, qty, price, earned)
    left = holding._replace(
        qty=holding.qty - qty, cost=holding.cost - freed, profit=holding.profit + earned
    )
    asset = market.base if market.is_spot else market.symbol
    sign = holding.side.sign
    return Booking((leg,), left, dust=(DustMove(asset, sign * qty, sign * freed),))


def _book_in(holding: Holding | None, fill: Fill, worth: Decimal, market: Market) -> Booking:
    """Open a position, or raise (or reopen) the one that is there."""
    side, qty, price, fee, currency, _, _ = fill
    in_quote: Decimal | None = fee
    base_fee, dust = ZERO, NO_DUST
    if fee and currency != market.quote:
        in_quote, base_fee, base_fee_cost, dust = charge_opening(fee, fill, qty, worth, market)
        if base_fee:
            worth -= base_fee_cost
    target = _NEW if holding is None else _CURRENT
    leg = made(Leg, (target, _IN, side, qty, price, ZERO, fee, currency, in_quote, base_fee, ()))

    raised = qty - base_fee if base_fee else qty
    if holding is None:
        fees = add_fee((), currency, fee)
        opened = made(Holding, (side, raised, worth, ZERO, fees, in_quote or ZERO))
        return made(Booking, ((leg,), None, opened, dust))
    _, held, cost, profit, fees, fees_quote = holding
    if fee:
        fees = add_fee(fees, currency, fee)
        fees_quote += in_quote or ZERO
    after = made(Holding, (side, held + raised, cost + worth, profit, fees, fees_quote))
    return made(Booking, ((leg,), after, None, dust))


def _book_out(holding: Holding, fill: Fill, worth: Decimal, market: Market) -> Booking:
    """Reduce or close a position: the fill is no larger than it."""
    side, qty, price, fee, currency, _, _ = fill
    held_side, held, cost, profit, fees, fees_quote = holding
    freed = released(cost, held, qty)
    earned = gain(held_side, freed, worth, market)
    in_quote: Decimal | None = fee
    dust = NO_DUST
    if fee:
        if currency != market.quote:
            in_quote, _, _, dust = charge_closing(fee, fill, market)
        fees = add_fee(fees, currency, fee)
        fees_quote += in_quote or ZERO

    leg = made(Leg, (_CURRENT, _OUT, side, qty, price, earned, fee, currency, in_quote, ZERO, ()))
    left = made(Holding, (held_side, held - qty, cost - freed, profit + earned, fees, fees_quote))
    return made(Booking, ((leg,), left, None, dust))


def _book_across_zero(
    holding: Holding, fill: Fill, worth: Decimal, market: Market, reversal: Reversal
) -> Booking:
    """Close the position with one part of the fill, open the other side with the rest.

    The rest's value is the remainder of the fill's, so that both parts add up to the cash.
    """
    fees = split_fee(fill.fee, closing=holding.qty, whole=fill.qty)
    side, qty, price, _, currency, rate, _ = fill
    closing = Fill(side, holding.qty, price, fees.closing, currency, rate)
    opening = Fill(side, qty - holding.qty, price, fees.opening, currency, rate)
    closing_worth = value(closing.qty, closing.price, market)
    out = _book_out(holding, closing, closing_worth, market)
    into = _book_in(None, opening, worth - closing_worth, market)
    if reversal is _MT5:
        return _folded(out, into, fill)
    return Booking(out.legs + into.legs, out.current, into.opened, out.dust + into.dust)


def _folded(out: Booking, into: Booking, fill: Fill) -> Booking:
    """Write a close and an opening as MetaTrader 5 does: one INOUT deal, one lasting position."""
    closed, opened = out.current, into.opened
    assert closed is not None
    assert opened is not None
    leg = Leg(
        target=_CURRENT,
        entry=_INOUT,
        side=fill.side,
        qty=fill.qty,
        price=fill.price,
        profit=out.legs[0].profit,
        fee=fill.fee,
        fee_currency=fill.fee_currency,
        fee_quote=_sum_known(out.legs[0].fee_quote, into.legs[0].fee_quote),
        base_fee=into.legs[0].base_fee,
    )
    turned = opened._replace(
        profit=closed.profit,
        fees=add_fee(closed.fees, fill.fee_currency, into.legs[0].fee),
        fees_quote=closed.fees_quote + opened.fees_quote,
    )
    return Booking((leg,), turned, None, out.dust + into.dust)


def _sum_known(first: Decimal | None, second: Decimal | None) -> Decimal | None:
    return None if first is None or second is None else first + second


def _not_a_fill(fill: Fill) -> ValidationError:
    field, value = ("qty", fill.qty) if fill.qty <= ZERO else ("price", fill.price)
    return ValidationError(f"A fill's {field} is above zero.", field=field, limit=ZERO, value=value)
