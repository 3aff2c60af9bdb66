"""The client of SAP Commerce's Integration API."""

import functools
import gzip
import itertools
import logging
import socket
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import brotli  # type: ignore[import-untyped] # it has no types
import httpx
import orjson
import pytest
import respx
import uvicorn
import zstandard

from frontdesk_sidecar.sap.commerce import Commerce, Destination, parse_base_url
from frontdesk_sidecar.sap.failures import failure_of
from frontdesk_sidecar.sap.outcome import Failure, Kind, Outcome
from frontdesk_sidecar.sap.transport import MAX_ANSWER_BYTES

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
Handler = Callable[[Message, bytes, Receive, Send], Awaitable[None]]

PAYLOAD = {"uid": "jane@example.com", "name": "Jane Marked"}
ENTITY = {"d": {"uid": "jane@example.com", "integrationKey": "jane%40example.com"}}
HOST = "https://api.example.com"
TOKEN_PATH = "/authorizationserver/oauth/token"
ENTITY_PATH = "/odata2webservices/InboundCustomer/Customers"
BATCH_PATH = "/odata2webservices/InboundCustomer/$batch"


def destination(base_url: str = HOST, **others: Any) -> Destination:
    """A destination with marked credentials."""
    return Destination(
        base_url, "InboundCustomer", "Customers", "marked-id", lambda: "marked-secret", **others
    )


def numbered() -> Callable[[], str]:
    """A source of message ids: m1, m2, …"""
    count = itertools.count(1)
    return lambda: f"m{next(count)}"


@pytest.fixture
def sap() -> Iterator[respx.MockRouter]:
    """SAP Commerce: the token endpoint hands out t1, t2, …; the entity set is up to the test."""
    count = itertools.count(1)

    def token(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"access_token": f"t{next(count)}", "expires_in": 300})

    with respx.mock(base_url=HOST, assert_all_called=False) as router:
        router.post(TOKEN_PATH, name="token").mock(side_effect=token)
        yield router


async def upsert(to: Destination | None = None, **options: Any) -> Outcome:
    """One upsert by a client of its own."""
    async with Commerce(to or destination(), **options) as commerce:
        return await commerce.upsert(PAYLOAD, message_id=numbered())


async def test_a_delivery_on_the_wire(sap: respx.MockRouter) -> None:
    """Both requests are what SAP documents, and nothing else is sent along."""
    route = sap.post(ENTITY_PATH).respond(201, json=ENTITY, headers={"Set-Cookie": "ROUTE=n1"})
    async with Commerce(destination()) as commerce:
        for _ in range(2):
            outcome = await commerce.upsert(PAYLOAD, message_id=numbered())
            assert outcome == Outcome(Kind.DELIVERED, "http.201")
    [token] = sap["token"].calls
    assert token.request.headers["accept"] == "application/json"
    assert token.request.headers["content-type"] == "application/x-www-form-urlencoded"
    expected = b"grant_type=client_credentials&client_id=marked-id&client_secret=marked-secret"
    assert token.request.content == expected
    for call in route.calls:
        headers = call.request.headers
        assert headers["accept"] == headers["content-type"] == "application/json"
        assert headers["authorization"] == "Bearer t1"
        assert headers["integrationmessageid"] == "m1"
        assert "cookie" not in headers
        assert orjson.loads(call.request.content) == PAYLOAD


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "code"),
    [
        (200, {}, orjson.dumps(ENTITY), Kind.DELIVERED, "http.200"),
        (201, {}, b"{}", Kind.TRANSIENT, "answer.no_entity"),
        (302, {"Location": f"{HOST}/backoffice/"}, b"", Kind.TRANSIENT, "redirected"),
        (400, {}, b'{"error":{"code":"missing_key"}}', Kind.REJECTED, "odata.missing_key"),
        (
            400,
            {},
            b"<error><code>hook_not_found</code></error>",
            Kind.SETUP,
            "odata.hook_not_found",
        ),
        (403, {"Content-Type": "text/html"}, b"<html>", Kind.SETUP, "http.403"),
        (429, {"Retry-After": "6"}, b"", Kind.THROTTLED, "http.429"),
        (500, {}, b'{"error":{"code":"internal_error"}}', Kind.TRANSIENT, "odata.internal_error"),
        (503, {"Content-Type": "text/html"}, b"<html>", Kind.TRANSIENT, "http.503"),
    ],
)
async def test_answers_become_outcomes(
    sap: respx.MockRouter, status: int, headers: dict[str, str], body: bytes, kind: Kind, code: str
) -> None:
    """One call, one outcome; no redirect is followed."""
    route = sap.post(ENTITY_PATH).respond(status, headers=headers, content=body)
    outcome = await upsert()
    assert (outcome.kind, outcome.code) == (kind, code)
    assert route.call_count == 1


