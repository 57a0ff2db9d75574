"""How much of a base currency is held, and may this much be sold?"""

from collections.abc import Iterable
from decimal import Decimal

from positions.engine.errors import NotEnoughHeld
from positions.engine.money import ZERO, exact, plain


@exact
def held_qty(
    volumes: Iterable[Decimal],
    *,
    dust: Decimal = ZERO,
    open_sells: Iterable[Decimal] = (),
    outside: Decimal = ZERO,
) -> Decimal:
    """Return what is held of one base currency and not yet promised to a sell.

    Contract section 6, Spot. ``volumes``: signed, of all positions in that base except those of
    unassigned external orders. ``dust``: the account's record. ``open_sells``: qty - filled_qty of
    every non-final sell, ``UNKNOWN`` too; a protection that the new sell replaces is left out.
    Unfilled buys count nothing. ``outside``: what the account has of the coin that was never a
    position's. Fees that took more than the record had were paid from it first; else it adds
    nothing.
    """
    record = dust if dust >= ZERO else min(dust + max(outside, ZERO), ZERO)
    return sum(volumes, ZERO) + record - sum(open_sells, ZERO)


def check_sell(qty: Decimal, *, held: Decimal, currency: str) -> None:
    """Let a sell pass unless what is held would go below zero.

    Raises:
        NotEnoughHeld: it would; the facts name what is held.
    """
    if qty > held:
        raise NotEnoughHeld(
            f"Only {plain(max(held, ZERO))} {currency} is held.",
            field="qty",
            limit=max(held, ZERO),
            value=qty,
            currency=currency,
        )
