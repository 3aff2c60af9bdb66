"""Who asks, in every way that SAP and a gateway before it may want to be told."""

from __future__ import annotations

import base64
import itertools
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import respx
import trustme

from frontdesk_sidecar.sap.answer import Answer, Failure
from frontdesk_sidecar.sap.commerce import Commerce
from frontdesk_sidecar.sap.destination import Auth, Destination, is_header_value
from frontdesk_sidecar.sap.outcome import Kind, Outcome
from frontdesk_sidecar.sap.session import Session
from server_support import serving

HOST = "https://api.example.com"
TOKEN = "/authorizationserver/oauth/token"
OBJECT = "/odata2webservices/InboundCustomer"
ENTITY = {"d": {"uid": "a", "integrationKey": "a"}}
MESSAGE_ID = "8c1f0a52-9f4e-4c39-8a80-0123456789ab"


def destination(base_url: str = HOST, **others: Any) -> Destination:
    """A destination with marked credentials."""
    given: dict[str, Any] = {"client_secret": lambda: "marked s+cret", **others}
    return Destination(base_url, "InboundCustomer", "Customers", "id:1", **given)


@pytest.fixture
def sap() -> Iterator[respx.MockRouter]:
    """Tokens t1, t2, …, and an entity set that takes everything."""
    count = itertools.count(1)

    def token(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"access_token": f"t{next(count)}", "expires_in": 300})

    with respx.mock(base_url=HOST, assert_all_called=False) as router:
        router.post(TOKEN, name="token").mock(side_effect=token)
        router.post(f"{OBJECT}/Customers", name="post").respond(201, json=ENTITY)
        router.post(f"{OBJECT}/$batch", name="batch").respond(400)
        router.get(f"{OBJECT}/$metadata", name="metadata").respond(200, content=b"<x/>")
        yield router


async def upsert(to: Destination, clock: Callable[[], float] | None = None) -> Outcome:
    """One upsert by a client of its own."""
    async with Commerce(to, clock=clock or time.monotonic) as commerce:
        return await commerce.upsert({"uid": "a"}, message_id=lambda: MESSAGE_ID)


def basic_of(call: Any) -> str:
    """What a Basic header says."""
    scheme, _, credentials = call.request.headers["authorization"].partition(" ")
    assert scheme == "Basic"
    return base64.b64decode(credentials).decode()


async def test_client_credentials_in_a_basic_header(sap: respx.MockRouter) -> None:
    """Id and secret are form-encoded first (RFC 6749, section 2.3.1); the form holds neither."""
    outcome = await upsert(destination(auth=Auth.OAUTH_BASIC))
    assert outcome.kind is Kind.DELIVERED
    [call] = sap["token"].calls
    assert basic_of(call) == "id%3A1:marked+s%2Bcret"
    assert call.request.content == b"grant_type=client_credentials"
    assert sap["post"].calls[0].request.headers["authorization"] == "Bearer t1"


async def test_a_name_and_password(sap: respx.MockRouter) -> None:
    """For an object whose channel is BASIC: no token is asked for."""
    outcome = await upsert(destination(auth=Auth.BASIC, client_secret=lambda: "pässword"))
    assert outcome.kind is Kind.DELIVERED
    assert sap["token"].calls == []
    assert basic_of(sap["post"].calls[0]) == "id:1:pässword"


async def test_a_password_that_was_changed_is_read_anew(sap: respx.MockRouter) -> None:
    """At once after a refusal, and after a minute anyway; an empty one is a setup fault."""
    secrets = iter(["old", "new", "newer", ""])
    now = 0.0
    sap["post"].mock(side_effect=[httpx.Response(401), *[httpx.Response(201, json=ENTITY)] * 2])
    to = destination(auth=Auth.BASIC, client_secret=lambda: next(secrets))
    async with Commerce(to, clock=lambda: now) as commerce:
        for moment in (0.0, 61.0, 122.0):
            now = moment
            outcome = await commerce.upsert({"uid": "a"}, message_id=lambda: MESSAGE_ID)
            if moment < 100:
                assert outcome.kind is Kind.DELIVERED
    assert (outcome.kind, outcome.code) == (Kind.SETUP, "token.secret_unreadable")
    assert [basic_of(call) for call in sap["post"].calls] == ["id:1:old", "id:1:new", "id:1:newer"]


async def test_extra_headers_go_with_every_request(sap: respx.MockRouter) -> None:
    """A gateway before SAP wants them for the token as well; what SAP repeats of them is hidden."""
    keys: Mapping[str, Callable[[], str]] = {
        "X-Api-Key": lambda: "marked-key",
        "X-Team": lambda: "t",
    }
    sap["post"].respond(
        400, json={"error": {"code": "x", "message": "no marked-key, no marked s+cret"}}
    )
    outcome = await upsert(destination(headers=keys))
    for name in ("token", "post"):
        headers = sap[name].calls[0].request.headers
        assert (headers["x-api-key"], headers["x-team"]) == ("marked-key", "t")
    assert "marked-key" not in outcome.text


@pytest.mark.parametrize("value", ["a\nb", "", "a\x00", " a", "ключ", "a" * 9000])
async def test_an_extra_header_that_cannot_be_sent(sap: respx.MockRouter, value: str) -> None:
    """Nothing is sent, and it is a setup fault."""
    assert not is_header_value(value)
    outcome = await upsert(destination(headers={"X-Key": lambda: value}))
    assert outcome.kind is Kind.SETUP
    assert sap.calls == []


