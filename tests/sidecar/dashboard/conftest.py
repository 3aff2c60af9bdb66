"""A real sidecar before a simulated SAP, and a real Chromium that looks at it."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from frontdesk.event import LOGGED_IN, Identify
from frontdesk.journal import Journal
from frontdesk_sidecar.demo.stack import Stack
from quick_start import QuickStack
from server_support import wait_until

KEY = "marked-key-5d0e"
LIVE = "document.querySelector('#link').textContent === 'live'"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class House:
    """A sidecar and its SAP; `log_in` writes what a web process would."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.url = stack.sidecar_url
        self._http = httpx.Client(
            trust_env=False, headers={"authorization": f"Bearer {KEY}"}, timeout=20
        )
        self.journal: Journal | None = None
        self.number = 0

    def person(self) -> str:
        """An address that nobody had before."""
        self.number += 1
        return f"marked.{self.number}@marked-host.example"

    def log_in(self, email: str, **traits: object) -> None:
        """One login, as a line of the journal."""
        if self.journal is None:
            self.journal = Journal(self.stack.journal)
        self.number += 1
        known = {"email": email, "firstName": "Markedfirst", "lastName": "Markedlast", **traits}
        message = Identify(
            f"m{self.number}", datetime.now(UTC), "marked-user", known, LOGGED_IN, "login", "shop"
        )
        assert self.journal.append(message.encode())

    def fault(self, *faults: Mapping[str, object]) -> None:
        """From now on SAP answers so."""
        answer = self._http.post(f"{self.stack.sap_url}/_sim/faults", json=list(faults))
        assert answer.status_code < 300, answer.text

    def status(self) -> dict[str, Any]:
        """The document of `/status`."""
        told = self._http.get(f"{self.url}/status").json()
        assert isinstance(told, dict)
        return told

    def wait(self, condition: Callable[[dict[str, Any]], object], what: str) -> None:
        """Until the status is so."""
        wait_until(lambda: condition(self.status()), what)

    def act(self, operation: str, **parameters: object) -> dict[str, Any]:
        """An operation of `/admin`."""
        answer = self._http.post(f"{self.url}/admin/{operation}", json=parameters)
        told = answer.raise_for_status().json()
        assert isinstance(told, dict)
        return told

    def settled(self) -> int:
        """So many customers are in SAP."""
        return int(self.status()["customers"]["clean"])

    def clear(self) -> None:
        """As in the beginning, but for who is in SAP: nothing fails, waits, or is dead."""
        self.fault()
        self.act("resume")
        self.act("dead.discard", all=True)
        before = self.settled()
        self.log_in(self.person())
        self.wait(
            lambda told: told["customers"]["clean"] > before and told["state"] == "fine",
            "all is well again",
        )

    def refuse(self, email: str, message: str = "the name is not allowed") -> None:
        """SAP refuses this customer, and it becomes a dead letter."""
        before = self.status()["customers"]["dead"]
        self.fault(
            {"kind": "status", "status": 400, "code": "bad_request", "message": message,
             "match": email, "on": "odata"}
        )  # fmt: skip
        self.log_in(email)
        self.wait(lambda told: told["customers"]["dead"] > before, f"{email} is refused")

    def close(self) -> None:
        """Let go of the journal and of connections."""
        self._http.close()
        if self.journal is not None:
            self.journal.close()


@contextmanager
def housed(settings: str = "", *, key: str | None = KEY) -> Iterator[House]:
    """A house; the sidecar gives up on a refused record at once."""
    stack = QuickStack(settings=f"reject_tries = 1\nprobe_s = 300\nprobe_cap_s = 300\n{settings}")
    if key is not None:
        config = stack.config.read_text().replace("[http]\n", f'[http]\nkey = "{key}"\n')
        stack.config.write_text(config)
        stack.config.chmod(0o600)
    house = House(stack)
    try:
        stack.start_sap()
        stack.start_sidecar()
        yield house
    finally:
        house.close()
        stack.close()


# Nothing is left to run beside the tests of other modules: a browser and a sidecar are never idle.


@pytest.fixture(scope="module")
def shared_house() -> Iterator[House]:
    """With an admin key; tests share it."""
    with housed() as made:
        yield made


@pytest.fixture
def house(shared_house: House) -> House:
    """The shared one, with nothing left of other tests but who is in SAP."""
    shared_house.clear()
    return shared_house


@pytest.fixture
def own_house() -> Iterator[House]:
    """For a test after which it is of no use to others."""
    with housed() as made:
        yield made


@pytest.fixture(scope="module")
def open_house() -> Iterator[House]:
    """Without a key, and with two targets; nobody can clear it over HTTP."""
    with housed('[sap.target.outlet]\nsites = ["outlet"]\n', key=None) as made:
        yield made


