"""What is different about each exchange?

Facts that ccxt's unified methods do not tell, by ccxt id; the path of an order assumes none of
them. An exchange without an entry gets the careful defaults: its client ids are looked for in the
order lists, changes are made by cancel and create, and only an HTTP 429 proves that it was too
busy.

Sources: codes from Binance's error documentation and observation with ccxt 4.5.90 (faults, section
3); the client id fields were found by recording the request that each of ccxt's classes builds for
``params={"clientOrderId": …}``.
"""

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

from gateway.words import Verdict
from positions.engine.types import MarketKind, OrderType, Reason, TimeInForce, Trailing

PREFIXES = ("ccxt.", "ccxtpro.")
DEFAULT_NOT_FOUND_WINDOW_S = 600
DEFAULT_RECV_WINDOW_MS = 5000
CLOCK_MARGIN_S = 3


@dataclass(frozen=True, slots=True)
class Facts:
    """What one exchange does differently.

    ``codes``: verdicts for its own error codes, stronger than ccxt's class.
    ``duplicate_texts``: parts of an error that mean "this client id is live already".
    ``throttle_is_proof``: its "too busy" and "wrong time" errors prove that nothing was executed,
        also without HTTP 429.
    ``client_id_length``, ``client_id_prefix``: the longest id it takes; what ccxt puts in front.
    ``original_id_key``: where its own answer (``info``) keeps our id, when ccxt's ``clientOrderId``
        is another one: Binance's answer to a cancel names the cancel's own id there.
    ``finds_by_client_id``: the ``params`` name with which ``fetch_order`` finds by our id;
        ``None``: search the order lists. ``cancels_by_client_id`` likewise for ``cancel_order``.
    ``carries_client_id``: it keeps our id at all, so that an unanswered order can be found again.
    ``edits_in_place``: on derivatives, ``edit_order`` changes price and total quantity of the same
        order.
    ``order_trades_param``: ``fetch_my_trades`` takes the order's id under this name.
    ``trades_from_id``: ``fetch_my_trades`` takes the first trade id under this name.
    ``trigger_style``: ``kind`` says stop or take-profit (``stopLossPrice``, ``takeProfitPrice``);
        ``direction`` says from which side the price comes (``triggerPrice``, ``triggerDirection``).
    ``conditional_apart``: resting triggers of derivatives live at other endpoints
        (``params.trigger``), under ids of their own.
    ``conditional_id_keys``: where its own answer keeps the id of such a trigger; without them it
        cannot be told from an order, so none are offered.
    ``placed_id_keys``: where such an answer keeps the id of the order that the trigger placed.
    ``lists_triggers``: its plain lists hold triggers too, though ccxt can ask for them apart.
    ``spot_trailing``: the ``params`` that a trailing stop on spot needs beside its distance.
    ``expiry_param``: the millisecond field of good-till-date.
    ``orders_by_get``: it takes orders by HTTP GET.
    ``json_numbers``: it wants quantities as JSON numbers, where ccxt passes them through untouched.
    ``float_numbers``: its ccxt class computes with parsed numbers, so they cannot be text.
    ``forced_client_ids``: how the client ids begin that it gives the orders by which it closes an
        account's position by force.
    ``lists_every_open_order``: ``fetch_open_orders`` without a symbol lists those of all symbols,
        in one call.
    ``funding_of_all``: ``fetch_funding_history`` without a symbol lists the payments of all.
    ``wallet_key``: in the rows of ``info.assets`` of a derivatives balance, the money without
        unrealised profit; ccxt's ``total`` is with it.
    ``permission_keys``: what its balance tells of the login's rights, by the words we show.
    ``weight_per_cost``, ``order_weight``: where the list of markets tells the limits, what a unit
        of ccxt's cost weighs among them, and what an order does.
    ``order_limit_codes``: the codes that say "too many orders", not "too many requests".
    ``market_types``: what ``load_markets`` is limited to, by the account's default type.
    ``options``: ccxt options that a session starts with.
    """

    codes: Mapping[str, Verdict] = field(default_factory=dict)
    duplicate_texts: tuple[str, ...] = ()
    throttle_is_proof: bool = False
    client_id_length: int = 32
    client_id_prefix: str = ""
    original_id_key: str | None = None
    finds_by_client_id: str | None = None
    cancels_by_client_id: str | None = None
    carries_client_id: bool = True
    edits_in_place: bool = False
    order_trades_param: str | None = None
    trades_from_id: str | None = None
    trigger_style: str = "kind"
    conditional_apart: bool = False
    conditional_id_keys: tuple[str, ...] = ()
    placed_id_keys: tuple[str, ...] = ()
    lists_triggers: bool = False
    spot_trailing: Mapping[str, str] = field(default_factory=dict)
    expiry_param: str | None = None
    orders_by_get: bool = False
    json_numbers: bool = False
    float_numbers: bool = False
    forced_client_ids: Mapping[str, Reason] = field(default_factory=dict)
    lists_every_open_order: bool = False
    funding_of_all: bool = False
    wallet_key: str | None = None
    permission_keys: Mapping[str, str] = field(default_factory=dict)
    weight_per_cost: float = 1.0
    order_weight: float | None = None
    order_limit_codes: tuple[str, ...] = ()
    market_types: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


