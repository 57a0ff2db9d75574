"""Each act of the desk takes exactly the rights of its row in the table, judged by what it did.

Once with each set of rights: those of the row alone pass, and without any one of them nothing is
changed.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from accounts import services
from accounts.audit import OPERATOR
from accounts.rights.acts import ACTS, Act
from accounts.rights.permissions import AccountRights
from accounts.tests import builders
from accounts.words import Right
from positions.models import Order, Position
from positions.tests.api.conftest import Api
from riskdesk.models import Control, KillSwitch


@dataclass(frozen=True)
class Try:
    """How an act is asked for over REST; ``{names}`` are ids of the desk."""

    path: str
    body: dict[str, Any] = field(default_factory=dict)


HALT = {"state": "halted"}
TRIES = {
    Act.SET_LIMITS: Try("{account}/limits", {"max_order_qty": "1"}),
    Act.SET_STRATEGY_LIMITS: Try(
        "{account}/limits", {"max_order_qty": "1", "strategy_id": "{strategy}"}
    ),
    Act.ALLOW_OPENINGS: Try("{account}/allow_new_positions", {"allow_new_positions": False}),
    Act.ALLOW_STRATEGY_OPENINGS: Try(
        "{account}/strategies/allow_new_positions",
        {"allow_new_positions": False, "strategy_id": "{strategy}"},
    ),
    Act.SET_STATUS: Try("{account}/status", {"status": "blocked"}),
    Act.HALT_ACCOUNT: Try("halts", {"scope": "account", "id": "{account}", **HALT}),
    Act.HALT_STRATEGY: Try("halts", {"scope": "strategy", "id": "{strategy}", **HALT}),
    Act.HALT_SYMBOL: Try("halts", {"scope": "symbol", "id": "{symbol}", **HALT}),
    Act.HALT_KEY: Try("halts", {"scope": "key", "id": "{key}", **HALT}),
    Act.KILL: Try("kill", {"scope": "account", "id": "{account}"}),
    Act.FLATTEN: Try("kill", {"scope": "account", "id": "{account}", "flatten": True}),
    Act.RELEASE: Try("release", {"scope": "account", "id": "{account}"}),
}


@pytest.fixture
def ids(desk):
    """What the acts are about, with a position that a flatten would close."""
    strategy = desk.strategy()
    desk.bought("1")
    trader = builders.key(desk.user, desk.account)
    return {
        "account": desk.account.pk,
        "strategy": strategy.pk,
        "symbol": desk.symbol,
        "key": trader.row.pk,
    }


# Cases are decided in ``positions``, and their rights tried there.
_OF_CASES = {
    Act.CLOSE_AGAIN,
    Act.DECIDE_CASE,
    Act.WRITE_OFF,
    Act.WRITE_OFF_REST,
    Act.ADOPT_ORDER,
    Act.GIVE_UP_ORDER,
}


def test_every_act_of_the_desk_is_tried():
    desk = {act for act, terms in ACTS.items() if Right.RISK_MANAGE in terms.rights[0]}

    assert desk - _OF_CASES == set(TRIES)


@pytest.mark.parametrize("act", TRIES, ids=str)
def test_exactly_the_rights_of_its_row_allow_an_act(desk, officer, ids, act):
    (needed,) = ACTS[act].rights
    if act is Act.RELEASE:
        _ask(_officer(officer, desk, ACTS[Act.KILL].rights[0]), Act.KILL, ids)
    start = _state()

    for left_out in sorted(needed):
        with_the_rest = {*Right} - {left_out}
        answer = _ask(_officer(officer, desk, with_the_rest), act, ids)

        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied"), left_out
        assert _state() == start, left_out
    _ask(_officer(officer, desk, needed | {Right.READ}), act, ids)

    assert _state() != start


def test_a_key_is_halted_on_all_of_its_accounts_or_not_at_all(desk, new_desk, officer, ids):
    elsewhere = new_desk()
    trader = builders.key(desk.user, desk.account, elsewhere.account).row
    ids["key"] = trader.pk

    refused = _ask(_officer(officer, desk, set(Right)), Act.HALT_KEY, ids)
    of_both = services.create_api_key(
        user=officer,
        grants={each.account.pk: AccountRights(frozenset(Right)) for each in (desk, elsewhere)},
        by=OPERATOR,
    )
    done = _ask(Api(of_both), Act.HALT_KEY, ids)

    assert refused.status_code == 403
    assert done.json()["account_ids"] == sorted([desk.account.pk, elsewhere.account.pk])
    halted = Control.objects.filter(scope="key", target=str(trader.pk), state="halted")
    assert halted.count() == 2


def _officer(officer, desk, rights) -> Api:
    grants = {desk.account.pk: AccountRights(frozenset(rights))}
    return Api(services.create_api_key(user=officer, grants=grants, by=OPERATOR))


def _ask(api: Api, act: Act, ids: dict[str, Any]) -> Any:
    asked = TRIES[act]
    body = {
        name: ids[value[1:-1]] if str(value).startswith("{") else value
        for name, value in asked.body.items()
    }
    path = f"/oms/risk/{asked.path.format(**ids)}"
    return api.post(json.dumps(body | {"comment": "why"}), path=path)


def _state() -> Any:
    """All that an act of the desk can change."""
    return (
        list(Control.objects.order_by("pk").values_list("pk", "state", "allow_new_positions",
                                                        "max_order_qty")),
        list(KillSwitch.objects.order_by("pk").values_list("pk", "holds")),
        list(Order.objects.order_by("pk").values_list("pk", "status")),
        list(Position.objects.order_by("pk").values_list("pk", "state", "account__status")),
    )  # fmt: skip
