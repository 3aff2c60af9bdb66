"""A sidecar beside the shop, and the simulated SAP that it sends to."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final

import httpx

from benchmarks.processes import end
from frontdesk_sidecar.demo.ports import free_port

_START_S: Final = 15.0
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
"""


class NotAvailable(Exception):  # noqa: N818 - says what is the case
    """The sidecar or the simulator could not be started; the text says why."""


@contextmanager
def start_sidecar(journal: Path, latency_s: float = 0.0) -> Iterator[None]:
    """A sidecar that reads `journal`, with a SAP that takes `latency_s` for each answer.

    Raises NotAvailable when it does not come up.
    """
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="frontdesk-bench-")))
        log = stack.enter_context((place / "log").open("w+"))
        sap = f"http://127.0.0.1:{free_port()}"
        port = free_port()
        stack.enter_context(_process(log, "simulate", "--port", sap.rpartition(":")[2]))
        _wait(f"{sap}/_sim/faults", log)
        if latency_s:
            fault = {"kind": "latency", "seconds": latency_s}
            httpx.post(f"{sap}/_sim/faults", json={"faults": [fault]}).raise_for_status()
        config = place / "frontdesk.toml"
        text = _CONFIG.format(journal=journal, sap=sap, store=place / "frontdesk.db", port=port)
        config.write_text(text)
        stack.enter_context(_process(log, "run", "--config", str(config)))
        _wait(f"http://127.0.0.1:{port}/readyz", log)
        yield


@contextmanager
def _process(log: IO[str], *arguments: str) -> Iterator[None]:
    process = subprocess.Popen(
        [*_FRONTDESK, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        yield
    finally:
        process.terminate()
        end(process)


def _wait(address: str, log: IO[str]) -> None:
    give_up = time.monotonic() + _START_S
    problem = ""
    while time.monotonic() < give_up:
        try:
            problem = str(httpx.get(address).raise_for_status() and "")
        except httpx.HTTPError as error:
            problem = str(error)
            time.sleep(0.1)
            continue
        return
    log.seek(0)
    last = (log.read().strip().splitlines() or [problem])[-1]
    raise NotAvailable(last[:200])