_BINANCE_CODES = {
    "-1000": Verdict.UNANSWERED,
    "-1001": Verdict.UNANSWERED,
    "-1003": Verdict.THROTTLED,
    "-1006": Verdict.UNANSWERED,
    "-1007": Verdict.UNANSWERED,
    "-1008": Verdict.THROTTLED,
    "-1015": Verdict.THROTTLED,
    "-1021": Verdict.THROTTLED,
    "-1022": Verdict.REFUSED,
    "-2014": Verdict.REFUSED,
    # After an earlier success ccxt calls -2015 DDoSProtection, thinking of a temporary ban.
    "-2015": Verdict.REFUSED,
    "-4116": Verdict.ADOPT,
    "-5027": Verdict.ADOPT,  # "No need to modify the order": it is as we want it.
    "-5028": Verdict.THROTTLED,  # Outside the matching engine's recvWindow.
}
_BINANCE = Facts(
    codes=_BINANCE_CODES,
    duplicate_texts=("Duplicate order sent",),
    throttle_is_proof=True,
    client_id_length=36,
    original_id_key="origClientOrderId",
    finds_by_client_id="clientOrderId",
    cancels_by_client_id="clientOrderId",
    order_trades_param="orderId",
    trades_from_id="fromId",
    edits_in_place=True,
    conditional_apart=True,
    conditional_id_keys=("algoId", "aid"),  # REST; ALGO_UPDATE on the stream.
    placed_id_keys=("actualOrderId", "ai"),
    spot_trailing={"stopLossOrTakeProfit": "stopLoss"},
    expiry_param="goodTillDate",
    # USD-M and COIN-M user data streams, ORDER_TRADE_UPDATE: "special client order id".
    forced_client_ids={"autoclose-": Reason.LIQUIDATION, "adl_autoclose": Reason.ADL},
    lists_every_open_order=True,
    funding_of_all=True,
    wallet_key="walletBalance",
    permission_keys={"canTrade": "trade", "canWithdraw": "withdraw", "canDeposit": "deposit"},
    weight_per_cost=5.0,  # ccxt: 1,200 units a minute; Binance spot: 6,000.
    order_weight=1.0,
    order_limit_codes=("-1015",),
    # A list call per account type would be two to six requests, some of them signed.
    market_types={
        "": ("spot",),
        "spot": ("spot",),
        "margin": ("spot",),
        "swap": ("linear",),
        "future": ("linear",),
        "delivery": ("inverse",),
    },
    options={
        "fetchCurrencies": False,
        "fetchMargins": False,
        "warnOnFetchOpenOrdersWithoutSymbol": False,
    },
)
# ccxt makes up for the limits of orders by a cost of four; its other costs are Binance's weights.
_BINANCE_LINEAR = replace(_BINANCE, market_types={"": ("linear",)}, weight_per_cost=1.0)
_BYBIT = Facts(
    codes={"110072": Verdict.ADOPT, "170141": Verdict.ADOPT, "10006": Verdict.THROTTLED},
    client_id_length=36,
    trigger_style="direction",
    # https://bybit-exchange.github.io/docs/v5/order/open-order: all kinds without orderFilter.
    lists_triggers=True,
    options={"fetchOrder": {"acknowledged": True}},  # It reaches the last 500 orders only.
)
_OKX = Facts(
    codes={"51016": Verdict.ADOPT, "50011": Verdict.THROTTLED, "50061": Verdict.THROTTLED},
    finds_by_client_id="clientOrderId",
    cancels_by_client_id="clientOrderId",
    conditional_apart=True,
)
_NATIVE = Facts(finds_by_client_id="clientOrderId", cancels_by_client_id="clientOrderId")
_FINDS = Facts(finds_by_client_id="clientOrderId")
_CANCELS = Facts(cancels_by_client_id="clientOrderId")
_NUMBERS = Facts(json_numbers=True, carries_client_id=False)

