"""Which words does the position engine know?

The closed vocabularies of the product. The models take their choices from here, the API its enums,
so a state is never written as a bare string anywhere else. Standard library only.
"""

from enum import StrEnum


class Side(StrEnum):
    """Direction of an order, a deal or a position: ``buy`` is long, ``sell`` is short."""

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> "Side":
        """The side that closes this one."""
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        """+1 for ``buy``, -1 for ``sell``: multiplies a quantity into a signed one."""
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    """What makes an order execute."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TAKE_PROFIT = "take_profit"
    TAKE_PROFIT_LIMIT = "take_profit_limit"
    TRAILING_STOP = "trailing_stop"

    @property
    def at_market(self) -> bool:
        """Whether it executes at the market's price, at once or once triggered."""
        return self in (self.MARKET, self.STOP, self.TAKE_PROFIT, self.TRAILING_STOP)

    @property
    def is_conditional(self) -> bool:
        """Whether it waits for a price before it executes."""
        return self not in (self.MARKET, self.LIMIT)


class Trailing(StrEnum):
    """How far a trailing stop stays behind the price: by an amount or by a percentage of it."""

    AMOUNT = "amount"
    PERCENT = "percent"


class TimeInForce(StrEnum):
    """How long an order works; ``PO`` is post-only (never takes), ``GTD`` needs ``expires_at``."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    PO = "PO"
    GTD = "GTD"


class OrderStatus(StrEnum):
    """Where an order is in its life; see ``engine.orders`` for the legal moves."""

    PENDING_SUBMIT = "PENDING_SUBMIT"
    SENDING = "SENDING"
    SUBMITTED = "SUBMITTED"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    UNKNOWN = "UNKNOWN"


class CommandStatus(StrEnum):
    """How far the answer to a command is."""

    ACCEPTED = "accepted"
    COMPLETED = "completed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class PositionMode(StrEnum):
    """Which fills share a position on one account."""

    NETTING = "netting"
    STRATEGY_NETTING = "strategy_netting"
    HEDGE = "hedge"


class Reversal(StrEnum):
    """What a fill across zero does in the netting modes."""

    SPLIT = "split"
    MT5 = "mt5"


class PositionState(StrEnum):
    """``open`` and ``close_requested`` are live; ``closed`` and ``merged`` are history."""

    OPEN = "open"
    CLOSE_REQUESTED = "close_requested"
    CLOSED = "closed"
    MERGED = "merged"


class Entry(StrEnum):
    """What a deal did to its position, in MetaTrader 5's words."""

    IN = "in"
    OUT = "out"
    INOUT = "inout"
    OUT_BY = "out_by"


class DealKind(StrEnum):
    """What a deal books: an exchange fill, or something that moved no balance by a trade."""

    FILL = "fill"
    TRANSFER = "transfer"
    CORRECTION = "correction"
    FUNDING = "funding"


class Reason(StrEnum):
    """Where an order, deal or position came from."""

    API = "api"
    TRADER = "trader"
    PORTFOLIO_MANAGER = "portfolio_manager"
    ROBOT = "robot"
    RISK = "risk"
    EXTERNAL = "external"
    SL = "sl"
    TP = "tp"
    CLOSE_BY = "close_by"
    CORRECTION = "correction"
    FUNDING = "funding"
    LIQUIDATION = "liquidation"
    ADL = "adl"


class GroupRole(StrEnum):
    """The part an order plays in a group of an entry and its protection."""

    ENTRY = "entry"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"


class EditReplaceState(StrEnum):
    """How far a change by cancel-and-replace got; null on orders never changed so."""

    CREATE_PENDING = "create_pending"
    CREATE_FAILED = "create_failed"
    CONSOLIDATED = "consolidated"


class MarketKind(StrEnum):
    """How quantity, price and value of a market relate.

    ``spot``: the base currency itself is held. ``linear``: value = qty × contract_size × price.
    ``inverse``: value = qty × contract_size ÷ price, in the base coin.
    """

    SPOT = "spot"
    LINEAR = "linear"
    INVERSE = "inverse"


class CaseKind(StrEnum):
    """What a person has to look at.

    ``missing_fill``: the exchange shows a fill that cannot be booked. ``external_trade``: an order
    that nobody here gave. ``transfer``: money moved without a trade. ``funding``: a payment that no
    position explains. ``liquidation``: a forced close was larger than our positions. ``dust``: what
    is left over. ``unexplained``: the exchange holds something else than we do.
    ``protection_blocked``: a stop found less held than its volume. ``over_close``: a close filled
    more than was left. ``unclosable``: what remains is too small to sell.
    """

    MISSING_FILL = "missing_fill"
    EXTERNAL_TRADE = "external_trade"
    TRANSFER = "transfer"
    FUNDING = "funding"
    LIQUIDATION = "liquidation"
    DUST = "dust"
    UNEXPLAINED = "unexplained"
    PROTECTION_BLOCKED = "protection_blocked"
    OVER_CLOSE = "over_close"
    UNCLOSABLE = "unclosable"


class CaseState(StrEnum):
    """A case is ``open`` until someone decided, or what it was about is gone."""

    OPEN = "open"
    RESOLVED = "resolved"


class CaseAction(StrEnum):
    """What a person can decide about a case.

    ``book_transfer``: the difference came or went without a trade; the books take it over.
    ``book_fill``: the difference was a fill that the exchange does not list; it becomes an external
    order with a position of its own. ``acknowledge``: seen and settled, nothing is booked.
    ``note``: somebody looks after it; it stays open until it is gone.
    """

    BOOK_TRANSFER = "book_transfer"
    BOOK_FILL = "book_fill"
    ACKNOWLEDGE = "acknowledge"
    NOTE = "note"
