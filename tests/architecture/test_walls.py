"""Do the walls stand? Rules of the house that are not about behaviour."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("oms_project", "accounts", "positions", "gateway", "riskdesk")


def sources(*folders: str) -> list[Path]:
    """Our own modules, migrations and tests left out."""
    found = []
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            if not {"migrations", "tests"} & set(path.relative_to(ROOT).parts):
                found.append(path)
    return sorted(found)


def imported(path: Path) -> set[str]:
    """The top-level names of everything a module imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module)
    return names


@pytest.mark.parametrize("path", sources("positions/engine"), ids=lambda path: path.name)
def test_the_engine_imports_nothing_but_the_standard_library(path):
    foreign = {
        name
        for name in imported(path)
        if name.partition(".")[0] not in sys.stdlib_module_names
        and not name.startswith("positions.engine")
    }

    assert foreign == set()


@pytest.mark.parametrize("path", sources("gateway/paper"), ids=lambda path: path.name)
def test_the_paper_venue_imports_nothing_of_ours(path):
    ours = {
        name
        for name in imported(path)
        if name.partition(".")[0] in (*APPS, "django", "ccxt", "rest_framework")
        and not name.startswith("gateway.paper")
    }

    assert ours == set()


@pytest.mark.parametrize("path", sources("ccxt_driver"), ids=lambda path: path.name)
def test_the_driver_imports_ccxt_and_what_ccxt_brings(path):
    brought = {"ccxt", "requests", "aiohttp", "ccxt_driver"}
    if path.relative_to(ROOT).as_posix() == "ccxt_driver/mt5/rates.py":
        brought |= {"numpy"}  # When rates are asked for; an extra of the wheel.
    tops = {name.partition(".")[0] for name in imported(path)}

    assert tops - sys.stdlib_module_names <= brought


def test_only_the_gateway_imports_ccxt():
    foreign = sources("oms_project", "accounts", "positions", "riskdesk")

    users = [path for path in foreign if any(n.startswith("ccxt") for n in imported(path))]

    assert users == []


def test_only_settings_know_the_mode():
    knows = re.compile(r"OMS_MODE|_EMBEDDED\b")

    others = [
        str(path.relative_to(ROOT))
        for path in sources(*APPS)
        if knows.search(path.read_text()) and path.name != "settings.py"
    ]

    assert others == []


def test_nothing_in_the_gateway_names_an_exchange_outside_its_table():
    names = re.compile(r"\b(binance|kraken|bybit|okx|x-mbx)\w*\b", re.I)
    offenders = []
    for path in sources("gateway"):
        may = {"paper", "exchanges"} & {*path.parts}
        if may or path.name == "paper_venue.py":
            continue
        code = ast.unparse(_without_docstrings(ast.parse(path.read_text())))
        if names.search(code):
            offenders.append(str(path.relative_to(ROOT)))

    assert offenders == []


def test_a_float_appears_only_where_exchanges_are_read():
    """Money is Decimal: ``float`` as a word of code is for seconds and settings elsewhere."""
    offenders = []
    for path in sources("positions"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "float":
                offenders.append(f"{path.relative_to(ROOT)}:{node.lineno}")

    assert offenders == []


def test_every_module_says_which_question_it_answers():
    silent = [
        str(path.relative_to(ROOT))
        for path in sources(*APPS)
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]

    assert silent == []


def test_words_of_two_apps_that_mean_the_same_are_the_same():
    from accounts import words
    from positions.engine import types

    assert [*words.PositionMode] == [*types.PositionMode]
    assert [*words.Reversal] == [*types.Reversal]


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        first = body[0] if isinstance(body, list) and body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            first.value = ast.Constant(value="")
    return tree
