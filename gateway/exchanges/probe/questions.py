"""What is asked of every class, and how is it told from the requests whether it does it?

The calls are those of ``gateway.sending.calls``: the same words, quantities as text. A parameter is
carried if the request with it differs from the one without it by more than the parameter itself,
passed on as it came; that counts only where the exchange has a field of this very name (``own``),
which it has where its class reads one of its orders, or writes one into a request. A price has to
stand in the request, in whatever unit.
"""

import inspect
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache, reduce
from typing import Any

from gateway.exchanges.capabilities import facts
from gateway.exchanges.numbers import json_number
from gateway.exchanges.probe.answers import Answer
from gateway.exchanges.probe.instances import (
    MARKET_IDS,
    SYMBOLS,
    ask,
    build,
    credentials,
    kinds,
    offline,
)
from gateway.exchanges.probe.requests import Sent, changed, gone, last_name
from positions.engine.types import MarketKind

OUR_ID = "aB3456789012345678"
QTY, CONTRACTS = "0.123", "123"
PRICE, TRIGGER, DISTANCE, PERCENT = "30211", "29137", "417", "1.7"
# Sentences and compounds that a class takes apart: told, and if it cannot, not told.
_TELLINGS: tuple[tuple[str, ...], ...] = ((), ("order", "type"))
_BEST = ("yes", "base", "kept", True)
_REDUCES = re.compile(r"reduce|close_?(only|position|order)", re.I)

Row = dict[str, Any]


