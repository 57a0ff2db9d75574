"""At which price does a stop fire, and may it be set there?

Contract section 6, Protection: ``stop_loss``, ``stop_gain``, ``trailing``. Prices are in the quote
currency; the price that triggers is the last one traded.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from positions.engine.errors import ValidationError
from positions.engine.money import ZERO, exact
from positions.engine.types import GroupRole, Side

_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class TrailingDistance:
    """How far a trailing stop stays behind the best price: an ``amount`` or a ``percent`` of it."""

    amount: Decimal | None = None
    percent: Decimal | None = None

    def distance(self, best: Decimal) -> Decimal:
        """The distance in the quote currency when ``best`` is the best price so far."""
        if self.amount is not None:
            return self.amount
        return best * (self.percent or ZERO) / _HUNDRED


@dataclass(frozen=True, slots=True)
class Watch:
    """One trigger as whoever watches the price sees it.

    ``side`` is the position's. ``best`` is the best price since a trailing stop was armed, None
    before the first.
    """

    role: GroupRole
    side: Side
    price: Decimal | None = None
    trailing: TrailingDistance | None = None
    best: Decimal | None = None

    @property
    def rises(self) -> bool:
        """Whether it fires when the price rises to its level: a long's gain, a short's loss."""
        return (self.role is GroupRole.TAKE_PROFIT) is (self.side is Side.BUY)

    @exact
    def level(self) -> Decimal | None:
        """The price at which it fires: the tighter of its price and best minus (short: plus)
        the trailing distance. None while it has neither.
        """
        if self.trailing is None or self.best is None:
            return self.price
        follows = self.best - self.side.sign * self.trailing.distance(self.best)
        if self.price is None:
            return follows
        return max(self.price, follows) if self.side is Side.BUY else min(self.price, follows)

    @exact
    def after(self, price: Decimal) -> "Watch":
        """The watch once ``price`` was seen: a trailing stop remembers the best."""
        if self.trailing is None or (self.best is not None and not self._is_better(price)):
            return self
        return replace(self, best=price)

    def is_reached(self, price: Decimal) -> bool:
        """Whether ``price`` fires it."""
        level = self.level()
        if level is None:
            return False
        return price >= level if self.rises else price <= level

    def _is_better(self, price: Decimal) -> bool:
        assert self.best is not None
        return price > self.best if self.side is Side.BUY else price < self.best


def check_trailing(trailing: TrailingDistance) -> None:
    """Let a trailing distance pass: exactly one of amount and percent, a percent below 100.

    Raises:
        ValidationError: it is neither.
    """
    if (trailing.amount is None) is (trailing.percent is None):
        raise ValidationError(
            "A trailing stop has an amount or a percent.",
            field="trailing",
            limit="exactly one of amount and percent",
            value=None,
        )
    for field, given, limit in (
        ("trailing.amount", trailing.amount, None),
        ("trailing.percent", trailing.percent, _HUNDRED),
    ):
        if given is not None and (given <= ZERO or (limit is not None and given >= limit)):
            raise ValidationError(
                "The trailing distance is out of bounds.", field=field, limit=limit, value=given
            )


def check_stops(
    side: Side,
    *,
    stop_loss: Decimal | None,
    stop_gain: Decimal | None,
    mark: Decimal | None,
) -> None:
    """Let the stops of a position on ``side`` pass unless they would fire at once.

    A long's stop loss lies below the mark and its stop gain above, a short's the other way round;
    where no mark is known they are only compared with each other.

    Raises:
        ValidationError: naming the stop, its limit and its value.
    """
    sign = side.sign
    if stop_loss is not None and mark is not None and sign * stop_loss >= sign * mark:
        raise _wrong_side("stop_loss", mark, stop_loss)
    if stop_gain is not None and mark is not None and sign * stop_gain <= sign * mark:
        raise _wrong_side("stop_gain", mark, stop_gain)
    if stop_loss is not None and stop_gain is not None and sign * stop_gain <= sign * stop_loss:
        raise ValidationError(
            "The stop loss lies on the winning side of the stop gain.",
            field="stop_loss",
            limit=stop_gain,
            value=stop_loss,
        )


def _wrong_side(field: str, mark: Decimal, value: Decimal) -> ValidationError:
    return ValidationError(
        "The price has passed this stop already.", field=field, limit=mark, value=value
    )
