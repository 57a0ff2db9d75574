"""Who may give a command at all, before anything is looked up?"""

import pytest

from accounts.words import Right, Role
from oms_project.errors import AccountNotFound, AdminReadOnly, PermissionDenied
from positions import commands
from positions.services import rights
from positions.services.accept import KINDS

CANCEL = commands.CancelOrder((1,))
CLOSE = commands.ClosePosition(position_id=1)


def test_every_command_has_its_act():
    assert set(rights._ACTS) == set(KINDS)


def test_an_admin_never_trades(desk):
    with pytest.raises(AdminReadOnly):
        rights.require_may_ask(CANCEL, desk.caller_with(Role.ADMIN), desk.account.pk)


def test_a_reader_is_refused_and_a_stranger_is_told_nothing(desk):
    reader = desk.caller_with(Role.READONLY, rights=frozenset({Right.READ}))

    with pytest.raises(PermissionDenied):
        rights.require_may_ask(CANCEL, reader, desk.account.pk)
    with pytest.raises(AccountNotFound):
        rights.require_may_ask(CANCEL, reader, desk.account.pk + 1)


def test_where_no_account_is_named_a_right_somewhere_is_needed(desk):
    rights.require_may_ask(CLOSE, desk.caller_with(), None)

    with pytest.raises(PermissionDenied):
        rights.require_may_ask(CLOSE, desk.caller_with(rights=frozenset({Right.READ})), None)


def test_what_takes_risk_away_goes_in_front(desk):
    assert rights.is_urgent(CANCEL, desk.caller)
    assert not rights.is_urgent(commands.MergePositions(1, 2), desk.caller)
    assert rights.is_urgent(commands.MergePositions(1, 2), desk.caller_with(Role.RISK))
