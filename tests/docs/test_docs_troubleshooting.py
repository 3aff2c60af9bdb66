"""docs/troubleshooting.md, section by section, with its fault; what docs/privacy.md shows."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx
import pytest

from docs_support import DOCS, Block, all_blocks, blocks
from frontdesk_sidecar.demo.stack import Stack
from quick_start import QuickStack
from terminal_support import Terminal

PAGE = DOCS / "troubleshooting.md"
POISON = {
    "kind": "status",
    "status": 400,
    "code": "invalid_attribute_value",
    "match": "poison@example.com",
}
MISSING = {"kind": "status", "status": 400, "code": "missing_property"}


def sections() -> dict[str, list[Block]]:
    """The page's sections that show anything."""
    text = PAGE.read_text()
    heads = re.finditer(r"^## (.*)$", text, re.MULTILINE)
    lines = [(text.count("\n", 0, one.start()), one[1]) for one in heads]
    found: dict[str, list[Block]] = {}
    for block in blocks(PAGE):
        name = [name for line, name in lines if line < block.line][-1]
        found.setdefault(name, []).append(block)
    return found


SECTIONS = sections()


@pytest.fixture(scope="module")
def shared() -> Iterator[Stack]:
    """A simulated SAP, and a place for a sidecar."""
    made = QuickStack(settings="reject_tries = 1\nrate = 1000\n")
    try:
        made.start_sap()
        yield made
    finally:
        made.close()


@pytest.fixture
def stack(shared: Stack, section: str) -> Iterator[Stack]:
    """The same with a sidecar, where one is looked at, that has nobody waiting."""
    if section in FRESH:
        wipe(shared)
    if "sidecar" not in shared.parts and section not in WITHOUT_SIDECAR:
        shared.start_sidecar()
    yield shared
    simulate(shared, "faults", [])
    if section in LEAVES_SOMEBODY:
        wipe(shared)


def wipe(stack: Stack) -> None:
    """Nobody is known any more; no sidecar runs."""
    stopped(stack)
    shutil.rmtree(stack.directory / "store", ignore_errors=True)
    for segment in stack.journal.glob("*.ndjson"):
        segment.unlink()


def speaking(stack: Stack) -> httpx.Client:
    """Somebody who may tell the sidecar what to do."""
    transport = httpx.HTTPTransport(uds=str(stack.directory / "store" / "frontdesk.db.sock"))
    return httpx.Client(transport=transport, base_url="http://sidecar")


def come(stack: Stack, *addresses: str) -> None:
    """Customers log in: a segment of the journal, as a program in any language may write it."""
    now = time.time_ns()
    at = datetime.fromtimestamp(now / 1e9, UTC).isoformat()
    lines = [
        {
            "type": "identify",
            "messageId": f"{now}-{number}",
            "timestamp": at,
            "userId": address,
            "traits": {"email": address, "firstName": "Jane"},
            "context": {"event": "Logged In", "route": "POST /login"},
        }
        for number, address in enumerate(addresses)
    ]
    name = f"{now:020}-{os.getpid()}-0a1b2c3d.ndjson"
    aside = stack.directory / name
    aside.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    aside.rename(stack.journal / name)


def simulate(stack: Stack, what: str, document: object) -> None:
    """Tell the simulated SAP how to behave."""
    httpx.post(f"{stack.sap_url}/_sim/{what}", json=document, trust_env=False).raise_for_status()


def nothing(stack: Stack) -> None:
    """All is well."""


def other_secret(stack: Stack) -> None:
    """SAP's client has got another secret."""
    simulate(stack, "tokens/revoke", {})
    simulate(stack, "credentials", {"client_id": "frontdesk", "client_secret": "the-new-secret"})
    come(stack, "jane@example.com")


def refusals(stack: Stack) -> None:
    """SAP wants an attribute that nobody sends."""
    customers = [f"customer-{number}@example.com" for number in range(30)]
    simulate(stack, "faults", [{**MISSING, "match": one} for one in customers])
    come(stack, *customers)


def paused(stack: Stack) -> None:
    """Somebody has said so."""
    with speaking(stack) as client:
        client.post("/admin/pause", json={})


def stopped(stack: Stack) -> None:
    """The sidecar has ended."""
    if "sidecar" in stack.parts:
        stack.parts.pop("sidecar").stop()


def poisoned(stack: Stack) -> None:
    """SAP refuses one of two, once."""
    simulate(stack, "faults", [{**POISON, "times": 1}])
    come(stack, "jane@example.com", "poison@example.com")


def late(stack: Stack) -> None:
    """SAP is in maintenance."""
    simulate(stack, "faults", [{"kind": "maintenance"}])
    come(stack, "jane@example.com")


