"""The processes of the benchmark: sidecar, simulated SAP, storefront, each a real one."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from socket import create_server, socket
from typing import Final

import httpx

from benchmarks.pipeline_places import Place
from frontdesk_sidecar.demo.ports import free_port
from frontdesk_sidecar.demo.stack import Process, StackError, examples_directory

POLL_S: Final = 0.1
_FRONTDESK: Final = (sys.executable, "-m", "frontdesk_sidecar")
_CONFIG: Final = """
[capture]
journal = "{journal}"
[sap]
base_url = "{sap}"
client_id = "frontdesk"
client_secret = "secret"
[store]
path = "{store}"
[http]
port = {port}
[forward]
concurrency = {concurrency}
retry_cap_s = {retry_cap_s}
rate = {rate}
batch_size = {batch_size}
batch_above = {batch_above}
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """The sidecar's metrics at one moment."""

    at: float
    samples: Mapping[str, float]

    def total(self, name: str, label: str = "") -> float:
        """The sum of a metric's samples, of those alone that have the label."""
        return sum(
            value
            for sample, value in self.samples.items()
            if sample.partition("{")[0] == name and label in sample
        )

    def customers(self, state: str) -> int:
        """How many customers are in a state."""
        return int(self.total("frontdesk_customers", f'state="{state}"'))


class Sidecar:
    """A running `frontdesk run`."""

    def __init__(self, process: Process, url: str, http: httpx.Client, local: httpx.Client) -> None:
        self.process = process
        self._url = url
        self._http = http
        self._local = local

    def read(self) -> Reading:
        """Its metrics now."""
        answer = self._http.get(f"{self._url}/metrics").raise_for_status()
        at = time.perf_counter()
        lines = (line for line in answer.text.splitlines() if not line.startswith("#"))
        samples = (line.rpartition(" ") for line in lines)
        return Reading(at, {name: float(value) for name, _, value in samples})

    def readings(self, within_s: float) -> Iterator[Reading]:
        """Its metrics again and again. Raises StackError when `within_s` have passed."""
        give_up = time.monotonic() + within_s
        while time.monotonic() < give_up:
            try:
                yield self.read()
            except httpx.HTTPError as error:
                raise StackError(f"the sidecar: {error!r}\n{self.process.tail()}") from error
            time.sleep(POLL_S)
        raise StackError(f"not done in {within_s:.0f} s\n{self.process.tail()}")

    def pause(self) -> None:
        """Send nothing, as `frontdesk pause` says it."""
        self._local.post("http://sidecar/admin/pause", json={}).raise_for_status()

    def resume(self) -> float:
        """Send again; the moment before it was said."""
        at = time.perf_counter()
        self._local.post("http://sidecar/admin/resume", json={}).raise_for_status()
        return at

    def absorbed(self, messages: int, within_s: float) -> Reading:
        """Wait until so many messages are in the store."""
        return next(
            reading
            for reading in self.readings(within_s)
            if reading.total("frontdesk_messages_total") >= messages
        )


@contextmanager
def sidecar(
    where: Place,
    sap: str,
    *,
    concurrency: int = 4,
    retry_cap_s: float = 300.0,
    rate: float = 100_000.0,
    batch_size: int = 1,
    batch_above: int = 20,
    core: int | None = None,
) -> Iterator[Sidecar]:
    """Start the sidecar and wait until it is ready; it sends as fast as it can, singly."""
    port = free_port()
    config = where.logs / "frontdesk.toml"
    config.write_text(
        _CONFIG.format(
            journal=where.journal,
            sap=sap,
            store=where.store,
            port=port,
            concurrency=concurrency,
            retry_cap_s=retry_cap_s,
            rate=rate,
            batch_size=batch_size,
            batch_above=batch_above,
        )
    )
    url = f"http://127.0.0.1:{port}"
    command = [*_FRONTDESK, "run", "--config", str(config)]
    with (
        _process(where, "sidecar", command, {}, f"{url}/livez", core) as process,
        httpx.Client(timeout=30, trust_env=False) as http,
        httpx.Client(transport=httpx.HTTPTransport(uds=f"{where.store}.sock")) as local,
    ):
        yield Sidecar(process, url, http, local)


@contextmanager
def simulator(where: Place, url: str, core: int | None = None) -> Iterator[Process]:
    """Start a simulated SAP that answers at once."""
    command = [*_FRONTDESK, "simulate", "--port", url.rpartition(":")[2]]
    with _process(where, "sap", command, {}, f"{url}/_sim/faults", core) as process:
        yield process


def requests_at(url: str) -> int:
    """How many requests the simulated SAP has had, those for tokens and its own included."""
    answer = httpx.get(f"{url}/_sim/requests", params={"limit": 1}, trust_env=False)
    return int(answer.raise_for_status().json()["total"])


@contextmanager
def shop(where: Place, app: str) -> Iterator[str]:
    """Start the example storefront under uvicorn, `app` in front of it; its address."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "uvicorn", app, "--app-dir", str(examples_directory())),
        *("--port", str(port), "--log-level", "warning", "--timeout-graceful-shutdown", "2"),
    ]
    env = {
        "FRONTDESK_APP": "shop.main:app",
        "FRONTDESK_JOURNAL": str(where.journal),
        "SHOP_DATABASE": str(where.logs / "shop.db"),
    }
    url = f"http://127.0.0.1:{port}"
    with _process(where, "shop", command, env, f"{url}/healthz"):
        yield url


@contextmanager
def silent_sap() -> Iterator[tuple[str, socket]]:
    """An address that takes connections and never answers, and its socket: close it to end that.

    The forwarder waits there and leaves the machine to what is measured.
    """
    with create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", listener


def unused_address() -> str:
    """An address where nobody listens."""
    return f"http://127.0.0.1:{free_port()}"


@contextmanager
def _process(
    where: Place,
    name: str,
    command: list[str],
    env: dict[str, str],
    url: str,
    core: int | None = None,
) -> Iterator[Process]:
    with _affinity(core):
        process = Process(name, command, where.logs / f"{name}.log", env)
    try:
        process.await_answer(url)
        yield process
    finally:
        process.stop()


@contextmanager
def _affinity(core: int | None) -> Iterator[None]:
    """What is started in the block stays on one core; whoever starts it does not."""
    before = os.sched_getaffinity(0)
    if core is not None:
        os.sched_setaffinity(0, {sorted(before)[core]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
