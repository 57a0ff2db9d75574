"""Servers of a test's own, that it may break: MariaDB, Redis, and a proxy before them."""

import asyncio
import contextlib
import shutil
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import redis

from tests.e2e.product import free_port

STARTS_WITHIN_S = 30


def wait_until_open(port: int) -> None:
    """Return once somebody listens there."""
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"nobody listens on {port} after {STARTS_WITHIN_S} s")


class Server:
    """A server process that a test may end as it likes."""

    _process: subprocess.Popen | None

    def stop(self) -> None:
        """As an operator would."""
        self._process.terminate()
        self._process.wait(timeout=60)

    def kill(self) -> None:
        """kill -9; harmless where it is dead already."""
        self._process.kill()
        self._process.wait()


@dataclass
class Redis(Server):
    """A Redis that keeps nothing on disk."""

    port: int = field(default_factory=free_port)
    _process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        """Without the number of a database."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> "Redis":
        command = [shutil.which("redis-server"), "--port", str(self.port), "--save", "",
                   "--appendonly", "no"]  # fmt: skip
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_until_open(self.port)
        return self

    def flush(self) -> None:
        """Forget everything: queues, announcements, counts."""
        redis.Redis.from_url(self.url).flushall()


@dataclass
class MariaDB(Server):
    """A MariaDB with a folder of its own; every commit is on disk before it is answered.

    Its socket is named from within its data: a longer path than 107 bytes cannot be one.
    """

    folder: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        """Without the name of a database."""
        return f"mysql://root@127.0.0.1:{self.port}"

    def start(self) -> "MariaDB":
        data = self.folder / "data"
        if not data.exists():
            command = ["mariadb-install-db", "--no-defaults", f"--datadir={data}",
                       "--auth-root-authentication-method=normal", "--skip-test-db"]  # fmt: skip
            subprocess.run(command, check=True, capture_output=True)
        command = [shutil.which("mariadbd") or "/usr/sbin/mariadbd", "--no-defaults",
                   f"--datadir={data}", f"--port={self.port}", "--bind-address=127.0.0.1",
                   "--socket=here", "--user=root",
                   "--innodb-buffer-pool-size=64M"]  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until_open(self.port)
        return self


class Proxy:
    """A TCP proxy before a server, which can stall and cut what goes through it."""

    def __init__(self, target_port: int) -> None:
        self.port = free_port()
        self._target_port = target_port
        self._passes = threading.Event()
        self._passes.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._run(self._listen())

    def stall(self) -> None:
        """Carry nothing more, and keep all connections open."""
        self._passes.clear()

    def cut(self) -> None:
        """Reset every connection."""
        self._run(self._cut())

    def flow(self) -> None:
        """Carry again."""
        self._passes.set()

    def close(self) -> None:
        """End it."""
        self.flow()
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)

    def _run(self, work) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _listen(self) -> None:
        await asyncio.start_server(self._meet, "127.0.0.1", self.port)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, there[1]}
        await asyncio.gather(self._carry(reader, there[1]), self._carry(there[0], writer))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                while not self._passes.is_set():
                    await asyncio.sleep(0.02)
                writer.write(data)
                await writer.drain()
        self._writers.discard(writer)
        writer.close()

    async def _end(self) -> None:
        await self._cut()
        carrying = asyncio.all_tasks() - {asyncio.current_task()}
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)

    async def _cut(self) -> None:
        for writer in tuple(self._writers):
            writer.transport.abort()
        self._writers.clear()


@dataclass
class SmallDisk:
    """A file system of a few megabytes that can be filled up; making one takes root."""

    folder: Path
    size: str = "48m"

    def mount(self) -> "SmallDisk":
        self.folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={self.size}", "tmpfs", str(self.folder)]
        subprocess.run(command, check=True)
        return self

    def fill(self) -> None:
        """Leave no room for a single byte."""
        with (self.folder / "filler").open("ab", buffering=0) as filler:
            for size in (65_536, 4096, 1):
                with contextlib.suppress(OSError):
                    while filler.write(b"0" * size) == size:
                        pass

    def free(self) -> None:
        (self.folder / "filler").unlink(missing_ok=True)

    def unmount(self) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], check=True)
