"""A refused body: which field, which limit, which value?"""

from collections.abc import Iterator

import pytest

from accounts.api import backoffice_bodies, serializers  # noqa: F401 (they make the bodies known)
from accounts.api.bodies import Body, _first_problem
from accounts.api.limits import limit_of
from accounts.words import Right

pytestmark = pytest.mark.django_db

LONG = "x" * 300


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"label": LONG}, ("label", 120, 300)),
        ({"label": None}, ("label", "not null", None)),
        ({"label": {}}, ("label", "a string", {})),
        (
            {"label": "a", "expires_at": "soon"},
            ("expires_at", "an ISO 8601 time with a zone", "soon"),
        ),
        ({"label": "a", "ip_allow_list": "all"}, ("ip_allow_list", "a list", "all")),
        ({"label": "a", "permissions": {}}, ("permissions", "a list", {})),
        ({"label": "a", "permissions": [7]}, ("permissions.0", "an object", 7)),
        (
            {"label": "a", "permissions": [{"account_id": 0}]},
            ("permissions.0.account_id", 1, 0),
        ),
        (
            {"label": "a", "permissions": [{"account_id": "many"}]},
            ("permissions.0.account_id", "an integer", "many"),
        ),
        (
            {"label": "a", "permissions": [{}]},
            ("permissions.0.account_id", "required", None),
        ),
        (
            {"label": "a", "permissions": [{"account_id": 1, str(Right.READ): "perhaps"}]},
            (f"permissions.0.{Right.READ}", "true or false", "perhaps"),
        ),
    ],
)  # fmt: skip
def test_the_refusal_of_a_new_key_names_field_limit_and_value(api, body, expected):
    status, answer = api("post", "/user/api-keys", body)

    details = answer["details"]
    assert (status, answer["code"]) == (422, "validation_error")
    assert (details["field"], details["limit"], details["value"]) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"account_ids": [1]}, ("name", "required", None)),
        ({"name": "", "account_ids": [1]}, ("name", "not empty", "")),
        ({"name": "a", "account_ids": []}, ("account_ids", "not empty", [])),
        ({"name": "a", "account_ids": [1, 2**63]}, ("account_ids.1", 2**63 - 1, 2**63)),
        ({"name": "a", "account_ids": [1], "client_strategy_id": 1.5},
         ("client_strategy_id", "an integer", "1.5")),
    ],
)  # fmt: skip
def test_the_refusal_of_a_new_strategy_names_them_too(api, body, expected):
    details = api("post", "/strategies", body)[1]["details"]

    assert (details["field"], details["limit"], details["value"]) == expected


def test_of_a_wrong_word_the_right_ones_are_named(api, issued):
    path = f"/user/api-keys/{issued.row.pk}"

    details = api("patch", path, {"status": "asleep"})[1]["details"]

    assert details == {"field": "status", "limit": ["active", "revoked"], "value": "asleep"}


def test_of_a_field_that_is_not_known_the_known_ones_are_named(api):
    details = api("patch", "/user/profile", {"nick": "al"})[1]["details"]

    known = ["email", "first_name", "last_name"]
    assert details == {"field": "nick", "limit": known, "value": "al"}


def test_a_secret_has_a_limit_and_its_value_is_not_repeated(api):
    body = {"current_password": "x" * 1025, "new_password": "y"}

    details = api("post", "/user/password", body)[1]["details"]

    assert details == {"field": "current_password", "limit": 1024}


def bodies(kind: type[Body] = Body) -> Iterator[type[Body]]:
    """Every body that an address reads, or that lies in one."""
    for each in kind.__subclasses__():
        yield each
        yield from bodies(each)


WRONG = [
    None, "", "no", "x" * 5000, "\ud800", "\x00", True, -1, 0, 1.5, 2**70, "9" * 1001,
    [], {}, [None], ["x" * 5000], [[]], [{}], [{"no": 1}], ["no"] * 2000,
]  # fmt: skip


@pytest.mark.parametrize("kind", sorted({*bodies()}, key=lambda each: each.__name__))
def test_every_field_of_every_body_says_its_limit(kind):
    asked = [({}, "missing"), ({"no such": 1}, "unknown")]
    asked += [({name: value}, name) for name in kind().fields for value in WRONG]

    for data, what in asked:
        body = kind(data=data)
        if body.is_valid():
            continue
        field, problem = _first_problem(body.errors)
        limit = limit_of(body, field, problem)
        assert limit not in (None, []), (what, data, field, problem.code)
