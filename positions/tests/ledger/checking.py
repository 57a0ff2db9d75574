"""Run both checks of the ledger in a test and read what they found."""

from positions.ledger import invariants, rebuild
from positions.ledger.findings import Finding
from positions.tests.desk import Desk


def differences(desk: Desk) -> list[str]:
    """What either check finds on the account."""
    return [*rebuilt(desk.account.pk), *broken(desk.account.pk)]


def rebuilt(account_id: int) -> list[str]:
    """What ``rebuild_positions --verify`` finds."""
    found: list[Finding] = []
    rebuild.verify(account_id, report=found.append, seen=lambda _: None)
    return [text(finding) for finding in found]


def broken(account_id: int) -> list[str]:
    """What ``verify_ledger`` finds."""
    found: list[Finding] = []
    outcomes = invariants.verify(account_id, report=found.append, seen=lambda _: None)
    assert sum(outcome.differences for outcome in outcomes) == len(found)
    return [text(finding) for finding in found]


def text(finding: Finding) -> str:
    return f"{finding.row} {finding.field}: {finding.live} / {finding.rebuilt}"