def unread(stack: Stack) -> None:
    """The sidecar has ended, and somebody has come."""
    stopped(stack)
    come(stack, "jane@example.com")


def on_disk(stack: Stack) -> None:
    """All is well; the journal is another one, see `ENVIRON`."""


def two(stack: Stack) -> None:
    """Two customers have come to a new sidecar."""
    come(stack, "jane@example.com", "john@example.com")


#: Section -> what makes it so; first those that leave the sidecar as it was.
FAULTS: dict[str, Callable[[Stack], None]] = {
    "Status has heard nothing": nothing,
    "Status says paused by hand": paused,
    "After a deployment nothing is captured": nothing,
    "Status says paused, and names a reason": other_secret,
    "Some customers arrive, others do not": poisoned,
    "Customers arrive without a name": nothing,
    "The web app has become slower": on_disk,
    "The sidecar does not start": nothing,
    "Status says not running": stopped,
    "The journal grows": unread,
    "The counts do not match": two,
    "Status says that SAP refuses most customers": refusals,
    "Customers arrive late": late,
}


WITHOUT_SIDECAR = {
    "Customers arrive without a name",
    "The web app has become slower",
    "The sidecar does not start",
}
#: About a sidecar that has met nobody yet.
FRESH = {"Status has heard nothing", "The counts do not match"}
#: Somebody is left who waits, or who comes with the next start.
LEAVES_SOMEBODY = {
    "Status says that SAP refuses most customers",
    "Customers arrive late",
    "The journal grows",
}
#: What the command is told besides: a journal that is not in memory.
ENVIRON = {"The web app has become slower": {"FRONTDESK_JOURNAL": str(DOCS)}}


def test_every_section_has_its_fault() -> None:
    """None shows anything that is not gone through."""
    assert SECTIONS.keys() == FAULTS.keys()


@pytest.mark.parametrize("section", FAULTS)
def test_the_symptom(section: str, stack: Stack) -> None:
    """The commands show what the section says."""
    FAULTS[section](stack)
    own = {
        "/run/frontdesk/journal": str(stack.journal),
        "8077": stack.sidecar_url.rpartition(":")[2],
    }
    environ = {"FRONTDESK_CONFIG": str(stack.config), **ENVIRON.get(section, {})}
    terminal = Terminal(stack.directory, own, quick=True, **environ)
    with contextlib.closing(terminal):
        assert sum([terminal.follow(block) for block in SECTIONS[section]])


#: Goes on until it is ended, or asks a person.
_ENDLESS = re.compile(r"frontdesk (run|simulate|demo|proxy|top(?! --once))|--watch|--app|explain ")
#: Needs what only its page has: a file, or another target.
_NEEDS_MORE = re.compile(
    r"metadata\.xml|--target|frontdesk target|--only-auth-routes|--url|HOST|init api"
)
#: Asks a person whether it is meant.
_ASKS = re.compile(r"frontdesk (forget|dead discard)")
_COMMAND = re.compile(r"^frontdesk [^|&;<>\n#]*", re.MULTILINE)


def commands() -> list[str]:
    """What scripts in the documents say to a sidecar, each once."""
    scripts = [block.text for block in all_blocks() if block.language == "sh"]
    found = {one.strip() for text in scripts for one in _COMMAND.findall(text)}
    return sorted(one for one in found if not _ENDLESS.search(one) and not _NEEDS_MORE.search(one))


@pytest.mark.parametrize("section", ["every page"])
def test_the_commands_of_all_pages(section: str, stack: Stack) -> None:
    """They can be said to a sidecar: it does it, or says what is not there."""
    come(stack, "jane.doe@example.com")
    terminal = Terminal(stack.directory, {}, quick=True, FRONTDESK_CONFIG=str(stack.config))
    with contextlib.closing(terminal):
        said = commands()
        assert len(said) > 20
        for command in said:
            told = terminal.run(f"{command} --yes" if _ASKS.search(command) else command)
            assert terminal.exit_code in (0, 1), f"{command}: {told}"
            assert "Traceback" not in told, command
            assert "usage:" not in told, command


@pytest.mark.parametrize("section", ["docs/privacy.md"])
def test_erasure(section: str, stack: Stack) -> None:
    """Somebody whom SAP has is forgotten, as the page shows it."""
    come(stack, "jane.doe@example.com")
    terminal = Terminal(stack.directory, {}, quick=True, FRONTDESK_CONFIG=str(stack.config))
    [block] = [block for block in blocks(DOCS / "privacy.md") if block.language == "console"]
    with contextlib.closing(terminal):
        assert terminal.follow(block) == 1
