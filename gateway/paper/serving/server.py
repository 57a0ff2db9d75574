"""The venue on the network: one port for REST, streams and, when asked for, the control port."""

import asyncio
import logging
import signal
import sys
from contextlib import suppress

from aiohttp import web

from gateway.paper import options
from gateway.paper.calls import Route
from gateway.paper.limits import Limit, Limiter
from gateway.paper.linear.market import LinearMarket
from gateway.paper.market.prices import Replay, Source, Walk
from gateway.paper.options import Options
from gateway.paper.serving import control, mirror, rest, sockets
from gateway.paper.serving.idle import never_moved
from gateway.paper.spot.market import SpotMarket
from gateway.paper.venue import Venue

log = logging.getLogger("paper")


def main(argv: list[str] | None = None) -> int:
    """Run a venue with the options of a command line until SIGTERM or SIGINT."""
    return run(options.read(argv))


def run(chosen: Options) -> int:
    """Run a venue until SIGTERM or SIGINT; gives the exit code."""
    logging.basicConfig(
        stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    asyncio.run(serve(chosen))
    return 0


def open_venue(chosen: Options) -> Venue:
    """A venue with all its markets, ready to answer."""
    venue = Venue(chosen, _source(chosen))
    venue.add_routes(_closed_market("/dapi/v1"))
    venue.add_routes(never_moved())
    venue.add_market(SpotMarket(venue), spot_limiter(chosen))
    venue.add_market(LinearMarket(venue), linear_limiter(chosen))
    return venue


def spot_limiter(chosen: Options) -> Limiter:
    """Spot's limits, as chosen at the start."""
    return Limiter(
        (
            Limit("REQUEST_WEIGHT", "MINUTE", 1, chosen.weight_limit),
            Limit("ORDERS", "SECOND", 10, chosen.orders_10s),
            Limit("ORDERS", "DAY", 1, chosen.orders_1d),
            Limit("RAW_REQUESTS", "MINUTE", 5, chosen.raw_limit),
        )
    )


def linear_limiter(chosen: Options) -> Limiter:
    """USD-M's limits, as chosen at the start."""
    return Limiter(
        (
            Limit("REQUEST_WEIGHT", "MINUTE", 1, chosen.linear_weight_limit),
            Limit("ORDERS", "MINUTE", 1, chosen.linear_orders_1m),
            Limit("ORDERS", "SECOND", 10, chosen.linear_orders_10s),
        )
    )


async def serve(chosen: Options) -> None:
    """Answer on the chosen port until a signal says stop."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        if signal.getsignal(number) is signal.SIG_IGN:
            continue  # Whoever started us stops us in their own way.
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    venue = open_venue(chosen)
    control.read_logins(venue, chosen.logins)
    venue.step()
    runner = web.AppRunner(application(venue), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, chosen.host, chosen.port, reuse_address=True, backlog=1024)
    await site.start()
    port = runner.addresses[0][1]
    log.info("paper venue on http://%s:%d, step %d", chosen.host, port, venue.prices.step)
    steps = asyncio.create_task(_step(venue))
    await stop.wait()
    steps.cancel()
    with suppress(asyncio.CancelledError):
        await steps
    venue.hub.close()
    await runner.cleanup()
    venue.close()
    log.info("paper venue stopped at step %d", venue.prices.step)


def application(venue: Venue) -> web.Application:
    """Everything the port answers."""
    app = web.Application(client_max_size=4 * 2**20)
    control.add_routes(app, venue)
    sockets.add_routes(app, venue)
    rest.add_routes(app, venue)
    return app


async def _step(venue: Venue) -> None:
    """Move the prices, step by step. A step that fails is logged and changes nothing."""
    if not venue.options.tick_ms:
        return
    while True:
        await asyncio.sleep(venue.options.tick_ms / 1000)
        if venue.options.mirror:
            await mirror.follow(venue)
        try:
            venue.step()
        except Exception:
            log.exception("a price step failed")


def _source(chosen: Options) -> Source:
    if chosen.prices is not None:
        return Replay(chosen.prices)
    if chosen.mirror is not None:
        return mirror.Mirrored()
    return Walk(chosen.seed, chosen.volatility)


def _closed_market(base: str) -> list[Route]:
    """What a market without symbols answers to clients that load all markets."""

    def exchange_info(call) -> dict:
        return {
            "timezone": "UTC",
            "serverTime": call.now_ms,
            "rateLimits": [],
            "exchangeFilters": [],
            "assets": [],
            "symbols": [],
        }

    return [
        Route("GET", f"{base}/exchangeInfo", exchange_info),
        Route("GET", f"{base}/ping", lambda call: {}),
        Route("GET", f"{base}/time", lambda call: {"serverTime": call.now_ms}),
    ]
