"""What does the OpenAPI document show of commands and of their answers?

The bodies come from the same tables that read them.
"""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer
from rest_framework import serializers

from positions.api.schema import ErrorSerializer, OrderSerializer, ProblemSerializer
from positions.engine.types import CommandStatus, Side
from positions.forms.commands import FORMS
from positions.forms.fields import fields_of

Schema = dict[str, Any]

# Named in settings, so that the document calls the enum by this name.
COMMAND_STATUS_CHOICES = [(str(status), str(status)) for status in CommandStatus]


def _command(name: str) -> Schema:
    return {
        "type": "object",
        "title": name,
        "additionalProperties": False,
        "required": ["command", "payload"],
        "properties": {
            "account_id": {
                "type": "integer",
                "format": "int64",
                "minimum": 1,
                "description": "May be left out where an order or position id implies it.",
            },
            "command": {"type": "string", "enum": [name]},
            "request_id": {
                "type": "string",
                "maxLength": 128,
                "description": "The same id with the same body sends nothing twice.",
            },
            "payload": fields_of(FORMS[name]).schema,
        },
    }


_ONE = {"oneOf": [_command(name) for name in FORMS]}
COMMANDS_REQUEST: Schema = {"oneOf": [*_ONE["oneOf"], {"type": "array", "items": _ONE}]}


class LeftSerializer(serializers.Serializer):
    """A position that could not be closed, and the code of the reason."""

    position_id = serializers.IntegerField()
    code = serializers.CharField()


class CommandResultSerializer(serializers.Serializer):
    """Where one command stands."""

    index = serializers.IntegerField()
    ok = serializers.BooleanField()
    command_id = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField([*map(str, CommandStatus)])
    order_id = serializers.IntegerField(allow_null=True)
    order = OrderSerializer(allow_null=True)
    orders = OrderSerializer(many=True)
    position_ids = serializers.ListField(child=serializers.IntegerField())
    error = ErrorSerializer(allow_null=True)
    left = LeftSerializer(
        many=True, required=False, help_text="Of close_all_positions: what could not be closed."
    )


class CommandResultsSerializer(serializers.Serializer):
    """The answer to a batch, in input order."""

    results = CommandResultSerializer(many=True)


class StandingSerializer(serializers.Serializer):
    """A position as it stands; flat without a side, not opened yet without an id."""

    position_id = serializers.IntegerField(allow_null=True)
    side = serializers.ChoiceField([*map(str, Side)], allow_null=True)
    qty = serializers.CharField()


class EffectSerializer(serializers.Serializer):
    """What would come of a command that is executed whole; null where that is not known.

    ``notional`` in the quote currency. ``fee`` in the currency that profit is paid in, by the rate
    that the exchange lists for everybody: the taker's, the maker's of what is post-only.
    """

    notional = serializers.CharField(allow_null=True)
    fee = serializers.CharField(allow_null=True)
    position_before = StandingSerializer(allow_null=True)
    position_after = StandingSerializer(allow_null=True)
    margin = serializers.CharField(allow_null=True)


class CheckResultSerializer(serializers.Serializer):
    """Whether one command would be accepted; the error is the one that it would be refused with."""

    index = serializers.IntegerField()
    ok = serializers.BooleanField()
    error = ErrorSerializer(allow_null=True)
    effect = EffectSerializer(allow_null=True)


class CheckResultsSerializer(serializers.Serializer):
    """The answer to ``check=true``, in input order."""

    results = CheckResultSerializer(many=True)


# Where every command failed, its results; where the request itself was at fault, the bare problem.
RESULTS_OR_PROBLEM = PolymorphicProxySerializer(
    component_name="CommandResultsOrProblem",
    serializers=[CommandResultsSerializer, CheckResultsSerializer, ProblemSerializer],
    resource_type_field_name=None,
)
RESULTS = PolymorphicProxySerializer(
    component_name="CommandOrCheckResults",
    serializers=[CommandResultsSerializer, CheckResultsSerializer],
    resource_type_field_name=None,
)
WAIT_MS = OpenApiParameter(
    "wait_ms",
    int,
    description="How long to wait for the exchange, 0 to 60000; default 10000.",
)
COMMANDS_PARAMETERS = [
    OpenApiParameter("parallel", bool, description="Side by side instead of one by one."),
    OpenApiParameter(
        "check",
        bool,
        description="Say what would come of each, as if it came alone; store and send nothing.",
    ),
    WAIT_MS,
    OpenApiParameter(
        "Idempotency-Key",
        str,
        location=OpenApiParameter.HEADER,
        description="Stands for a single command's request_id.",
    ),
]
