"""How is something that befell the exchange's one net position shared among ours?

Contract section 6: funding goes to the open positions pro rata to their signed volume, a
liquidation or auto-deleveraging closes the positions of its side pro rata.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from positions.engine.arithmetic import pro_rata
from positions.engine.errors import ValidationError
from positions.engine.money import ZERO, exact, floor_to_step


@dataclass(frozen=True, slots=True)
class Volume:
    """The volume of one position: signed for funding, plain for closing."""

    position_id: int
    qty: Decimal


@dataclass(frozen=True, slots=True)
class Share:
    """What one position gets: money (positive = received) or the quantity closed of it."""

    position_id: int
    amount: Decimal


@exact
def funding_shares(amount: Decimal, volumes: Sequence[Volume]) -> tuple[Share, ...]:
    """Share a funding payment, positive = received, pro rata to the signed volumes.

    Each share has 18 places, half-even; the remainder goes to the largest volume (the first of
    equals), so that the sum is exactly the venue's. Positions against the net get the opposite
    sign. A net of zero: none.
    """
    net = sum((volume.qty for volume in volumes), ZERO)
    if not net or not amount:
        return ()
    parts = [pro_rata(amount, volume.qty, net) for volume in volumes]
    largest = max(range(len(volumes)), key=lambda index: abs(volumes[index].qty))
    parts[largest] += amount - sum(parts, ZERO)
    return _shares(volumes, parts)


@exact
def forced_close_shares(
    qty: Decimal, volumes: Sequence[Volume], *, step: Decimal | None = None
) -> tuple[Share, ...]:
    """Share a liquidation or auto-deleveraging of ``qty`` among the positions of its side.

    Pro rata to the volumes, rounded down to ``step``; what rounding left goes to the first ones
    that still have volume. No position gives more than it has, and the sum is exactly ``qty``.

    Raises:
        ValidationError: more than all volumes together.
    """
    total = sum((volume.qty for volume in volumes), ZERO)
    if qty > total:
        raise ValidationError(
            "The close is larger than all positions of its side.",
            field="qty",
            limit=total,
            value=qty,
        )
    if not qty:
        return ()
    parts = [
        min(floor_to_step(pro_rata(qty, volume.qty, total), step), volume.qty) for volume in volumes
    ]
    left = qty - sum(parts, ZERO)
    for index, volume in enumerate(volumes):
        more = max(min(left, volume.qty - parts[index]), -parts[index])
        parts[index] += more
        left -= more
    return _shares(volumes, parts)


def _shares(volumes: Sequence[Volume], parts: Sequence[Decimal]) -> tuple[Share, ...]:
    return tuple(
        Share(volume.position_id, part) for volume, part in zip(volumes, parts, strict=True) if part
    )
