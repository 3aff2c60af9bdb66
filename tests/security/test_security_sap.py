"""The way to SAP, attacked from both ends: where it may lead, and what may come back."""

from __future__ import annotations

import ast
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

import frontdesk_sidecar
from frontdesk.event import Identify
from frontdesk_sidecar.admin import client
from frontdesk_sidecar.sap.batch import Change, encode
from frontdesk_sidecar.sap.commerce import Commerce
from frontdesk_sidecar.sap.destination import Destination, is_header_value, parse_base_url
from frontdesk_sidecar.sap.odata import integration_key, key_predicate
from frontdesk_sidecar.sap.outcome import Kind, Outcome
from frontdesk_sidecar.sap.transport import MAX_ANSWER_BYTES, _tls
from server_support import serving

SIDECAR = Path(frontdesk_sidecar.__path__[0])
TOKEN = "/authorizationserver/oauth/token"
PAYLOAD = {"uid": "jane@example.com"}
METHODS = ["GET", "POST"]
PLAIN = Destination("http://127.0.0.1:1", "Object", "Customers", "id", lambda: "secret")


class Elsewhere:
    """Another host, which nobody has anything to say to."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.url = ""

    async def hear(self, request: Request) -> Response:
        self.heard.append(f"{request.method} {request.url.path} {dict(request.headers)}")
        return JSONResponse({"access_token": "theirs", "expires_in": 300, "d": PAYLOAD})


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    """It listens."""
    other = Elsewhere()
    with serving(Starlette(routes=[Route("/{path:path}", other.hear, methods=METHODS)])) as url:
        other.url = url
        yield other


async def _grant(request: Request) -> Response:
    return JSONResponse({"access_token": "marked-token", "expires_in": 300})


def sap(answer: Callable[[Request], Any], token: Callable[[Request], Any] = _grant) -> Starlette:
    """SAP, which gives a token and answers everything else so."""
    routes = [
        Route(TOKEN, token, methods=["POST"]),
        Route("/{path:path}", answer, methods=METHODS),
    ]
    return Starlette(routes=routes)


def destination(url: str, **others: Any) -> Destination:
    """There, with marked credentials."""
    return Destination(
        url, "InboundCustomer", "Customers", "marked-id", lambda: "marked-secret", **others
    )


async def upsert(url: str, **others: Any) -> Outcome:
    """One customer."""
    async with Commerce(destination(url, **others)) as commerce:
        return await commerce.upsert(PAYLOAD, message_id=lambda: "m1")


@pytest.mark.parametrize(
    "text",
    [
        *("http://169.254.169.254", "http://169.254.169.254/latest/meta-data/", "http://0.0.0.0"),
        *("http://[::ffff:169.254.169.254]", "http://[fe80::1]", "http://[fd00:ec2::254]"),
        *("http://2130706433", "http://0x7f000001", "http://0177.0.0.1", "http://127.1"),
        *("http://127.0.0.1.evil.example", "http://localhost.evil.example", "http://xlocalhost"),
        *("http://localhost@evil.example", "http://127.0.0.1:80@evil.example", "http://a:b@[::1]"),
        *("http://127.0.0.1\\@evil.example", "http://127.0.0.1#@evil.example", "http:127.0.0.1"),
        *("https://a.example\r\nX: y", "https://a.example%0d%0aX:y", "https://a.example\tb"),
        *("https://a.example/../x", "https://a.example?x", "https://a.example\x00.evil.example"),
        *("file:///etc/passwd", "gopher://127.0.0.1", "unix:///run/x", "//a.example"),
        *("https://\uff11\uff12\uff17.0.0.1", "https://a\u3002example", "https://exam\u00adple.com"),
    ],
)  # fmt: skip
def test_credentials_go_by_tls_or_stay_here(text: str) -> None:
    """Plain http is for addresses of this machine as they are usually written, and nothing else."""
    with pytest.raises(ValueError, match=r"expected a host|loopback"):
        parse_base_url(text)


@pytest.mark.parametrize("what", ["token", "upsert", "metadata", "batch"])
async def test_nobody_is_followed_elsewhere(elsewhere: Elsewhere, what: str) -> None:
    """Neither the secret nor a token nor a customer goes where an answer points."""
    statuses = [301, 302, 303, 307, 308]
    asked: list[int] = []

    async def point(request: Request) -> Response:
        status = statuses[len(asked) % len(statuses)]
        asked.append(status)
        return Response(status_code=status, headers={"location": f"{elsewhere.url}/x"})

    with serving(sap(point, point if what == "token" else _grant)) as url:
        for _ in statuses:
            async with Commerce(destination(url)) as commerce:
                if what == "metadata":
                    await commerce.session.get(destination(url).metadata_url)
                elif what == "batch":
                    await commerce.upsert_many(
                        [PAYLOAD, PAYLOAD], message_id=lambda number: f"m{number}", boundary="b1"
                    )
                else:
                    outcome = await commerce.upsert(PAYLOAD, message_id=lambda: "m1")
                    assert outcome.kind is not Kind.DELIVERED
    assert set(asked) == set(statuses)
    assert elsewhere.heard == []
    async with Commerce(destination(elsewhere.url)) as commerce:
        assert (await commerce.upsert(PAYLOAD, message_id=lambda: "m1")).kind is Kind.DELIVERED
    assert len(elsewhere.heard) == 2  # whoever is sent there is heard


async def test_an_answer_that_drips_has_an_end() -> None:
    """Each byte in time, and no end: the time is for the whole."""

    async def drip(request: Request) -> Response:
        async def bytes_() -> AsyncIterator[bytes]:
            while True:
                yield b" "
                await anyio.sleep(0.02)

        return StreamingResponse(bytes_(), 201)

    for app in (sap(drip), sap(drip, drip)):
        with serving(app) as url:
            outcome = await upsert(url, total_timeout_s=0.4, connect_timeout_s=0.3)
            assert outcome.kind in (Kind.TRANSIENT, Kind.SETUP)


@pytest.mark.parametrize("part", ["body", "head"])
async def test_an_answer_without_end(part: str) -> None:
    """Is read to the limit and let go."""

    async def pour(request: Request) -> Response:
        async def bytes_() -> AsyncIterator[bytes]:
            while True:
                yield b" " * 65_536
                await anyio.lowlevel.checkpoint()  # to hear that nobody listens any more

        headers = {} if part == "body" else {"x-large": "x" * 2_000_000}
        return StreamingResponse(bytes_(), 201, headers=headers)

    tracemalloc.start()
    try:
        with serving(sap(pour)) as url:
            outcome = await upsert(url)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert outcome.kind is not Kind.DELIVERED
    assert peak < 24 * MAX_ANSWER_BYTES


async def test_cookies_are_not_kept() -> None:
    """Of no answer, the token's neither."""
    seen = []

    async def bake(request: Request) -> Response:
        seen.append(request.headers.get("cookie"))
        body = {"access_token": "t", "expires_in": 1, "d": PAYLOAD}
        return JSONResponse(body, 201 if TOKEN not in str(request.url) else 200,
                            headers={"set-cookie": "JSESSIONID=marked; Path=/"})  # fmt: skip

    with serving(sap(bake, bake)) as url:
        async with Commerce(destination(url)) as commerce:
            for _ in range(2):
                await commerce.upsert(PAYLOAD, message_id=lambda: "m1")
    assert len(seen) >= 3
    assert set(seen) == {None}


