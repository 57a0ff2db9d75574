"""Ask every class of the installed ccxt, write the tables and print what they say.

``make exchanges`` does all. With names (``python -m gateway.exchanges.probe kraken``) only these
are asked, and what differs from the table is printed; exits 1 then.
"""

import asyncio
import sys
from collections.abc import Iterable

from gateway.exchanges import seen
from gateway.exchanges.probe import document, table
from gateway.exchanges.probe.questions import row_of


async def rows_of(names: Iterable[str]) -> dict[str, table.Row]:
    """The row of each class."""
    return {name: await row_of(name) for name in names}


def main(names: list[str]) -> int:
    """Returns the exit status."""
    import ccxt.async_support as ccxt  # A second and 80 MB, only where it is asked for.

    version, before = table.read() if table.PATH.exists() else ("", {})
    rows = asyncio.run(rows_of(names or ccxt.exchanges))
    changes = table.differences(before, rows)
    print(*changes, sep="\n")
    if not names:
        table.write(ccxt.__version__, rows)
        seen.classes.cache_clear()
        document.PATH.write_text(document.text(ccxt.__version__, rows))
        print(*table.summary(rows), sep="\n")
    print(
        f"ccxt {version or '-'} → {ccxt.__version__}: {len(rows)} classes, {len(changes)} changes"
    )
    return 1 if names and changes else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
