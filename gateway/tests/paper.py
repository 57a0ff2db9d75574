"""A paper venue in a process of its own, and its control port."""

import json
import subprocess
import sys
import urllib.request
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "control"


class Paper:
    """The venue's process and its control port."""

    def __init__(self, data: Path, *options: str) -> None:
        command = [sys.executable, "-m", "gateway.paper", "--data", str(data), "--port", "0",
                   "--control-token", TOKEN, "--volatility", "0", "--no-flow",
                   "--weight-limit", "1000000", "--orders-10s", "100000",
                   "--linear-weight-limit", "1000000", "--linear-orders-10s", "100000",
                   "--linear-orders-1m", "100000", *options]  # fmt: skip
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        line = next(line for line in self.process.stdout if "paper venue on" in line)
        self.url = "http://" + line.split("http://")[1].split(",")[0]

    def control(self, method: str, path: str, **body) -> object:
        """One call of the control port."""
        request = urllib.request.Request(
            f"{self.url}/paper/{path}",
            json.dumps(body).encode(),
            {"X-Paper-Token": TOKEN, "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def posts(self, key: str) -> Counter:
        """How often each client order id of a login was posted."""
        rows = self.control("GET", "requests")["orders"]
        return Counter({row["client_id"]: row["count"] for row in rows if row["login"] == key})

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()
