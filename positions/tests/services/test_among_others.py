"""What is a restricted key told, and refused, beside other strategies?"""

import pytest

from oms_project.errors import RiskBlocked, StrategyPermissionDenied
from positions.engine.errors import NotEnoughHeld
from positions.services.among_others import require_symbol_to_itself, veiled


@pytest.fixture
def own(desk):
    """A strategy of the key's, and the key."""
    strategy = desk.strategy().pk
    return strategy, desk.caller_with(strategies=[strategy])


def test_a_symbol_in_which_another_strategy_is_is_refused_on_netting_accounts(desk, own):
    _, caller = own
    require_symbol_to_itself(caller, desk.account, desk.symbol)
    desk.bought("1")

    with pytest.raises(StrategyPermissionDenied):
        require_symbol_to_itself(caller, desk.account, desk.symbol)
    require_symbol_to_itself(desk.caller, desk.account, desk.symbol)


def test_an_order_of_another_strategy_counts_and_ones_own_do_not(desk, own):
    strategy, caller = own
    desk.rest(price="90", strategy_id=strategy)
    require_symbol_to_itself(caller, desk.account, desk.symbol)

    desk.rest(price="80")
    with pytest.raises(StrategyPermissionDenied):
        require_symbol_to_itself(caller, desk.account, desk.symbol)


def test_what_unassigned_strangers_did_does_not_count(desk, own):
    desk.external("buy", "1")

    require_symbol_to_itself(own[1], desk.account, desk.symbol)


def test_a_refusal_tells_no_total_of_others(desk, own):
    told = veiled(
        NotEnoughHeld("Only 3 is held.", field="qty", value="5", limit="3"),
        own[1],
        desk.account.pk,
        None,
    )

    assert told.details == {"field": "qty", "value": "5"}


def test_a_limit_of_the_account_loses_its_sum_and_a_halt_stays_a_halt(desk, own):
    class Asked:
        qty = "5"

    total = RiskBlocked(rule="max_qty", scope="account", field="qty", value="12", limit="10")
    halt = RiskBlocked(rule="halt", scope="account")

    assert veiled(total, own[1], desk.account.pk, Asked).details == {"field": "qty", "value": "5"}
    assert veiled(halt, own[1], desk.account.pk, Asked) is halt
    assert veiled(total, desk.caller, desk.account.pk, Asked) is total
