"""Can the house be read room by room? No circles of imports, no room with too many files."""

import ast
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("oms_project", "accounts", "positions", "gateway", "riskdesk", "ccxt_driver")
MOST_MODULES = 22
LONGEST_DOCSTRING = 10


def circles(modules: Iterable[str], imports: Callable[[str], Iterable[str]]) -> set[frozenset[str]]:
    """The largest sets of modules that all import each other, directly or through others."""
    reaches = {module: _reached_from(module, imports) for module in modules}
    return {
        frozenset({module, *others})
        for module, reached in reaches.items()
        if (others := {other for other in reached if module in reaches[other]})
    }


def _reached_from(start: str, imports: Callable[[str], Iterable[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [*imports(start)]
    while waiting:
        if (module := waiting.pop()) not in found:
            found.add(module)
            waiting += imports(module)
    return found


def crowded(modules: Iterable[str]) -> dict[str, int]:
    """The folders with more than ``MOST_MODULES`` modules of their own."""
    counts = Counter(str(Path(module).parent) for module in modules)
    return {folder: count for folder, count in counts.items() if count > MOST_MODULES}


def modules_of_the_house() -> list[str]:
    """The files of all apps, tests included; migrations are a list, not a room."""
    paths = (path for app in APPS for path in (ROOT / app).rglob("*.py"))
    return [
        str(path.relative_to(ROOT))
        for path in paths
        if path.name != "__init__.py" and path.parent.name != "migrations"
    ]


def test_nothing_imports_itself_through_others():
    graph = grimp.build_graph(*APPS, "bench", cache_dir=None)

    found = circles(graph.modules, graph.find_modules_directly_imported_by)

    assert found == set()


def test_no_folder_has_too_many_modules():
    assert crowded(modules_of_the_house()) == {}


@pytest.mark.parametrize(
    ("imports", "found"),
    [
        ({"a": "b", "b": "c", "c": ""}, []),
        ({"a": "b", "b": "a", "c": "a"}, ["ab"]),
        ({"a": "b", "b": "c", "c": "a", "d": "ae", "e": "d"}, ["abc", "de"]),
        ({"a": "a"}, ["a"]),
        ({"a": "bc", "b": "a", "c": "a"}, ["abc"]),
    ],
)
def test_a_circle_is_found_by_whatever_leads_back(imports, found):
    assert circles(imports, imports.__getitem__) == {frozenset(circle) for circle in found}


def test_a_crowded_folder_is_found():
    flat = [f"app/room/{number}.py" for number in range(MOST_MODULES + 1)]

    assert crowded([*flat, "app/one.py", "app/room/deep/two.py"]) == {"app/room": len(flat)}
    assert crowded(flat[1:]) == {}


def test_every_room_says_in_short_what_it_is_for():
    """A chapter's ``__init__``: its doors, and what always holds, in ten lines at most."""
    wrong = []
    for app in APPS:
        for path in (ROOT / app).rglob("__init__.py"):
            folder = path.relative_to(ROOT).parent
            if {"tests", "migrations", "management"} & {*folder.parts} or len(folder.parts) == 1:
                continue
            said = ast.get_docstring(ast.parse(path.read_text()), clean=False) or ""
            if not 0 < len(said.splitlines()) <= LONGEST_DOCSTRING:
                wrong.append(str(folder))

    assert wrong == []
