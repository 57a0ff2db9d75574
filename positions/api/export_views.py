"""The addresses at which lists leave as files: each list's own, with ``/export`` behind it."""

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from positions.api import exports, schema
from positions.api.exports import EventLog, Format, Listing
from positions.api.lists import MOST_IDS

_PROBLEM = schema.ProblemSerializer
_UNPAGED = [
    each for each in schema.FILTERS if each.name in ("account_ids", "strategy_id", "symbol")
]
_FORMAT = OpenApiParameter(
    "format", str, enum=[*map(str, Format)], default=str(Format.CSV), description="Of the file."
)
_IDS = OpenApiParameter(
    "ids", str, description=f"Of the rows of the list, those with these ids: {MOST_IDS} at most."
)


def _view(listing: Listing | EventLog, operation: str, tag: str) -> type[APIView]:
    """The view that answers with the list as a file."""

    class Export(APIView):
        @extend_schema(
            operation_id=operation,
            parameters=[_FORMAT, *_parameters(listing)],
            responses={
                (200, exports.TYPES[Format.CSV]): OpenApiTypes.STR,
                (200, exports.TYPES[Format.XLSX]): OpenApiTypes.BINARY,
                (200, exports.TYPES[Format.JSON]): OpenApiTypes.OBJECT,
                **dict.fromkeys((401, 403, 404, 422), _PROBLEM),
                **({410: _PROBLEM} if isinstance(listing, EventLog) else {}),
                413: _PROBLEM,
                429: _PROBLEM,
            },
            tags=[tag],
        )
        def get(self, request: Request) -> StreamingHttpResponse:
            """All rows that the list shows for these filters, as one file."""
            return exports.answer(request, listing)

    Export.__doc__ = f"The {listing.name} as a file."
    Export.__name__ = operation.title().replace("_", "")
    return Export


def _parameters(listing: Listing | EventLog) -> list[OpenApiParameter]:
    if isinstance(listing, EventLog):
        since = [each for each in schema.EVENT_PARAMETERS if each.name == "since_seq"]
        return [schema.ACCOUNT_IDS, *since]
    days = schema.DAYS if listing.day_column else []
    words = [OpenApiParameter(name, str, enum=[*map(str, known)])
             for name, known in listing.words.items()]  # fmt: skip
    return [_IDS, *_UNPAGED, *listing.filters.unscanned, *days, *words]


Orders = _view(exports.ORDERS, "export_orders", "orders")
OpenOrders = _view(exports.OPEN_ORDERS, "export_open_orders", "orders")
OrderHistory = _view(exports.ORDER_HISTORY, "export_order_history", "orders")
Deals = _view(exports.DEALS, "export_deals", "deals")
OpenPositions = _view(exports.OPEN_POSITIONS, "export_open_positions", "positions")
PositionHistory = _view(exports.POSITION_HISTORY, "export_position_history", "positions")
Events = _view(exports.EVENTS, "export_events", "events")
Cases = _view(exports.CASES, "export_cases", "reconcile")