FACTS: Mapping[str, Facts] = {
    "binance": _BINANCE,
    "binanceus": _BINANCE,
    "binanceusdm": _BINANCE_LINEAR,
    "binancecoinm": replace(_BINANCE_LINEAR, market_types={"": ("inverse",)}),
    "bybit": _BYBIT,
    "bybiteu": _BYBIT,
    "bybitid": _BYBIT,
    "okx": _OKX,
    "okxus": _OKX,
    "myokx": _OKX,
    # fetch_order turns clientOrderId into userref, another id; cl_ord_id is in the lists.
    "kraken": Facts(
        client_id_length=18, cancels_by_client_id="clientOrderId", throttle_is_proof=True
    ),
    "krakenfutures": Facts(
        codes={"clientOrderIdAlreadyExist": Verdict.ADOPT}, client_id_length=100
    ),
    "gate": Facts(client_id_length=28, client_id_prefix="t-", finds_by_client_id="clientOrderId"),
    "gateeu": Facts(client_id_length=28, client_id_prefix="t-", finds_by_client_id="clientOrderId"),
    "bingx": replace(
        _NATIVE,
        codes={"101481": Verdict.ADOPT, "109201": Verdict.ADOPT},
        client_id_length=40,
    ),
    "bitget": replace(_NATIVE, client_id_length=64),
    "bithumb": _NATIVE,
    "btse": _CANCELS,
    "bitstamp": _FINDS,
    "blofin": _CANCELS,
    "coinbaseexchange": replace(_NATIVE, client_id_length=36),
    "coinsph": _NATIVE,
    "extended": _NATIVE,
    "htx": replace(_NATIVE, client_id_length=64),
    "kucoin": replace(_NATIVE, client_id_length=40),
    "kucoinfutures": replace(_NATIVE, client_id_length=40),
    "lbank": _CANCELS,
    "modetrade": _NATIVE,
    "phemex": _NATIVE,
    "weex": _NATIVE,
    "woofipro": _NATIVE,
    "deribit": Facts(orders_by_get=True, carries_client_id=False),
    "coinbaseinternational": Facts(orders_by_get=True, float_numbers=True),
    "apex": Facts(),
    # These put the quantity into their JSON body as it was given.
    "bitflyer": _NUMBERS,
    "coinspot": _NUMBERS,
    "cryptomus": replace(_NUMBERS, carries_client_id=True),
    "digifinex": _NUMBERS,
    "independentreserve": _NUMBERS,
    "paymium": _NUMBERS,
}
_DEFAULT = Facts()


def facts(exchange_id: str) -> Facts:
    """What is known about an exchange, by our id (``ccxt.kraken``) or ccxt's (``kraken``)."""
    return FACTS.get(ccxt_id(exchange_id), _DEFAULT)


def ccxt_id(exchange_id: str) -> str:
    """ccxt's own id: ``ccxtpro.kraken`` → ``kraken``."""
    for prefix in PREFIXES:
        if exchange_id.startswith(prefix):
            return exchange_id.removeprefix(prefix)
    return exchange_id


def is_streaming(exchange_id: str) -> bool:
    """Whether the account keeps private streams open."""
    return exchange_id.startswith("ccxtpro.")


@cache
def exchange_ids() -> frozenset[str]:
    """Every ``ccxt.*`` and ``ccxtpro.*`` id of the installed ccxt, without importing it."""
    spec = importlib.util.find_spec("ccxt")
    if spec is None or spec.origin is None:
        return frozenset()
    home = Path(spec.origin).parent
    return frozenset(
        prefix + module.stem
        for prefix, folder in zip(PREFIXES, ("async_support", "pro"), strict=True)
        for module in (home / folder).glob("*.py")
        if not module.stem.startswith("_")
    )


