"""Kill processes a thousand times, slice by slice, and add up: what was done once is not repeated.

python -m tests.slices --mode server --kills 1000
python -m tests.slices --mode embedded --kills 500 --tally /tmp/kills.jsonl

Each slice is a run of ``tests/e2e/test_kill.py`` with a seed of its own, on new databases. It is
noted in the tally once everything agreed with the exchange; a slice that failed stops the campaign.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEST = "tests/e2e/test_kill.py"


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mode", choices=["embedded", "server"], default="server")
    parser.add_argument("--kills", type=int, default=1000, help="how many in all")
    parser.add_argument("--slice", type=int, default=25, help="how many with one seed")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--tally", type=Path, default=ROOT / "var" / "torture" / "kills.jsonl")
    chosen = parser.parse_args()
    chosen.tally.parent.mkdir(parents=True, exist_ok=True)
    seed, failed = chosen.first, False
    while _total(chosen)["kills"] < chosen.kills and not failed:
        if seed not in {row["seed"] for row in _rows(chosen)}:
            failed = _run(chosen, seed) != 0
            print(f"seed {seed}: {'FAILED' if failed else _total(chosen)}", flush=True)
        seed += 1
    sums = ", ".join(f"{number} {what}" for what, number in _total(chosen).items())
    lost = "the last slice FAILED" if failed else "0 lost, 0 doubled"
    print(f"torture: kills, {chosen.mode}, {len(_rows(chosen))} slices added up: {sums}; {lost}")
    return int(failed)


def _run(chosen: argparse.Namespace, seed: int) -> int:
    env = os.environ | {
        "OMS_TORTURE_KILLS": str(chosen.slice),
        "OMS_TORTURE_SEED": str(seed),
        "OMS_TORTURE_TALLY": str(chosen.tally),
    }
    command = [sys.executable, "-m", "pytest", "-q", TEST, "-k", chosen.mode]
    return subprocess.run(command, cwd=ROOT, env=env).returncode


def _total(chosen: argparse.Namespace) -> dict[str, int]:
    names = ("kills", "answered", "orders", "trades", "presumed")
    return {name: sum(row[name] for row in _rows(chosen)) for name in names}


def _rows(chosen: argparse.Namespace) -> list[dict]:
    if not chosen.tally.exists():
        return []
    rows = [json.loads(line) for line in chosen.tally.read_text().splitlines()]
    return [row for row in rows if row["mode"] == chosen.mode]


if __name__ == "__main__":
    sys.exit(main())