async def test_hooks_language_and_passport(sap: respx.MockRouter) -> None:
    """With each upsert: as headers of a post, and of each part of a batch."""
    to = destination(
        pre_persist_hook="before",
        post_persist_hook="after",
        content_language="de_CH",
        passport=True,
    )
    async with Commerce(to) as commerce:
        await commerce.upsert({"uid": "a"}, message_id=lambda: MESSAGE_ID)
        await commerce.upsert_many(
            [{"uid": "a"}, {"uid": "b"}], message_id=lambda number: f"{number:032x}", boundary="b1"
        )
    headers = sap["post"].calls[0].request.headers
    assert headers["pre-persist-hook"] == "before"
    assert headers["post-persist-hook"] == "after"
    assert headers["content-language"] == "de_CH"
    assert headers["sap-passport"].startswith("2a54482a0300e6")
    body = sap["batch"].calls[0].request.content
    for line in (
        b"Pre-Persist-Hook: before",
        b"Content-Language: de_CH",
        b"SAP-PASSPORT: 2a54482a",
    ):
        assert body.count(line) == 2
    assert "pre-persist-hook" not in sap["batch"].calls[0].request.headers


async def test_reading(sap: respx.MockRouter) -> None:
    """`get` asks with the same credentials, and replaces a refused token once."""
    sap["metadata"].mock(side_effect=[httpx.Response(401), httpx.Response(200, content=b"<x/>")])
    async with Session(destination()) as session:
        reply = await session.get(destination().metadata_url, {"Accept": "application/xml"})
        assert isinstance(reply, Answer)
        assert reply.body == b"<x/>"
        assert session.private == ("t2", "marked s+cret")
    first, second = sap["metadata"].calls
    assert (first.request.headers["authorization"], second.request.headers["authorization"]) == (
        "Bearer t1",
        "Bearer t2",
    )
    assert second.request.headers["accept"] == "application/xml"


async def test_no_other_token_is_asked_for_in_a_silence(sap: respx.MockRouter) -> None:
    """The refusal says nothing about the customer, and it is tried again later."""
    sap["post"].respond(401)
    async with Commerce(destination()) as commerce:
        commerce.session.may_repeat = lambda: False
        outcome = await commerce.upsert({"uid": "a"}, message_id=lambda: MESSAGE_ID)
    assert (outcome.kind, outcome.code) == (Kind.TRANSIENT, "token.silence")
    assert len(sap["token"].calls) == len(sap["post"].calls) == 1


# Mutual TLS, with real certificates on a real socket


async def app(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
    """Takes everything."""
    if scope["type"] != "http":
        return
    body = orjson.dumps(
        {"access_token": "t", "expires_in": 300} if scope["path"] == TOKEN else ENTITY
    )
    status = 200 if scope["path"] == TOKEN else 201
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    """An authority for both sides."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    server = authority.issue_cert("127.0.0.1")
    server.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    return authority


@pytest.fixture
def secured(tmp_path: Path, authority: trustme.CA) -> Iterator[str]:
    """A server that wants a certificate of that authority; its address."""
    with serving(
        app,
        lifespan="off",
        ssl_certfile=str(tmp_path / "server.pem"),
        ssl_ca_certs=str(tmp_path / "ca.pem"),
        ssl_cert_reqs=ssl.CERT_REQUIRED,
    ) as url:
        yield url.replace("http://", "https://")


async def test_mutual_tls(secured: str, tmp_path: Path, authority: trustme.CA) -> None:
    """With TLS 1.3 a missing certificate shows as a lost connection; with it all is well.

    Certificate and key may be in two files.
    """
    trusted = {"ca_file": str(tmp_path / "ca.pem")}
    refused = await upsert(destination(secured, **trusted))
    assert refused.code in ("token.disconnected", "token.tls")
    mine = authority.issue_cert("frontdesk.example")
    mine.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    mine.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    files = {
        "client_cert_file": str(tmp_path / "cert.pem"),
        "client_key_file": str(tmp_path / "key.pem"),
    }
    assert (await upsert(destination(secured, **trusted, **files))).kind is Kind.DELIVERED


async def test_a_certificate_is_replaced_while_it_runs(
    secured: str, tmp_path: Path, authority: trustme.CA
) -> None:
    """The next new connection uses the new one; half of it on the disk is waited out."""
    path = tmp_path / "mine.pem"
    trustme.CA().issue_cert("stranger.example").private_key_and_cert_chain_pem.write_to_path(
        str(path)
    )
    now = 0.0
    to = destination(secured, ca_file=str(tmp_path / "ca.pem"), client_cert_file=str(path))
    async with Session(to, clock=lambda: now) as session:
        assert await session.get(to.metadata_url) is not None
        assert isinstance(await session.transport.send("GET", to.metadata_url, headers={}), Failure)
        path.write_bytes(b"half of a certificate")
        now = 11.0
        assert isinstance(await session.transport.send("GET", to.metadata_url, headers={}), Failure)
        authority.issue_cert("frontdesk.example").private_key_and_cert_chain_pem.write_to_path(
            str(path)
        )
        now = 22.0
        assert isinstance(await session.transport.send("GET", to.metadata_url, headers={}), Answer)
