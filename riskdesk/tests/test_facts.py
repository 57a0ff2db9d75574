"""The document shows the fields that are answered."""

import pytest

from accounts.models import Account
from accounts.rights.permissions import Caller
from accounts.words import Role
from riskdesk import selectors
from riskdesk.api import serializers as shapes
from riskdesk.facts import halt_facts, limit_facts, switch_facts
from riskdesk.limits import DECIMALS
from riskdesk.models import LIMIT_NAMES, Control, KillSwitch
from riskdesk.words import Scope


@pytest.mark.parametrize(
    ("shape", "facts"),
    [
        (shapes.LimitsShape, limit_facts(None)),
        (shapes.HaltShape, halt_facts(Control(scope=Scope.SYMBOL, target="X/Y"))),
        (shapes.SwitchShape, switch_facts(KillSwitch())),
    ],
)
def test_a_shape_has_the_fields_of_its_facts(shape, facts):
    assert set(shape().fields) == set(facts)


@pytest.mark.django_db
def test_an_answer_has_the_fields_of_its_shape():
    account = Account.objects.create(exchange_id="ccxt.binance", label="main")
    caller = Caller(1, "someone", Role.RISK, 1)

    assert set(selectors.risk_of(caller, account)) == set(shapes.RiskAnswer().fields)


def test_every_limit_can_be_set_and_is_of_a_known_kind():
    fields = shapes.LimitsBody().fields

    amounts = {name for name, field in fields.items() if isinstance(field, shapes.AmountField)}

    assert set(LIMIT_NAMES) <= set(fields)
    assert amounts == set(DECIMALS)
