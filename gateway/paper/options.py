"""Start-up options of the paper venue."""

import argparse
import os
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """Everything that can be chosen at the start. Limits are Binance's own by default."""

    host: str = "127.0.0.1"
    port: int = 8600
    data: Path = Path("paper-data")
    seed: int = 1
    tick_ms: int = 1000
    volatility: Decimal = Decimal(3)
    flow: bool = True
    candle_speed: int = 1
    prices: Path | None = None
    mirror: str | None = None
    logins: Path | None = None
    control_token: str | None = None
    weight_limit: int = 6000
    orders_10s: int = 100
    orders_1d: int = 200_000
    raw_limit: int = 61_000
    max_open_orders: int = 200
    linear_weight_limit: int = 2400
    linear_orders_10s: int = 300
    linear_orders_1m: int = 1200
    funding_s: int = 28_800


HELP = {
    "host": "address to listen on",
    "port": "port to listen on; 0 takes a free one and prints it",
    "data": "folder of venue.sqlite3, which holds the whole state",
    "seed": "same seed, same prices by step",
    "tick_ms": "milliseconds between two price steps; 0 stands still",
    "volatility": "basis points a price may move per step, about",
    "candle_speed": "candles follow each other so many times as fast, until they have caught up",
    "prices": "CSV file (columns symbol, price) to replay instead of the random walk",
    "mirror": "follow the prices of another venue: the base URL of its Binance spot API",
    "logins": "JSON file with a list of logins, as POST /paper/logins takes them",
    "control_token": "opens /paper/ to requests with this X-Paper-Token",
    "weight_limit": "spot request weight per minute and address",
    "orders_10s": "spot orders per ten seconds and login",
    "orders_1d": "spot orders per day and login",
    "raw_limit": "requests per five minutes and address",
    "max_open_orders": "open orders per symbol and login (filter MAX_NUM_ORDERS)",
    "linear_weight_limit": "USD-M request weight per minute and address",
    "linear_orders_10s": "USD-M orders per ten seconds and login",
    "linear_orders_1m": "USD-M orders per minute and login",
    "funding_s": "seconds between two funding payments",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add one ``--name`` per option."""
    for option in fields(Options):
        name = "--" + option.name.replace("_", "-")
        if option.type is bool:
            parser.add_argument(
                name, action=argparse.BooleanOptionalAction, default=option.default,
                help="trades of the rest of the world at every step",
            )  # fmt: skip
            continue
        kind = option.type if option.type in (int, Path, Decimal) else str
        if option.name in ("prices", "logins"):
            kind = Path
        parser.add_argument(name, type=kind, default=option.default, help=HELP[option.name])


def read(argv: list[str] | None = None) -> Options:
    """Options from the command line; the control token may also be in PAPER_CONTROL_TOKEN."""
    parser = argparse.ArgumentParser(prog="gateway.paper", description=__doc__)
    add_arguments(parser)
    return from_namespace(parser.parse_args(argv))


def from_namespace(given: argparse.Namespace) -> Options:
    """Options from parsed arguments, with or without others among them."""
    values = {option.name: getattr(given, option.name) for option in fields(Options)}
    values["control_token"] = values["control_token"] or os.environ.get("PAPER_CONTROL_TOKEN")
    return Options(**values)
