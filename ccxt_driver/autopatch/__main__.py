"""Have every Python of a user, or of one environment, trade through the OMS.

python -m ccxt_driver.autopatch install --scope env --mode aggressive --override binance
python -m ccxt_driver.autopatch status --scope env
python -m ccxt_driver.autopatch uninstall --scope env

What is written is one file, ``ccxt_oms_autopatch.pth``, and nothing else. No key is ever written:
CCXT_OMS_API_KEY, CCXT_OMS_ACCOUNT_ID, CCXT_OMS_STRATEGY_ID and CCXT_OMS_BASE_URL are read from the
environment of the bot. CCXT_OMS_AUTOPATCH=0 switches the patch off for one process.
With --mt5 scripts that import MetaTrader5 trade through the OMS too.
"""

import argparse
import json
import os
import site
import sys
import sysconfig
from pathlib import Path

from ccxt_driver.autopatch.patch import MODES

FILE = "ccxt_oms_autopatch.pth"
_ROOT = Path(__file__).resolve().parents[2]


def main(words: list[str] | None = None) -> int:
    """Returns the exit status; ``status`` is 1 where nothing is installed."""
    chosen = _parser().parse_args(words)
    folder = _folder(chosen.scope)
    file = folder / FILE
    if chosen.act == "install":
        _install(file, chosen.mode, chosen.override, mt5=chosen.mt5)
        print(f"installed in {file}")
    elif chosen.act == "uninstall":
        _uninstall(file)
        print(f"not installed in {folder}")
    elif file.exists():
        print(f"installed in {file}: {_told(file)}")
    else:
        print(f"not installed in {folder}")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ccxt_driver.autopatch",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("act", choices=["install", "uninstall", "status"])
    parser.add_argument("--scope", choices=["user", "env"], required=True,
                        help="user: this user's site-packages; env: this Python's")  # fmt: skip
    parser.add_argument("--mode", choices=MODES, default=MODES[0])
    parser.add_argument("--override", action="append", default=[], metavar="EXCHANGE",
                        help="with aggressive: an exchange id; repeat for more")  # fmt: skip
    parser.add_argument("--mt5", action="store_true",
                        help="import MetaTrader5 gives ccxt_driver.mt5")  # fmt: skip
    return parser


def _folder(scope: str) -> Path:
    return Path(site.getusersitepackages() if scope == "user" else sysconfig.get_path("purelib"))


def _install(file: Path, mode: str, override: list[str], *, mt5: bool) -> None:
    names = ",".join(name for words in override for name in words.replace(",", " ").split())
    written = {"AUTOPATCH_MODE": mode} | ({"OVERRIDE_EXCHANGES": names} if names else {})
    written |= {"AUTOPATCH_MT5": "1"} if mt5 else {}
    made = [str(folder) for folder in _missing(file.parent)]
    # A .pth line is executed at every start; the driver may have been moved or removed since.
    line = (
        f"import sys; sys.path.append({str(_ROOT)!r}) if {str(_ROOT)!r} not in sys.path else None; "
        f"import importlib.util as u; s = u.find_spec('ccxt_driver'); "
        f"s and __import__('ccxt_driver.autopatch.patch', fromlist=['apply']).apply({written!r})"
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"# {json.dumps({'made': made} | written)}\n{line}\n")


def _uninstall(file: Path) -> None:
    """Remove the file, and the folders that were made for it if nothing else is in them."""
    if not file.exists():
        return
    made = json.loads(file.read_text().splitlines()[0].removeprefix("# "))["made"]
    file.unlink()
    for folder in sorted(made, key=len, reverse=True):
        path = Path(folder)
        if path.is_dir() and not os.listdir(path):
            path.rmdir()


def _missing(folder: Path) -> list[Path]:
    return [one for one in (folder, *folder.parents) if not one.exists()]


def _told(file: Path) -> str:
    facts = json.loads(file.read_text().splitlines()[0].removeprefix("# "))
    replaced = facts.get("OVERRIDE_EXCHANGES", "nothing replaced")
    return f"{facts['AUTOPATCH_MODE']}, {replaced}" + (", MetaTrader5" * ("AUTOPATCH_MT5" in facts))


if __name__ == "__main__":
    sys.exit(main())