def forced_reason(exchange_id: str, client_order_id: str | None) -> Reason | None:
    """Why the exchange closed a position with an order of this client id; ``None``: it did not."""
    prefixes = facts(exchange_id).forced_client_ids
    given = client_order_id or ""
    return next((why for prefix, why in prefixes.items() if given.startswith(prefix)), None)


def edits_in_place(exchange_id: str, kind: MarketKind) -> bool:
    """Whether a live limit order of such a market keeps its id through a change."""
    return kind is not MarketKind.SPOT and facts(exchange_id).edits_in_place


def options(exchange_id: str, *, default_type: str = "") -> dict[str, Any]:
    """The ccxt options of a new session."""
    known = facts(exchange_id)
    chosen = dict(known.options)
    chosen["recvWindow"] = recv_window_ms(exchange_id)
    chosen["maxRetriesOnFailure"] = 0  # ccxt would post an order again.
    if types := known.market_types.get(default_type, known.market_types.get("")):
        chosen["fetchMarkets"] = {"types": list(types)}
    if default_type:
        chosen["defaultType"] = default_type
    return {name: value for name, value in chosen.items() if value is not None}


def recv_window_ms(exchange_id: str) -> int:
    """How old a request may be when the exchange looks at it, where it has such a rule.

    ``OMS_RECV_WINDOW_MS``, a number or one per id.
    """
    configured = _for_exchange(getattr(settings, "OMS_RECV_WINDOW_MS", None), exchange_id)
    return DEFAULT_RECV_WINDOW_MS if configured is None else int(configured)


def in_flight_s(exchange_id: str) -> float:
    """How long a request that left may still be accepted: the receive window and the margin."""
    return recv_window_ms(exchange_id) / 1000 + CLOCK_MARGIN_S


def not_found_window_s(exchange_id: str) -> float:
    """How long "no such order" proves nothing: ``OMS_NOT_FOUND_WINDOW_S``, a number or one per id.

    Never below the receive window plus the clock margin: until then a request that is still on its
    way may be accepted.
    """
    configured = _for_exchange(getattr(settings, "OMS_NOT_FOUND_WINDOW_S", None), exchange_id)
    window_s = DEFAULT_NOT_FOUND_WINDOW_S if configured is None else float(configured)
    return max(window_s, in_flight_s(exchange_id))


def _for_exchange(configured: Any, exchange_id: str) -> Any:
    """A setting that is one value, or one per ccxt id with a ``default``."""
    if isinstance(configured, Mapping):
        return configured.get(ccxt_id(exchange_id), configured.get("default"))
    return configured


def order_types(exchange: Any, market: Mapping[str, Any]) -> frozenset[OrderType]:
    """The order types that ``market`` takes, as far as ccxt's ``features`` and ``has`` tell."""
    can = _feature_reader(exchange, market)
    found = {OrderType.LIMIT}
    if exchange.has.get("createMarketOrder") is not False:
        found.add(OrderType.MARKET)
    # Only in the words that gateway.calls will use: a word that ccxt does not read is left out, and
    # a market order without its trigger would execute at once.
    by_direction = facts(exchange.id).trigger_style == "direction"
    both = by_direction and can("triggerPrice") and can("triggerDirection")
    if both or (not by_direction and can("stopLossPrice")):
        found |= {OrderType.STOP, OrderType.STOP_LIMIT}
    if both or (not by_direction and can("takeProfitPrice")):
        found |= {OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT}
    if trailing_by(exchange, market):
        found.add(OrderType.TRAILING_STOP)
    if not _finds_triggers(exchange, market):
        found = {kind for kind in found if not kind.is_conditional}
    return frozenset(found & _listed_types(market)) or frozenset({OrderType.LIMIT})


def trailing_by(exchange: Any, market: Mapping[str, Any]) -> frozenset[Trailing]:
    """In what a trailing stop of ``market`` may give its distance; nothing: there is none."""
    info = market.get("info")
    listed = isinstance(info, Mapping) and info.get("allowTrailingStop") is True
    if not (listed or _feature_reader(exchange, market)("trailing")):
        return frozenset()
    ways = {
        Trailing.AMOUNT: "createTrailingAmountOrder",
        Trailing.PERCENT: "createTrailingPercentOrder",
    }
    return frozenset(way for way, name in ways.items() if exchange.has.get(name) is True)