class Page:
    """A tab of Chromium, driven over its DevTools protocol."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self.events: list[dict[str, Any]] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """One command; events that come meanwhile are kept."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            told = json.loads(self._socket.recv(timeout=20))
            if told.get("id") == self._number:
                assert "error" not in told, (method, told["error"])
                result = told["result"]
                assert isinstance(result, dict)
                return result
            self.events.append(told)

    def run(self, script: str) -> Any:
        """The value of an expression, awaited."""
        told = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def wait(self, condition: str, what: str = "") -> None:
        """Until the expression is true; what is not there yet is not."""
        deadline = time.monotonic() + 20
        script = f"(() => {{ try {{ return Boolean({condition}); }} catch {{ return false; }} }})()"
        while not self.run(script):
            if time.monotonic() > deadline:
                raise AssertionError(f"waited too long: {what or condition}\n{self.text()}")
            time.sleep(0.05)

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Until the condition holds, hearing of what the browser tells meanwhile."""
        wait_until(lambda: condition() or self.run("0"), what)

    def open(self, url: str) -> None:
        """Go there."""
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def text(self) -> str:
        """What is to be read on the page."""
        return str(self.run("document.body.innerText"))

    def click(self, selector: str) -> None:
        """With the mouse, where it is on the screen."""
        quoted = json.dumps(selector)
        self.wait(f"document.querySelector({quoted})?.checkVisibility()", f"{selector} is there")
        where = f"""(() => {{ const one = document.querySelector({quoted});
            one.scrollIntoView({{block: 'center', behavior: 'instant'}});
            const box = one.getBoundingClientRect();
            return new Promise(told => requestAnimationFrame(() => setTimeout(
                () => told([box.x + box.width / 2, box.y + box.height / 2]), 50))); }})()"""
        place, before = self.run(where), None
        while place != before:  # what comes in moves it
            place, before = self.run(where), place
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1],
                      button="left", clickCount=1)  # fmt: skip

    def type(self, text: str) -> None:
        """Into what has the focus."""
        self.call("Input.insertText", text=text)

    def press(self, key: str, code: int = 0, text: str = "") -> None:
        """One key."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                      windowsVirtualKeyCode=code, **({"text": text} if text else {}))  # fmt: skip

    def unlock(self, key: str = KEY) -> None:
        """Give the key when it is asked for."""
        self.wait("document.querySelector('#ask-key').open", "the key is asked for")
        self.type(key)
        self.press("Enter", 13, "\r")

    def look(self, width: int, height: int, scheme: str = "light") -> None:
        """As a screen of this size."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)  # fmt: skip
        self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme},
                      {"name": "prefers-reduced-motion", "value": "reduce"}],
        )  # fmt: skip

    def enter(self, house: House) -> None:
        """Open the dashboard, and give the key."""
        self.open(house.url)
        self.unlock()
        self.wait(LIVE)

    def axe(self, source: str) -> list[tuple[str, str, list[str]]]:
        """What axe-core finds wrong: rule, impact, and where."""
        self.run(f"{source};0")
        rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        found = self.run(
            f"""axe.run(document, {{runOnly: {rules}}}).then(told => told.violations.map(
            one => [one.id, one.impact, one.nodes.map(node => node.target.join(" "))]))"""
        )
        assert isinstance(found, list)
        return [tuple(one) for one in found]

    def shoot(self, path: Path) -> None:
        """Keep a picture of the screen."""
        told = self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(told["data"]))

    def troubles(self) -> list[dict[str, Any]]:
        """What the browser complains of, and requests to anywhere."""
        self.run("0")
        return [
            one
            for one in self.events
            if one["method"] in ("Runtime.exceptionThrown", "Log.entryAdded")
            or (one["method"] == "Runtime.consoleAPICalled" and one["params"]["type"] == "error")
        ]

    def asked(self) -> list[str]:
        """The addresses of all requests."""
        return [
            one["params"]["request"]["url"]
            for one in self.events
            if one["method"] == "Network.requestWillBeSent"
        ]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its DevTools' address."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    place = tmp_path_factory.mktemp("chromium")
    command = [
        *(CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"),
        *("--disable-dev-shm-usage", "--disable-background-networking", "--disable-extensions"),
        *("--remote-debugging-port=0", f"--user-data-dir={place}", "about:blank"),
    ]
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        told = place / "DevToolsActivePort"
        wait_until(lambda: told.exists() and "\n" in told.read_text(), "chromium is up")
        yield f"http://127.0.0.1:{told.read_text().split()[0]}"
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def page(chromium: str) -> Iterator[Page]:
    """A fresh tab with nothing remembered."""
    made = httpx.put(f"{chromium}/json/new?about:blank", trust_env=False).json()
    address = made["webSocketDebuggerUrl"]
    with connect(address, max_size=None, close_timeout=1, ping_interval=None) as socket:
        tab = Page(socket)
        tab.look(1280, 900)
        yield tab
    httpx.get(f"{chromium}/json/close/{made['id']}", trust_env=False)
