"""What may be traded on an account, and within which limits?

As the OMS itself judges orders: the rules that its checks use, exact and as strings. The exchange
is asked only where its list was never loaded.
"""

from collections.abc import Iterable
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.rights.permissions import require_read
from gateway.sessions import markets
from oms_project.errors import Invalid
from positions.api.lists import ids_in, refuse_unknown, whole_number
from positions.api.schema import DecimalText, ProblemSerializer, listed
from positions.engine.types import MarketKind, OrderType, TimeInForce, Trailing, TriggerBy
from positions.ports import MarketRules, exchange
from positions.rows import decimal_text, time_text

DEFAULT_LIMIT = 100
LIMIT = 1000
MOST_NAMED = 200
LONGEST_TEXT = 64


def _limit(**options: Any) -> DecimalText:
    return DecimalText(allow_null=True, **options)


class SymbolSerializer(serializers.Serializer):
    """One market as the account's exchange offers it; null is no such limit."""

    account_id = serializers.IntegerField()
    symbol = serializers.CharField()
    market_id = serializers.CharField(allow_null=True, help_text="The exchange's own name.")
    kind = serializers.ChoiceField([*map(str, MarketKind)])
    base = serializers.CharField()
    quote = serializers.CharField()
    settle = serializers.CharField(allow_null=True)
    money = serializers.CharField(help_text="The currency of values and profit.")
    active = serializers.BooleanField()
    contract_size = DecimalText()
    qty_step = _limit()
    price_step = _limit()
    price_digits = serializers.IntegerField(
        allow_null=True, help_text="Digits that count, where prices are rounded to them."
    )
    min_qty = _limit()
    max_qty = _limit()
    min_market_qty = _limit()
    max_market_qty = _limit()
    min_price = _limit()
    max_price = _limit()
    min_notional = _limit(help_text="Least qty × contract_size × price.")
    max_notional = _limit()
    order_types = serializers.ListField(child=serializers.ChoiceField([*map(str, OrderType)]))
    times_in_force = serializers.ListField(child=serializers.ChoiceField([*map(str, TimeInForce)]))
    trailing_by = serializers.ListField(child=serializers.ChoiceField([*map(str, Trailing)]))
    trigger_by = serializers.ListField(child=serializers.ChoiceField([*map(str, TriggerBy)]))
    min_trailing_percent = _limit()
    max_trailing_percent = _limit()
    edits_in_place = serializers.BooleanField()
    taker_rate = _limit(help_text="As the exchange lists it for everybody.")
    maker_rate = _limit()
    last_price = _limit()
    price_at = serializers.DateTimeField(allow_null=True)


class Symbols(APIView):
    """The markets of an account."""

    @extend_schema(
        operation_id="list_symbols",
        parameters=[
            OpenApiParameter("account_ids", str, required=True, description="One account."),
            OpenApiParameter("symbols", str, description=f"Only these; CSV, up to {MOST_NAMED}."),
            OpenApiParameter("q", str, description="Only those whose symbol has this in it."),
            OpenApiParameter("active", bool, description="true: only those that can be traded."),
            OpenApiParameter("limit", int, description=f"{DEFAULT_LIMIT}, up to {LIMIT}."),
            OpenApiParameter("cursor", str),
        ],
        responses={
            200: listed(SymbolSerializer, "Symbol"),
            **dict.fromkeys((401, 403, 404, 422, 503), ProblemSerializer),
        },
        tags=["accounts"],
    )
    def get(self, request: Request) -> Response:
        """By symbol, with what orders may be there and the newest price that is known."""
        refuse_unknown(request, {"account_ids", "symbols", "q", "active", "limit", "cursor"})
        account_id = _account(request)
        require_read(request.user, account_id)
        limit = whole_number(request, "limit", most=LIMIT) or DEFAULT_LIMIT
        start = whole_number(request, "cursor") or 0
        text, named = _text(request), _named(request)
        found = _asked(request, markets.listed(account_id, containing=text, named=named))
        page = found[start : start + limit]
        following = str(start + limit) if len(found) > start + limit else None
        items = [_row(account_id, rules) for rules in page]
        return Response({"items": items, "next_cursor": following})


def _account(request: Request) -> int:
    account_ids = ids_in(request, "account_ids")
    if len(account_ids) != 1:
        raise Invalid("Symbols are listed one account at a time.", field="account_ids", limit=1,
                      value=len(account_ids))  # fmt: skip
    return account_ids[0]


def _text(request: Request) -> str:
    text = request.query_params.get("q", "").strip()
    if len(text) > LONGEST_TEXT:
        raise Invalid("q is too long.", field="q", limit=LONGEST_TEXT, value=len(text))
    return text


def _named(request: Request) -> set[str] | None:
    text = request.query_params.get("symbols")
    if text is None:
        return None
    named = {name for name in text.split(",") if name}
    if len(named) > MOST_NAMED:
        raise Invalid("Too many symbols are named.", field="symbols", limit=MOST_NAMED,
                      value=len(named))  # fmt: skip
    return named


def _asked(request: Request, found: Iterable[MarketRules]) -> list[MarketRules]:
    active = request.query_params.get("active")
    if active not in (None, "true", "false"):
        raise Invalid("active is true or false.", field="active", limit="true or false",
                      value=active[:LONGEST_TEXT])  # fmt: skip
    if active is not None:
        found = (rules for rules in found if rules.active is (active == "true"))
    return sorted(found, key=lambda rules: rules.symbol)


def _row(account_id: int, rules: MarketRules) -> dict[str, Any]:
    seen = exchange().seen_price(account_id, rules.symbol)
    return {
        "account_id": account_id,
        "symbol": rules.symbol,
        "market_id": rules.market_id,
        "kind": rules.kind,
        "base": rules.base,
        "quote": rules.quote,
        "settle": rules.settle,
        "money": rules.engine_market.profit_currency,
        "active": rules.active,
        "contract_size": decimal_text(rules.contract_size),
        "qty_step": decimal_text(rules.amount_step),
        "price_step": decimal_text(rules.price_step),
        "price_digits": rules.price_digits,
        "min_qty": decimal_text(rules.min_amount),
        "max_qty": decimal_text(rules.max_amount),
        "min_market_qty": decimal_text(rules.min_market_amount),
        "max_market_qty": decimal_text(rules.max_market_amount),
        "min_price": decimal_text(rules.min_price),
        "max_price": decimal_text(rules.max_price),
        "min_notional": decimal_text(rules.min_cost),
        "max_notional": decimal_text(rules.max_cost),
        "order_types": sorted(rules.order_types),
        "times_in_force": sorted(rules.times_in_force),
        "trailing_by": sorted(rules.trailing_by),
        "trigger_by": sorted(rules.trigger_by),
        "min_trailing_percent": decimal_text(rules.min_trailing_percent),
        "max_trailing_percent": decimal_text(rules.max_trailing_percent),
        "edits_in_place": rules.edits_in_place,
        "taker_rate": decimal_text(rules.taker_rate),
        "maker_rate": decimal_text(rules.maker_rate),
        "last_price": decimal_text(seen.price) if seen else None,
        "price_at": time_text(seen.at) if seen else None,
    }
