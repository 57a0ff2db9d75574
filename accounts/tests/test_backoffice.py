"""The back office over REST: users, keys, rights and strategies."""

from http import HTTPStatus

import pytest

from accounts import services
from accounts.audit import OPERATOR
from accounts.callers.authentication import rights_of
from accounts.models import ApiKey, AuditEntry, User
from accounts.rights.permissions import StrategyRights
from accounts.services import two_factor
from accounts.tests import builders
from accounts.tests.api.conftest import Api, refusal
from accounts.words import Right, Role

pytestmark = pytest.mark.django_db
WEAK = (422, "validation_error", "password")


@pytest.fixture
def root():
    return builders.user("root", Role.ADMIN)


@pytest.fixture
def api(root):
    return Api(builders.key(root).plain)


def test_a_user_is_made_read_and_listed(api):
    body = {"user_name": "carol", "role": "risk", "password": builders.PASSWORD}
    status, made = api("post", "/backoffice/users", body)

    assert status == HTTPStatus.CREATED
    assert (made["user_name"], made["role"], made["is_active"]) == ("carol", "risk", True)
    assert "password" not in made
    assert api("get", f"/backoffice/users/{made['user_id']}") == (HTTPStatus.OK, made)
    listed = api("get", "/backoffice/users")[1]["items"]
    assert [row["user_name"] for row in listed] == ["carol", "root"]
    assert User.objects.get(username="carol").check_password(builders.PASSWORD)


def test_a_user_changes_only_where_told(api):
    carol = builders.user("carol")
    services.update_profile(user=carol, changes={"email": "c@example.com"}, by=OPERATOR)

    status, changed = api("patch", f"/backoffice/users/{carol.pk}", {"role": "risk"})

    assert (status, changed["role"], changed["email"]) == (200, "risk", "c@example.com")
    entry = AuditEntry.objects.get(action="user_changed")
    assert (entry.before, entry.after) == ({"role": "trader"}, {"role": "risk"})
    assert entry.user_name == "root"


def test_a_new_password_from_the_back_office_ends_log_ins_and_is_in_no_trail(api):
    carol = builders.user("carol")
    session = services.log_in(user_name="carol", password=builders.PASSWORD, address=None)

    api("patch", f"/backoffice/users/{carol.pk}", {"password": "another good one"})

    assert refusal(Api(session.token)("get", "/user/profile"))[:2] == (401, "invalid_api_key")
    assert User.objects.get(pk=carol.pk).check_password("another good one")
    assert "another good one" not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize("body", [{"is_active": False}, {"role": "risk"}])
def test_the_last_admin_stays(api, root, body):
    address = f"/backoffice/users/{root.pk}"
    assert refusal(api("patch", address, body))[:2] == (409, "conflict")

    builders.user("second", Role.ADMIN)

    assert api("patch", address, body)[0] == HTTPStatus.OK


def test_a_disabled_user_opens_nothing(api):
    carol = builders.user("carol")
    own = Api(builders.key(carol).plain)

    api("patch", f"/backoffice/users/{carol.pk}", {"is_active": False})

    assert refusal(own("get", "/user/profile"))[:2] == (401, "invalid_api_key")


def test_a_lost_authenticator_is_reset(api):
    carol = builders.user("carol")
    two_factor.enrol_for(user=carol, by=OPERATOR)

    status, row = api("delete", f"/backoffice/users/{carol.pk}/two-factor")

    assert (status, row["two_factor_since"]) == (HTTPStatus.OK, None)
    assert services.log_in(user_name="carol", password=builders.PASSWORD, address=None).token


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"user_name": "root", "role": "risk"}, (409, "conflict", "user_name")),
        ({"user_name": "x", "role": "boss"}, (422, "validation_error", "role")),
        ({"user_name": "x"}, (422, "validation_error", "role")),
        ({"user_name": "x", "role": "risk", "password": "1"}, WEAK),
        ({"user_name": "x", "role": "risk", "staff": 1}, (422, "validation_error", "staff")),
    ],
)
def test_a_bad_user_is_refused_by_its_field(api, body, expected):
    assert refusal(api("post", "/backoffice/users", body)) == expected


def test_a_key_is_made_with_the_rights_of_the_role(api):
    robot, account = builders.user("bot", Role.ROBOT), builders.account()
    strategy = builders.strategy("trend", account)
    body = {
        "user_id": robot.pk,
        "account_ids": [account.pk],
        "strategy_ids": [strategy.pk],
        "label": "bot",
    }

    status, made = api("post", "/backoffice/api-keys", body)

    assert (status, made["user_id"]) == (HTTPStatus.CREATED, robot.pk)
    assert Api(made["api_key"])("get", "/user/profile")[1]["user_name"] == "bot"
    rights = rights_of(ApiKey.objects.get(pk=made["api_key_id"]))[account.pk]
    assert rights.granted == {
        Right.READ, Right.TRADE, Right.CLOSE_POSITION, Right.SEE_BALANCE,
    }  # fmt: skip
    assert rights.strategies == {strategy.pk: StrategyRights()}
    listed = api("get", f"/backoffice/api-keys?user_id={robot.pk}")[1]["items"]
    assert [row["label"] for row in listed] == ["bot"]
    assert "api_key" not in listed[0]


def test_rights_are_given_one_by_one_instead(api):
    trader, account = builders.user(), builders.account()
    permissions = [{"account_id": account.pk, "can_read": True}]

    body = {"user_id": trader.pk, "permissions": permissions}
    made = api("post", "/backoffice/api-keys", body)[1]

    rights = rights_of(ApiKey.objects.get(pk=made["api_key_id"]))
    assert rights[account.pk].granted == {Right.READ}
    both = {**body, "account_ids": [account.pk]}
    assert refusal(api("post", "/backoffice/api-keys", both))[2] == "account_ids"


