"""By how much do real fills differ from those that were booked in their place?

Where the books behind a provisional booking cannot be booked anew, what it missed in price and in
fees is one ``correction`` deal; quantities were right already.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from positions.engine.arithmetic import value
from positions.engine.fees import Charge, add_fee, charge_closing
from positions.engine.holding import NO_DUST, DustMove, Fill, Holding, OtherFee, PaidFee
from positions.engine.market import Market
from positions.engine.money import ZERO, exact
from positions.engine.types import MarketKind


class Correction(NamedTuple):
    """The difference: ``profit`` in the profit currency, the fees that were paid, per currency, and
    what the account's dust record loses by them.
    """

    profit: Decimal
    fees: tuple[PaidFee, ...] = ()
    dust: tuple[DustMove, ...] = NO_DUST


@exact
def correction_of(estimated: Sequence[Fill], real: Sequence[Fill], market: Market) -> Correction:
    """Return what ``real`` fills, all of one side, moved beyond the ``estimated`` ones."""
    paid_more = _cash(real, market) - _cash(estimated, market)
    fees: dict[str, PaidFee] = {}
    dust: tuple[DustMove, ...] = NO_DUST
    for fill in real:
        for currency, charge, fee in _charges(fill, market):
            before = fees.get(currency, PaidFee(currency, ZERO, ZERO))
            unknown = charge.in_quote is None or before.in_quote is None
            worth = None if unknown else before.in_quote + charge.in_quote  # type: ignore[operator]
            fees[currency] = PaidFee(currency, before.fee + fee, worth)
            dust += charge.dust
    return Correction(paid_more, tuple(fees.values()), dust)


@exact
def corrected(holding: Holding, correction: Correction) -> Holding:
    """Return the position with the difference in its result; volume and cost stay."""
    fees, fees_quote = holding.fees, holding.fees_quote
    for currency, fee, in_quote in correction.fees:
        fees = add_fee(fees, currency, fee)
        fees_quote += in_quote or ZERO
    profit = holding.profit + correction.profit
    return holding._replace(profit=profit, fees=fees, fees_quote=fees_quote)


def _cash(fills: Iterable[Fill], market: Market) -> Decimal:
    """What the fills brought: sold less bought; on inverse contracts the reverse, in the coin."""
    turn = -1 if market.kind is MarketKind.INVERSE else 1
    worths = (-fill.side.sign * turn * value(fill.qty, fill.price, market) for fill in fills)
    return sum(worths, ZERO)


def _charges(fill: Fill, market: Market) -> Iterable[tuple[str, Charge, Decimal]]:
    """Every fee of a fill with what it does beside being paid: it changes no volume any more."""
    first = () if fill.fee_currency is None else (
        OtherFee(fill.fee_currency, fill.fee, fill.fee_rate),
    )  # fmt: skip
    for currency, fee, rate in (*first, *fill.other_fees):
        as_charged = fill._replace(fee_currency=currency, fee_rate=rate)
        yield currency, charge_closing(fee, as_charged, market), fee
