"""What does this gateway reach?"""

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gateway.capabilities import exchange_ids

_Exchanges = inline_serializer(
    "Exchanges", {"items": serializers.ListField(child=serializers.CharField())}
)


class Exchanges(APIView):
    """Every exchange id that an account can have."""

    @extend_schema(operation_id="list_exchanges", responses=_Exchanges, tags=["meta"])
    def get(self, request: Request) -> Response:
        """All ``ccxt.*`` and ``ccxtpro.*`` ids, sorted."""
        return Response({"items": sorted(exchange_ids())})