def test_a_key_is_changed_and_revoked_for_good(api):
    key = builders.key(builders.user()).row
    address = f"/backoffice/api-keys/{key.pk}"

    assert api("patch", address, {"label": "x"})[1]["label"] == "x"
    assert api("patch", address, {"status": "revoked"})[1]["status"] == "revoked"
    assert refusal(api("patch", address, {"status": "active"}))[:2] == (409, "conflict")
    assert api("get", address)[1]["label"] == "x"


def test_changing_a_right_leaves_the_others(api):
    account, other = builders.account(), builders.account("other")
    strategy = builders.strategy("trend", account)
    key = builders.key(builders.user(), account, other, strategies=[strategy]).row
    address = f"/backoffice/api-keys/{key.pk}/permissions"

    change = {"account_id": account.pk, "can_trade": False}
    status, page = api("patch", address, {"permissions": [change]})

    assert status == HTTPStatus.OK
    first, second = page["items"]
    assert (first["can_read"], first["can_trade"], first["can_close_position"]) == (
        True,
        False,
        True,
    )
    assert [row["strategy_id"] for row in first["strategies"]] == [strategy.pk]
    assert second["can_trade"]


def test_replacing_rights_takes_away_what_is_not_named(api):
    account, other = builders.account(), builders.account("other")
    key = builders.key(builders.user(), account, other).row
    address = f"/backoffice/api-keys/{key.pk}/permissions"

    body = {"permissions": [{"account_id": other.pk, "can_read": True}]}
    page = api("put", address, body)[1]

    assert [row["account_id"] for row in page["items"]] == [other.pk]
    assert rights_of(key)[other.pk].granted == {Right.READ}
    withdrawn = AuditEntry.objects.get(action="permissions_withdrawn")
    assert withdrawn.before["account_id"] == account.pk


def test_a_wrong_right_changes_nothing(api):
    account = builders.account()
    key = builders.key(builders.user(), account).row
    changes = [{"account_id": account.pk, "can_read": False}, {"account_id": 10**6}]

    answer = api("patch", f"/backoffice/api-keys/{key.pk}/permissions", {"permissions": changes})

    assert refusal(answer)[:2] == (404, "account_not_found")
    assert Right.READ in rights_of(key)[account.pk].granted


def test_a_strategy_is_made_changed_and_disabled(api):
    account, other = builders.account(), builders.account("other")
    status, made = api("post", "/backoffice/strategies", {"name": "trend"})
    assert (status, made["account_ids"]) == (HTTPStatus.CREATED, [])
    address = f"/backoffice/strategies/{made['strategy_id']}"

    api("patch", address, {"account_ids": [account.pk, other.pk], "client_strategy_id": 7})
    changed = api("patch", address, {"status": "disabled", "account_ids": [other.pk]})[1]

    assert changed == {
        "strategy_id": made["strategy_id"],
        "name": "trend",
        "client_strategy_id": 7,
        "status": "disabled",
        "account_ids": [other.pk],
    }
    assert api("get", address)[1] == changed
    assert refusal(api("patch", address, {"account_ids": [10**6]}))[:2] == (
        404,
        "account_not_found",
    )
    assert refusal(api("patch", address, {"name": ""}))[2] == "name"
    assert api("get", address)[1] == changed


@pytest.mark.parametrize("name", ["users", "api-keys", "strategies"])
def test_lists_take_the_same_number_of_queries_whatever_their_length(
    api, name, django_assert_num_queries
):
    for number in range(5):
        account = builders.account(f"account {number}")
        builders.strategy(f"strategy {number}", account)
        builders.key(builders.user(f"user{number}"), account)
    api("get", "/user/profile")  # The caller is known from here on.

    with django_assert_num_queries(2 if name == "strategies" else 1):
        assert len(api("get", f"/backoffice/{name}")[1]["items"]) >= 5


def test_a_mistyped_filter_is_refused(api):
    assert refusal(api("get", "/backoffice/api-keys?user=1"))[2] == "user"
    assert refusal(api("get", "/backoffice/api-keys?user_id=x"))[2] == "user_id"


def test_acts_on_users_keys_and_strategies_may_say_why(api):
    user, account = builders.user("carol"), builders.account("a")
    key, strategy = builders.key(user, account).row, builders.strategy("s", account)
    granted = {"account_id": account.pk, "can_read": True}
    whole = dict.fromkeys(map(str, Right), False) | granted | {"restrict_to_strategies": False}
    acts = [
        ("post", "users", {"user_name": "dan", "role": "risk"}),
        ("patch", f"users/{user.pk}", {"first_name": "C"}),
        ("post", "api-keys", {"user_id": user.pk, "account_ids": [account.pk]}),
        ("patch", f"api-keys/{key.pk}", {"label": "new"}),
        ("put", f"api-keys/{key.pk}/permissions", {"permissions": [whole]}),
        (
            "patch",
            f"api-keys/{key.pk}/permissions",
            {"permissions": [granted | {"can_read": False}]},
        ),
        ("post", "strategies", {"name": "t"}),
        ("patch", f"strategies/{strategy.pk}", {"name": "u"}),
    ]
    for number, (method, path, body) in enumerate(acts):
        before = AuditEntry.objects.count()
        status, answer = api(method, f"/backoffice/{path}", body | {"comment": f" why {number} "})
        written = AuditEntry.objects.order_by("id")[before:]

        assert status in (HTTPStatus.OK, HTTPStatus.CREATED), (path, answer)
        assert {entry.comment for entry in written} == {f"why {number}"}, path
