"""Two sites, two SAP systems, one sidecar: what stands in the way of one target stops no other."""

from __future__ import annotations

import http.client
import io
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import httpx
import pytest

from frontdesk_sidecar import cli
from frontdesk_sidecar.demo.ports import free_port
from frontdesk_sidecar.demo.stack import Process, Stack
from quick_start import QuickProcess

HERE = Path(__file__).parent
OBJECT = {
    "object": "InboundB2BCustomer",
    "items": [
        {
            "code": "B2BCustomer",
            "entitySet": "B2BCustomers",
            "attributes": [
                {"name": "uid", "unique": True, "required": True},
                {"name": "email", "required": True},
                {"name": "name", "required": True},
                {"name": "active", "type": "Edm.Boolean", "default": True},
            ],
        }
    ],
}


class Town:
    """A shop and a business portal with their systems at SAP, and the sidecar between them."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.business_url = f"http://127.0.0.1:{free_port()}"
        self.secret = stack.directory / "business_secret"
        self.secret.write_text("old\n")
        self.lines = stack.config.read_text()
        self.target = (
            '[sap.target.business]\nsites = ["business"]\n'
            f'base_url = "{self.business_url}"\nintegration_object = "InboundB2BCustomer"\n'
            f'entity_set = "B2BCustomers"\nclient_secret_file = "{self.secret}"\n'
            '[sap.target.business.mapping]\nuid = "lower(email)"\nemail = "lower(email)"\n'
            "name = \"join(' ', [firstName, lastName])\"\n"
        )
        self.configure()

    def configure(self, *, with_business: bool = True) -> None:
        """Write the settings, for the sidecar to be started with."""
        pace = "probe_s = 300\nprobe_cap_s = 300\n"  # only what was set right is tried sooner
        self.stack.config.write_text(self.lines + pace + (self.target if with_business else ""))

    def start_business_sap(self) -> Process:
        """Another SAP system with another object."""
        file = self.stack.directory / "b2b.json"
        file.write_text(json.dumps(OBJECT))
        port = self.business_url.rpartition(":")[2]
        command = [
            *(sys.executable, "-m", "frontdesk_sidecar", "simulate", "--port", port),
            *("--definition", str(file)),
        ]
        process = QuickProcess("business", command, self.stack.directory / "business.log", {})
        process.await_answer(f"{self.business_url}/_sim/customers")
        return process

    def kill_sidecar(self) -> None:
        """As the kernel does."""
        sidecar = self.stack.parts["sidecar"]
        sidecar.signal(signal.SIGKILL)
        sidecar.wait()

    def status(self) -> dict[str, Any]:
        """What `frontdesk status --json` shows."""
        answer = httpx.get(f"{self.stack.sidecar_url}/status", trust_env=False)
        document: dict[str, Any] = answer.raise_for_status().json()
        return document

    def say(self, *arguments: str) -> str:
        """A command's words."""
        with redirect_stdout(io.StringIO()) as said:
            assert cli.main([*arguments, "--config", str(self.stack.config)]) == 0
        return said.getvalue()

    def standing(self, target: str) -> dict[str, Any]:
        """How one stands."""
        targets: list[dict[str, Any]] = self.status()["targets"]
        [found] = [one for one in targets if one["name"] == target]
        return found

    def names(self, *, business: bool = False) -> dict[str, str]:
        """Who is in one of the systems, with the name there."""
        url = self.business_url if business else self.stack.sap_url
        found = httpx.get(f"{url}/_sim/customers", trust_env=False).json()
        return {one["uid"]: one["name"] for one in found}


@pytest.fixture
def town(stack: Stack) -> Iterator[Town]:
    """Both systems are there; the sidecar is not started."""
    built = Town(stack)
    stack.start_sap()
    business = built.start_business_sap()
    try:
        yield built
    finally:
        business.stop()


@contextmanager
def site(town: Town, name: str) -> Iterator[Callable[[str], None]]:
    """A storefront of that name; gives what logs somebody in."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "uvicorn", "login_app:app", "--app-dir", str(HERE)),
        *("--port", str(port), "--lifespan", "off"),
    ]
    env = {"FRONTDESK_CONFIG": str(town.stack.config), "FRONTDESK_CAPTURE__SITE": name}
    process = QuickProcess(name, command, town.stack.directory / f"{name}.log", env)

    def log_in(who: str) -> None:
        user = {"email": f"{who}@example.com", "firstName": who.title(), "lastName": name.title()}
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request(
            "POST", "/auth/login", json.dumps(user), {"content-type": "application/json"}
        )
        assert connection.getresponse().read()
        connection.close()

    try:
        process.await_answer(f"http://127.0.0.1:{port}/")
        yield log_in
    finally:
        process.stop()


def until(condition: Callable[[], bool], within_s: float = 30.0) -> None:
    """Wait for a condition; fails when it does not come."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