class Subject:
    """One class and one kind of its markets."""

    def __init__(
        self,
        name: str,
        kind: MarketKind,
        market_id: str = MARKET_IDS[0],
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.name, self.kind = name, kind
        self.symbol = SYMBOLS[kind]
        self.exchange = build(name, kind, market_id)
        self.exchange.options.update(options or {})
        qty = QTY if kind is MarketKind.SPOT else CONTRACTS
        self.qty = qty
        self._number = _as_number if facts(name).json_numbers else str
        read = Answer()
        self.parsed(read)
        self._own_words = _written_words(name) | read.asked.keys()

    async def create(self, order: str, answer: Any = None, **params: Any) -> Sent:
        """``create_order`` for e.g. ``limit buy``, with our id unless it is ``None``."""
        word, side = order.split()
        price = self._number(PRICE) if word == "limit" else None
        said = {"clientOrderId": OUR_ID} | params
        said = {name: value for name, value in said.items() if value is not None}
        args = (self.symbol, word, side, self._number(self.qty), price)
        return await ask(self.exchange, "create_order", *args, answer=answer, params=said)

    def has_left(self, sent: Sent) -> bool:
        """Whether an order with its quantity was built."""
        return sent.has_digits(self.qty)

    def knows(self, word: str) -> bool:
        """Whether the exchange itself has a field of this name."""
        return word in self._own_words

    def parsed(self, answer: Answer) -> Any:
        """What the class reads out of an order; nothing where it cannot."""
        try:
            return self.exchange.parse_order(answer, self.exchange.market(self.symbol))
        except Exception:  # noqa: BLE001 (the class's own)
            return None


async def row_of(name: str) -> Row:
    """All that is found out about one class.

    Where it finds out first which sort of account it serves, what both sorts do.
    """
    exchange = build(name)
    row: Row = {"login": credentials(exchange)}
    sorts = [word for word in ("uta", "unifiedAccount") if word in exchange.options]
    for kind in kinds(exchange):
        subjects = [
            await _subject(name, kind, {sorts[0]: is_so} if sorts else {})
            for is_so in (False, True)[: 2 if sorts else 1]
        ]
        row[str(kind)] = reduce(_worse, [await _of_market(subject) for subject in subjects])
    return row


def _worse(one: Any, other: Any) -> Any:
    """Of what two sorts of accounts do, column by column, the lesser."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {
            name: _worse(one.get(name), other.get(name))
            for name in (*one, *(other.keys() - one.keys()))
        }
    return other if one in _BEST else one


async def _subject(name: str, kind: MarketKind, options: Mapping[str, Any]) -> Subject:
    """With a market that the class can name; the first request may need another one before it."""
    subjects = [Subject(name, kind, market_id, options) for market_id in MARKET_IDS]
    for subject in subjects:
        await subject.create("limit buy")
        if subject.has_left(await subject.create("limit buy")):
            return subject
    return subjects[0]


async def _of_market(one: Subject) -> Row:
    plain = await one.create("limit buy")
    row: Row = {"limit": "yes" if one.has_left(plain) else plain.fault or "no quantity"}
    row |= {
        "find": await _by_our_id(one, "fetch_order", "fetchOrder"),
        "cancel": await _by_our_id(one, "cancel_order", "cancelOrder"),
        "read_back": _read_back(one),
    }
    if row["limit"] != "yes":
        return row
    at_market = await one.create("market sell")
    row["market"] = "yes" if one.has_left(at_market) else at_market.fault or "no quantity"
    row["market_buy"] = await _market_buy(one, at_market)
    row["client_id"] = _carried_id(one, await one.create("limit buy", clientOrderId=None), plain)
    for word in ("IOC", "FOK"):
        row[word] = await _option(one, plain, "timeInForce", word)
    if row["IOC"] == row["FOK"] == "yes" and await _same(one, "timeInForce", "IOC", "FOK"):
        row["IOC"] = row["FOK"] = "same"
    row["PO"] = await _option(one, plain, "postOnly", True)
    if one.kind is not MarketKind.SPOT:
        row["reduce_only"] = await _option(one, plain, "reduceOnly", True)
    for kind in ("stop", "take_profit"):
        row[kind] = await _trigger(one, "market", kind)
        row[f"{kind}_limit"] = await _trigger(one, "limit", kind)
    row["trailing_amount"] = await _trailing(one, at_market, "trailingAmount", DISTANCE)
    row["trailing_percent"] = await _trailing(one, at_market, "trailingPercent", PERCENT)
    return row | {"answer": await _answer(one)}


async def _market_buy(one: Subject, sell: Sent) -> str:
    """``base``, ``cost: <field>`` where the quantity goes where money goes, or why not."""
    buy = await one.create("market buy")
    if not one.has_left(buy):
        return buy.fault or "no quantity"
    if one.kind is not MarketKind.SPOT or not one.has_left(sell):
        return "base"
    where, usual = ({last_name(path) for path in sent.holding(one.qty)} for sent in (buy, sell))
    return "base" if where & usual else f"cost: {sorted(where)[0]}"


def _carried_id(one: Subject, without: Sent, plain: Sent) -> str:
    """``kept``, ``prefixed: <what>``, ``raw``, ``altered``, or ``dropped``."""
    found = {path: value for path, value in plain.fields.items() if OUR_ID in value}
    if not found:
        return "altered" if changed(without, plain) and one.has_left(without) else "dropped"
    path, value = next(iter(found.items()))
    if last_name(path) == "clientOrderId" and not one.knows("clientOrderId"):
        return "raw"
    before = value.partition(OUR_ID)[0]
    return f"prefixed: {before}" if 0 < len(before) <= 12 else "kept"


def _read_back(one: Subject) -> str | None:
    """The field of the exchange's order that becomes ``clientOrderId``; ``None``: none does."""
    for but in _TELLINGS:
        answer = Answer(but=but)
        read = one.parsed(answer)
        if isinstance(read, Mapping):
            return answer.name_of(read.get("clientOrderId"))
    return None


async def _by_our_id(one: Subject, method: str, has: str) -> str:
    """``yes``; ``empty`` where an empty id of theirs goes with it; ``raw``, ``no``, or why not."""
    if not one.exchange.has.get(has):
        return "has not"
    params = {"clientOrderId": OUR_ID}
    sent = await ask(one.exchange, method, "", one.symbol, params=params)
    carrying = [r for r in sent.requests if any(OUR_ID in value for value in r.fields.values())]
    if not carrying:
        return sent.fault if sent.fault and not sent.requests else "no"
    names = {last_name(path) for path, value in sent.fields.items() if OUR_ID in value}
    if names == {"clientOrderId"} and not one.knows("clientOrderId"):
        return "raw"
    return "empty" if any(request.has_empty_id for request in carrying) else "yes"


async def _option(one: Subject, plain: Sent, word: str, value: Any) -> str:
    return _carried(one, plain, await one.create("limit buy", **{word: value}), word, value)


def _carried(one: Subject, before: Sent, after: Sent, word: str, value: Any) -> str:
    if not one.has_left(after):
        return after.fault or "no quantity"
    differs = changed(before, after)
    if not differs and not gone(before, after):
        return "no"
    untouched = all(
        last_name(path) == word and told == str(value) for path, told in differs.items()
    )
    if untouched and not gone(before, after) and not one.knows(word):
        return "raw"
    return "yes"


async def _same(one: Subject, word: str, *values: Any) -> bool:
    first, other = [await one.create("limit buy", **{word: value}) for value in values]
    return first.fields == other.fields


async def _trigger(one: Subject, word: str, kind: str) -> str:
    """The worse of a buy's and a sell's; ``reduces`` where one that opens may only reduce."""
    found = []
    for side in ("sell", "buy"):
        price_word, params = words(one.name, kind, side)
        before = await one.create(f"{word} {side}")
        after = await one.create(f"{word} {side}", **params)
        told = _carried(one, before, after, price_word, TRIGGER)
        if told == "yes":
            told = _of_trigger(after, TRIGGER)
        found.append(told)
    return next((told for told in found if told != "yes"), "yes")


def _of_trigger(after: Sent, number: str) -> str:
    if not after.has_digits(number):
        return "no price"
    flags = {
        value.lower() for path, value in after.fields.items() if _REDUCES.search(last_name(path))
    }
    return "reduces" if flags & {"true", "1"} else "yes"


def words(name: str, kind: str, side: str) -> tuple[str, dict[str, Any]]:
    """The price's parameter, and all of them, as ``gateway.sending.calls`` says a trigger."""
    if facts(name).trigger_style == "kind":
        word = "stopLossPrice" if kind == "stop" else "takeProfitPrice"
        return word, {word: TRIGGER}
    rising = (kind == "stop") is (side == "buy")
    direction = "ascending" if rising else "descending"
    return "triggerPrice", {"triggerPrice": TRIGGER, "triggerDirection": direction}


async def _trailing(one: Subject, before: Sent, word: str, distance: str) -> str:
    params = {word: distance}
    if one.kind is MarketKind.SPOT:
        params |= facts(one.name).spot_trailing
    after = await one.create("market sell", **params)
    if after.fault == "ArgumentsRequired":  # It may want to be told from where on.
        after = await one.create("market sell", **params, trailingTriggerPrice=TRIGGER)
    told = _carried(one, before, after, word, distance)
    return "no distance" if told == "yes" and not _tells_distance(after, distance) else told


def _tells_distance(after: Sent, distance: str) -> bool:
    """In per cent, basis points, as a part of one, or as what the price keeps."""
    return after.has_digits(distance) or after.has_digits("0.983")


async def _answer(one: Subject) -> Row:
    """What ``create_order`` gives for an answer that holds the order's id and nothing else."""
    source = None
    for but in _TELLINGS:
        whole = Answer(but=but)
        told = (await one.create("limit buy", whole)).answer
        source = source or (whole.name_of(told.get("id")) if isinstance(told, Mapping) else None)
    if source is None:
        return {"id": None}
    bare = (await one.create("limit buy", Answer(only=[source]))).answer
    if not isinstance(bare, Mapping):
        return {"id": source, "bare": None}
    said = bare.get("clientOrderId")
    return {
        "id": source,
        "symbol": bare.get("symbol") == one.symbol,
        "client_id": None if said is None else ("ours" if said == OUR_ID else "another"),
        "status": bare.get("status"),
    }


def _as_number(text: str) -> float:
    return json_number(Decimal(text))


@cache
def _written_words(name: str) -> frozenset[str]:
    """The names that the class, or one that it is made from, writes into a request for an order."""
    found: set[str] = set()
    for member, function in inspect.getmembers(offline(name), inspect.isfunction):
        is_own = function.__module__.startswith("ccxt.") and ".base." not in function.__module__
        if is_own and "order" in member and not member.startswith("parse_"):
            found |= {*re.findall(r"\['(\w+)'\] = ", inspect.getsource(function))}
    return frozenset(found)
