"""Which words does the position engine know?

The closed vocabularies of the product. The models take their choices from here, the API its enums,
so a state is never written as a bare string anywhere else. Standard library only.
"""

from enum import IntEnum, StrEnum


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


class MarketFilter(StrEnum):
    """Which rule of a market an exchange says that an order broke.

    ``quantity``: its smallest or largest; ``value``: the smallest or largest worth; ``price``: its
    bounds; ``status``: the market is closed or gone; ``unnamed``: it did not say which.
    """

    STEP = "step"
    TICK = "tick"
    QUANTITY = "quantity"
    VALUE = "value"
    PRICE = "price"
    STATUS = "status"
    UNNAMED = "unnamed"


class Trailing(StrEnum):
    """How far a trailing stop stays behind the price: by an amount or by a percentage of it."""

    AMOUNT = "amount"
    PERCENT = "percent"


class TriggerBy(StrEnum):
    """Which price of the exchange an order's trigger waits for."""

    LAST = "last"
    MARK = "mark"
    INDEX = "index"


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


class DealRule(IntEnum):
    """Whose strategy a fill's deals carry: the position's, as booked at first, or the order's.

    Each execution keeps the rule it was booked by, so that an old ledger is replayed as it was.
    """

    POSITION = 1
    ORDER = 2


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


class Expiry(StrEnum):
    """Who ends an order at its ``expires_at``: the exchange, or the OMS by cancelling it."""

    EXCHANGE = "exchange"
    OMS = "oms"


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
    more than was left. ``unclosable``: what remains is too small to sell. ``flatten_left``: what a
    kill switch was to close is still open. ``closed_elsewhere``: a stop is held because the
    exchange holds less than its position. ``market_gone``: the exchange does not trade the
    position's market any more. ``unknown_order``: nobody can tell by any id whether the exchange
    took the order.
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
    FLATTEN_LEFT = "flatten_left"
    CLOSED_ELSEWHERE = "closed_elsewhere"
    MARKET_GONE = "market_gone"
    UNKNOWN_ORDER = "unknown_order"


class CaseState(StrEnum):
    """A case is ``open`` until someone decided, or what it was about is gone."""

    OPEN = "open"
    RESOLVED = "resolved"


class Resolution(StrEnum):
    """How a case ended.

    ``gone``: what it was about is no more. ``decided``: somebody booked something.
    ``acknowledged``: somebody has seen it, and the same difference opens no new case while it
    lasts; ``lapsed``: it was acknowledged, and has gone since.
    """

    GONE = "gone"
    DECIDED = "decided"
    ACKNOWLEDGED = "acknowledged"
    LAPSED = "lapsed"


class CaseAction(StrEnum):
    """What a person can decide about a case.

    ``book_transfer``: the difference came or went without a trade; the books take it over.
    ``book_fill``: the difference was a fill that the exchange does not list; it becomes an external
    order with a position of its own. ``write_off``: the position is closed into the dust record,
    at its average or a price. ``reassign``: the external orders against the position were its own.
    ``book_provisional``: what the exchange says was filled is booked from the order's own figures
    until its trades come. ``adopt``: the order in doubt is this one at the exchange; ``give_up``:
    it is none there.
    ``acknowledge``: seen and settled, nothing is booked.
    ``note``: somebody looks after it; it stays open until it is gone.
    """

    BOOK_TRANSFER = "book_transfer"
    BOOK_FILL = "book_fill"
    WRITE_OFF = "write_off"
    REASSIGN = "reassign"
    BOOK_PROVISIONAL = "book_provisional"
    ADOPT = "adopt"
    GIVE_UP = "give_up"
    ACKNOWLEDGE = "acknowledge"
    NOTE = "note"
