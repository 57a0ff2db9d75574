"""What may lie behind a difference, and what could be done about it?

An explanation is a guess from what is known, never a booking: it says what it was read from, and a
person decides. The first rule that fits speaks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from positions.engine.drift import Difference, Finding
from positions.engine.money import ZERO, exact, plain
from positions.engine.types import CaseAction, CaseKind

PRICE_TOLERANCE = Decimal("0.1")
"""By which share two balances may miss the last price and still look like a trade."""


@dataclass(frozen=True, slots=True)
class Context:
    """What is known beside the differences, by symbol or currency.

    ``in_doubt``: orders whose outcome or fills are not settled, under their symbol and each of its
    currencies. ``least``: the smallest tradable step. ``settles_in``: the currency of a
    derivative's profit. ``last_prices``: of spot markets, by (base, quote).
    """

    in_doubt: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    least: Mapping[str, Decimal] = field(default_factory=dict)
    settles_in: Mapping[str, str] = field(default_factory=dict)
    last_prices: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Explained:
    """A difference with the likeliest reason.

    ``amount`` is what the exchange has more than we, give or take ``within``. ``facts`` are what
    else a person needs.
    """

    finding: Finding
    subject: str
    kind: CaseKind
    explanation: str
    proposal: str
    action: CaseAction
    ours: Decimal | None = None
    venue: Decimal | None = None
    amount: Decimal | None = None
    within: Decimal = ZERO
    symbol: str | None = None
    currency: str | None = None
    position_id: int | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


@exact
def explain(differences: Sequence[Difference], context: Context) -> tuple[Explained, ...]:
    """Differences of positions and balances, each with its explanation, in their order."""
    return tuple(_Look(one, differences, context).explained() for one in differences)


def unshown(symbol: str, exchange_order_id: str, why: str) -> Explained:
    """An order of which the exchange shows trades, but not what it is: they cannot be booked."""
    return Explained(
        Finding.ORDER_UNKNOWN,
        f"order {exchange_order_id} of {symbol}",
        CaseKind.MISSING_FILL,
        f"The exchange lists trades of this order, and {why}.",
        "It is asked for again in every round; look it up on the exchange's own pages.",
        CaseAction.NOTE,
        symbol=symbol,
    )


def unowned(
    symbol: str, net: Decimal, position_ids: Sequence[int], order_ids: Sequence[int]
) -> Explained:
    """Open positions of orders that were given elsewhere, which nobody has taken over."""
    return Explained(
        Finding.EXTERNAL_POSITION,
        f"external positions in {symbol}",
        CaseKind.EXTERNAL_TRADE,
        f"Orders that nobody here gave opened {len(position_ids)} positions, {plain(net)} in all.",
        "Reassign the orders to a strategy, or acknowledge that somebody trades by hand.",
        CaseAction.ACKNOWLEDGE,
        symbol=symbol,
        facts={"net": net, "position_ids": [*position_ids], "order_ids": [*order_ids]},
    )


def gone(symbol: str, position_id: int, qty: Decimal) -> Explained:
    """An open position whose market the exchange does not trade any more."""
    return Explained(
        Finding.MARKET_GONE,
        f"market of position {position_id}",
        CaseKind.MARKET_GONE,
        f"The exchange does not trade {symbol}, not now or never more: {plain(qty)} cannot be "
        "closed.",
        "Wait if it is listed again; else write the position off, at its average or at a price.",
        CaseAction.WRITE_OFF,
        symbol=symbol,
        position_id=position_id,
        facts={"qty": qty},
    )


class _Look:
    """One difference, looked at beside the others."""

    def __init__(
        self, difference: Difference, others: Sequence[Difference], context: Context
    ) -> None:
        self._finding = difference.finding
        self._subject = difference.subject
        self._ours = _number(difference.ours)
        self._venue = _number(difference.venue)
        self._amount, self._within = difference.amount, difference.within
        self._others = [one for one in others if one is not difference]
        self._context = context

    def explained(self) -> Explained:
        return (
            self._fills_to_come()
            or self._dust()
            or self._follows_from_position()
            or self._conversion()
            or (self._transfer() if self._is_balance else self._position())
        )

    @property
    def _is_balance(self) -> bool:
        return self._finding is Finding.BALANCE

    def _told(
        self, kind: CaseKind, explanation: str, proposal: str, action: CaseAction
    ) -> Explained:
        what = "balance of" if self._is_balance else "position of"
        return Explained(
            self._finding,
            f"{what} {self._subject}",
            kind,
            explanation,
            proposal,
            action,
            ours=self._ours,
            venue=self._venue,
            amount=self._amount,
            within=self._within,
            symbol=None if self._is_balance else self._subject,
            currency=self._subject if self._is_balance else None,
        )

    def _fills_to_come(self) -> Explained | None:
        orders = self._context.in_doubt.get(self._subject)
        if not orders:
            return None
        named = ", ".join(map(str, orders[:10]))
        return self._told(
            CaseKind.MISSING_FILL,
            f"Orders are in doubt, or have fills whose trades are not listed yet: {named}.",
            "Wait: they are asked about until they are settled. A fill that stays unlisted is a "
            "case of its own.",
            CaseAction.NOTE,
        )

    def _dust(self) -> Explained | None:
        least = self._context.least.get(self._subject)
        if least is None or abs(self._amount) >= least:
            return None
        return self._told(
            CaseKind.DUST,
            f"Less than can be traded ({plain(least)}): a fee or a rounding that was not told.",
            "Take it over, so that both sides say the same.",
            self._booking,
        )

    def _follows_from_position(self) -> Explained | None:
        positions = [one.subject for one in self._others if one.finding is Finding.POSITION]
        causes = [name for name in positions if self._context.settles_in.get(name) == self._subject]
        if not self._is_balance or not causes:
            return None
        return self._told(
            CaseKind.UNEXPLAINED,
            f"The position of {', '.join(causes)} differs, and is paid for in this currency.",
            "Decide about the position first; what is left then is looked at again.",
            CaseAction.NOTE,
        )

    def _conversion(self) -> Explained | None:
        """Two currencies that moved against each other at about the price of their market."""
        if not self._is_balance:
            return None
        for other in self._others:
            moved = other.amount
            if other.finding is Finding.BALANCE and self._looks_traded(other.subject, moved):
                return self._told(
                    CaseKind.EXTERNAL_TRADE,
                    f"{plain(self._amount)} {self._subject} against {plain(moved)} "
                    f"{other.subject}, at about the market's price: a trade or conversion that the "
                    "exchange does not list among the account's trades.",
                    "Take both sides over as transfers.",
                    CaseAction.BOOK_TRANSFER,
                )
        return None

    def _looks_traded(self, other: str, moved: Decimal) -> bool:
        if not self._amount or not moved or (self._amount > 0) == (moved > 0):
            return False
        last, implied = self._context.last_prices.get((self._subject, other)), moved / self._amount
        if last is None:
            last = self._context.last_prices.get((other, self._subject))
            implied = self._amount / moved
        return last is not None and abs(abs(implied) - last) <= PRICE_TOLERANCE * last

    def _transfer(self) -> Explained:
        came = "more" if self._amount > 0 else "less"
        return self._told(
            CaseKind.TRANSFER,
            f"The exchange has {plain(abs(self._amount))} {self._subject} {came} than the books, "
            "and no trade, fee or funding payment says why: money moved without a trade.",
            "If it was a deposit, withdrawal or transfer, book it as one.",
            CaseAction.BOOK_TRANSFER,
        )

    def _position(self) -> Explained:
        if not self._venue:
            return self._told(
                CaseKind.LIQUIDATION,
                "The exchange shows no position any more, and no trade that closed it: as after "
                "a delivery, or a liquidation that it does not list.",
                "Look it up there, then book the difference as a fill.",
                CaseAction.BOOK_FILL,
            )
        return self._told(
            CaseKind.UNEXPLAINED,
            f"The exchange holds {plain(self._venue)}, the books {plain(self._ours)}, and it lists "
            "no trade that says why.",
            "Look for the trade there; if it stays hidden, book the difference as a fill.",
            CaseAction.BOOK_FILL,
        )

    @property
    def _booking(self) -> CaseAction:
        return CaseAction.BOOK_TRANSFER if self._is_balance else CaseAction.BOOK_FILL


def _number(value: object) -> Decimal:
    return value if isinstance(value, Decimal) else ZERO
