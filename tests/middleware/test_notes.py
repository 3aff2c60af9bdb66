"""Notes: what a handler says of its own request."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request

import frontdesk
from asgi_support import (
    JANE,
    SECRET,
    Server,
    as_json,
    chunk,
    emails,
    read_messages,
    scope_of,
    started,
)
from frontdesk import CaptureMiddleware
from frontdesk.asgi import ASGIApp, Receive, Send
from frontdesk.exchange import Scope
from frontdesk.notes import MARK, Notes, notes_of

pytestmark = pytest.mark.anyio


def saying(say: Any, document: object, status: int = 200) -> ASGIApp:
    """An app whose handler says something of its request before it answers."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        say(Request(dict(scope)))  # a mounted app has a copy of the scope
        await send(started(status))
        await send(chunk(as_json(document)))

    return app


async def told(journal: Path, say: Any, document: object, status: int = 200) -> CaptureMiddleware:
    """The middleware, after one such login."""
    wrapped = CaptureMiddleware(saying(say, document, status), journal=journal)
    await Server().call(wrapped, scope_of())
    return wrapped


def adding(address: str) -> Callable[[Request], bool]:
    """A handler that names an address."""
    return lambda request: frontdesk.add_traits(request, {"email": address})


async def test_a_handler_adds_and_corrects(journal: Path) -> None:
    """By any spelling; None takes a trait away; the handler's word counts."""

    def say(request: Request) -> None:
        assert frontdesk.add_traits(request, {"phone_number": "1", "plan": "gold"})
        assert frontdesk.add_traits(request, {"phone": " 2 ", "last_name": None}, user_id="u-1")

    document = {"user": {"email": JANE, "firstName": "Jane", "lastName": "D", "id": 5}}
    await told(journal, say, document)
    [message] = read_messages(journal)
    assert message.traits == {"email": JANE, "firstName": "Jane", "phone": "2", "plan": "gold"}
    assert message.user_id == "u-1"


async def test_a_handler_may_name_the_customer(journal: Path) -> None:
    """Where nothing in the exchange does; another address wins over a found one."""
    await told(journal, adding(f" {JANE} "), {"x": 1})
    await told(
        journal, lambda r: frontdesk.add_traits(r, {"email": "b@example.com"}), {"email": JANE}
    )
    assert emails(journal) == [JANE, "b@example.com"]


async def test_what_a_handler_says_is_no_success(journal: Path) -> None:
    """A login that failed stays failed."""
    wrapped = await told(journal, adding(JANE), {"error": "no"})
    assert wrapped.desk.statistics() == {"skipped.error_in_answer": 1}
    assert emails(journal) == []


async def test_an_address_that_is_none_is_none(journal: Path) -> None:
    """A handler that takes the address away leaves nobody."""
    wrapped = await told(
        journal, lambda r: frontdesk.add_traits(r, {"email": "x"}), {"email": JANE}
    )
    assert wrapped.desk.statistics() == {"skipped.anonymous": 1}


async def test_a_veto(journal: Path) -> None:
    """Nothing is captured, and that is counted."""
    wrapped = await told(journal, frontdesk.veto, {"user": {"email": JANE}})
    assert wrapped.desk.statistics() == {"skipped.vetoed": 1}
    assert emails(journal) == []


async def test_somebody_else_has_told(journal: Path) -> None:
    """The message was written by one who knows better: none is added, and nothing is counted."""

    def say(request: Request) -> None:
        notes = notes_of(request)
        assert notes is not None
        notes.tell()

    wrapped = await told(journal, say, {"user": {"email": JANE}})
    assert wrapped.desk.statistics() == {}
    assert emails(journal) == []


def test_a_request_that_nobody_watches() -> None:
    """There is nothing to add to and nothing to veto, and no error."""
    for request in (Request(scope_of()), scope_of(), {}, None, SimpleNamespace(scope=5), "x"):
        assert notes_of(request) is None
        assert not frontdesk.add_traits(request, {"email": JANE})
        assert not frontdesk.veto(request)


def test_where_notes_are_found() -> None:
    """In a scope, an environ, or in what a framework's request calls them."""
    notes = Notes()
    holder = {MARK: notes}
    assert notes_of(holder) is notes
    for name in ("scope", "environ", "META"):
        assert notes_of(SimpleNamespace(**{name: holder})) is notes
    assert notes_of({MARK: True}) is None


def test_notes_are_not_printed() -> None:
    """A scope printed by accident does not tell what a handler said."""
    notes = Notes()
    frontdesk.add_traits({MARK: notes}, {"email": SECRET})
    assert SECRET not in repr(notes)
