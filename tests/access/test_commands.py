"""Who may give which command or call: the lines for ``/oms/commands`` and ``/ccxt``, over HTTP.

They are accepted on threads of their own, so what they did stays, and each that was let through
gets fresh objects for the next.
"""

import re

from positions.forms.commands import FORMS
from tests.access.expectations import CASES
from tests.access.world import KINDS, NOWHERE

THREADED = [case for case in CASES if case.is_threaded]
COMMANDS = [case for case in THREADED if case.route == "POST /oms/commands"]


def test_every_command_has_a_line_in_the_table():
    assert {case.body["command"] for case in COMMANDS} == set(FORMS)


def test_each_kind_of_caller_gets_what_the_table_says(stored_world):
    wrong = []
    for case in THREADED:
        for kind in KINDS:
            path, body = stored_world.filled_in(case.asked), stored_world.filled_in(case.body)
            status, answer = stored_world.ask_for_good(kind, case.method, path, body)
            if status < 300:
                stored_world.make_objects()
            if status != case.expected[kind]:
                wrong.append((str(case), kind, case.expected[kind], status, answer))

    assert not wrong, "\n".join(map(str, wrong))


def test_what_is_somebody_elses_looks_as_if_it_did_not_exist(stored_world):
    ids = {"strategy_id", "order_id", "position_id", "position_id_a"}
    differing = []
    for case in COMMANDS:
        if not ids & case.body["payload"].keys():
            continue
        there, nowhere = (
            stored_world.ask_for_good(
                "other", case.method, case.asked, stored_world.filled_in(case.body, **instead)
            )
            for instead in ({}, dict.fromkeys(stored_world.ids, NOWHERE))
        )
        if _error_without_ids(there) != _error_without_ids(nowhere):
            differing.append((str(case), there, nowhere))

    assert differing == []


def _error_without_ids(answer):
    status, body = answer
    return status, re.sub(r"\d+", "", str(body["results"][0]["error"]))
