"""What does ``make run`` prepare, and where does it write it down?

Paper accounts in all position modes, each with a login of its own at the paper venue, and
``quickstart.json`` (mode 0600), from which programs read where everything is.
"""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.audit import OPERATOR
from accounts.callers.key_text import digest_of
from accounts.credentials import login_of
from accounts.models import Account, ApiKey, Credentials, User
from accounts.services.accounts import upsert_credentials
from oms_project.starting.installing import ADMIN_NAME, Installed, NewAccount, install

PAPER_ACCOUNTS = (
    NewAccount("ccxt.binance", "Paper spot, netting", "netting"),
    NewAccount("ccxt.binance", "Paper spot, hedge", "hedge"),
    NewAccount("ccxt.binance", "Paper spot, strategy netting", "strategy_netting"),
    NewAccount("ccxt.binanceusdm", "Paper USD-M, netting", "netting"),
    NewAccount("ccxtpro.binance", "Paper spot, netting, streams", "netting"),
    NewAccount("ccxtpro.binanceusdm", "Paper USD-M, netting, streams", "netting"),
)
SYMBOLS = {
    "binance": ["BTC/USDT", "ETH/USDT", "BNB/USDT"],
    "binanceusdm": ["BTC/USDT:USDT", "ETH/USDT:USDT"],
}
OPENING_USDT = "1000000"
VENUE_MARKET = {"binance": "spot", "binanceusdm": "linear"}


def prepare() -> dict[str, Any]:
    """Make what is missing and write ``quickstart.json`` and the venue's list of logins."""
    kept = _kept()
    with transaction.atomic():
        done = install(PAPER_ACCOUNTS, renew_secrets=kept is None and ApiKey.objects.exists())
        for account in done.accounts:
            _have_login(account)
        facts = _facts(done, kept)
        _write(quickstart_path().with_suffix(".draft"), facts)
        _write(logins_path(), _venue_logins(done))
    os.replace(quickstart_path().with_suffix(".draft"), quickstart_path())
    return facts


def quickstart_path() -> Path:
    """Where programs read what there is."""
    return settings.OMS_DATA_DIR / "quickstart.json"


def logins_path() -> Path:
    """Where the paper venue reads its logins at the start."""
    return settings.OMS_DATA_DIR / "paper" / "logins.json"


def _kept() -> dict[str, Any] | None:
    """What an earlier run wrote, if its key and password still open this database."""
    for path in (quickstart_path(), quickstart_path().with_suffix(".draft")):
        try:
            facts = json.loads(path.read_text())
            digest, password = digest_of(facts["api_key"]), facts["admin"]["password"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        admin = User.objects.filter(username=ADMIN_NAME).first()
        opens = ApiKey.objects.filter(digest=digest, status="active").exists()
        if opens and admin is not None and admin.check_password(password):
            return facts
    return None


def _have_login(account: Account) -> None:
    if not Credentials.objects.filter(account=account).exists():
        upsert_credentials(
            account=account,
            api_key=f"paper-{account.pk}-{secrets.token_hex(16)}",
            secret=secrets.token_hex(32),
            by=OPERATOR,
        )


def _facts(done: Installed, kept: dict[str, Any] | None) -> dict[str, Any]:
    # Listening everywhere is no address to go to.
    host = "127.0.0.1" if settings.OMS_HOST == "0.0.0.0" else settings.OMS_HOST  # noqa: S104
    base = f"http://{host}:{settings.OMS_PORT}"
    return {
        "base_url": base,
        "ws_url": base.replace("http", "ws", 1) + "/ws",
        "admin": {
            "username": done.admin.username,
            "password": done.admin_password or kept["admin"]["password"],
        },
        "trader": {
            "username": done.trader.username,
            "password": done.trader_password or kept.get("trader", {}).get("password"),
        },
        "api_key": done.key_plain or kept["api_key"],
        "accounts": [
            {
                "id": account.pk,
                "label": account.label,
                "exchange_id": account.exchange_id,
                "position_mode": account.position_mode,
                "symbols": SYMBOLS[account.ccxt_id],
            }
            for account in done.accounts
        ],
        "venue": {
            "url": f"http://127.0.0.1:{settings.OMS_PAPER_PORT}",
            "logins": [
                {
                    "account_id": account.pk,
                    "api_key": login_of(account).api_key,
                    "secret": login_of(account).secret,
                }
                for account in done.accounts
            ],
        },
    }


def _venue_logins(done: Installed) -> list[dict[str, Any]]:
    return [
        {
            "api_key": login_of(account).api_key,
            "secret": login_of(account).secret,
            "market": VENUE_MARKET[account.ccxt_id],
            "balances": {"USDT": OPENING_USDT},
        }
        for account in done.accounts
    ]


def _write(path: Path, content: Any) -> None:
    """Replace the file; nobody but its owner may ever read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file, indent=2)
    os.replace(draft, path)
