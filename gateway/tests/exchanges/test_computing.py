"""Does what ccxt computes with reach it as a number, and everything else as text?"""

import ast
import asyncio
import inspect
from collections.abc import Iterator
from pathlib import Path

import ccxt.pro
import pytest

from gateway.exchanges.computing import COMPUTES
from gateway.sessions.wire import wired

READERS = {"safe_number", "safe_number_2", "safe_number_n", "parse_number"}
# They ask whether a number is one of several, or have floats already.
HARMLESS = {"un_watch_order_book_for_symbols", "handle_ohlcv"}
SNAPSHOTS = ("aster", "binance", "binanceusdm", "bingx", "cryptocom", "gate", "woo", "xt")


def computing(function: ast.AST) -> bool:
    """Whether it orders, adds or negates what it has parsed."""
    parsed = {
        target.id
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and _is_read(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    def is_number(node: ast.AST) -> bool:
        return _is_read(node) or (isinstance(node, ast.Name) and node.id in parsed)

    return any(map(is_number, _operands(function)))


def _is_read(node: ast.AST) -> bool:
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return is_call and node.func.attr in READERS


def _operands(function: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(function):
        match node:
            case ast.Compare(ops=[ast.Lt() | ast.Gt() | ast.LtE() | ast.GtE()]):
                yield from (node.left, *node.comparators)
            case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div()):
                yield from (node.left, node.right)
            case ast.UnaryOp(op=ast.USub()):
                yield node.operand


def test_every_method_of_the_streams_that_computes_is_known():
    found = {
        (path.stem, one.name)
        for path in Path(inspect.getfile(ccxt.pro)).parent.glob("*.py")
        for one in ast.walk(ast.parse(path.read_text()))
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and computing(one)
    }
    known = {
        (exchange, name)
        for exchange, name in found
        if name in (*COMPUTES[""], *COMPUTES.get(exchange, ())) or name in HARMLESS
    }

    assert found - known == set()
    assert ("binance", "load_positions_snapshot") in found


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_every_class_reads_its_snapshot_of_positions(name):
    """What begins when an account with open positions begins to stream."""

    class Client:
        futures: tuple[str, ...] = ()  # Nobody waits for it here.

    async def read() -> tuple[list[str], object]:
        exchange = wired(getattr(ccxt.pro, name))()
        exchange.positions = {"swap": None}

        async def fetch_positions(*_: object, **__: object) -> list[dict]:
            return [{"symbol": each, "side": "long", "contracts": exchange.parse_number(qty)}
                    for each, qty in (("A", "0.5"), ("B", "0.0"))]  # fmt: skip

        exchange.fetch_positions = fetch_positions
        given = {"client": Client(), "messageHash": "x", "type": "swap", "isPortfolioMargin": False}
        words = inspect.signature(exchange.load_positions_snapshot).parameters
        await exchange.load_positions_snapshot(*(given.get(word) for word in words))
        kept, text = exchange.positions, exchange.parse_number("0.10")
        await exchange.close()
        return [row["symbol"] for row in (kept["swap"] if isinstance(kept, dict) else kept)], text

    held, text = asyncio.run(read())

    assert "A" in held
    assert (text, type(text)) == ("0.10", str)
