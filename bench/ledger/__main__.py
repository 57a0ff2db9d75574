"""Generate a ledger, prove it, spoil it, and see that the proof notices.

``make million`` runs this; by itself: ``python -m bench.ledger --deals 20000 --accounts 18``. The
rows go into a temporary SQLite file, or with ``DATABASE_URL`` into that database, which has to be
empty.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AT_LEAST_A_HUNDREDTH = ("reversals", "base fees", "close_by", "merge", "reassign")


def main() -> int:
    """Returns the exit status: 0 when everything that is promised is so."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("OMS_DATA_DIR", folder)
        os.environ["DJANGO_SETTINGS_MODULE"] = "oms_project.settings"
        import django  # Settings are read here, so the folder has to be known before.

        django.setup()
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    from bench.ledger.tampering import tamper  # Both need Django to be set up.

    account_ids = _generate(options)
    honest = _manage("rebuild_positions", "--verify")
    print(f"rebuild_positions --verify: {_last_line(honest)}")
    sums = _manage("verify_ledger")
    print(f"verify_ledger: {_last_line(sums)}")
    spoilt = tamper(account_ids)
    noticed = _manage("rebuild_positions", "--verify")
    print("\nafter three rows were spoilt:")
    print(noticed.stdout, end="")
    missed = [each for each in spoilt if not _names(noticed.stdout, each.account_id, each.named)]
    innocent = _accounts_named(noticed.stdout) - {each.account_id for each in spoilt}
    for each in spoilt:
        print(f"{each.what}: {'MISSED' if each in missed else 'found and named'}")
    clean = honest.returncode == sums.returncode == 0
    return 0 if clean and noticed.returncode == 1 and not missed and not innocent else 1


def _generate(options: argparse.Namespace) -> list[int]:
    """Write the accounts and say what they consist of."""
    from django.core.management import call_command  # As above.

    from accounts.models import Account
    from bench.ledger.happened import Ids
    from bench.ledger.kinds import KINDS
    from bench.ledger.writing import write_account

    call_command("migrate", verbosity=0)
    if Account.objects.exists():
        raise SystemExit("the database has accounts already: give an empty one")
    began, total, ids = time.monotonic(), Counter(), Ids()
    for number in range(options.accounts):
        kind = KINDS[number % len(KINDS)]
        deals, label = options.deals // options.accounts, f"generated {number + 1}, {kind.name}"
        total += write_account(label, kind, deals=deals, seed=options.seed + number, ids=ids)
        if (number + 1) % max(options.accounts // 10, 1) == 0:
            print(f"{total['deals']} deals of {number + 1} accounts", flush=True)
    seconds = time.monotonic() - began
    print(f"seed {options.seed}: {total['deals']} deals in {seconds:.0f} s")
    for what, number in total.items():
        print(f"  {what:12} {number:9}  {number / total['deals']:6.1%} of the deals")
    for what in AT_LEAST_A_HUNDREDTH:
        assert total[what] * 100 >= total["deals"], f"too few of {what}"
    return list(Account.objects.order_by("id").values_list("id", flat=True))


def _manage(*words: str) -> subprocess.CompletedProcess[str]:
    """A management command in a process of its own, so that its memory is its own too."""
    command = [sys.executable, "manage.py", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.stderr:
        print(done.stderr, file=sys.stderr)
    return done


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout.strip().rpartition("\n")[2]


def _names(output: str, account_id: int, named: str) -> bool:
    return any(
        line.startswith(f"account {account_id}  ") and named in line for line in output.splitlines()
    )


def _accounts_named(output: str) -> set[int]:
    lines = [line for line in output.splitlines() if line.startswith("account ")]
    return {int(line.split()[1]) for line in lines}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--deals", type=int, default=1_000_000)
    parser.add_argument("--accounts", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
