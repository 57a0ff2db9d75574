"""Leverage, margin mode, position mode: audited, and never two-way."""

import pytest

from accounts.models import Account, AuditEntry
from gateway.tests.api.calling import call
from gateway.tests.venue import Answer, code, html, venue
from positions.api.pool import in_pool
from positions.tests.fakes import LINEAR

# Readers look into the database on threads of their own.
pytestmark = pytest.mark.django_db(transaction=True)


async def test_setting_leverage_is_written_down_before_and_after(contracts):
    async with venue() as exchange:
        exchange.answers["POST /fapi/v1/leverage"] = Answer(body={"leverage": 5})

        status, body = await call(contracts.caller, contracts.account, "setLeverage", 5, LINEAR)

    assert (status, body["result"]) == (200, {"leverage": 5})
    assert exchange.sent("POST", "/fapi/v1/leverage")["leverage"] == "5"
    trail = await in_pool(lambda: list(AuditEntry.objects.about("account", contracts.account.pk)))
    done, asked = trail[:2]
    assert (asked.action, asked.user_id, asked.request_id) == (
        "ccxt_set_leverage", contracts.user.pk, "r-1",
    )  # fmt: skip
    assert asked.after == {"asked": {"leverage": 5, "symbol": LINEAR, "params": {}}}
    assert done.after == {"outcome": "done"}


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        (code(400, -4028), 422, "order_rejected"),
        (Answer(how="hang"), 504, "exchange_timeout"),
        (html(502), 502, "exchange_error"),
    ],
)
async def test_what_became_of_a_refused_setting_is_written_down(contracts, fault, status, error):
    async with venue() as exchange:
        exchange.answers["POST /fapi/v1/leverage"] = fault

        found = await call(contracts.caller, contracts.account, "setLeverage", 5, LINEAR)

    assert (found[0], found[1]["code"]) == (status, error)
    assert exchange.count("POST", "/fapi/v1/leverage") == 1
    newest = await in_pool(lambda: AuditEntry.objects.about("account", contracts.account.pk)[0])
    assert newest.after["outcome"] == error


async def test_two_way_mode_is_never_asked_for(contracts):
    async with venue() as exchange:
        status, body = await call(contracts.caller, contracts.account, "set_position_mode", True)

    assert (status, body["code"], body["details"]["field"]) == (422, "validation_error", "hedged")
    assert exchange.seen == []


async def test_a_blocked_account_keeps_its_settings(contracts):
    await in_pool(lambda: Account.objects.update(status="blocked"))
    async with venue() as exchange:
        status, body = await call(contracts.caller, contracts.account, "setLeverage", 50, LINEAR)

    assert (status, body["code"]) == (409, "risk_blocked")
    assert exchange.seen == []