def _finds_triggers(exchange: Any, market: Mapping[str, Any]) -> bool:
    """Whether resting triggers, and what they place, can be found again.

    Where ccxt asks for them apart, one must know how the exchange names them: otherwise the order
    that a trigger places would be nobody's, and its fills with it.
    """
    known = facts(exchange.id)
    apart = any(
        exchange.feature_value_by_type(market["type"], market.get("subType"), method, "trigger")
        for method in ("fetchOrder", "fetchOpenOrders")
    )
    return not apart or known.lists_triggers or bool(known.conditional_id_keys)


def times_in_force(exchange: Any, market: Mapping[str, Any]) -> frozenset[TimeInForce]:
    """The times in force that ``market`` takes; GTC always."""
    known = facts(exchange.id)
    can = _feature_reader(exchange, market)
    offered = can("timeInForce") or {}
    found = {word for word in TimeInForce if offered.get(word.value)}
    if exchange.has.get("createPostOnlyOrder") is True:
        found.add(TimeInForce.PO)
    if known.expiry_param is None:
        found.discard(TimeInForce.GTD)
    return frozenset(found | {TimeInForce.GTC})


def _feature_reader(exchange: Any, market: Mapping[str, Any]):
    def can(name: str) -> Any:
        return exchange.feature_value_by_type(
            market["type"], market.get("subType"), "createOrder", name
        )

    return can


_LISTED = {
    "LIMIT": {OrderType.LIMIT},
    "MARKET": {OrderType.MARKET},
    "STOP_LOSS": {OrderType.STOP},
    "STOP_MARKET": {OrderType.STOP},
    "STOP_LOSS_LIMIT": {OrderType.STOP_LIMIT},
    "STOP": {OrderType.STOP_LIMIT},
    "TAKE_PROFIT": {OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT},
    "TAKE_PROFIT_MARKET": {OrderType.TAKE_PROFIT},
    "TAKE_PROFIT_LIMIT": {OrderType.TAKE_PROFIT_LIMIT},
    "TRAILING_STOP_MARKET": {OrderType.TRAILING_STOP},
}


def _listed_types(market: Mapping[str, Any]) -> set[OrderType]:
    """What the market's own ``orderTypes`` list allows (Binance has one); else everything."""
    info = market.get("info")
    listed = info.get("orderTypes") if isinstance(info, Mapping) else None
    if not isinstance(listed, list) or not set(map(str, listed)) & set(_LISTED):
        return set(OrderType)
    allowed: set[OrderType] = set()
    for name in map(str, listed):
        allowed |= _LISTED.get(name, set())
    if info.get("allowTrailingStop") is True:  # On spot: a STOP_LOSS with a distance.
        allowed.add(OrderType.TRAILING_STOP)
    if "TAKE_PROFIT_MARKET" in listed:  # Derivatives: TAKE_PROFIT there is the one with a limit.
        allowed.add(OrderType.TAKE_PROFIT_LIMIT)
    return allowed


_CODE_KEYS = ("code", "retCode", "ret_code", "errCode", "err_code", "error_code", "errorCode",
              "err-code", "error")  # fmt: skip
_NO_CODE = {"", "0", "200", "ok", "None"}
_SAFE_CODE = re.compile(r"[A-Za-z0-9_.:,\- ]{1,64}")


def venue_code(body: Any) -> str | None:
    """The exchange's own error number in a parsed answer, without its free text.

    Looks where exchanges put it: ``code``, ``retCode``, … OKX's per-order ``sCode``, Kraken's list
    of catalogue codes under ``error``. Anything that does not look like a code is left out, because
    an exchange's text may repeat what was sent.
    """
    if isinstance(body, list):
        return venue_code(body[0]) if len(body) == 1 else None
    if not isinstance(body, Mapping):
        return None
    rows = body.get("data")
    if isinstance(rows, list) and rows and isinstance(rows[0], Mapping):
        detail = str(rows[0].get("sCode", ""))
        if detail not in _NO_CODE:
            return _checked(detail)
    for key in _CODE_KEYS:
        value = body.get(key)
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, Mapping):
            value = value.get("code")
        if isinstance(value, str | int) and str(value) not in _NO_CODE:
            return _checked(str(value))
    return None


def _checked(code: str) -> str | None:
    return code if _SAFE_CODE.fullmatch(code) else None
