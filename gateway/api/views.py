"""What does this gateway reach, what may be called through it, what did exchanges say?"""

from asgiref.sync import async_to_sync
from django.http import HttpResponse
from drf_spectacular.utils import (
    OpenApiParameter,
    PolymorphicProxySerializer,
    extend_schema,
    inline_serializer,
)
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gateway.api import requests, schema
from gateway.api.raw_lists import raw_page
from gateway.api.rows import RawRowSerializer, raw_row
from gateway.exchanges.capabilities import exchange_ids
from gateway.models import RawOrder, RawRow, RawTrade
from positions.api.schema import DAYS, FILTERS, ProblemSerializer, listed

_Exchanges = inline_serializer(
    "Exchanges",
    {
        "items": serializers.ListField(child=serializers.CharField()),
        "next_cursor": serializers.CharField(allow_null=True),
    },
)
_RAW = listed(RawRowSerializer, "RawRow")
_CODES = (400, 401, 403, 404, 409, 415, 422, 429, 502, 503, 504)
_PROBLEMS = dict.fromkeys(_CODES, ProblemSerializer)
# Where every call of a batch failed, its results; where the batch itself was at fault, the problem.
_RESULTS_OR_PROBLEM = PolymorphicProxySerializer(
    component_name="CcxtResultsOrProblem",
    serializers=[schema.RESULTS, ProblemSerializer],
    resource_type_field_name=None,
)
_PARALLEL = OpenApiParameter("parallel", bool, description="As the body's field of that name.")


class Exchanges(APIView):
    """Every exchange id that an account can have."""

    @extend_schema(operation_id="list_exchanges", responses=_Exchanges, tags=["meta"])
    def get(self, request: Request) -> Response:
        """All ``ccxt.*`` and ``ccxtpro.*`` ids, sorted."""
        return Response({"items": sorted(exchange_ids()), "next_cursor": None})


class _Calls(APIView):
    """The ASGI server answers these addresses without a thread; see ``oms_project.asgi``."""

    def _answer(self, request: Request) -> HttpResponse:
        asked = requests.Asked(
            caller=request.user,
            path=request.path,
            body=request._request.body,
            content_type=request.content_type or "",
            query=request.query_params.dict(),
            request_id=getattr(request, "request_id", ""),
        )
        status, text = async_to_sync(requests.answer)(asked)
        return HttpResponse(text, status=status, content_type="application/json")


class CcxtCall(_Calls):
    """One unified method of ccxt."""

    @extend_schema(
        operation_id="call_ccxt",
        request={"application/json": schema.CALL_REQUEST},
        parameters=[schema.FUNC],
        responses={200: schema.RESULT, 202: schema.RESULT, **_PROBLEMS},
        tags=["ccxt"],
    )
    def post(self, request: Request, account_id: int, func: str) -> HttpResponse:
        """Call it with ``args`` and ``kwargs``; order functions run through the OMS."""
        return self._answer(request)


class CcxtCore(_Calls):
    """The most used methods of ccxt, with typed bodies."""

    @extend_schema(
        operation_id="call_ccxt_core",
        request={"application/json": schema.CORE_REQUEST},
        parameters=[schema.CORE_FUNC],
        responses={200: schema.RESULT, 202: schema.RESULT, **_PROBLEMS},
        tags=["ccxt"],
    )
    def post(self, request: Request, account_id: int, func: str) -> HttpResponse:
        """Call it with its arguments by name."""
        return self._answer(request)


class CcxtBatch(_Calls):
    """Several calls at once."""

    @extend_schema(
        operation_id="call_ccxt_batch",
        request={"application/json": schema.BATCH_REQUEST},
        parameters=[_PARALLEL],
        responses={
            200: schema.RESULTS,
            202: schema.RESULTS,
            207: schema.RESULTS,
            **_PROBLEMS,
            **dict.fromkeys((403, 404, 409, 422, 429, 502, 503, 504), _RESULTS_OR_PROBLEM),
        },
        tags=["ccxt"],
    )
    def post(self, request: Request) -> HttpResponse:
        """Each call stands alone; the answer keeps their order."""
        return self._answer(request)


class RawOrders(APIView):
    """What exchanges literally said about orders."""

    @extend_schema(
        operation_id="list_raw_orders",
        parameters=[*FILTERS, *DAYS],
        responses={200: _RAW, **_PROBLEMS},
        tags=["ccxt"],
    )
    def get(self, request: Request) -> Response:
        """Newest first, every version; days are of observed_at."""
        return _raw_page(request, RawOrder)


class RawTrades(APIView):
    """What exchanges literally said about fills."""

    @extend_schema(
        operation_id="list_raw_trades",
        parameters=[*FILTERS, *DAYS],
        responses={200: _RAW, **_PROBLEMS},
        tags=["ccxt"],
    )
    def get(self, request: Request) -> Response:
        """Newest first, every version; days are of observed_at."""
        return _raw_page(request, RawTrade)


def _raw_page(request: Request, kind: type[RawRow]) -> Response:
    page = raw_page(request, kind)
    return Response(page.body([raw_row(row) for row in page.rows]))
