#!/usr/bin/env bash
# investing-algorithm-framework 8.10.0: App.run() without a number of iterations returns after one.
#
# By the docstring of EventLoopService.start, leaving the number out means for ever; the branch for
# that has no loop, so a live bot trades once and its program ends. Giving a large number helps.
# Exit status 0 as long as that is so. Installs into a temporary folder; no exchange is asked.
set -eu
VERSION=8.10.0
WORK="$(mktemp -d)"
trap 'rm -rf "$WORK"' EXIT
"${PYTHON:-python3.11}" -m venv "$WORK/venv"
"$WORK/venv/bin/pip" install --quiet --disable-pip-version-check "investing-algorithm-framework==$VERSION"
cat > "$WORK/bot.py" <<'PY'
import os
import threading

from investing_algorithm_framework import (
    RESOURCE_DIRECTORY,
    OrderExecutor,
    PortfolioProvider,
    Position,
    TimeUnit,
    TradingStrategy,
    create_app,
)

runs = []


class Money(PortfolioProvider):
    def get_order(self, portfolio, order, market_credential):
        return None

    def get_position(self, portfolio, symbol, market_credential):
        if symbol == "EUR":
            return Position(symbol=symbol, amount=1000, cost=0, portfolio_id=portfolio.id)

    def supports_market(self, market):
        return market.lower() == "offline"


class NoOrders(OrderExecutor):
    def execute_order(self, portfolio, order, market_credential):
        return order

    def cancel_order(self, portfolio, order, market_credential):
        return order

    def supports_market(self, market):
        return market.lower() == "offline"


class Counting(TradingStrategy):
    time_unit = TimeUnit.SECOND
    interval = 1
    symbols = []
    trading_symbol = "EUR"

    def run_strategy(self, context, data):
        runs.append(1)


def give_up():
    print(f"run() went on for 20 s, {len(runs)} runs of the strategy", flush=True)
    os._exit(1)


threading.Timer(20, give_up).start()
app = create_app(config={RESOURCE_DIRECTORY: os.path.dirname(os.path.abspath(__file__))})
app.add_market(market="OFFLINE", trading_symbol="EUR", initial_balance=1000, api_key="a", secret_key="b")
app.add_portfolio_provider(Money)
app.add_order_executor(NoOrders)
app.add_strategy(Counting)
app.run()
print(f"run() returned after {len(runs)} run of the strategy", flush=True)
os._exit(0 if len(runs) == 1 else 1)
PY
"$WORK/venv/bin/python" "$WORK/bot.py" 2>/dev/null || { echo "changed: version $VERSION does not behave so here"; exit 1; }
