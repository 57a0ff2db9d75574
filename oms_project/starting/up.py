"""Start everything in the foreground: ``make run``.

Prepares the data folder, then runs the paper venue and the OMS side by side with readable logs,
starts a part again when it dies, and ends all of it on Ctrl-C. Standard library only, so that it
costs next to nothing beside what it watches.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from oms_project.starting.welcome import HOST, guide_when_ready, say

BASE_DIR = Path(__file__).resolve().parents[2]
PAPER = ("binance", "binanceusdm")  # ccxt ids that lead to the paper venue
PORT_PATIENCE_S = 15
STOP_PATIENCE_S = 20
RESTART_PAUSE_S = 1.0
_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class Part:
    """One process, and how it is started."""

    name: str
    command: list[str]
    process: subprocess.Popen | None = field(default=None)

    def start(self) -> None:
        """Start it in our process group; it ends when we do, however that happens."""
        self.process = subprocess.Popen(
            self.command,
            cwd=BASE_DIR,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=_as_part(os.getpid()),  # noqa: PLW1509 (one thread starts processes)
        )
        threading.Thread(target=_copy_lines, args=(self.name, self.process), daemon=True).start()

    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.process is not None and self.process.poll() is None


class Stopped(Exception):
    """Someone asked for the end."""


def main() -> int:
    """Run until Ctrl-C; returns the exit status."""
    end_with_make = _end_with_parent(os.getppid())
    end_with_make()
    os.umask(0o077)  # The database and the keys are for nobody else to read.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    data_dir = Path(os.environ.get("OMS_DATA_DIR") or BASE_DIR / "var").resolve()
    port = _port("OMS_PORT", 8000)
    paper_port = _port("OMS_PAPER_PORT", 8600)
    parts: list[Part] = []
    try:
        with _only_one(data_dir):
            _wait_for_port(port, "OMS_PORT")
            _wait_for_port(paper_port, "OMS_PAPER_PORT")
            _point_at_the_paper_venue(data_dir, port, paper_port)
            known = _secrets(data_dir)
            subprocess.run([sys.executable, "manage.py", "quickstart"], cwd=BASE_DIR, check=True)
            parts += _parts(data_dir, paper_port)
            _run(parts, port, data_dir, are_new=_secrets(data_dir) != known)
    except Stopped:
        say("stopping")
    except subprocess.CalledProcessError as failure:
        say(f"preparing failed with status {failure.returncode}; the lines above say why")
        return 1
    finally:
        _end(parts)
    say("stopped")
    return 0


def _parts(data_dir: Path, paper_port: int) -> list[Part]:
    venue = [sys.executable, "-u", "-m", "gateway.paper", "--host", HOST]
    venue += ["--port", str(paper_port), "--data", str(data_dir / "paper")]
    venue += ["--logins", str(data_dir / "paper" / "logins.json")]
    return [
        Part("venue", venue),
        Part("oms", [sys.executable, "-u", "manage.py", "serve"]),
    ]


def _run(parts: list[Part], port: int, data_dir: Path, *, are_new: bool) -> None:
    for part in parts:
        part.start()
    threading.Thread(target=guide_when_ready, args=(port, data_dir, are_new), daemon=True).start()
    while True:
        time.sleep(0.2)
        for part in parts:
            if not part.is_running():
                say(f"{part.name} ended with status {part.process.returncode}; starting it again")
                time.sleep(RESTART_PAUSE_S)
                part.start()


def _end(parts: list[Part]) -> None:
    """Ask the parts to finish, the last started first, and insist after a while."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for part in reversed(parts):
        if part.is_running():
            part.process.terminate()
        try:
            if part.process is not None:
                part.process.wait(STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            say(f"{part.name} does not end by itself; killing it")
            part.process.kill()
            part.process.wait()


def _point_at_the_paper_venue(data_dir: Path, port: int, paper_port: int) -> None:
    """Write the settings that every later ``manage.py`` command reads as well."""
    url = f"http://{HOST}:{paper_port}"
    chosen = {
        "OMS_PORT": str(port),
        "OMS_PAPER_PORT": str(paper_port),
        "OMS_EXCHANGE_URLS": json.dumps(dict.fromkeys(PAPER, url)),
        "OMS_RECV_WINDOW_MS": json.dumps(dict.fromkeys(PAPER, 2000) | {"default": 5000}),
        "OMS_NOT_FOUND_WINDOW_S": json.dumps(dict.fromkeys(PAPER, 5) | {"default": 600}),
    }
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = data_dir / "oms.env.new"
    draft.write_text("".join(f"{name}='{value}'\n" for name, value in chosen.items()))
    draft.replace(data_dir / "oms.env")
    os.environ["OMS_DATA_DIR"] = str(data_dir)


def _secrets(data_dir: Path) -> tuple[str, str] | None:
    """The key and the password of the quick start, ``None`` where there are none yet."""
    try:
        facts = json.loads((data_dir / "quickstart.json").read_text())
        return facts["api_key"], facts["admin"]["password"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextlib.contextmanager
def _only_one(data_dir: Path):
    """Two runs on one data folder would be two writers; the lock ends with its process."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data_dir / "run.lock").open("w") as file:
        deadline = time.monotonic() + PORT_PATIENCE_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise SystemExit(
                        f"make run: {data_dir} is in use by another run; stop that one, "
                        "or choose another folder with OMS_DATA_DIR"
                    ) from None
                time.sleep(0.2)
        yield


def _wait_for_port(port: int, variable: str) -> None:
    """A part that was killed a moment ago may still hold its port."""
    deadline = time.monotonic() + PORT_PATIENCE_S
    while not _is_free(port):
        if time.monotonic() > deadline:
            raise SystemExit(
                f"make run: port {port} is in use by another program; "
                f"choose another with {variable}=…"
            )
        time.sleep(0.2)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _port(variable: str, default: int) -> int:
    text = os.environ.get(variable) or str(default)
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise SystemExit(f"make run: {variable} is {text!r}; it must be a port from 1 to 65535")
    return int(text)


def _copy_lines(name: str, process: subprocess.Popen) -> None:
    for line in process.stdout:
        print(f"{name:<8} | {line.decode(errors='replace').rstrip()}", flush=True)


def _as_part(parent: int) -> Callable[[], None]:
    """Leave Ctrl-C, which reaches the whole group, to us: parts are stopped one after the other.

    The OMS goes first, so that the venue still answers what is on the wire.
    """
    end_with_parent = _end_with_parent(parent)

    def arrange() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        end_with_parent()

    return arrange


def _end_with_parent(parent: int) -> Callable[[], None]:
    """Have the kernel end this process when its parent is gone, even by kill -9 (Linux only)."""

    def arrange() -> None:
        if sys.platform != "linux":
            return
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # It ended before we could ask.
            os.kill(os.getpid(), signal.SIGTERM)

    return arrange


def _stop(_number: int, _frame) -> None:
    raise Stopped


if __name__ == "__main__":
    sys.exit(main())
