"""What does the OpenAPI document show of calls to ccxt?

The names come from the table of functions, the typed bodies from the forms that read them.
"""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers

from gateway.api.requests import MOST_CALLS
from gateway.clients.functions import CORE, FUNCTIONS, Function
from positions.api.schema import ErrorSerializer

Schema = dict[str, Any]

FUNC = OpenApiParameter(
    "func",
    str,
    location=OpenApiParameter.PATH,
    enum=sorted(FUNCTIONS),
    description="A unified method of ccxt, written as in JavaScript or as in Python.",
)
CORE_FUNC = OpenApiParameter(
    "func",
    str,
    location=OpenApiParameter.PATH,
    enum=sorted(FUNCTIONS[name].method for name in CORE),
    description="The method that the body belongs to.",
)
_ARGS = {"type": "array", "items": {}, "description": "By place, as ccxt orders them."}
_KWARGS = {"type": "object", "description": "By name, params among them."}
CALL_REQUEST: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"args": _ARGS, "kwargs": _KWARGS},
}
_BATCH_CALL: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["account_id", "func"],
    "properties": {
        "account_id": {"type": "integer", "format": "int64", "minimum": 1},
        "func": {"type": "string", "enum": sorted(FUNCTIONS)},
        "args": _ARGS,
        "kwargs": _KWARGS,
    },
}
_CALLS = {"type": "array", "items": _BATCH_CALL, "minItems": 1, "maxItems": MOST_CALLS}
BATCH_REQUEST: Schema = {
    "oneOf": [
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["commands"],
            "properties": {
                "commands": _CALLS,
                "parallel": {"type": "boolean", "description": "Side by side, up to eight."},
            },
        },
        _CALLS,
    ]
}


def _core(function: Function) -> Schema:
    properties = {name: form.schema for name, form in function.arguments.items()}
    required = [name for name, form in function.arguments.items() if form.required]
    if "type" in properties:
        # The other word for it; either is taken, so neither can be required by itself.
        properties["order_type"] = properties["type"]
        required.remove("type")
    params = {name: form.schema for name, form in function.params.items()}
    properties["params"] = {
        "type": "object",
        "additionalProperties": False,
        "properties": params,
    }
    return {
        "type": "object",
        "title": function.method,
        "additionalProperties": False,
        "properties": properties,
        "required": required,
    }


CORE_REQUEST: Schema = {"anyOf": [_core(FUNCTIONS[name]) for name in CORE]}

RESULT = inline_serializer(
    "CcxtResult",
    {
        "ok": serializers.BooleanField(),
        "result": serializers.JSONField(help_text="ccxt's unified structure; decimals are text."),
    },
)
RESULTS = inline_serializer(
    "CcxtResults",
    {
        "ok": serializers.BooleanField(help_text="Whether every call was."),
        "results": inline_serializer(
            "CcxtBatchResult",
            {
                "index": serializers.IntegerField(),
                "ok": serializers.BooleanField(),
                "result": serializers.JSONField(required=False),
                "error": ErrorSerializer(required=False),
            },
            many=True,
        ),
    },
)
