"""Who may do what: every route of the project, asked by every kind of caller.

The routes come from the URL configuration, the answers from ``expectations.py``.
"""

import re
from http import HTTPStatus

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.callers.middleware import is_public
from accounts.models import User
from accounts.words import Role
from tests.access.expectations import CASES
from tests.access.routes import methods_of, paths, routes
from tests.access.world import KINDS, NOWHERE

pytestmark = pytest.mark.django_db
REST_CASES = [case for case in CASES if not case.is_threaded]


def test_every_route_has_a_line_in_the_table():
    missing = {str(route) for route in routes()} - {case.route for case in CASES}

    assert not missing, "add to tests/access/expectations.py: " + ", ".join(sorted(missing))


def test_every_line_of_the_table_is_a_route():
    assert {case.route for case in CASES} <= {str(route) for route in routes()}


@pytest.mark.parametrize("case", REST_CASES, ids=str)
def test_each_kind_of_caller_gets_what_the_table_says(world, case):
    path, body = world.filled_in(case.asked), world.filled_in(case.body)

    found = {kind: world.ask(kind, case.method, path, body)[0] for kind in KINDS}

    assert found == case.expected


@pytest.mark.parametrize(
    "case", [case for case in REST_CASES if "{" in f"{case.path}{case.body}"], ids=str
)
def test_what_is_somebody_elses_looks_as_if_it_did_not_exist(world, case):
    """The refusals differ in the id that was asked for, and in nothing else."""
    nothing = dict.fromkeys(world.ids, NOWHERE)

    for kind in ("other", "restricted"):
        there = world.ask(kind, case.method, *_filled(world, case))
        nowhere = world.ask(kind, case.method, *_filled(world, case, **nothing))
        if there[0] == HTTPStatus.NOT_FOUND:
            assert _without_ids(there) == _without_ids(nowhere)


@pytest.mark.parametrize("path", sorted(paths()))
def test_a_method_that_an_address_does_not_know_is_405_and_needs_a_key_first(world, path):
    view = paths()[path]
    unknown = next(m for m in ("DELETE", "PUT", "PATCH", "POST") if m not in methods_of(view))
    asked = re.sub(r"\{\w+\}", "1", path)

    without, with_key = (world.ask(kind, unknown, asked)[0] for kind in ("none", "admin"))

    assert with_key == HTTPStatus.METHOD_NOT_ALLOWED
    expected = HTTPStatus.METHOD_NOT_ALLOWED if is_public(path) else HTTPStatus.UNAUTHORIZED
    assert without == expected


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_no_page_of_the_admin_site_opens_for_another_role(role):
    client = Client()
    client.force_login(User.objects.create_user(username="someone", role=role))

    for model in admin.site._registry:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        for address in (
            reverse(f"admin:{name}_changelist"),
            reverse(f"admin:{name}_change", args=(1,)),
        ):
            assert client.get(address).status_code == HTTPStatus.FORBIDDEN
            assert client.post(address, {}).status_code == HTTPStatus.FORBIDDEN


def _filled(world, case, **instead):
    return world.filled_in(case.asked, **instead), world.filled_in(case.body, **instead)


def _without_ids(answer):
    """The status and the refusal, with every number and the request taken out."""
    status, body = answer
    kept = {name: value for name, value in body.items() if name != "request_id"}
    return status, re.sub(r"\d+", "", str(kept))
