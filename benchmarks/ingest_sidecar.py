"""The sidecar whose Segment door is measured."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

from benchmarks.measure import cpu_ns
from frontdesk_sidecar.demo.ports import free_port
from frontdesk_sidecar.demo.stack import Process

KEY: Final = "benchmark-write-key"
_CONFIG: Final = """
[capture]
journal = "{place}/journal"
[sap]
base_url = "http://127.0.0.1:{sap}"
client_id = "frontdesk"
client_secret = "secret"
[store]
path = "{place}/frontdesk.db"
[http]
port = {port}
[log]
level = "error"
[ingest]
write_key = "{key}"
"""


class Door:
    """A running sidecar, and what it has used."""

    def __init__(self, process: Process, port: int) -> None:
        self.port = port
        self._process = process

    def commits(self) -> float:
        """How many there were."""
        url = f"http://127.0.0.1:{self.port}/metrics"
        for line in httpx.get(url, trust_env=False, timeout=60).text.splitlines():
            if line.startswith("frontdesk_commit_seconds_count "):
                return float(line.rpartition(" ")[2])
        return 0.0

    def cpu_us(self) -> float:
        """Processor time so far."""
        return cpu_ns(self._process.pid) / 1e3

    def peak_mb(self) -> float:
        """Most memory it ever had."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@contextmanager
def door(store: Path) -> Iterator[Door]:
    """Start `frontdesk run` with a new store below a directory; it has no SAP."""
    place = Path(tempfile.mkdtemp(prefix="frontdesk-bench-", dir=store))
    port = free_port()
    config = place / "frontdesk.toml"
    config.write_text(_CONFIG.format(place=place, sap=free_port(), port=port, key=KEY))
    command = [sys.executable, "-m", "frontdesk_sidecar", "run", "--config", str(config)]
    process = Process("sidecar", command, place / "sidecar.log", {})
    try:
        process.await_answer(f"http://127.0.0.1:{port}/readyz")
        yield Door(process, port)
    finally:
        process.stop()
        shutil.rmtree(place, ignore_errors=True)
