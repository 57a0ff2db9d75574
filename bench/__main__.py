"""Run the benchmarks and print one table: ``make bench``, ``make bench ONLY=engine``."""

import argparse
import os
import sys
import tempfile
from datetime import UTC, datetime
from importlib import import_module

NAMES = ("engine", "replay", "footprint", "calls", "driver", "events", "pages")


def main() -> int:
    """Run what was asked for; a whole run is written to ``bench/results`` too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help=f"some of: {', '.join(NAMES)} (all)")
    names = parser.parse_args().only or NAMES
    if unknown := set(names) - set(NAMES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["OMS_DATA_DIR"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "oms_project.settings"
        import django  # Settings are read here, so the folder has to be known before.

        django.setup()
        _measure(names)
    return 0


def _measure(names: list[str] | tuple[str, ...]) -> None:
    from bench import printing  # As above.

    results = []
    for name in names:
        print(f"{name} …", file=sys.stderr, flush=True)
        results += import_module(f"bench.{name}").run()
    printing.show(results)
    if tuple(names) == NAMES:
        print(f"written to {printing.save(results, datetime.now(UTC).date())}")


if __name__ == "__main__":
    sys.exit(main())
