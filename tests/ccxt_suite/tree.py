"""ccxt as its tests want to find it: in a source tree, not in ``site-packages``.

Links only. ``test`` is a real folder, because ccxt's tests look for ``skip-tests.json`` and
``keys.local.json`` three folders above their own.
"""

import json
from pathlib import Path

import ccxt

SKIPS = Path(__file__).with_name("skip-tests.json")


def grow(root: Path, keys: dict[str, dict[str, str]], skips: dict | None = None) -> Path:
    """Make the tree below ``root``, with API keys by exchange id; gives ``root``.

    ``skips`` are what ccxt's tests leave out, by default those of ``skip-tests.json``.
    """
    source = Path(ccxt.__file__).parent
    package = root / "python" / "ccxt"
    (package / "test").mkdir(parents=True)
    for entry in source.iterdir():
        if entry.name != "test":
            (package / entry.name).symlink_to(entry)
    for entry in (source / "test").iterdir():
        (package / "test" / entry.name).symlink_to(entry)
    (root / "skip-tests.json").write_text(SKIPS.read_text() if skips is None else json.dumps(skips))
    (root / "keys.local.json").write_text(json.dumps(keys))
    return root
