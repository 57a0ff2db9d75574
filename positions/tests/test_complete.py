"""Nothing is forgotten: modules have tests, rows have the contract's fields."""

from pathlib import Path

import pytest

from positions import rows
from positions.api import schema
from positions.forms.commands import FORMS
from positions.models import Deal, Event, Order, Position
from positions.services.accept import KINDS

HERE = Path(__file__).parent
PACKAGE = HERE.parent

CONTRACT = {
    "order": """id, command_id, account_id, symbol, side, order_type, time_in_force, status,
        strategy_id, position_id, previous_position_id, group_id, group_role, reason, comment,
        client_order_id, exchange_client_order_id, expiry, trigger_by, provisional,
        exchange_order_id, qty, price, trigger_price, expires_at, stop_loss, stop_gain, reduce_only,
        filled_qty, avg_fill_price, fee, fee_currency, fees_by_currency, reject_code, note,
        reconciled, edit_replace_state, created_at, updated_at, closed_at""",
    "deal": """id, booking_no, execution_id, account_id, order_id, position_id,
        previous_position_id, symbol, side, qty, price, entry, kind, profit, profit_currency, fee,
        fee_currency, fee_rate, fee_quote, trigger_source, strategy_id, position_strategy_id,
        reason, comment, reconciled, exchange_trade_id, executed_at, created_at""",
    "position": """id, ticket, opening_order_id, client_strategy_id, account_id, symbol,
        strategy_id, side, qty, avg_price, profit, fees, fees_by_currency, stop_loss, stop_gain,
        trailing, protection, unclosable, state, reason, comment, mark_price, price_at,
        floating_profit, opened_at, updated_at, closed_at""",
    "event": "seq, event, namespace, account_id, strategy_id, payload, created_at",
}
SHOWN = {
    "order": (rows.order_row, Order, schema.OrderSerializer),
    "deal": (rows.deal_row, Deal, schema.DealSerializer),
    "position": (rows.position_row, Position, schema.PositionSerializer),
    "event": (rows.event_row, Event, schema.EventSerializer),
}


@pytest.mark.parametrize("folder", ["services", "projector"])
def test_every_module_has_a_test_module(folder):
    modules = {path.stem for path in (PACKAGE / folder).glob("[!_]*.py")}
    tests = [*(HERE / folder).glob("test_*.py"), *(HERE / folder).glob("[!_]*/")]

    assert modules - {path.stem.removeprefix("test_") for path in tests} == set()


def test_every_command_can_be_parsed_and_accepted():
    assert len(FORMS) == len(KINDS)


@pytest.mark.parametrize("noun", CONTRACT)
def test_a_row_has_the_contracts_fields_and_openapi_shows_the_same(noun):
    wanted = [name.strip() for name in CONTRACT[noun].split(",")]
    row_of, model, serializer = SHOWN[noun]

    row = row_of(model(fees_by_currency={}) if model is Position else model())

    assert [name for name in wanted if name not in row] == []
    assert list(row) == list(serializer().fields)