async def test_a_refused_token_is_replaced_once(sap: respx.MockRouter) -> None:
    """After a 401 the call is repeated with a new token and a new message id."""
    answers = [httpx.Response(401), httpx.Response(201, json=ENTITY)]
    route = sap.post(ENTITY_PATH).mock(side_effect=answers)
    assert (await upsert()).kind is Kind.DELIVERED
    sent = [call.request.headers for call in route.calls]
    assert [headers["authorization"] for headers in sent] == ["Bearer t1", "Bearer t2"]
    assert [headers["integrationmessageid"] for headers in sent] == ["m1", "m2"]


async def test_a_second_refusal_is_a_matter_of_setup(sap: respx.MockRouter) -> None:
    """A fresh token that is refused as well is not SAP's mood; the next call starts anew."""
    route = sap.post(ENTITY_PATH).respond(401)
    async with Commerce(destination()) as commerce:
        for calls in (2, 4):
            outcome = await commerce.upsert(PAYLOAD, message_id=numbered())
            assert (outcome.kind, outcome.code) == (Kind.SETUP, "http.401")
            assert route.call_count == sap["token"].call_count == calls


async def test_without_a_token_no_customer_is_sent(sap: respx.MockRouter) -> None:
    """The outcome is the token endpoint's, and its observer hears of it."""
    route = sap.post(ENTITY_PATH).respond(201, json=ENTITY)
    sap["token"].mock(return_value=httpx.Response(401, json={"error": "invalid_client"}))
    told: list[Outcome] = []
    outcome = await upsert(on_token=told.append)
    assert (outcome.kind, outcome.code) == (Kind.SETUP, "token.invalid_client")
    assert told == [outcome]
    assert not route.called


async def test_parallel_upserts_share_one_token(sap: respx.MockRouter) -> None:
    """Many customers at once ask for one token."""
    route = sap.post(ENTITY_PATH).respond(201, json=ENTITY)
    async with Commerce(destination()) as commerce, anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(lambda: commerce.upsert(PAYLOAD, message_id=numbered()))
    assert (route.call_count, sap["token"].call_count) == (20, 1)


def caused(error: Exception, *causes: Exception) -> Exception:
    """``error`` with a chain of causes below it."""
    below = error
    for cause in causes:
        below.__cause__ = cause
        below = cause
    return error


#: A host with several addresses, as anyio tells of them.
REFUSED_BY_ALL = OSError("all failed")
REFUSED_BY_ALL.__cause__ = ExceptionGroup("x", [ConnectionRefusedError(), ConnectionRefusedError()])
REFUSED_BY_SOME = OSError("all failed")
REFUSED_BY_SOME.__cause__ = ExceptionGroup("x", [ConnectionRefusedError(), OSError(113, "no")])


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (httpx.ConnectError("x"), Failure.CONNECT),
        (httpx.ConnectTimeout("x"), Failure.CONNECT_TIMEOUT),
        (caused(httpx.ConnectError("x"), ConnectionRefusedError(111, "no")), Failure.REFUSED),
        (caused(httpx.ConnectError("x"), REFUSED_BY_ALL), Failure.REFUSED),
        (caused(httpx.ConnectError("x"), REFUSED_BY_SOME), Failure.CONNECT),
        (httpx.ProxyError("407"), Failure.CONNECT),
        (caused(httpx.ConnectError("x"), OSError(), socket.gaierror()), Failure.DNS),
        (caused(httpx.ConnectError("x"), ssl.SSLCertVerificationError()), Failure.TLS),
        (caused(httpx.ConnectError("x"), ssl.SSLError(1, "[SSL] wrong version")), Failure.TLS),
        (caused(httpx.ConnectError("x"), ssl.SSLEOFError()), Failure.CONNECT),
        (ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED]"), Failure.TLS),
        (ssl.SSLError(1, "[SSL: BAD_LENGTH]"), Failure.DISCONNECTED),
        (httpx.ReadTimeout("x"), Failure.TIMEOUT),
        (httpx.WriteTimeout("x"), Failure.TIMEOUT),
        (httpx.PoolTimeout("x"), Failure.TIMEOUT),
        (TimeoutError(), Failure.TIMEOUT),
        (httpx.ReadError("x"), Failure.DISCONNECTED),
        (httpx.WriteError("x"), Failure.DISCONNECTED),
        (caused(httpx.ReadError("x"), ssl.SSLEOFError()), Failure.DISCONNECTED),
        (anyio.BrokenResourceError(), Failure.DISCONNECTED),
        (
            httpx.RemoteProtocolError("Server disconnected without sending a response."),
            Failure.DISCONNECTED,
        ),
        (httpx.RemoteProtocolError("illegal status line"), Failure.PROTOCOL),
        (httpx.LocalProtocolError("illegal header"), Failure.PROTOCOL),
        (httpx.DecodingError("x"), Failure.PROTOCOL),
        (httpx.InvalidURL("x"), Failure.PROTOCOL),
    ],
)
def test_exceptions_become_failures(error: Exception, failure: Failure) -> None:
    """Whatever the network does has a name; TLS and DNS are told by what is below."""
    assert failure_of(error) is failure


