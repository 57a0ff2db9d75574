"""A ledger as it was written before deals carried their order's strategy, and what comes after it.

``old-ledger.json`` holds the rows that the code of then made, at the schema of then. Run as a
program, in a database of its own: the old schema, those rows, every migration since, then a fill
and a reassign of old orders. It prints what it found as JSON.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

OLD_SCHEMA = "0003"
ROWS = Path(__file__).parent / "old-ledger.json"


def main() -> None:
    """Live through the upgrade and print what either check of the ledger finds, and the deals."""
    _set_up()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", "positions", OLD_SCHEMA, verbosity=0)
    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        for table, content in json.loads(ROWS.read_text()).items():
            columns = ", ".join(content["columns"])
            places = ", ".join(["%s"] * len(content["columns"]))
            cursor.executemany(
                f"INSERT INTO {table} ({columns}) VALUES ({places})",
                content["rows"],
            )
    for app in ("accounts", "positions"):
        call_command("migrate", app, verbosity=0)
    print(json.dumps(_after_the_upgrade()))


def _set_up() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "oms_project.settings"
    import django
    from django.conf import settings

    django.setup()
    settings.OMS_EXCHANGE_PORT = "positions.tests.fakes.FakeExchange"
    settings.OMS_RISK_PORT = "positions.tests.fakes.FakeRisk"
    settings.OMS_RELAY_URL = "memory://"
    settings.EXCHANGE_IDS = "accounts.tests.builders.exchange_ids"


def _after_the_upgrade() -> dict[str, Any]:
    from accounts.models import Account, Strategy, User
    from accounts.words import Role
    from positions.models import Deal, Execution, Order
    from positions.tests.desk import Desk
    from positions.tests.ledger.checking import differences

    desk = Desk.__new__(Desk)
    desk.account = Account.objects.get(position_mode="netting")
    desk.symbol, desk.user = "BTC/USDT:USDT", User.objects.first()
    desk.caller = desk.caller_with(Role.ADMIN)
    desk.seconds = iter(range(100_000, 200_000))
    found: dict[str, Any] = {"upgraded": [], "traded": [], "reassigned": []}
    for account in Account.objects.all():
        found["upgraded"] += differences(_of(desk, account))
    deals = Deal.objects.all()
    found["own"] = [deal.pk for deal in deals if deal.strategy_id != deal.position_strategy_id]
    found["fees"] = [
        order.pk
        for order in Order.objects.exclude(fee=None)
        if order.fee_currency not in order.fees_by_currency
    ]
    trader = desk.caller_with(Role.TRADER)
    held = next(position for position in desk.positions() if not position.is_external)
    other = Strategy.objects.exclude(pk=held.strategy_id).filter(accounts=desk.account).first()
    desk.caller = trader
    side = "sell" if held.side == "buy" else "buy"
    order = desk.filled(side, "0.001", strategy_id=other.pk)
    new = Deal.objects.get(order=order)
    found["new"] = [new.strategy_id == other.pk, new.position_strategy_id == held.strategy_id]
    found["rules"] = sorted(set(Execution.objects.values_list("deal_rule", flat=True)))
    found["traded"] += differences(desk)
    desk.caller = desk.caller_with(Role.ADMIN)
    moved = _reassigned(desk, Order.objects.filter(account=desk.account), to=other.pk)
    found["reassigned"] += differences(desk)
    again = Deal.objects.live().filter(order=moved)
    found["moved"] = [
        again[0].execution.deal_rule,
        *{deal.strategy_id == other.pk for deal in again},
    ]
    return found


def _reassigned(desk: Any, orders: Any, *, to: int) -> Any:
    """The newest order of before that nothing keeps from being given to another strategy."""
    from oms_project.errors import OmsError

    for order in orders.filter(executions__deal_rule=1).distinct().order_by("-id"):
        try:
            desk.reassign(order, to=to, override=True)
        except OmsError:
            continue
        return order
    raise LookupError("none of the orders can be reassigned")


def _of(desk: Any, account: Any) -> Any:
    other = type(desk).__new__(type(desk))
    other.account = account
    return other


if __name__ == "__main__":
    sys.exit(main())
