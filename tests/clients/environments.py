"""An environment of its own for each kind of bot: pinned packages, the driver's wheel, the patch.

What was installed once is kept in a cache folder, by what was asked for; the driver is installed
anew each time.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.product import ROOT

REQUIREMENTS = Path(__file__).parent / "requirements"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Environment:
    """A virtual environment in which ``ccxt.binance`` is an account of the OMS."""

    folder: Path

    @property
    def bin(self) -> Path:
        """Where its programs are."""
        return self.folder / "bin"

    def run(self, *words: str | Path) -> str:
        """What a program of it printed; it must succeed."""
        done = subprocess.run(
            [self.bin / words[0], *words[1:]], capture_output=True, text=True, cwd=self.folder
        )
        if done.returncode:
            raise RuntimeError(f"{words} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
        return done.stdout


def made(name: str, wheel: Path, say: Say) -> Environment:
    """The environment of ``requirements/NAME.txt``, with the driver and the patch."""
    environment = _installed(name, say)
    environment.run("python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-index",
                    "--force-reinstall", wheel)  # fmt: skip
    environment.run("python", "-m", "ccxt_driver.autopatch", "install", "--scope", "env",
                    "--mode", "aggressive", "--override", "binance")  # fmt: skip
    return environment


def driver_wheel(folder: Path) -> Path:
    """``ccxt_driver`` built as a wheel, from a copy: building leaves files where it is done."""
    source = folder / "source"
    ignored = shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
    shutil.copytree(ROOT / "ccxt_driver", source, ignore=ignored)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check",
         "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source],
        check=True,
    )  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    return wheel


def cache() -> Path:
    """Where environments are kept between runs."""
    above = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(above) / "ccxt-position" / "clients"


def _installed(name: str, say: Say) -> Environment:
    wanted = (REQUIREMENTS / f"{name}.txt").read_text()
    digest = hashlib.sha256(f"{sys.version}{wanted}".encode()).hexdigest()[:12]
    environment = Environment(cache() / f"{name}-{digest}")
    done = environment.folder / "done"
    if done.exists():
        say(f"{name}: installed before in {environment.folder}")
        return environment
    say(f"{name}: installing into {environment.folder} (some minutes, once)")
    shutil.rmtree(environment.folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", environment.folder], check=True)
    environment.run("python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                    "--requirement", REQUIREMENTS / f"{name}.txt")  # fmt: skip
    done.touch()
    return environment
