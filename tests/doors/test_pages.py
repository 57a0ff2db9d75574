"""Where a log-in leads, and what the OpenAPI document costs."""

import threading

import pytest
from django.test import Client

from accounts.backoffice.site import is_page
from accounts.tests import builders
from oms_project.pages import schema


@pytest.mark.parametrize("target", ["/", "/admin/", "/admin/accounts/user/?q=x", "/api/docs"])
def test_a_page_of_ours_is_one(target):
    assert is_page(target)


@pytest.mark.parametrize(
    "target",
    ["/oms/orders/open?account_ids=1", "/user/profile", "/healthz", "/api/schema", "/nowhere",
     "/admin/nothing/", "/admin/logout/", "//evil.example/admin/", "https://evil.example/",
     "javascript:alert(1)", "\\\\evil.example", "http:///admin/", "", "[", "/admin/\x00"],
)  # fmt: skip
def test_whatever_else_is_none(target):
    assert not is_page(target)


@pytest.mark.django_db
@pytest.mark.parametrize("place", ["query", "form"])
def test_a_log_in_with_a_bad_next_leads_where_the_role_begins(place):
    builders.user("boss", "admin")
    form = {"username": "boss", "password": builders.PASSWORD}
    bad = "/oms/orders/open"
    path = f"/admin/login/?next={bad}" if place == "query" else "/admin/login/"

    answer = Client().post(path, form if place == "query" else form | {"next": bad})

    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/start/")


def test_the_document_is_made_once_however_many_ask_at_once(monkeypatch):
    made = []
    real = schema.SchemaGenerator.get_schema

    def counted(self, *args, **kwargs):
        made.append(1)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(schema.SchemaGenerator, "get_schema", counted)
    schema._built.cache_clear()
    threads = [threading.Thread(target=schema.document) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert made == [1]
    as_json = Client().get("/api/schema", headers={"accept": "application/json"})
    assert as_json.json()["openapi"].startswith("3.1")
    again = Client().get("/api/schema", headers={"if-none-match": as_json.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert Client().get("/api/schema").content.startswith(b"openapi: 3.1")
    assert Client(enforce_csrf_checks=True).post("/api/schema").json()["code"] == (
        "method_not_allowed"
    )
    assert made == [1]
