"""A real sidecar and the simulated SAP, whose settings and processes a test changes as it likes."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx

from frontdesk.event import Identify
from frontdesk_sidecar import cli
from frontdesk_sidecar.demo.stack import Process, Stack
from quick_start import QuickStack
from server_support import wait_until

#: Waits that a test can wait for.
_QUICK = """
[forward]
rate = 2000
retry_base_s = 0.05
retry_cap_s = 0.2
rest_s = 0.3
quiet_s = 0.3
breaker_s = 0.3
probe_s = 60
"""


class Town:
    """The two processes and what they share."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.url = stack.sidecar_url
        self.settle()

    def settle(
        self,
        more: str = "",
        *,
        secret: str = 'client_secret = "secret"',
        sap: str = "",
        forward: str = "",
        http: str = "",
        journal: str | None = None,
    ) -> None:
        """Write the settings anew; nobody reads them until told to."""
        stack = self.stack
        self.stack.config.write_text(
            f'[capture]\njournal = "{journal or stack.journal}"\n'
            f'[store]\npath = "{stack.directory / "store" / "frontdesk.db"}"\n'
            f"[http]\nport = {stack.sidecar_url.rpartition(':')[2]}\n{http}"
            f'[log]\nformat = "text"\n{_QUICK}{forward}'
            f'[sap]\nbase_url = "{stack.sap_url}"\nclient_id = "frontdesk"\n{secret}\n{sap}{more}',
            encoding="utf-8",
        )

    def renew(self) -> None:
        """As if nothing had happened yet; the simulator goes on running."""
        if "sidecar" in self.stack.parts:
            self.stack.parts.pop("sidecar").stop()
        for place in (self.stack.journal, self.stack.directory / "store"):
            shutil.rmtree(place, ignore_errors=True)
        (self.stack.directory / "sidecar.log").unlink(missing_ok=True)
        httpx.post(f"{self.stack.sap_url}/_sim/reset", trust_env=False).raise_for_status()
        self.settle()

    def renew_sap(self) -> None:
        """It is killed, and another one that knows nobody is in its place."""
        sap = self.stack.parts["sap"]
        sap.signal(signal.SIGKILL)
        sap.wait()
        self.stack.start_sap()

    @property
    def sidecar(self) -> Process:
        """The one that was started last."""
        return self.stack.parts["sidecar"]

    def log_in(self, *names: str, site: str | None = None, **traits: object) -> None:
        """A web process that has ended since left these logins."""
        lines = [
            Identify(
                f"id-{name}-{time.monotonic_ns()}",
                datetime.now(UTC),
                name,
                {"email": f"{name}@example.com", "firstName": name.title()} | traits,
                "Logged In",
                site=site,
            ).encode()
            for name in names
        ]
        self.stack.journal.mkdir(exist_ok=True)
        file = self.stack.journal / f"{time.time_ns():020d}-1-x.ndjson"
        file.with_suffix(".part").write_bytes(b"".join(lines))
        file.with_suffix(".part").rename(file)

    def hang_up(self) -> None:
        """SIGHUP, as `kill -HUP` sends it."""
        self.sidecar.signal(signal.SIGHUP)

    def told(self, *command: str) -> int:
        """The exit code of a command."""
        return cli.main([*command, "--config", str(self.stack.config)])

    def get(self, path: str, key: str | None = None) -> httpx.Response:
        """One request to the sidecar."""
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        return httpx.get(f"{self.url}{path}", headers=headers, trust_env=False)

    def status(self) -> dict[str, Any]:
        """The document of `/status`."""
        found: dict[str, Any] = self.get("/status").json()
        return found

    def faults(self, *faults: dict[str, Any]) -> None:
        """What goes wrong in SAP from now on."""
        url = f"{self.stack.sap_url}/_sim/faults"
        httpx.post(url, json=list(faults), trust_env=False).raise_for_status()

    def hits(self) -> int:
        """How often the first fault has struck."""
        [fault] = httpx.get(f"{self.stack.sap_url}/_sim/faults", trust_env=False).json()
        return int(fault["hits"])

    def customers(self) -> dict[str, dict[str, Any]]:
        """Who is in SAP, by the part of the address before the @."""
        url = f"{self.stack.sap_url}/_sim/customers"
        found = httpx.get(url, trust_env=False).json()
        return {one["uid"].partition("@")[0]: one for one in found}

    def wait_for(self, *names: str) -> None:
        """Wait until these are in SAP."""
        wait_until(lambda: set(names) <= self.customers().keys(), f"{names} are in SAP")

    def wait_for_log(self, text: str, number: int = 1) -> None:
        """Wait until the log of the sidecar has said it so often."""
        wait_until(lambda: self.log().count(text) >= number, f"the log says {text}")

    def log(self) -> str:
        """All that the sidecars said."""
        return self.sidecar.log.read_text(encoding="utf-8")


@contextmanager
def town() -> Iterator[Town]:
    """Nothing runs yet but the simulator; whatever a test starts is ended."""
    stack = QuickStack()
    try:
        stack.start_sap()
        yield Town(stack)
    finally:
        stack.close()
