"""Every login's futures account: wallet, positions, settings, and the margin it has to spare.

All positions are held with cross margin: the whole USDT wallet answers for all of them.
"""

from collections import defaultdict
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from enum import StrEnum

from gateway.paper.linear.positions import (
    Position,
    PositionSide,
    Resting,
    book,
    exposure,
    maintenance,
)
from gateway.paper.market.ground import Ground
from gateway.paper.market.symbols import Spec
from gateway.paper.matching.amounts import ZERO, cut
from gateway.paper.matching.book import Side

WALLET = "linear"
USDT = "USDT"
DEFAULT_LEVERAGE = 20


class Income(StrEnum):
    """Why the wallet changed."""

    REALIZED_PNL = "REALIZED_PNL"
    COMMISSION = "COMMISSION"
    FUNDING_FEE = "FUNDING_FEE"
    INSURANCE_CLEAR = "INSURANCE_CLEAR"


@dataclass(slots=True)
class Settings:
    """What a login chose: leverage by symbol, and hedge mode or one position per symbol."""

    leverage: dict[str, int] = field(default_factory=dict)
    hedged: bool = False

    def leverage_of(self, symbol: str) -> int:
        return self.leverage.get(symbol, DEFAULT_LEVERAGE)


@dataclass(frozen=True, slots=True)
class Margin:
    """A login's account in USDT at the prices of one moment."""

    wallet: Decimal
    profit: Decimal
    maintenance: Decimal
    positions: Decimal
    orders: Decimal

    @property
    def balance(self) -> Decimal:
        """Wallet and unrealised profit: what answers for the positions."""
        return self.wallet + self.profit

    @property
    def available(self) -> Decimal:
        """What new positions may still use; never below zero."""
        return max(ZERO, self.balance - self.positions - self.orders)

    @property
    def broken(self) -> bool:
        """Is there too little to keep the positions?"""
        return self.maintenance > 0 and self.balance < self.maintenance


class Accounts:
    """The accounts of all logins, in memory and in the store."""

    def __init__(self, venue: Ground, specs: dict[str, Spec]) -> None:
        self._venue = venue
        self._store = venue.store
        self._specs = specs
        self.load()

    def load(self) -> None:
        """Take everything from the store."""
        self._settings = {
            login: Settings(**body)
            for login, body in self._store.documents("linear_settings").items()
        }
        self._resting: dict[str, dict[tuple[str, PositionSide], Resting]] = defaultdict(dict)
        self._positions: dict[str, dict[tuple[str, PositionSide], Position]] = defaultdict(dict)
        for body in self._store.documents("linear_position").values():
            position = Position(
                body["symbol"],
                PositionSide(body["side"]),
                *(Decimal(body[name]) for name in ("qty", "cost", "realised")),
                body["updated_ms"],
            )
            self._positions[body["login"]][position.symbol, position.side] = position

    # Settings.

    def settings(self, login: str) -> Settings:
        """A login's settings, for reading only."""
        return self._settings.get(login) or Settings()

    def set_leverage(self, login: str, symbol: str, leverage: int) -> None:
        mine = self.settings(login)
        self._save(login, Settings(mine.leverage | {symbol: leverage}, mine.hedged))

    def set_hedged(self, login: str, hedged: bool) -> None:
        self._save(login, Settings(self.settings(login).leverage, hedged))

    # Positions.

    def position(self, login: str, symbol: str, side: PositionSide) -> Position:
        """A login's position, flat when there is none."""
        return self._positions[login].get((symbol, side)) or Position(symbol, side)

    def positions(self, login: str) -> list[Position]:
        """A login's positions that are not flat."""
        return [position for position in self._positions[login].values() if position.qty]

    def holders(self) -> list[str]:
        """The logins that hold any position."""
        return [login for login in self._positions if self.positions(login)]

    def fill(
        self, login: str, symbol: str, side: PositionSide, *, qty: Decimal, price: Decimal
    ) -> Decimal:
        """Book a fill of ``qty`` (signed) into a position; gives the profit it realised."""
        position = self.position(login, symbol, side)
        booked = book(position, qty=qty, price=price, time_ms=self._venue.now_ms())
        self._positions[login][symbol, side] = booked.position
        body = asdict(booked.position) | {"login": login}
        body |= {name: str(body[name]) for name in ("qty", "cost", "realised")}
        self._store.put_document("linear_position", f"{login}:{symbol}:{side}", body)
        return booked.profit

    # Money.

    def wallet(self, login: str) -> Decimal:
        """What a login has in USDT, without unrealised profit; below zero when bankrupt."""
        return self._venue.ledger.get(login, WALLET, USDT).free

    def pay(
        self, login: str, kind: Income, amount: Decimal, *, symbol: str, trade_id: int | None = None
    ) -> None:
        """Move ``amount`` into the wallet (below zero: out of it) and write down why."""
        if not amount:
            return
        self._venue.ledger.move(login, WALLET, USDT, free=amount, overdraft=True)
        self._store.put_income(login, symbol, kind, amount, self._venue.now_ms(), trade_id=trade_id)

    def resting(self, login: str, symbol: str, side: PositionSide) -> Resting:
        """What a login's open orders would add to a position."""
        return self._resting[login].get((symbol, side)) or Resting()

    def rest(
        self, login: str, symbol: str, side: PositionSide, *, order_side: Side, worth: Decimal
    ) -> None:
        """Open orders of that side are worth ``worth`` more (below zero: less) than before."""
        now = self.resting(login, symbol, side)
        self._resting[login][symbol, side] = now.plus(order_side, worth)

    def mark(self, symbol: str) -> Decimal:
        """The mark price, which is the venue's mid price."""
        return self._venue.prices.mid(symbol)

    def initial(
        self, login: str, symbol: str, side: PositionSide, *, more: Resting | None = None
    ) -> Decimal:
        """Initial margin of a position and its orders, and of ``more`` orders."""
        orders = self.resting(login, symbol, side)
        if more is not None:
            orders = Resting(orders.buys + more.buys, orders.sells + more.sells)
        worth = exposure(self.position(login, symbol, side), orders, self.mark(symbol))
        return cut(worth / self.settings(login).leverage_of(symbol))

    def margin(self, login: str) -> Margin:
        """A login's account now."""
        settings = self.settings(login)
        profit = kept = held = total = ZERO
        for symbol, side in {*self._positions[login], *self._resting[login]}:
            position, mark = self.position(login, symbol, side), self.mark(symbol)
            worth = position.worth(mark)
            profit += position.profit(mark)
            kept += maintenance(worth)
            held += cut(worth / settings.leverage_of(symbol))
            total += self.initial(login, symbol, side)
        return Margin(self.wallet(login), profit, kept, held, total - held)

    def _save(self, login: str, settings: Settings) -> None:
        self._settings[login] = settings
        self._store.put_document("linear_settings", login, asdict(settings))