@pytest.mark.parametrize("path", [TOKEN_PATH, ENTITY_PATH])
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (httpx.ConnectTimeout("x"), "connect_timeout"),
        (httpx.ReadTimeout("x"), "timeout"),
        (httpx.RemoteProtocolError("x"), "protocol"),
        (httpx.InvalidURL("x"), "protocol"),
        (anyio.BrokenResourceError(), "disconnected"),
        (anyio.ClosedResourceError(), "disconnected"),
        (ConnectionResetError(), "disconnected"),
    ],
)
async def test_no_exception_of_the_network_is_raised(
    sap: respx.MockRouter, path: str, error: Exception, code: str
) -> None:
    """At either endpoint a failure is an outcome, also what httpx lets through unmapped."""
    sap.post(path).mock(side_effect=error)
    prefix = "token." if path == TOKEN_PATH else ""
    assert (await upsert()).code == prefix + code


def test_what_the_settings_need_comes_from_here() -> None:
    """A plain-http base beyond loopback never becomes a client."""
    assert parse_base_url("api.example.com") == HOST
    with pytest.raises(ValueError, match="loopback"):
        destination("http://api.example.com")


def test_an_unusable_ca_file_is_told_at_construction(tmp_path: Path) -> None:
    """No client exists that would trust the wrong authorities."""
    path = tmp_path / "ca.pem"
    with pytest.raises(FileNotFoundError):
        Commerce(destination(ca_file=str(path)))
    path.write_text("marked")
    with pytest.raises(ssl.SSLError):
        Commerce(destination(ca_file=str(path)))


# From here on a real server and real connections.


