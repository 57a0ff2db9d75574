"""Which fields do the bodies of the risk desk have?"""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.bodies import Body
from accounts.words import LONGEST_COMMENT, AccountStatus, StrategyStatus, choices_of
from oms_project.errors import Invalid
from positions.engine.errors import EngineError
from positions.engine.money import parse
from riskdesk.limits import DECIMALS, LONGEST_S
from riskdesk.words import FlattenState, HaltState, KillScope, Scope

_MOST = 2**31 - 1
_ID = {"min_value": 1, "max_value": 2**63 - 1}
_SYMBOL_LENGTH = 64

# Named in settings, so that the document calls the enums by these names.
SCOPE_CHOICES = choices_of(Scope)
HALT_STATE_CHOICES = choices_of(HaltState)
KILL_SCOPE_CHOICES = choices_of(KillScope)
FLATTEN_STATE_CHOICES = choices_of(FlattenState)


class AmountField(serializers.CharField):
    """A decimal, given as a string or a number, never negative; leaves as a plain string."""

    expects = "a decimal, not below zero"

    def to_internal_value(self, data: Any) -> Any:
        try:
            value = parse(data, field=self.field_name or "value")
        except EngineError as error:
            raise serializers.ValidationError(error.message) from None
        if value < 0:
            raise serializers.ValidationError("It is not negative.")
        return value


def _comment() -> serializers.CharField:
    return serializers.CharField(
        max_length=LONGEST_COMMENT, help_text="Why; kept in the audit trail."
    )


class AllowBody(Body):
    allow_new_positions = serializers.BooleanField()
    comment = _comment()


class AllowStrategyBody(Body):
    strategy_id = serializers.IntegerField(**_ID)
    allow_new_positions = serializers.BooleanField()
    comment = _comment()


class StatusBody(Body):
    status = serializers.ChoiceField(choices_of(AccountStatus))
    comment = _comment()


def _amount() -> AmountField:
    return AmountField(required=False, allow_null=True, help_text="Decimal; null switches it off.")


def _count(least: int = 0, most: int = _MOST) -> serializers.IntegerField:
    return serializers.IntegerField(
        required=False, allow_null=True, min_value=least, max_value=most
    )


class LimitsBody(Body):
    """Limits given are set, null switches one off, absent stays; the account's if none is named."""

    strategy_id = serializers.IntegerField(required=False, **_ID)
    api_key_id = serializers.IntegerField(required=False, **_ID)
    max_order_qty = _amount()
    max_order_notional = _amount()
    price_collar_percent = _amount()
    max_open_orders = _count()
    max_net_qty = _amount()
    max_gross_qty = _amount()
    max_net_notional = _amount()
    max_gross_notional = _amount()
    max_daily_loss = _amount()
    max_daily_turnover = _amount()
    max_orders = _count()
    orders_interval_s = _count(1, LONGEST_S)
    repeat_within_s = _count(1, LONGEST_S)
    symbols = serializers.ListField(
        child=serializers.CharField(max_length=_SYMBOL_LENGTH),
        required=False,
        allow_null=True,
        max_length=1000,
        help_text="The only symbols that may be opened; null: every one.",
    )
    comment = _comment()


@extend_schema_field({"oneOf": [{"type": "integer"}, {"type": "string", "maxLength": 64}]})
class TargetField(serializers.Field[Any, Any, Any, Any]):
    """A number, or a symbol."""

    expects = f"a number, or a symbol of at most {_SYMBOL_LENGTH} characters"

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, bool) or not isinstance(data, int | str) or not str(data).strip():
            raise serializers.ValidationError("It is a number, or a symbol.")
        text = str(data).strip()
        if len(text) > _SYMBOL_LENGTH:
            raise serializers.ValidationError("It is too long.")
        return text

    def to_representation(self, value: Any) -> Any:
        return value


class HaltBody(Body):
    scope = serializers.ChoiceField(SCOPE_CHOICES)
    id = TargetField(help_text="Account, strategy or key id, or a symbol.")
    state = serializers.ChoiceField(HALT_STATE_CHOICES)
    comment = _comment()


class ReleaseBody(Body):
    scope = serializers.ChoiceField(KILL_SCOPE_CHOICES)
    id = serializers.IntegerField(
        required=False, allow_null=True, help_text="Account or user; none with all.", **_ID
    )
    comment = _comment()


class KillBody(ReleaseBody):
    flatten = serializers.BooleanField(default=False, help_text="Also net and close what is open.")


class LimitsShape(serializers.Serializer[Any]):
    """Every limit; null is off."""

    max_open_orders = serializers.IntegerField(allow_null=True)
    max_orders = serializers.IntegerField(allow_null=True)
    orders_interval_s = serializers.IntegerField(allow_null=True)
    repeat_within_s = serializers.IntegerField(allow_null=True)
    symbols = serializers.ListField(child=serializers.CharField(), allow_null=True)

    def get_fields(self) -> dict[str, Any]:
        amounts = {name: serializers.CharField(allow_null=True) for name in DECIMALS}
        return {**amounts, **super().get_fields()}


