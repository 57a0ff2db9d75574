"""Does the API keep what its document promises, whatever it is sent?

schemathesis reads the OpenAPI document and makes up requests, right ones and wrong ones. No answer
is a 500, every status and body is one that the document names. On fakes of the exchange, so that
nothing but our own code answers.
"""

from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts import services
from accounts.audit import OPERATOR
from accounts.models import Account, User
from accounts.rights.permissions import AccountRights
from accounts.tests import builders
from accounts.words import Right, Role
from tests.access.world import World

EXAMPLES = 12
ADMINS = ("/backoffice/", "/system/")
KEPT = (content_type_conformance, response_schema_conformance, status_code_conformance)
EVERYTHING = AccountRights(frozenset(Right))
FUZZED = settings(
    max_examples=EXAMPLES,
    phases=(Phase.explicit, Phase.generate),
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def never_500(context: Any, response: Any, case: Any) -> None:
    """A refusal may be 502, 503 or 504; 500 is always ours."""
    assert response.status_code != 500, response.text


@pytest.fixture
def document(stored_world: World) -> Any:
    """The OpenAPI document, with the project behind it and a world in its database."""
    return schemathesis.openapi.from_wsgi("/api/schema", get_wsgi_application())


def fresh_key(role: str) -> str:
    """A key of a user of its own for every request: what is made up may end keys and users."""
    user = builders.user(f"fuzz-{User.objects.count()}", role)
    grants = dict.fromkeys(Account.objects.values_list("pk", flat=True), EVERYTHING)
    return services.create_api_key(user=user, grants=grants, by=OPERATOR).plain


@pytest.mark.parametrize(
    ("role", "is_asked"),
    [(Role.ADMIN, lambda path: path.startswith(ADMINS)),
     (Role.TRADER, lambda path: not path.startswith(ADMINS))],
    ids=["the back office", "everything else"],
)  # fmt: skip
def test_it_keeps_its_document(document: Any, role: str, is_asked: Any) -> None:
    broken = {}
    for found in document.get_all_operations():
        operation = found.ok()
        if is_asked(operation.path) and (failure := _failure_of(operation, role)):
            broken[operation.label] = failure

    assert not broken, "\n\n".join(f"{label}: {text}" for label, text in broken.items())


def _failure_of(operation: Any, role: str) -> str:
    """What the smallest request that breaks a promise came to; empty where none was found."""

    @FUZZED
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        response = case.call(headers={"x-api-key": fresh_key(role)})
        case.validate_response(response, checks=(never_500, *KEPT))

    try:
        ask()
    except (AssertionError, FailureGroup) as failure:
        return str(failure)[:2000]
    return ""
