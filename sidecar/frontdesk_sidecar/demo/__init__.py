"""`frontdesk demo`: a storefront, the sidecar and a simulated SAP, and the way of each login."""

from __future__ import annotations

import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any, Final

import httpx

from frontdesk_sidecar.demo.shoppers import Browser, Shopper
from frontdesk_sidecar.demo.stack import Process, Stack, StackError

JANE: Final = Shopper("Jane", "Doe", "Jane.Doe@example.com")
OMAR: Final = Shopper("Omar", "Haddad", "omar@example.org")
MEI: Final = Shopper("Mei", "Lin", "mei.lin@example.net")
SHOPPERS: Final = (JANE, OMAR, MEI)
_ARRIVAL_S: Final = 20.0
_NEEDED: Final = ("itsdangerous", "jinja2", "python_multipart")

#: The log lines worth telling, by part: a pattern and how it is told.
_STEPS: Final[dict[str, list[tuple[re.Pattern[str], str]]]] = {
    "shop": [
        (re.compile(r'"POST (\S+) HTTP/[\d.]+" (\d+)'), "storefront  POST {0} → {1}"),
    ],
    "sidecar": [
        (re.compile(r"absorbed messages=(\d+)"), "sidecar     {0} from the journal, committed"),
        (re.compile(r"delivered customer=(\S+) ms=(\S+)"), "sidecar     {0} is in SAP ({1} ms)"),
        (re.compile(r"unchanged customer=(\S+)"), "sidecar     {0} is in SAP already, unchanged"),
        (re.compile(r"(?:WARNING|ERROR) \S+ (.*)"), "sidecar     ! {0}"),
    ],
}


def run(*, once: bool) -> int:
    """Run the demo; 0, or 1 with the reason. Without `once` it goes on until Ctrl-C."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        _say(f'failed: {", ".join(missing)} is missing; install: pip install "frontdesk[demo]"')
        return 1
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)  # so that what was started is ended
    _say("starting a storefront, the sidecar and a simulated SAP Commerce Cloud …")
    try:
        with Stack() as stack:
            _introduce(stack)
            steps = _Steps(stack)
            problem = _visit(stack, steps)
            if problem is not None:
                _say(f"\nfailed: {problem}")
                return 1
            if not once:
                _stay(stack, steps)
    except StackError as error:
        _say(f"failed: {error}")
        return 1
    except KeyboardInterrupt:
        _say("\nended")
    return 0


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _introduce(stack: Stack) -> None:
    _say(
        f"\n  storefront  {stack.shop_url}   unchanged: uvicorn frontdesk.wrap:app"
        f"\n  sidecar     {stack.sidecar_url}/metrics"
        f"\n  SAP         {stack.sap_url}/_sim/customers\n"
    )


class _Steps:
    """Tells what the parts logged since it was asked last."""

    def __init__(self, stack: Stack) -> None:
        self._read: dict[str, int] = {}
        self._stack = stack

    def tell(self) -> None:
        for name, patterns in _STEPS.items():
            for line in self._new_lines(self._stack.parts[name]):
                for pattern, text in patterns:
                    if found := pattern.search(line):
                        _say(f"  {text.format(*found.groups())}")
                        break

    def _new_lines(self, part: Process) -> Iterator[str]:
        content = part.log.read_bytes()
        start = self._read.get(part.name, 0)
        end = content.rfind(b"\n") + 1
        self._read[part.name] = end
        yield from content[start:end].decode(errors="replace").splitlines()


def _visit(stack: Stack, steps: _Steps) -> str | None:
    """Let shoppers in and wait until they are in SAP; what went wrong, or None."""
    _say("shoppers register and log in, through the storefront's own forms and API:\n")
    acts: list[tuple[str, Callable[[Browser], httpx.Response], int]] = [
        ("Jane registers with the form", lambda b: b.register_by_form(JANE), 303),
        ("Omar registers through the JSON API", lambda b: b.register_by_api(OMAR), 201),
        ("Mei registers with the form", lambda b: b.register_by_form(MEI), 303),
        ("Jane logs in with the form", lambda b: b.log_in_by_form(JANE), 303),
        ("Omar logs in through the JSON API", lambda b: b.log_in_by_api(OMAR), 200),
        ("somebody guesses Mei's password", lambda b: b.log_in_by_form(MEI, "guess"), 401),
        ("somebody registers Omar's address again", lambda b: b.register_by_api(OMAR), 409),
    ]
    for text, act, expected in acts:
        _say(f"{text}")
        with Browser(stack.shop_url) as browser:
            browser.look_around()
            status = act(browser).status_code
        if status != expected:
            return f"{text}: expected {expected}, the storefront answered {status}"
        time.sleep(0.15)  # for the reader's sake: what follows belongs to this line
        steps.tell()
    return _arrived(stack, steps)


def _arrived(stack: Stack, steps: _Steps) -> str | None:
    wanted = {
        shopper.email.lower(): f"{shopper.first_name} {shopper.last_name}" for shopper in SHOPPERS
    }
    deadline = time.monotonic() + _ARRIVAL_S
    while time.monotonic() < deadline:
        customers = _customers(stack)
        if {customer["uid"]: customer["name"] for customer in customers} == wanted:
            steps.tell()
            _show(customers)
            return None
        time.sleep(0.05)
    steps.tell()
    found = ", ".join(sorted(customer["uid"] for customer in _customers(stack))) or "nobody"
    return f"after {_ARRIVAL_S:.0f} s SAP has {found}\n{stack.parts['sidecar'].tail()}"


def _customers(stack: Stack) -> list[dict[str, Any]]:
    answer = httpx.get(f"{stack.sap_url}/_sim/customers", trust_env=False)
    customers: list[dict[str, Any]] = answer.json()
    return customers


def _show(customers: list[dict[str, Any]]) -> None:
    _say("\nin SAP Commerce (simulated) are exactly the three who registered:\n")
    row = "  {:<24} {:<14} {:<12} {:<12}"
    _say(row.format("uid", "name", "firstName", "lastName"))
    for customer in customers:
        _say(
            row.format(*(customer[name] or "" for name in ("uid", "name", "firstName", "lastName")))
        )


def _stay(stack: Stack, steps: _Steps) -> None:
    _say(f"\nnow you: {stack.shop_url}/register   (Ctrl-C ends)\n")
    while all(part.poll() is None for part in stack.parts.values()):
        steps.tell()
        time.sleep(0.2)
