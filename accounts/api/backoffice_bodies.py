"""Which fields do the bodies of the back office have?"""

from typing import Any

from rest_framework import serializers

from accounts.api.bodies import Body, CommentedBody, UtcField
from accounts.api.serializers import (
    ID,
    ApiKeyChangeBody,
    ApiKeyRow,
    NewApiKeyBody,
    NewStrategyBody,
    Page,
    PermissionBody,
    StrategyRightsBody,
)
from accounts.models import ApiKey, User
from accounts.validation import PROVISIONAL_AFTER_S
from accounts.words import (
    PositionMode,
    Protection,
    RawStorage,
    Reversal,
    Role,
    StrategyStatus,
    choices_of,
)


class UserRow(serializers.ModelSerializer[User]):
    user_id = serializers.IntegerField(source="pk", read_only=True)
    user_name = serializers.CharField(source="username", read_only=True)
    role = serializers.ChoiceField(choices_of(Role), read_only=True)
    email = serializers.CharField(read_only=True, help_text="Empty where there is none.")
    two_factor_since = UtcField(allow_null=True, read_only=True)
    created_at = UtcField(source="date_joined", read_only=True)
    last_login_at = UtcField(source="last_login", allow_null=True, read_only=True)

    class Meta:
        model = User
        fields = (
            "user_id",
            "user_name",
            "role",
            "is_active",
            "email",
            "first_name",
            "last_name",
            "two_factor_since",
            "created_at",
            "last_login_at",
        )
        read_only_fields = fields


class UserChangeBody(CommentedBody):
    role = serializers.ChoiceField(choices_of(Role), required=False)
    is_active = serializers.BooleanField(required=False)
    email = serializers.EmailField(required=False, allow_blank=True, max_length=254)
    first_name = serializers.CharField(required=False, allow_blank=True, max_length=150)
    last_name = serializers.CharField(required=False, allow_blank=True, max_length=150)
    password = serializers.CharField(
        required=False, max_length=1024, trim_whitespace=False, write_only=True
    )


class NewUserBody(CommentedBody):
    user_name = serializers.CharField(max_length=150)
    role = serializers.ChoiceField(choices_of(Role))
    email = serializers.EmailField(required=False, allow_blank=True, max_length=254)
    password = serializers.CharField(
        required=False,
        allow_null=True,
        max_length=1024,
        trim_whitespace=False,
        write_only=True,
        help_text="Absent: nobody can log in as it, which suits robots.",
    )


class OwnedKeyRow(ApiKeyRow):
    """A key with its owner."""

    user_id = serializers.IntegerField(read_only=True)

    class Meta(ApiKeyRow.Meta):
        model = ApiKey
        fields = ("user_id", *ApiKeyRow.Meta.fields)
        read_only_fields = fields


class OwnedKeyAnswer(OwnedKeyRow):
    """A new key of somebody; ``api_key`` is its whole text, shown this once."""

    api_key = serializers.CharField(read_only=True)

    class Meta(OwnedKeyRow.Meta):
        fields = (*OwnedKeyRow.Meta.fields, "api_key")
        read_only_fields = fields


class KeyChangeBody(CommentedBody, ApiKeyChangeBody):
    """What of any key may change."""


class NewKeyForUserBody(CommentedBody, NewApiKeyBody):
    user_id = serializers.IntegerField(**ID)
    account_ids = serializers.ListField(
        child=serializers.IntegerField(**ID),
        required=False,
        max_length=1000,
        help_text="Accounts on which the key gets the rights of its user's role.",
    )
    strategy_ids = serializers.ListField(
        child=serializers.IntegerField(**ID),
        required=False,
        max_length=1000,
        help_text="With account_ids: the strategies that the key is restricted to.",
    )
    permissions = PermissionBody(
        many=True, required=False, help_text="Instead of account_ids: the rights one by one."
    )


class PermissionsBody(CommentedBody):
    permissions = PermissionBody(many=True)


class PermissionChange(Body):
    """The rights to change on one account; those left out stay."""

    account_id = serializers.IntegerField(**ID)
    can_read = serializers.BooleanField(required=False)
    can_trade = serializers.BooleanField(required=False)
    can_close_position = serializers.BooleanField(required=False)
    can_risk_manage = serializers.BooleanField(required=False)
    can_block_new_positions = serializers.BooleanField(required=False)
    can_block_account = serializers.BooleanField(required=False)
    can_see_balance = serializers.BooleanField(required=False)
    restrict_to_strategies = serializers.BooleanField(required=False)
    strategies = StrategyRightsBody(many=True, required=False)