@pytest.mark.parametrize(
    "value", ["a\r\nX: y", "a\n", "\ra", "a\x00", "a\x0bb", " a", "a\u2028b", ""]
)
def test_a_header_of_the_settings_stays_one_line(value: str) -> None:
    """Whether it is given or read from a file; names and hooks alike."""
    assert not is_header_value(value)
    for name in ("content_language", "pre_persist_hook", "post_persist_hook"):
        with pytest.raises(ValueError, match=name):
            destination("https://a.example", **{name: value or " "})
    with pytest.raises(ValueError, match="headers"):
        destination("https://a.example", headers={f"x{value or ':'}": lambda: "y"})


@given(st.text(), st.text())
def test_a_key_stays_within_its_quotes(one: str, other: str) -> None:
    """Whatever a shopper is called, the address of the entity ends where it should."""
    predicate = key_predicate(integration_key([one, other]))
    inner = predicate[2:-2]
    assert predicate == f"('{inner}')"
    assert "'" not in inner.replace("''", "")
    assert not set(inner) & set(' \r\n\t/?#&;()\\"<>|+')
    assert inner.isascii()


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=200), min_size=1, max_size=4))
def test_a_value_stays_within_its_part(payload: dict[str, str]) -> None:
    """Line breaks and delimiters in a value are text in JSON, not lines of the batch."""
    try:
        body = orjson.dumps(payload | {"x": "\r\n--b_1\r\nDELETE Customers HTTP/1.1\r\n\r\n"})
    except TypeError:  # lone surrogates never get so far
        return
    assert b"\n" not in body
    sent = encode([Change(body, {"integrationMessageId": "m"})], entity_set="C", boundary="zz")
    assert sent.count(b"\nPOST C HTTP/1.1\r\n") == 1
    assert sent.count(b"\r\n--zz--") == 1
    assert b"\nDELETE" not in sent


@pytest.mark.parametrize("end", ["\r\nX: y", "\n", "-x", " ", "\x00", "\u00e9"])
def test_a_trace_of_a_journal_line_stays_one_line(end: str) -> None:
    """It goes to SAP in a header, and anybody who writes to the journal gives one."""

    def read(trace: str) -> str | None:
        moment = "2026-01-01T00:00:00Z"
        line = {"type": "identify", "messageId": "m", "timestamp": moment, "userId": "u",
                "traits": {"email": "jane@example.com"}, "traceparent": trace}  # fmt: skip
        return Identify.decode(orjson.dumps(line)).traceparent

    right = f"00-{'a' * 32}-{'b' * 16}-01"
    assert read(right) == right
    assert read(right + end) is None


def test_tls_cannot_be_switched_off() -> None:
    """No module has the means; one reads whom a trusted certificate is for, and asks nothing."""
    means = ("CERT_NONE", "CERT_OPTIONAL", "_create_unverified_context", "check_hostname")
    found = set()
    for path in SIDECAR.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "verify":
                given = ast.unparse(node.value)
                found |= {f"{path.name}: verify"} if given not in ("tls", "_NO_TLS") else set()
            if isinstance(node, ast.Attribute) and node.attr in means:
                found.add(f"{path.name}: {node.attr}")
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("SSLContext"):
                kind = ast.unparse(node.args[0])  # only a client's verifies from the beginning
                found |= {f"{path.name}: {kind}"} if kind != "ssl.PROTOCOL_TLS_CLIENT" else set()
    assert found == {"network.py: check_hostname", "loading.py: ssl.PROTOCOL_TLS_SERVER"}


@pytest.mark.parametrize("context", [client._NO_TLS, _tls(PLAIN)], ids=["commands", "plain http"])
def test_where_no_tls_is_spoken_nobody_would_be_trusted(context: ssl.SSLContext) -> None:
    """So an address that turned into https would find no door open."""
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.get_ca_certs() == []
    assert context.cert_store_stats()["x509"] == 0
