"""What became of one order, down to what its exchange literally said?"""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.rights.permissions import Caller
from gateway.api.rows import RawRowSerializer, raw_row
from gateway.evidence import storage
from gateway.models import RawOrder, RawRow, RawTrade
from oms_project.errors import OrderNotFound
from positions.api import schema
from positions.api.lists import refuse_unknown
from positions.forms.fields import LARGEST_ID
from positions.stories import exchange_order_ids, story_of

MOST_RAW = 50


class GiverSerializer(serializers.Serializer):
    """Who asked for an order, and how."""

    user_name = serializers.CharField()
    api_key_id = serializers.IntegerField(allow_null=True)
    command = serializers.CharField()
    request_id = serializers.CharField(allow_null=True)
    at = serializers.DateTimeField()


class LegSerializer(serializers.Serializer):
    """One order at the exchange; a replaced one has had several."""

    exchange_order_id = serializers.CharField(allow_null=True)
    conditional_order_id = serializers.CharField(allow_null=True)
    client_order_id = serializers.CharField(allow_null=True)
    status = serializers.CharField(allow_null=True)
    qty = schema.DecimalText()
    price = schema.DecimalText(allow_null=True)
    trigger_price = schema.DecimalText(allow_null=True)
    filled_qty = schema.DecimalText()
    is_current = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class ExecutionSerializer(serializers.Serializer):
    """One fill."""

    number = serializers.IntegerField(help_text="1, 2, 3… per account.")
    side = serializers.CharField()
    qty = schema.DecimalText()
    price = schema.DecimalText()
    fee = schema.DecimalText(allow_null=True)
    fee_currency = serializers.CharField(allow_null=True)
    exchange_trade_id = serializers.CharField()
    provisional = serializers.BooleanField()
    executed_at = serializers.DateTimeField()


class StorySerializer(serializers.Serializer):
    """An order with all that belongs to it, oldest first; raw rows newest first."""

    order = schema.OrderSerializer()
    given_by = GiverSerializer(allow_null=True)
    legs = LegSerializer(many=True)
    executions = ExecutionSerializer(many=True)
    deals = schema.DealSerializer(many=True)
    positions = schema.PositionSerializer(many=True)
    events = schema.EventSerializer(many=True)
    events_complete = serializers.BooleanField(
        help_text="False where the order lived through more events than are looked at."
    )
    raw_orders = RawRowSerializer(many=True)
    raw_trades = RawRowSerializer(many=True)


class Story(APIView):
    """One order with all that belongs to it."""

    @extend_schema(
        operation_id="read_order_story",
        responses={
            200: StorySerializer,
            **dict.fromkeys((401, 403, 404, 422), schema.ProblemSerializer),
        },
        tags=["orders"],
    )
    def get(self, request: Request, order_id: int) -> Response:
        """Who gave it, what the exchange did and said, what it was booked as."""
        refuse_unknown(request, set())
        if order_id > LARGEST_ID:
            raise OrderNotFound(order_id=order_id)
        told = story_of(request.user, order_id)
        account_id, numbers = told["order"]["account_id"], exchange_order_ids(order_id)
        raw = {
            "raw_orders": _said(RawOrder, request.user, account_id, numbers),
            "raw_trades": _said(RawTrade, request.user, account_id, numbers),
        }
        return Response(told | raw)


def _said(
    kind: type[RawRow], caller: Caller, account_id: int, numbers: list[str]
) -> list[dict[str, Any]]:
    found: list[RawRow] = []
    for table in storage.tables_of(kind, [account_id]):
        rows = table.objects.visible_to(caller, [account_id])
        found += rows.filter(exchange_order_id__in=numbers).order_by("-id")[:MOST_RAW]
    return [raw_row(row) for row in found[:MOST_RAW]]