async def answer(
    send: Send, status: int, body: object, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    """Send a whole JSON answer."""
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": orjson.dumps(body)})


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """A uvicorn on a free loopback port that hands out tokens; the rest is the handler's."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        body = (await receive())["body"]
        if scope["path"] == TOKEN_PATH:
            await answer(send, 200, {"access_token": "marked-token", "expires_in": 300})
        else:
            await handler(scope, body, receive, send)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, lifespan="off", ws="none", log_config=None, access_log=False)
        server = uvicorn.Server(config)
        async with anyio.create_task_group() as group:
            group.start_soon(server.serve, [listener])
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            server.should_exit = True


async def deliver(_scope: Message, body: bytes, _receive: Receive, send: Send) -> None:
    """Store the customer."""
    await answer(send, 201, {"d": orjson.loads(body)})


async def drop(_scope: Message, _body: bytes, _receive: Receive, send: Send) -> None:
    """Begin an answer and end the connection in the middle of it."""
    headers = [(b"content-length", b"100")]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"d":', "more_body": True})


async def hang(_scope: Message, _body: bytes, receive: Receive, _send: Send) -> None:
    """Answer nothing until the client goes."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def flood(_scope: Message, _body: bytes, _receive: Receive, send: Send) -> None:
    """Answer with one byte too many."""
    await send({"type": "http.response.start", "status": 201, "headers": []})
    await send({"type": "http.response.body", "body": b" " * MAX_ANSWER_BYTES, "more_body": True})
    await send({"type": "http.response.body", "body": b" "})


@pytest.mark.parametrize(
    ("handler", "kind", "code"),
    [
        (deliver, Kind.DELIVERED, "http.201"),
        (drop, Kind.TRANSIENT, "disconnected"),
        (hang, Kind.TRANSIENT, "timeout"),
        (flood, Kind.TRANSIENT, "too_large"),
    ],
)
async def test_a_real_server(
    handler: Handler, kind: Kind, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections that break, hang or flood become outcomes; loopback goes around any proxy."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with serving(handler) as base_url:
        limit_s = 0.3 if handler is hang else 30.0
        outcome = await upsert(destination(base_url, total_timeout_s=limit_s))
    assert (outcome.kind, outcome.code) == (kind, code)


@functools.cache
def packed(coding: str) -> bytes:
    """A few kilobytes that unpack to a hundred megabytes, or one entity."""
    zeros = bytes(100 << 20)
    if coding == "br":
        brotli_body: bytes = brotli.compress(zeros, quality=1)
        return brotli_body
    if coding == "zstd":
        return zstandard.compress(zeros)
    if coding == "gzip, gzip":
        return gzip.compress(gzip.compress(zeros, 1))
    return gzip.compress(orjson.dumps(ENTITY))


@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip", "br", "zstd", "identity, deflate", "own"])
@pytest.mark.parametrize(("status", "code"), [(201, "protocol"), (400, "protocol"), (429, None)])
async def test_what_comes_packed_is_not_read(coding: str, status: int, code: str | None) -> None:
    """It may be gigabytes. What the status alone says is heard all the same."""
    body = packed(coding)

    async def pack(_scope: Message, _body: bytes, _receive: Receive, send: Send) -> None:
        headers = [(b"content-encoding", coding.encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    tracemalloc.start()
    try:
        async with serving(pack) as base_url:
            outcome = await upsert(destination(base_url))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert outcome.code == (code or f"http.{status}")
    assert peak < 64 * MAX_ANSWER_BYTES


@pytest.mark.parametrize("coding", ["", "identity", "Identity, identity"])
async def test_what_says_that_it_is_not_packed_is_read(sap: respx.MockRouter, coding: str) -> None:
    """Also in other words."""
    sap.post(ENTITY_PATH).respond(201, json=ENTITY, headers={"Content-Encoding": coding})
    assert (await upsert()).kind is Kind.DELIVERED


@pytest.mark.parametrize(("scheme", "code"), [("http", "token.refused"), ("https", "token.tls")])
async def test_no_server_and_no_tls(scheme: str, code: str) -> None:
    """A refused connection and a peer that does not speak TLS are told apart."""
    async with serving(deliver) as base_url:
        port = base_url.rpartition(":")[2]
        if scheme == "https":
            assert (await upsert(destination(f"https://127.0.0.1:{port}"))).code == code
    if scheme == "http":
        assert (await upsert(destination(base_url))).code == code


async def test_cancellation_passes_through() -> None:
    """Whoever stops the sidecar does not wait for SAP."""
    arrived = anyio.Event()

    async def hang_loudly(scope: Message, body: bytes, receive: Receive, send: Send) -> None:
        arrived.set()
        await hang(scope, body, receive, send)

    async with serving(hang_loudly) as base_url, Commerce(destination(base_url)) as commerce:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(lambda: commerce.upsert(PAYLOAD, message_id=numbered()))
                await arrived.wait()
                scope.cancel()
        assert scope.cancelled_caught


async def test_nothing_private_shows_anywhere(caplog: pytest.LogCaptureFixture) -> None:
    """SAP repeats everything it was sent; no log, repr or text does, at any level."""
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, logger=name)
    private = ["jane@example.com", "jane%40example.com", "Jane Marked", "marked-token"]
    private += ["marked-secret", "Jane%20Marked", "Jane+Marked"]

    async def repeat(scope: Message, body: bytes, _receive: Receive, send: Send) -> None:
        told = f"{body.decode()} {dict(scope['headers'])} {' '.join(private)}"
        headers = ((b"location", b"Customers('jane%40example.com')"), (b"x-sent", body))
        error = {"code": "Jane Marked", "message": {"value": told}, "innererror": told}
        await answer(send, 400, {"error": error}, headers)

    async with serving(repeat) as base_url, Commerce(destination(base_url)) as commerce:
        outcome = await commerce.upsert(PAYLOAD, message_id=numbered())
        shown = [repr(thing) for thing in (outcome, commerce, *vars(commerce).values())]
    assert outcome.kind is Kind.REJECTED
    shown += [f"{record.getMessage()} {record.args} {record.exc_info}" for record in caplog.records]
    assert any("HTTP Request" in text for text in shown)
    for value in private:
        assert not [text for text in shown if value.lower() in text.lower()]


# Several customers in one request

CROWD = [{"uid": f"c{number}@example.com", "name": f"Marked {number}"} for number in range(3)]


def answered(*parts: tuple[int, object]) -> httpx.Response:
    """What SAP answers to a `$batch`: each part as it is for a changeset of one."""
    lines: list[bytes] = []
    for status, document in parts:
        body = orjson.dumps(document)
        inner = [
            b"Content-Type: application/http",
            b"Content-Transfer-Encoding: binary",
            b"",
            b"HTTP/1.1 %d X" % status,
            b"Content-Type: application/json;charset=utf-8",
            b"Content-Length: %d" % len(body),
            b"",
            body,
        ]
        if status < 400:
            mixed = b"Content-Type: multipart/mixed; boundary=changeset_1"
            inner = [mixed, b"", b"--changeset_1", *inner, b"--changeset_1--"]
        lines += [b"--batch_1", *inner]
    content = b"\r\n".join([*lines, b"--batch_1--"])
    headers = {"Content-Type": "multipart/mixed; boundary=batch_1"}
    return httpx.Response(202, headers=headers, content=content)


async def upsert_many(to: Destination | None = None) -> tuple[Outcome, ...] | Outcome:
    """One batch by a client of its own."""
    async with Commerce(to or destination()) as commerce:
        return await commerce.upsert_many(
            CROWD, message_id=lambda number: f"m{number}", boundary="batch_x"
        )


async def test_each_part_of_a_batch_has_its_outcome(sap: respx.MockRouter) -> None:
    """In order, each judged for itself and with its own values taken out of SAP's text."""
    error = {"error": {"code": "invalid_attribute_value", "message": {"value": "no Marked 1"}}}
    parts = ((201, ENTITY), (400, error), (201, ENTITY))
    route = sap.post(BATCH_PATH).mock(return_value=answered(*parts))
    outcomes = await upsert_many()
    assert isinstance(outcomes, tuple)
    assert [one.kind for one in outcomes] == [Kind.DELIVERED, Kind.REJECTED, Kind.DELIVERED]
    assert "Marked" not in outcomes[1].text
    [call] = route.calls
    assert call.request.headers["content-type"] == "multipart/mixed; boundary=batch_x"
    assert call.request.headers["authorization"] == "Bearer t1"
    for number, payload in enumerate(CROWD):
        assert orjson.dumps(payload) in call.request.content
        assert f"integrationMessageId: m{number}".encode() in call.request.content


async def test_a_refused_token_is_replaced_for_a_batch_too(sap: respx.MockRouter) -> None:
    """Once, and the batch is sent again as a whole."""
    good = answered(*[(201, ENTITY)] * 3)
    route = sap.post(BATCH_PATH).mock(side_effect=[httpx.Response(401), good])
    outcomes = await upsert_many()
    assert isinstance(outcomes, tuple)
    assert len(outcomes) == 3
    tokens = [call.request.headers["authorization"] for call in route.calls]
    assert tokens == ["Bearer t1", "Bearer t2"]


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (httpx.Response(401), Kind.SETUP, "http.401"),
        (httpx.Response(429), Kind.THROTTLED, "http.429"),
        (httpx.Response(503, html="<p>x</p>"), Kind.TRANSIENT, "http.503"),
        (httpx.Response(404, html="<p>x</p>"), Kind.SETUP, "http.404"),
        (
            httpx.Response(400, json={"error": {"code": "batch_limit_exceeded"}}),
            Kind.REJECTED,
            "odata.batch_limit_exceeded",
        ),
        (httpx.Response(202, text="Marked 1"), Kind.TRANSIENT, "batch.unreadable"),
        (answered((201, ENTITY)), Kind.TRANSIENT, "batch.unreadable"),
        (httpx.ReadTimeout("x"), Kind.TRANSIENT, "timeout"),
    ],
)
async def test_an_answer_to_the_whole_batch_is_one_outcome(
    sap: respx.MockRouter, answer: httpx.Response | Exception, kind: Kind, code: str
) -> None:
    """Told apart from the parts: it says nothing about any customer."""
    sap.post(BATCH_PATH).mock(side_effect=[answer, answer])
    outcome = await upsert_many()
    assert isinstance(outcome, Outcome)
    assert (outcome.kind, outcome.code) == (kind, code)
    assert "Marked" not in outcome.text