def test_a_token_failure_of_one_target_stops_no_other(town: Town) -> None:
    """The healthy one gets its customers; the other's wait through a kill -9 and arrive healed."""
    with ExitStack() as sites:
        retail = sites.enter_context(site(town, "retail"))
        business = sites.enter_context(site(town, "business"))
        town.stack.start_sidecar()
        business("kim")
        business("ann")
        until(lambda: town.standing("business")["gate"]["state"] == "setup")
        retail("kim")
        until(lambda: town.names() == {"kim@example.com": "Kim Retail"})
        town.kill_sidecar()
        retail("zoe")
        business("joe")
        town.stack.start_sidecar()
        until(lambda: "zoe@example.com" in town.names())
        until(lambda: town.standing("default")["customers"]["clean"] == 2)

        until(lambda: town.standing("business")["customers"]["pending"] == 3)
        document = town.status()
        assert (document["state"], document["gate"]["code"]) == ("paused", "token.invalid_client")
        assert [one["name"] for one in document["targets"]] == ["business", "default"]
        usual = town.standing("default")
        assert usual["state"] == "fine"
        assert usual["sap"].startswith(town.stack.sap_url)
        screen = town.say("status")
        assert "business: paused" in screen
        assert "frontdesk resume --target business tries at once" in screen
        assert town.names(business=True) == {}

        town.secret.write_text("secret\n")
        until(lambda: len(town.names(business=True)) == 3)
    assert town.names(business=True) == {
        f"{name}@example.com": f"{name.title()} Business" for name in ("ann", "joe", "kim")
    }
    assert town.names() == {"kim@example.com": "Kim Retail", "zoe@example.com": "Zoe Retail"}
    until(lambda: town.status()["state"] == "fine")
    assert town.status()["customers"]["dead"] == 0
    log = town.stack.parts["sidecar"].log.read_text()
    assert "paused target=business reason=setup code=token.invalid_client" in log
    assert "Traceback" not in log


def test_a_target_is_paused_for_itself_until_it_is_resumed(town: Town) -> None:
    """Also through a kill -9, while the other one works."""
    town.secret.write_text("secret\n")
    with ExitStack() as sites:
        retail = sites.enter_context(site(town, "retail"))
        business = sites.enter_context(site(town, "business"))
        town.stack.start_sidecar()
        assert "until frontdesk resume --target business" in town.say(
            "pause", "--target", "business"
        )
        business("kim")
        until(lambda: town.standing("business")["customers"]["due"] == 1)
        town.kill_sidecar()
        town.stack.start_sidecar()
        retail("kim")
        until(lambda: len(town.names()) == 1)
        assert town.standing("business")["gate"]["state"] == "hand"
        assert town.names(business=True) == {}
        town.say("resume", "--target", "business")
        until(lambda: town.names(business=True) == {"kim@example.com": "Kim Business"})


@pytest.mark.parametrize("remedy", ["put back", "moved", "dropped"])
def test_customers_of_a_target_that_was_taken_out_are_kept(town: Town, remedy: str) -> None:
    """Nobody sends them, `status` says so, and a person decides."""
    with site(town, "business") as business:
        town.stack.start_sidecar()
        business("kim")
        until(lambda: town.standing("business")["gate"]["state"] == "setup")
        town.kill_sidecar()
        town.configure(with_business=False)
        town.stack.start_sidecar()
        assert town.status()["unknownTargets"] == {"business": {"customers": 1, "dead": 0}}
        said = town.say("status").splitlines()
        assert said[0] == "unknown target business: 1 customer that nobody sends"
        assert said[1].startswith("do: put it back into the settings, or frontdesk target move")
        assert town.status()["customers"]["pending"] == 0
    if remedy == "put back":
        town.kill_sidecar()
        town.secret.write_text("secret\n")
        town.configure()
        town.stack.start_sidecar()
        until(lambda: town.names(business=True) == {"kim@example.com": "Kim Business"})
        assert "unknownTargets" not in town.status()
        return
    if remedy == "moved":
        told = town.say("target", "move", "business", "--to", "default")
        assert told == "1 customer of business moved to default\n"
        until(lambda: town.names() == {"kim@example.com": "Kim Business"})
    else:
        told = town.say("target", "drop", "business", "--yes")
        assert told == "1 customer of business deleted\n"
        assert town.names() == {}
    assert "unknownTargets" not in town.status()