class OwnLimitsShape(LimitsShape):
    """The limits of one strategy or key."""

    scope = serializers.ChoiceField(SCOPE_CHOICES, help_text="strategy or key.")
    id = serializers.IntegerField()


class HaltShape(serializers.Serializer[Any]):
    """What holds openings back."""

    scope = serializers.ChoiceField(SCOPE_CHOICES)
    id = TargetField(help_text="A number, or a symbol.")
    state = serializers.ChoiceField(HALT_STATE_CHOICES)
    allow_new_positions = serializers.BooleanField()
    updated_at = serializers.DateTimeField()


class SwitchShape(serializers.Serializer[Any]):
    """One pull of a kill switch."""

    scope = serializers.ChoiceField(KILL_SCOPE_CHOICES)
    id = serializers.IntegerField(allow_null=True)
    pulled = serializers.BooleanField()
    comment = serializers.CharField()
    pulled_by = serializers.CharField()
    pulled_at = serializers.DateTimeField()
    released_by = serializers.CharField(allow_null=True)
    released_at = serializers.DateTimeField(allow_null=True)


class LeftShape(serializers.Serializer[Any]):
    """A position that could not be closed at the last try, and why."""

    position_id = serializers.IntegerField()
    code = serializers.CharField()


class FlattenShape(serializers.Serializer[Any]):
    """How far a flatten is; the worker carries on what is running."""

    state = serializers.ChoiceField(FLATTEN_STATE_CHOICES)
    closing = serializers.ListField(
        child=serializers.IntegerField(), help_text="Positions that are being closed."
    )
    left = LeftShape(many=True)


class BlindShape(serializers.Serializer[Any]):
    """Something of the account that its exchange does not show now."""

    sense = serializers.CharField(help_text="orders, history, stream or session.")
    name = serializers.CharField(help_text="The symbol; empty: the whole account.")
    since = serializers.DateTimeField()
    why = serializers.CharField(help_text="ccxt's class and the exchange's code, or our words.")


class RiskAnswer(serializers.Serializer[Any]):
    """Where an account stands."""

    account_id = serializers.IntegerField()
    status = serializers.ChoiceField(choices_of(AccountStatus))
    state = serializers.ChoiceField(HALT_STATE_CHOICES)
    allow_new_positions = serializers.BooleanField()
    limits = LimitsShape()
    limits_by = OwnLimitsShape(many=True)
    halts = HaltShape(many=True)
    kill_switches = SwitchShape(many=True)
    flatten = FlattenShape(allow_null=True, help_text="The newest one; null: there was none.")
    blind = BlindShape(many=True)


class StrategyRisk(serializers.Serializer[Any]):
    """Where a strategy stands on an account."""

    strategy_id = serializers.IntegerField()
    name = serializers.CharField()
    status = serializers.ChoiceField(choices_of(StrategyStatus))
    state = serializers.ChoiceField(HALT_STATE_CHOICES)
    allow_new_positions = serializers.BooleanField()
    limits = LimitsShape()


class StrategyRiskPage(serializers.Serializer[Any]):
    items = StrategyRisk(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class HaltAnswer(serializers.Serializer[Any]):
    """The halt on every account that it fell on."""

    scope = serializers.ChoiceField(SCOPE_CHOICES)
    id = TargetField(help_text="A number, or a symbol.")
    state = serializers.ChoiceField(HALT_STATE_CHOICES)
    account_ids = serializers.ListField(child=serializers.IntegerField())


class StoppedShape(serializers.Serializer[Any]):
    """What a pull did on one account."""

    account_id = serializers.IntegerField()
    rejected = serializers.IntegerField(help_text="Waiting openings that became REJECTED.")
    canceling = serializers.ListField(child=serializers.IntegerField(), help_text="Order ids.")
    netted = serializers.ListField(child=serializers.IntegerField(), help_text="Position ids.")
    flatten = FlattenShape(allow_null=True, help_text="null where it was not asked for.")
    error = serializers.CharField(
        allow_null=True, help_text="Why not all of this was done; pull again."
    )


class KillAnswer(SwitchShape):
    """The switch, and what was done on each account; release lists none."""

    accounts = StoppedShape(many=True)


def whole_id(text: str, *, field: str = "id") -> int:
    """A target that is a number.

    Raises:
        Invalid: it is none.
    """
    if text.isascii() and text.isdigit() and 0 < int(text[:20]) < 2**63:
        return int(text)
    raise Invalid(f"{field} is a number here.", field=field, limit="a whole number", value=text)
