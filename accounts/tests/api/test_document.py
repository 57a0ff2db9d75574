"""Bodies, numbers and the OpenAPI document."""

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from accounts.tests.api.conftest import refusal

pytestmark = pytest.mark.django_db


def test_json_that_cannot_be_read_is_400_and_another_type_415(issued):
    def post(body, kind):
        headers = {"x-api-key": issued.plain}
        answer = Client(headers=headers).post("/strategies", body, content_type=kind)
        return answer.status_code, answer.json()["code"]

    assert post("{", "application/json") == (400, "malformed_json")
    assert post("a=1", "application/x-www-form-urlencoded") == (415, "unsupported_media_type")


def test_the_openapi_document_knows_every_address_and_who_needs_a_key():
    schema = SchemaGenerator(urlconf="accounts.api.urls").get_schema(request=None, public=True)

    operations = {
        (method, path): operation
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    }
    assert set(operations) == {
        ("post", "/auth/login-password"),
        ("post", "/auth/logout"),
        ("get", "/user/profile"),
        ("patch", "/user/profile"),
        ("post", "/user/password"),
        ("get", "/user/api-keys"),
        ("post", "/user/api-keys"),
        ("patch", "/user/api-keys/{api_key_id}"),
        ("get", "/user/api-keys/{api_key_id}/permissions"),
        ("get", "/user/settings"),
        ("patch", "/user/settings"),
        ("get", "/user/views"),
        ("post", "/user/views"),
        ("patch", "/user/views/{view_id}"),
        ("delete", "/user/views/{view_id}"),
        ("get", "/user/two-factor"),
        ("post", "/user/two-factor"),
        ("post", "/user/two-factor/confirm"),
        ("post", "/user/two-factor/remove"),
        ("get", "/strategies"),
        ("post", "/strategies"),
        ("get", "/backoffice/users"),
        ("post", "/backoffice/users"),
        ("get", "/backoffice/users/{user_id}"),
        ("patch", "/backoffice/users/{user_id}"),
        ("delete", "/backoffice/users/{user_id}/two-factor"),
        ("get", "/backoffice/api-keys"),
        ("post", "/backoffice/api-keys"),
        ("get", "/backoffice/api-keys/{api_key_id}"),
        ("patch", "/backoffice/api-keys/{api_key_id}"),
        ("get", "/backoffice/api-keys/{api_key_id}/permissions"),
        ("put", "/backoffice/api-keys/{api_key_id}/permissions"),
        ("patch", "/backoffice/api-keys/{api_key_id}/permissions"),
        ("get", "/backoffice/strategies"),
        ("post", "/backoffice/strategies"),
        ("get", "/backoffice/strategies/{strategy_id}"),
        ("patch", "/backoffice/strategies/{strategy_id}"),
    }
    for (_, path), operation in operations.items():
        assert "401" in operation["responses"]
        if path != "/auth/login-password":
            assert {"ApiKey": []} in operation["security"]


@pytest.mark.parametrize("number", [0, 2**63, 10**40])
def test_a_number_that_no_id_can_be_is_simply_not_found(api, number):
    assert refusal(api("patch", f"/user/api-keys/{number}", {}))[:2] == (404, "not_found")
    permissions = api("get", f"/user/api-keys/{number}/permissions")
    assert refusal(permissions)[:2] == (404, "not_found")
