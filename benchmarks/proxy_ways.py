"""The ways to the shop that `benchmarks.proxy` measures: direct, nginx, and the proxy twice."""

from __future__ import annotations

import contextlib
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.measure import cpu_ns
from benchmarks.processes import end
from frontdesk_sidecar.demo.ports import free_port

NGINX: Final = """
daemon off; worker_processes 1; pid nginx.pid; error_log error.log;
events {{ worker_connections 4096; }}
http {{ access_log off; client_max_body_size 0; proxy_request_buffering off;
client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f;
uwsgi_temp_path u; scgi_temp_path s; upstream shop {{ server 127.0.0.1:{shop}; keepalive 64; }}
server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://shop; proxy_http_version 1.1;
proxy_set_header Connection ""; proxy_set_header Host $http_host;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_buffering off; }} }} }}
"""


@dataclass
class Way:
    """A way to the shop; the processes that are on it, but for the shop itself."""

    name: str
    port: int
    pid: int | None = None
    figures: dict[str, list[float]] = field(default_factory=dict)

    def note(self, name: str, value: float) -> None:
        """One round's figure."""
        self.figures.setdefault(name, []).append(value)

    def median(self, name: str) -> float:
        """Over the rounds."""
        return statistics.median(self.figures[name])

    def _pids(self) -> list[int]:
        return [self.pid, *_children(self.pid)] if self.pid else []

    def cpu_us(self) -> float:
        """The processor time that was used, of the process and its children."""
        return sum(map(cpu_ns, self._pids())) / 1e3

    def memory_mb(self, key: str = "VmRSS") -> float:
        """Of the process and its children."""
        texts = [Path(f"/proc/{pid}/status").read_text() for pid in self._pids()]
        return sum(int(re.findall(rf"{key}:\s+(\d+)", text)[0]) for text in texts) / 1024


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(one) for one in text.split()]


@contextlib.contextmanager
def _running(core: int, command: Sequence[str], port: int, place: Path) -> Iterator[int]:
    with (place / "log").open("ab") as log:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command], stdout=log, stderr=log, cwd=place
        )
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        else:
            raise SystemExit(f"{command[0]} does not listen: {(place / 'log').read_text()}")
        yield process.pid
    finally:
        process.terminate()
        end(process)


@contextlib.contextmanager
def open_ways(place: Path) -> Iterator[list[Way]]:
    """Everything running; ended with the block."""
    shop, nginx, ours, plain = (free_port() for _ in range(4))
    (place / "journal").mkdir()
    (place / "nginx.conf").write_text(NGINX.format(shop=shop, port=nginx))
    (place / "capture.toml").write_text(f'[capture]\njournal = "{place}/journal"\n')
    (place / "plain.toml").write_text(f'[capture]\njournal = "{place}/journal"\npresets = []\n')
    root = Path(__file__).parents[1]
    upstream = [sys.executable, "-m", "uvicorn", "--app-dir", str(root), "--port", str(shop)]
    upstream += ["--log-level", "error", "--no-access-log", "benchmarks.proxy_upstream:app"]

    def proxy(port: int, config: str) -> list[str]:
        where = ["--upstream", f"http://127.0.0.1:{shop}", "--listen", f"127.0.0.1:{port}"]
        module = [sys.executable, "-m", "frontdesk_sidecar"]
        return [*module, "proxy", *where, "--config", str(place / config)]

    with contextlib.ExitStack() as stack:
        stack.enter_context(_running(1, upstream, shop, place))
        found = [Way("direct", shop)]
        for name, port, command in (
            ("nginx", nginx, ["nginx", "-p", str(place), "-e", "error.log", "-c", "nginx.conf"]),
            ("frontdesk proxy", ours, proxy(ours, "capture.toml")),
            ("frontdesk proxy, no rules", plain, proxy(plain, "plain.toml")),
        ):
            pid = stack.enter_context(_running(0, command, port, place))
            found.append(Way(name, port, pid))
        yield found
