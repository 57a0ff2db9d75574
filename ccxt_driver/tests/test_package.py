"""Does the wheel have everything, and does importing it cost nothing?"""

import subprocess
import sys
import tomllib
from pathlib import Path

DRIVER = Path(__file__).parents[1]


def test_every_package_but_tests_and_examples_is_in_the_wheel():
    said = tomllib.loads((DRIVER / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {path.parent.relative_to(DRIVER.parent) for path in DRIVER.rglob("__init__.py")}
    there = {".".join(folder.parts) for folder in folders} - {"ccxt_driver.tests"}

    assert set(said) == there


def test_the_patch_does_not_import_ccxt_by_itself():
    asked = "import sys, ccxt_driver.autopatch.patch as p; p.apply(); print('ccxt' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", asked], cwd=DRIVER.parent, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "False"


def test_what_the_oms_offers_is_what_the_driver_calls_so():
    """The two tables stand apart, since neither side may import the other."""
    text = (DRIVER.parent / "gateway" / "clients" / "functions.py").read_text()

    from ccxt_driver.words import OFFERED

    missing = sorted(name for name in OFFERED if name not in text)
    assert missing == []
