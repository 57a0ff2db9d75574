"""Those who flood: sockets with commands, and strangers with half of a request. Loopback only."""

import asyncio
import json
import multiprocessing
import resource
import socket
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import aiohttp

from tests.e2e.product import Json

HEAD = b"POST /oms/commands HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


@dataclass(frozen=True)
class Wave:
    """So many sockets of one key, each with so many commands, ``at_once`` of them under way."""

    base: str
    key: str
    command: Json
    sockets: int
    each: int
    at_once: int


@contextmanager
def flooding(wave: Wave):
    """The wave runs in a process of its own; its queue tells what came of it, and how often."""
    told: multiprocessing.Queue = multiprocessing.Queue()
    process = multiprocessing.Process(target=_flood, args=(wave, told), daemon=True)
    process.start()
    try:
        yield told
    finally:
        process.terminate()
        process.join()


def _flood(wave: Wave, told: multiprocessing.Queue) -> None:
    told.put(asyncio.run(_all_sockets(wave)))


async def _all_sockets(wave: Wave) -> Counter:
    found: Counter = Counter()
    async with aiohttp.ClientSession(headers={"x-api-key": wave.key}) as session:
        await asyncio.gather(*(_one_socket(session, wave, found) for _ in range(wave.sockets)))
    return found


async def _one_socket(session: aiohttp.ClientSession, wave: Wave, found: Counter) -> None:
    """Give every command until it was taken or refused for good."""
    left, under_way = wave.each, 0
    async with session.ws_connect(f"{wave.base}/ws", max_msg_size=0) as wire:
        while left or under_way:
            while left and under_way < wave.at_once:
                request = {"id": left, "action": "position/command", "payload": wave.command}
                await wire.send_json(request)
                left, under_way = left - 1, under_way + 1
            answer = json.loads(await wire.receive_str())
            if answer["type"] != "ws_response":
                continue
            under_way -= 1
            what = _what_came(answer)
            found[what] += 1
            if what == "rate_limited":
                left += 1
                await asyncio.sleep(0.2)


def _what_came(answer: Json) -> str:
    if "results" not in answer["payload"]:
        return answer["payload"]["code"]
    result = answer["payload"]["results"][0]
    return result["error"]["code"] if result["error"] else result["status"]


class Strangers:
    """Connections that send half of a header, or a byte of a body now and then."""

    def __init__(self, port: int, *, half_open: int, slow: int, key: str) -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self._port, self._half_open, self._slow = port, half_open, slow
        self._key = f"x-api-key: {key}\r\nContent-Length: 100000\r\n\r\n".encode()
        self._wires: list[tuple[socket.socket, bytes]] = []
        self.opened = 0

    def keep_coming(self, until: float) -> None:
        """Keep so many open until then (monotonic seconds); those that are closed are replaced."""
        while time.monotonic() < until:
            self._fill()
            alive = []
            for wire, trickle in self._wires:
                if _is_open(wire, trickle):
                    alive.append((wire, trickle))
                else:
                    wire.close()
            self._wires = alive
            time.sleep(0.5)
        for wire, _ in self._wires:
            wire.close()

    def _fill(self) -> None:
        slow = sum(1 for _, trickle in self._wires if trickle)
        kinds = [(HEAD + self._key, b" ")] * (self._slow - slow)
        kinds += [(HEAD, b"")] * (self._half_open - (len(self._wires) - slow))
        for said, trickle in kinds:
            with suppress(OSError):
                wire = socket.create_connection(("127.0.0.1", self._port), timeout=2)
                wire.sendall(said)
                wire.setblocking(False)
                self._wires.append((wire, trickle))
                self.opened += 1


def _is_open(wire: socket.socket, trickle: bytes) -> bool:
    try:
        if trickle:
            wire.send(trickle)
        return bool(wire.recv(4096))
    except BlockingIOError:
        return True
    except OSError:
        return False
