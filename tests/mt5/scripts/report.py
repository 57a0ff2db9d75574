"""What was traded since yesterday, as a table."""

import json
import sys
from datetime import datetime, timedelta

import MetaTrader5 as mt5
import pandas as pd

if not mt5.initialize():
    print("initialize() failed, error code =", mt5.last_error())
    quit()

account = mt5.account_info()._asdict()
until = datetime.now() + timedelta(hours=1)  # noqa: DTZ005 (as such scripts have it)
since = until - timedelta(days=1)
deals = mt5.history_deals_get(since, until, group="*" + sys.argv[1] + "*")
table = pd.DataFrame(list(deals), columns=deals[0]._asdict().keys())
table["time"] = pd.to_datetime(table["time"], unit="s")
orders = mt5.history_orders_get(since, until)
by_magic = table.groupby("magic")[["profit", "commission", "volume"]].sum()
print(by_magic.to_string())
print("report", json.dumps({
    "login": account["login"],
    "deals": [int(ticket) for ticket in table["ticket"]],
    "orders": [order.ticket for order in orders],
    "profit": float(table["profit"].sum()),
    "commission": float(table["commission"].sum()),
    "same": mt5.history_deals_total(since, until) == len(mt5.history_deals_get(since, until)),
}), flush=True)  # fmt: skip
mt5.shutdown()
