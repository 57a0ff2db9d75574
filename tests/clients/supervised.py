"""A bot's process: started with its robot's key, ended as a person ends it."""

import os
import signal
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from tests.clients.comparing import BotOrder
from tests.clients.environments import Environment
from tests.clients.stage import Robot

STOPS_WITHIN_S = 60


@dataclass
class Supervised(ABC):
    """One process at a time, in a folder of its own; ``robot`` is whose key it has.

    One that ``gives_up`` ends with the first call that fails: it is started again, as a service is.
    """

    gives_up: ClassVar[bool] = False
    name: str
    environment: Environment
    robot: Robot
    folder: Path
    popen: subprocess.Popen | None = field(default=None)

    def run(self, *command: str | Path) -> None:
        """Start a program of the environment."""
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                [self.environment.bin / command[0], *command[1:]], cwd=self.folder,
                env=kept | self.robot.env, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip

    @abstractmethod
    def start(self) -> None:
        """Start trading."""

    @abstractmethod
    def ask_to_stop(self) -> None:
        """Have it come to the end of what it does; an interrupted order is in nobody's books."""

    @abstractmethod
    def rounds(self) -> tuple[int, int]:
        """How many entries and how many exits were filled so far."""

    @abstractmethod
    def orders(self) -> list[BotOrder]:
        """What its database says of its orders."""

    def stop(self) -> None:
        """Let it finish what it does, then Ctrl-C."""
        if self.popen is None or self.has_ended:
            return
        self.ask_to_stop()
        self.popen.send_signal(signal.SIGINT)
        try:
            self.popen.wait(timeout=STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()

    @property
    def has_ended(self) -> bool:
        """Whether it gave up by itself."""
        return self.popen is not None and self.popen.poll() is not None

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.folder / "log"
