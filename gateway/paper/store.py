"""The venue's memory: one SQLite file that survives ``kill -9``.

Every change belongs to a transaction that is committed before the answer leaves. Open orders and
balances are also kept in memory and are read from here at the start; orders that are over, trades
and the journal live only here. WAL with ``synchronous=NORMAL`` loses nothing when the process dies
(only when the machine does).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import orjson

from gateway.paper.matching.orders import Order, Trade, order_from_row, to_row, trade_from_row

SCHEMA = """
CREATE TABLE IF NOT EXISTS document (
    kind TEXT, key TEXT, body BLOB NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (
    name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS balance (
    login TEXT, wallet TEXT, asset TEXT, free TEXT NOT NULL, locked TEXT NOT NULL,
    PRIMARY KEY (login, wallet, asset)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS orders (
    market TEXT, symbol TEXT, order_id INTEGER, login TEXT NOT NULL, client_id TEXT NOT NULL,
    open INTEGER NOT NULL, created_ms INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (market, symbol, order_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS orders_open ON orders (market) WHERE open = 1;
CREATE INDEX IF NOT EXISTS orders_client ON orders (market, login, symbol, client_id);
CREATE TABLE IF NOT EXISTS trade (
    market TEXT, symbol TEXT, trade_id INTEGER, order_id INTEGER, login TEXT NOT NULL,
    time_ms INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (market, symbol, trade_id, order_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS trade_login ON trade (market, login, symbol, trade_id);
CREATE INDEX IF NOT EXISTS trade_order ON trade (market, symbol, order_id);
CREATE TABLE IF NOT EXISTS journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, login TEXT NOT NULL,
    market TEXT NOT NULL, time_ms INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS post (
    login TEXT, market TEXT, client_id TEXT, sent INTEGER NOT NULL,
    PRIMARY KEY (login, market, client_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS turned_away_post (
    client_id TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS income (
    id INTEGER PRIMARY KEY AUTOINCREMENT, login TEXT NOT NULL, symbol TEXT NOT NULL,
    kind TEXT NOT NULL, amount TEXT NOT NULL, time_ms INTEGER NOT NULL, trade_id INTEGER);
CREATE INDEX IF NOT EXISTS income_login ON income (login, time_ms);
CREATE TABLE IF NOT EXISTS candle (
    symbol TEXT, minute_ms INTEGER, body BLOB NOT NULL,
    PRIMARY KEY (symbol, minute_ms)) WITHOUT ROWID;
"""


class Store:
    """Reads and writes rows; knows nothing of what they mean."""

    def __init__(self, path: Path | str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(SCHEMA)
        self._counters = dict(self._db.execute("SELECT name, value FROM counter"))
        self._moved: set[str] = set()

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; on an error every counter is back where it was, too."""
        self._db.execute("BEGIN IMMEDIATE")
        counters = self._counters.copy()
        try:
            yield
            self._write_counters()
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            self._moved.clear()
            self._counters = counters
            raise

    @property
    def changes(self) -> int:
        """A number that grows with every row written."""
        return self._db.total_changes + len(self._moved)

    def next_id(self, name: str) -> int:
        """The next number of a named sequence, from 1; a number is never given twice."""
        value = self._counters.get(name, 0) + 1
        self._counters[name] = value
        self._moved.add(name)
        return value

    # Documents: small JSON states of one kind, such as logins, listen keys or settings.

    def put_document(self, kind: str, key: str, body: dict) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO document VALUES (?, ?, ?)", (kind, key, orjson.dumps(body))
        )

    def drop_document(self, kind: str, key: str) -> None:
        self._db.execute("DELETE FROM document WHERE kind = ? AND key = ?", (kind, key))

    def document(self, kind: str, key: str) -> dict | None:
        row = self._db.execute(
            "SELECT body FROM document WHERE kind = ? AND key = ?", (kind, key)
        ).fetchone()
        return orjson.loads(row[0]) if row else None

    def documents(self, kind: str) -> dict[str, dict]:
        rows = self._db.execute("SELECT key, body FROM document WHERE kind = ?", (kind,))
        return {key: orjson.loads(body) for key, body in rows}

    # Balances.

    def put_balance(
        self, login: str, wallet: str, asset: str, free: Decimal, locked: Decimal
    ) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO balance VALUES (?, ?, ?, ?, ?)",
            (login, wallet, asset, str(free), str(locked)),
        )

    def balances(self) -> Iterator[tuple[str, str, str, Decimal, Decimal]]:
        """(login, wallet, asset, free, locked) of all."""
        for login, wallet, asset, free, locked in self._db.execute("SELECT * FROM balance"):
            yield login, wallet, asset, Decimal(free), Decimal(locked)

    # Orders and trades.

    def put_order(self, order: Order) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                order.market,
                order.symbol,
                order.order_id,
                order.login,
                order.client_id,
                order.open,
                order.created_ms,
                orjson.dumps(to_row(order)),
            ),
        )

    def open_orders(self, market: str) -> Iterator[Order]:
        """Open orders in the order in which they were accepted."""
        rows = self._db.execute(
            "SELECT body FROM orders WHERE market = ? AND open = 1 ORDER BY created_ms, order_id",
            (market,),
        )
        return (order_from_row(orjson.loads(body)) for (body,) in rows)

    def orders(
        self,
        market: str,
        login: str,
        symbol: str | None = None,
        *,
        order_id: int | None = None,
        client_id: str | None = None,
        from_id: int | None = None,
        from_ms: int | None = None,
        to_ms: int | None = None,
        limit: int = 500,
    ) -> list[Order]:
        """A login's orders, oldest first; without a lower bound the newest ``limit`` of them."""
        where = {
            "market = ?": market,
            "login = ?": login,
            "symbol = ?": symbol,
            "order_id = ?": order_id,
            "client_id = ?": client_id,
            "order_id >= ?": from_id,
            "created_ms >= ?": from_ms,
            "created_ms <= ?": to_ms,
        }
        forward = from_id is not None or from_ms is not None
        bodies = self._page("orders", where, "order_id", forward=forward, limit=limit)
        return [order_from_row(body) for body in bodies]

    def put_trade(self, trade: Trade) -> None:
        self._db.execute(
            "INSERT INTO trade VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                trade.market,
                trade.symbol,
                trade.trade_id,
                trade.order_id,
                trade.login,
                trade.time_ms,
                orjson.dumps(to_row(trade)),
            ),
        )

    def trades(
        self,
        market: str,
        login: str,
        symbol: str | None = None,
        *,
        order_id: int | None = None,
        from_id: int | None = None,
        from_ms: int | None = None,
        to_ms: int | None = None,
        limit: int = 500,
    ) -> list[Trade]:
        """A login's trades, oldest first; without a lower bound the newest ``limit`` of them."""
        where = {
            "market = ?": market,
            "login = ?": login,
            "symbol = ?": symbol,
            "order_id = ?": order_id,
            "trade_id >= ?": from_id,
            "time_ms >= ?": from_ms,
            "time_ms <= ?": to_ms,
        }
        forward = from_id is not None or from_ms is not None
        bodies = self._page("trade", where, "trade_id", forward=forward, limit=limit)
        return [trade_from_row(body) for body in bodies]

    # Income: why a futures wallet changed.

    def put_income(
        self,
        login: str,
        symbol: str,
        kind: str,
        amount: Decimal,
        time_ms: int,
        *,
        trade_id: int | None = None,
    ) -> None:
        self._db.execute(
            "INSERT INTO income (login, symbol, kind, amount, time_ms, trade_id)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (login, symbol, kind, str(amount), time_ms, trade_id),
        )

    def income(
        self,
        login: str,
        *,
        symbol: str | None,
        kind: str | None,
        from_ms: int | None,
        to_ms: int | None,
        limit: int,
    ) -> list[tuple[int, str, str, str, int, int | None]]:
        """(id, symbol, kind, amount, time, trade id), oldest first; without a lower bound the
        newest ``limit`` of them."""
        order = "DESC" if from_ms is None else "ASC"
        rows = self._db.execute(
            "SELECT id, symbol, kind, amount, time_ms, trade_id FROM income WHERE login = ?1"
            " AND (?2 IS NULL OR symbol = ?2) AND (?3 IS NULL OR kind = ?3)"
            " AND (?4 IS NULL OR time_ms >= ?4) AND (?5 IS NULL OR time_ms <= ?5)"
            f" ORDER BY id {order} LIMIT ?6",
            (login, symbol, kind, from_ms, to_ms, limit),
        ).fetchall()
        return rows if order == "ASC" else rows[::-1]

    # The journal: what was accepted and what came of it, never changed afterwards.

    def journal(self, event: str, login: str, market: str, time_ms: int, body: dict) -> None:
        self._db.execute(
            "INSERT INTO journal (event, login, market, time_ms, body) VALUES (?, ?, ?, ?, ?)",
            (event, login, market, time_ms, orjson.dumps(body)),
        )

    def journal_rows(self, *, after: int, login: str | None, limit: int) -> list[dict]:
        """Journal rows with a number above ``after``, oldest first."""
        rows = self._db.execute(
            "SELECT seq, event, login, market, time_ms, body FROM journal"
            " WHERE seq > ? AND (? IS NULL OR login = ?) ORDER BY seq LIMIT ?",
            (after, login, login, limit),
        )
        return [
            {
                **orjson.loads(body),
                "seq": seq,
                "event": event,
                "login": owner,
                "market": market,
                "journalled_ms": time_ms,
            }
            for seq, event, owner, market, time_ms, body in rows
        ]

    def count_post(self, login: str, market: str, client_id: str) -> None:
        """Note that an order with this client order id arrived, whatever becomes of it."""
        self._db.execute(
            "INSERT INTO post VALUES (?, ?, ?, 1)"
            " ON CONFLICT (login, market, client_id) DO UPDATE SET sent = sent + 1",
            (login, market, client_id),
        )

    def posts(self) -> list[tuple[str, str, str, int]]:
        """(login, market, client order id, how often it arrived) of all."""
        return self._db.execute("SELECT * FROM post").fetchall()

    def count_turned_away(self, client_id: str) -> None:
        """Note that one of them was not looked at, too late or above a limit: none was placed."""
        self._db.execute(
            "INSERT INTO turned_away_post VALUES (?, 1)"
            " ON CONFLICT (client_id) DO UPDATE SET count = count + 1",
            (client_id,),
        )

    def turned_away_posts(self) -> dict[str, int]:
        """How often each client order id was turned away, where it was."""
        return dict(self._db.execute("SELECT client_id, count FROM turned_away_post").fetchall())

    # Candles of one minute.

    def put_candle(self, symbol: str, minute_ms: int, body: list[str]) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO candle VALUES (?, ?, ?)",
            (symbol, minute_ms, orjson.dumps(body)),
        )

    def candles(self) -> Iterator[tuple[str, int, list[str]]]:
        """(symbol, minute, body) of all, oldest first."""
        rows = self._db.execute("SELECT symbol, minute_ms, body FROM candle ORDER BY minute_ms")
        return ((symbol, minute_ms, orjson.loads(body)) for symbol, minute_ms, body in rows)

    def _page(
        self, table: str, where: dict, order_by: str, *, forward: bool, limit: int
    ) -> list[dict]:
        given = {text: value for text, value in where.items() if value is not None}
        rows = self._db.execute(
            f"SELECT body FROM {table} WHERE {' AND '.join(given)}"
            f" ORDER BY {order_by} {'ASC' if forward else 'DESC'} LIMIT ?",
            (*given.values(), limit),
        ).fetchall()
        bodies = [orjson.loads(body) for (body,) in rows]
        return bodies if forward else bodies[::-1]

    def _write_counters(self) -> None:
        for name in self._moved:
            self._db.execute(
                "INSERT OR REPLACE INTO counter VALUES (?, ?)", (name, self._counters[name])
            )
        self._moved.clear()
