"""What does somebody read who started everything? Standard library only, as ``up`` is."""

import json
import shlex
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

HOST = "127.0.0.1"
READY_PATIENCE_S = 120


def say(text: str) -> None:
    """One line of our own."""
    print(f"{'make run':<8} | {text}", flush=True)


def guide_when_ready(port: int, data_dir: Path, are_new: bool) -> None:
    """Show what to do first, once the OMS takes orders; ``are_new``: its key and password are."""
    started = time.monotonic()
    while not _is_ready(port):
        if time.monotonic() - started > READY_PATIENCE_S:
            say(f"not ready after {READY_PATIENCE_S} s; the lines above may say why")
            return
        time.sleep(0.25)
    print(guide(data_dir / "quickstart.json", are_new), flush=True)


def guide(path: Path, are_new: bool) -> str:
    """What to do first; key and password are shown once, afterwards only where they stand."""
    facts = json.loads(path.read_text())
    first = facts["accounts"][0]
    body = {
        "account_id": first["id"],
        "command": "send_order",
        "payload": {
            "symbol": first["symbols"][0],
            "side": "buy",
            "order_type": "market",
            "qty": "0.01",
            "strategy_id": 1,
        },
    }
    read = f'import json; print(json.load(open("{path}"))["api_key"])'
    key = facts["api_key"] if are_new else f"$({sys.executable} -c {shlex.quote(read)})"
    quote = "'" if are_new else '"'
    header = f"-H {quote}x-api-key: {key}{quote}"
    admin, trader = (_log_in(facts[name], are_new) for name in ("admin", "trader"))
    return f"""
  ccxt-position is ready, with {len(facts["accounts"])} paper accounts of 1,000,000 USDT each.

  Send an order:

curl -s {facts["base_url"]}/oms/commands {header} \\
  -H 'content-type: application/json' -d '{json.dumps(body)}'

  See your position:

curl -s '{facts["base_url"]}/oms/positions/open?account_ids={first["id"]}' \\
  {header}

  A tour in another terminal:  make demo
  API pages:                   {facts["base_url"]}/api/docs
  Trade in the browser:        {facts["base_url"]}/admin/  ({trader})
  Back office:                 {facts["base_url"]}/admin/  ({admin})
  For programs:                {path}
  Ctrl-C stops everything; the next `make run` goes on with the same data.
"""


def _log_in(person: dict[str, str], are_new: bool) -> str:
    password = person["password"] if are_new else "as in the file below"
    return f"user {person['username']}, password {password}"


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/readyz", timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False