class PermissionChangesBody(CommentedBody):
    permissions = PermissionChange(many=True)


class StrategyForAllBody(CommentedBody, NewStrategyBody):
    account_ids = serializers.ListField(
        child=serializers.IntegerField(**ID), required=False, max_length=1000
    )


class StrategyChangeBody(CommentedBody):
    name = serializers.CharField(required=False, max_length=120)
    account_ids = serializers.ListField(
        child=serializers.IntegerField(**ID), required=False, max_length=1000
    )
    client_strategy_id = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=2**63 - 1
    )
    status = serializers.ChoiceField(choices_of(StrategyStatus), required=False)


def _login_part(max_length: int = 4096) -> serializers.CharField:
    return serializers.CharField(
        max_length=max_length, required=False, allow_null=True, allow_blank=True, write_only=True
    )


class CredentialsBody(Body):
    """An exchange login, replaced as a whole; no answer ever holds it.

    Most exchanges want api_key and secret; what else one wants, a refusal names.
    """

    api_key = _login_part()
    secret = _login_part(65536)
    passphrase = _login_part()
    uid = _login_part()
    wallet_address = _login_part()
    private_key = _login_part(65536)
    exchange_account_id = _login_part()
    login_name = _login_part()


class CredentialsWords(serializers.Serializer[Any]):
    """Which parts of a login are stored: ``set`` or ``not set``."""

    api_key = serializers.CharField()
    secret = serializers.CharField()
    passphrase = serializers.CharField()
    uid = serializers.CharField()
    wallet_address = serializers.CharField()
    private_key = serializers.CharField()
    exchange_account_id = serializers.CharField()
    login_name = serializers.CharField()


class AccountRow(serializers.Serializer[Any]):
    account_id = serializers.IntegerField(source="pk")
    exchange_id = serializers.CharField()
    label = serializers.CharField()
    is_testnet = serializers.BooleanField()
    position_mode = serializers.ChoiceField(choices_of(PositionMode))
    reversal = serializers.ChoiceField(choices_of(Reversal))
    protection = serializers.ChoiceField(choices_of(Protection))
    keep_stops = serializers.BooleanField()
    provisional_after_s = serializers.IntegerField(allow_null=True)
    raw_storage = serializers.ChoiceField(choices_of(RawStorage))
    reconcile_policy = serializers.DictField()
    extra_config = serializers.DictField()
    status = serializers.CharField()
    rebased_to = serializers.CharField(
        allow_null=True, help_text="Where an operator pointed this exchange to, if anywhere."
    )
    credentials = CredentialsWords(source="login_words")
    created_at = UtcField()
    updated_at = UtcField()


class AccountChangeBody(CommentedBody):
    label = serializers.CharField(required=False, max_length=120)
    is_testnet = serializers.BooleanField(required=False)
    position_mode = serializers.ChoiceField(
        choices_of(PositionMode),
        required=False,
        help_text="Changes only on a flat account.",
    )
    reversal = serializers.ChoiceField(
        choices_of(Reversal), required=False, help_text="Changes only on a flat account."
    )
    protection = serializers.ChoiceField(choices_of(Protection), required=False)
    keep_stops = serializers.BooleanField(required=False)
    provisional_after_s = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=PROVISIONAL_AFTER_S[0],
        max_value=PROVISIONAL_AFTER_S[1],
        help_text="Seconds after which a fill that the exchange reports and does not list is "
        "booked provisionally; null: only by a person.",
    )
    reconcile_policy = serializers.DictField(required=False)
    extra_config = serializers.DictField(required=False)
    credentials = CredentialsBody(required=False)


class NewAccountBody(AccountChangeBody):
    exchange_id = serializers.CharField(
        max_length=64, help_text="`ccxt.<id>` or `ccxtpro.<id>`; never changes."
    )
    raw_storage = serializers.ChoiceField(
        choices_of(RawStorage), required=False, help_text="Never changes."
    )
    label = serializers.CharField(max_length=120)


class ConnectionCheck(serializers.Serializer[Any]):
    name = serializers.CharField()
    result = serializers.CharField(help_text="ok, failed, or not_told by this exchange.")
    facts = serializers.DictField()


class ConnectionAnswer(serializers.Serializer[Any]):
    passed = serializers.BooleanField(help_text="No check failed.")
    checks = ConnectionCheck(many=True)


class UserPage(Page):
    items = UserRow(many=True)


class OwnedKeyPage(Page):
    items = OwnedKeyRow(many=True)


class AccountPage(Page):
    items = AccountRow(many=True)
