"""Is a ledger of an older version still proven, and followed by the rules of now?"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent.parent


def test_an_old_ledger_is_replayed_as_it_was_and_goes_on_by_the_new_rule(tmp_path):
    """One process lives through the upgrade; see ``old_ledger``."""
    tmp_path.chmod(0o700)
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {"OMS_DATA_DIR": str(tmp_path), "OMS_MODE": "embedded"}

    run = subprocess.run(
        [sys.executable, "-m", "positions.tests.ledger.old_ledger"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip

    assert run.returncode == 0, run.stderr[-2000:]
    found = json.loads(run.stdout.splitlines()[-1])
    assert found["upgraded"] == found["traded"] == found["reassigned"] == []
    assert found["own"] == []  # What was booked before is not edited.
    assert found["fees"] == []
    assert found["new"] == [True, True]
    assert found["rules"] == [1, 2]
    assert found["moved"] == [1, True]  # Its execution is an old one, its deals are new ones.
