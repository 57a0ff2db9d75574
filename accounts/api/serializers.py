"""Which fields do the bodies of the user and strategy addresses have?"""

from typing import Any

from rest_framework import serializers

from accounts.api.bodies import Body, UtcField
from accounts.models import ApiKey, KeyPermission, KeyStrategy, Strategy, User
from accounts.words import KeyStatus, Right, Role, StrategyStatus, choices_of

# What an id can be: the id columns are signed 64-bit numbers.
ID = {"min_value": 1, "max_value": 2**63 - 1}


class ErrorBody(serializers.Serializer[Any]):
    """The one error body."""

    code = serializers.CharField()
    message = serializers.CharField()
    details = serializers.DictField()
    request_id = serializers.CharField()


class LoginBody(Body):
    user_name = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=1024, trim_whitespace=False)
    api_key_id = serializers.IntegerField(
        required=False, allow_null=True, help_text="The key to act through; the oldest.", **ID
    )
    otp = serializers.CharField(
        required=False,
        allow_null=True,
        allow_blank=True,
        max_length=32,
        help_text="One-time password or recovery code, where the user has a second factor.",
    )


class LoginAnswer(serializers.Serializer[Any]):
    token = serializers.CharField()
    token_type = serializers.CharField(default="x-api-key", help_text="The header it goes into.")
    expires_at = UtcField()
    user_id = serializers.IntegerField(source="user.pk")
    role = serializers.ChoiceField(choices_of(Role), source="user.role")
    api_key_id = serializers.IntegerField(allow_null=True)


class LogoutAnswer(serializers.Serializer[Any]):
    ended = serializers.IntegerField(help_text="Log-ins that ended: 0 when asked with an API key.")


class ProfileAnswer(serializers.ModelSerializer[User]):
    user_id = serializers.IntegerField(source="pk", read_only=True)
    user_name = serializers.CharField(source="username", read_only=True)
    email = serializers.CharField(read_only=True, help_text="Empty where there is none.")
    created_at = UtcField(source="date_joined", read_only=True)
    last_login_at = UtcField(source="last_login", allow_null=True, read_only=True)

    class Meta:
        model = User
        fields = (
            "user_id",
            "user_name",
            "role",
            "email",
            "first_name",
            "last_name",
            "created_at",
            "last_login_at",
        )


class ProfileBody(Body):
    email = serializers.EmailField(required=False, allow_blank=True, max_length=254)
    first_name = serializers.CharField(required=False, allow_blank=True, max_length=150)
    last_name = serializers.CharField(required=False, allow_blank=True, max_length=150)


class PasswordBody(Body):
    current_password = serializers.CharField(max_length=1024, trim_whitespace=False)
    new_password = serializers.CharField(max_length=1024, trim_whitespace=False)


class PasswordAnswer(serializers.Serializer[Any]):
    log_ins_ended = serializers.IntegerField()


class ApiKeyRow(serializers.ModelSerializer[ApiKey]):
    api_key_id = serializers.IntegerField(source="pk", read_only=True)
    status = serializers.ChoiceField(choices_of(KeyStatus), read_only=True)
    ip_allow_list = serializers.ListField(child=serializers.CharField(), read_only=True)
    expires_at = UtcField(allow_null=True, read_only=True)
    last_used_at = UtcField(allow_null=True, read_only=True)
    made_by = serializers.IntegerField(
        allow_null=True, read_only=True, help_text="The key that made it and binds it."
    )
    created_at = UtcField(read_only=True)

    class Meta:
        model = ApiKey
        fields = (
            "api_key_id",
            "prefix",
            "label",
            "status",
            "expires_at",
            "ip_allow_list",
            "last_used_at",
            "made_by",
            "created_at",
        )
        read_only_fields = fields


class IssuedKeyAnswer(ApiKeyRow):
    """A new key; ``api_key`` is its whole text, shown this once."""

    api_key = serializers.CharField(read_only=True)

    class Meta(ApiKeyRow.Meta):
        fields = (*ApiKeyRow.Meta.fields, "api_key")
        read_only_fields = fields


class StrategyRightsBody(Body):
    strategy_id = serializers.IntegerField(**ID)
    can_read = serializers.BooleanField(default=True)
    can_trade = serializers.BooleanField(default=True)


