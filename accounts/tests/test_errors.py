"""The errors are the contract's table, section 4."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from oms_project import errors
from oms_project.errors import Invalid, OmsError, RateLimited

CONTRACT = {
    400: "malformed_json",
    401: "missing_api_key invalid_api_key invalid_login two_factor_required",
    403: "permission_denied admin_read_only strategy_permission_denied function_not_allowed",
    404: "not_found account_not_found order_not_found position_not_found",
    405: "method_not_allowed",
    409: "conflict risk_blocked position_close_in_progress idempotency_conflict "
    "duplicate_client_order_id",
    410: "events_expired",
    413: "payload_too_large",
    415: "unsupported_media_type",
    422: "validation_error invalid_strategy_id invalid_position_id invalid_order_state "
    "unsupported_engine order_rejected",
    429: "rate_limited",
    500: "internal_error",
    502: "exchange_error",
    503: "engine_unavailable storage_unavailable",
    504: "exchange_timeout",
}


def test_every_code_of_the_contract_has_one_class_and_its_status():
    classes = OmsError.__subclasses__()

    expected = {code: status for status, codes in CONTRACT.items() for code in codes.split()}
    assert {cls.code: cls.status for cls in classes} == expected
    assert len(classes) == len(expected)


@pytest.mark.parametrize("kind", OmsError.__subclasses__())
def test_an_error_needs_no_words_of_its_own(kind):
    body = kind().body("r1")

    assert body == {"code": kind.code, "message": kind.title, "details": {}, "request_id": "r1"}


def test_the_facts_leave_as_plain_json():
    error = Invalid(
        "too small",
        field="qty",
        limit=Decimal("0.00100"),
        value=Decimal("1E-10"),
        zero=Decimal("-0.0"),
        long=Decimal("12345678901234567890.123456789012345678"),
        at=datetime(2026, 1, 2, tzinfo=UTC),
        allowed=frozenset({"b", "a"}),
    )

    assert error.body("")["details"] == {
        "field": "qty",
        "limit": "0.001",
        "value": "0.0000000001",
        "zero": "0",
        "long": "12345678901234567890.123456789012345678",
        "at": "2026-01-02T00:00:00.000000Z",
        "allowed": ["a", "b"],
    }


def test_a_rate_limit_says_when_to_come_back():
    assert RateLimited(retry_after_s=7).headers == {"Retry-After": "7"}


def test_a_401_says_how_to_authenticate():
    assert errors.MissingApiKey().headers == {"WWW-Authenticate": "ApiKey"}
    assert errors.NotFound().headers == {}
