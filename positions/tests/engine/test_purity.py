"""The engine depends on the standard library and explains itself."""

import ast
import inspect
import pkgutil
import sys
from importlib import import_module
from pathlib import Path

import pytest

import positions.engine

MODULES = [module.name for module in pkgutil.iter_modules(positions.engine.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_the_engine_imports_only_itself_and_the_standard_library(name):
    module = import_module(f"positions.engine.{name}")
    tree = ast.parse(Path(inspect.getfile(module)).read_text())

    imported = {
        alias.name if isinstance(node, ast.Import) else node.module or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }

    foreign = {name for name in imported if name.split(".")[0] not in sys.stdlib_module_names}
    assert all(name.startswith("positions.engine") for name in foreign)


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_of_the_engine_says_what_holds(name):
    module = import_module(f"positions.engine.{name}")

    own = [
        value
        for title, value in vars(module).items()
        if not title.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == module.__name__
    ]

    assert module.__doc__
    assert all(inspect.getdoc(value) for value in own)
    assert not any((inspect.getdoc(value) or "").startswith(f"{value.__name__}(") for value in own)