class PermissionBody(Body):
    account_id = serializers.IntegerField(**ID)
    can_read = serializers.BooleanField(default=False)
    can_trade = serializers.BooleanField(default=False)
    can_close_position = serializers.BooleanField(default=False)
    can_risk_manage = serializers.BooleanField(default=False)
    can_block_new_positions = serializers.BooleanField(default=False)
    can_block_account = serializers.BooleanField(default=False)
    can_see_balance = serializers.BooleanField(default=False)
    restrict_to_strategies = serializers.BooleanField(default=False)
    strategies = StrategyRightsBody(many=True, required=False)


class NewApiKeyBody(Body):
    label = serializers.CharField(required=False, allow_blank=True, max_length=120, default="")
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    ip_allow_list = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False, allow_null=True
    )
    permissions = PermissionBody(
        many=True,
        required=False,
        help_text="At most what the key that asks may do; absent: exactly that.",
    )


class ApiKeyChangeBody(Body):
    label = serializers.CharField(required=False, allow_blank=True, max_length=120)
    status = serializers.ChoiceField(
        choices_of(KeyStatus), required=False, help_text="A revoked key stays revoked."
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    ip_allow_list = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False
    )


class StrategyRightsRow(serializers.ModelSerializer[KeyStrategy]):
    strategy_id = serializers.IntegerField(read_only=True)

    class Meta:
        model = KeyStrategy
        fields = ("strategy_id", "can_read", "can_trade")


class PermissionRow(serializers.ModelSerializer[KeyPermission]):
    account_id = serializers.IntegerField(read_only=True)
    strategies = StrategyRightsRow(many=True, read_only=True)

    class Meta:
        model = KeyPermission
        fields = (
            "account_id",
            *(right.value for right in Right),
            "restrict_to_strategies",
            "strategies",
        )


class NewStrategyBody(Body):
    name = serializers.CharField(max_length=120)
    account_ids = serializers.ListField(
        child=serializers.IntegerField(**ID), allow_empty=False, max_length=1000
    )
    client_strategy_id = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=2**63 - 1
    )


class StrategyRow(serializers.Serializer[Any]):
    strategy_id = serializers.IntegerField()
    name = serializers.CharField()
    client_strategy_id = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField(choices_of(StrategyStatus))
    account_ids = serializers.ListField(child=serializers.IntegerField())


def strategy_row(strategy: Strategy, account_ids: list[int]) -> dict[str, Any]:
    """A strategy as ``StrategyRow``, with the accounts on which the caller sees it."""
    return {
        "strategy_id": strategy.pk,
        "name": strategy.name,
        "client_strategy_id": strategy.client_strategy_id,
        "status": strategy.status,
        "account_ids": account_ids,
    }


class TwoFactorAnswer(serializers.Serializer[Any]):
    enabled = serializers.BooleanField()
    required = serializers.BooleanField(help_text="The role may not do without here.")
    since = UtcField(allow_null=True)
    recovery_codes_left = serializers.IntegerField()


class EnrolBody(Body):
    current_password = serializers.CharField(max_length=1024, trim_whitespace=False)


class EnrolmentAnswer(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="Base32, to type into an authenticator.")
    otpauth_uri = serializers.CharField(source="uri", help_text="The same, to show as a QR code.")


class ConfirmBody(Body):
    current_password = serializers.CharField(max_length=1024, trim_whitespace=False)
    otp = serializers.CharField(max_length=32)


class RecoveryCodesAnswer(serializers.Serializer[Any]):
    recovery_codes = serializers.ListField(
        child=serializers.CharField(), help_text="Each is good once; shown this once."
    )


class RemoveTwoFactorBody(Body):
    current_password = serializers.CharField(max_length=1024, trim_whitespace=False)
    otp = serializers.CharField(max_length=32)


class Page(serializers.Serializer[Any]):
    next_cursor = serializers.CharField(allow_null=True)


class ApiKeyPage(Page):
    items = ApiKeyRow(many=True)


class PermissionPage(Page):
    items = PermissionRow(many=True)


class StrategyPage(Page):
    items = StrategyRow(many=True)
