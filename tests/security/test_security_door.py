"""The Segment door, attacked: keys, signatures, origins, and bodies that mean no good."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import time
from contextlib import ExitStack
from typing import Any

import httpx
import orjson
import pytest

from frontdesk_sidecar.ingest.budget import LIMIT
from frontdesk_sidecar.ingest.document import MAX_BATCH, MAX_MESSAGE
from frontdesk_sidecar.ingest.proof import TOLERANCE_S

JANE = {"userId": "jane", "traits": {"email": "jane@example.com"}}


def post(sidecar: Any, path: str, body: Any, **headers: str) -> httpx.Response:
    """One request; bytes go as they are, anything else as JSON."""
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    url = f"{sidecar.url}/v1/{path}"
    return httpx.post(url, content=content, headers=headers, trust_env=False, timeout=20)


def bearer(sidecar: Any) -> dict[str, str]:
    """The write key."""
    return {"authorization": f"Bearer {sidecar.write_key}"}


def signed(sidecar: Any, body: bytes, at: str, key: str = "") -> dict[str, str]:
    """A signature, right unless something is given wrong."""
    secret = (key or sidecar.signing_key).encode()
    digest = hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"x-frontdesk-signature": f"t={at},v1={digest}"}


@pytest.mark.parametrize(
    "header",
    [
        *("Bearer", "Bearer ", "Bearer {admin}", "Bearer {key}x", "Bearer {upper}", "Digest {key}"),
        *("Basic {key}", "Basic e2tleX06", "Basic =====", "Bearer {key},{key}", "{key}"),
        *("Bearer \u00ff", "Basic /////w==", "bearer\t{key}x"),
    ],
)
def test_only_a_write_key_opens_it(guarded: Any, header: str) -> None:
    """Not the admin key, not a part of one, nor a right one in the body behind a wrong one."""
    given = header.format(key=guarded.write_key, upper=guarded.write_key.upper(), admin=guarded.key)
    answer = guarded.ask(
        "POST",
        "/v1/identify",
        "Host: localhost",
        f"Authorization: {given}",
        body=orjson.dumps({**JANE, "writeKey": guarded.write_key}),
    )
    assert answer[0] == 401
    assert guarded.write_key.encode() not in answer[1]


def test_a_key_in_the_address_is_none(guarded: Any) -> None:
    """But where analytics.js asks for its settings, which hold nothing else."""
    for path in (f"identify?writeKey={guarded.write_key}", f"import?key={guarded.write_key}"):
        assert post(guarded, path, JANE).status_code == 401
    url = f"{guarded.url}/v1/projects"
    assert httpx.get(f"{url}/wrong/settings", trust_env=False).status_code == 404
    told = httpx.get(f"{url}/{guarded.write_key}/settings", trust_env=False)
    assert set(told.json()["integrations"]["Segment.io"]) == {"apiKey", "apiHost", "protocol"}


@pytest.mark.parametrize("kind", [None, True, 1, [], {}, "", "x" * 30_000, "\x00"])
def test_what_is_no_key_in_a_body(guarded: Any, kind: object) -> None:
    """Of any type; where a name is given twice the last one counts, as everywhere here."""
    assert post(guarded, "identify", {**JANE, "writeKey": kind}).status_code == 401
    right = b'{"writeKey":"%b","writeKey":"wrong"}' % guarded.write_key.encode()
    assert post(guarded, "identify", right).status_code == 401


def test_a_signature_is_of_this_body_and_about_now(guarded: Any) -> None:
    """Nothing of it can be changed, and after its time it is worth nothing."""
    body, now = orjson.dumps(JANE), int(time.time())
    right = signed(guarded, body, str(now))
    assert post(guarded, "identify", body, **right).status_code == 200
    packed = gzip.compress(body)
    sent = signed(guarded, packed, str(now)) | {"content-encoding": "gzip"}
    assert post(guarded, "identify", packed, **sent).status_code == 200
    wrong = [
        (body + b" ", right),
        (body, signed(guarded, body, str(now), guarded.write_key)),
        (body, signed(guarded, body, str(now - TOLERANCE_S - 60))),
        (body, signed(guarded, body, str(now + TOLERANCE_S + 60))),
        (body, signed(guarded, body, "0" * 13)),
        (body, signed(guarded, body, f"{now}.0")),
        (body, signed(guarded, body, f"+{now}")),
        (body, {"x-frontdesk-signature": right["x-frontdesk-signature"].replace("v1", "v0")}),
        (body, {"x-frontdesk-signature": f"t={now},v1={'0' * 64}"}),
        (body, {"x-frontdesk-signature": ""}),
        # who signs wrongly is not let in by a key either
        (body, {"x-frontdesk-signature": f"t={now},v1={'0' * 64}", **bearer(guarded)}),
    ]
    for content, headers in wrong:
        answer = post(guarded, "identify", content, **headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


def test_a_signed_request_may_be_sent_again(guarded: Any) -> None:
    """Within its time, by whoever overheard it: with a timestamp it merges to the same."""
    address = "replayed@example.com"
    old, new = (
        orjson.dumps(
            {"timestamp": f"2026-01-0{day}T00:00:00Z",
             "traits": {"email": address, "firstName": name}}
        )
        for day, name in ((1, "Old"), (2, "New"))
    )  # fmt: skip
    overheard = signed(guarded, old, str(int(time.time())))
    for body, headers in ((old, overheard), (new, bearer(guarded)), (old, overheard)):
        assert post(guarded, "identify", body, **headers).status_code == 200
    key = {"authorization": f"Bearer {guarded.key}"}

    def is_settled() -> bool:
        told = httpx.get(f"{guarded.url}/status", headers=key, trust_env=False).json()
        return bool(told["customers"]["pending"] + told["customers"]["leased"] == 0)

    deadline = time.monotonic() + 20
    while not is_settled():
        assert time.monotonic() < deadline
    sap = httpx.get(f"{guarded.stack.sap_url}/_sim/customers", trust_env=False).text
    assert "New" in sap
    assert "Old" not in sap


@pytest.mark.parametrize(
    "origin",
    [
        *(
            "null",
            "https://evil.example",
            "https://shop.example.evil.example",
            "http://shop.example",
        ),
        *("https://evil-shop.example", "https://shop.example:443", "https://shop.example:9443"),
        *("https://shop.example/", "HTTPS://SHOP.EXAMPLE", "https://shop.example.", "*", ""),
        *("https://shop.example, https://evil.example", "https://user@shop.example", "file://"),
    ],
)
def test_pages_of_other_origins(guarded: Any, origin: str) -> None:
    """Compared as a whole; even with the key nothing is taken, and they are not told that it is."""
    for method in ("OPTIONS", "POST"):
        answer = httpx.request(
            method,
            f"{guarded.url}/v1/identify",
            content=orjson.dumps(JANE),
            headers={"origin": origin, **bearer(guarded)},
            trust_env=False,
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "origin")
        assert "access-control-allow-origin" not in answer.headers


def test_pages_of_an_origin_on_the_list(guarded: Any) -> None:
    """Are named exactly, without credentials."""
    for origin in ("https://shop.example", "https://shop.example:8443"):
        answer = post(guarded, "identify", JANE, origin=origin, **bearer(guarded))
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == origin
        assert "origin" in answer.headers["vary"]
        assert "access-control-allow-credentials" not in answer.headers


def test_bodies_of_strangers_leave_room(guarded: Any) -> None:
    """Many begin a body, show no key and never end; whoever shows one is served."""
    size = MAX_BATCH - 1
    head = b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (size + 1)
    batch = {"batch": [{"type": "identify", **JANE, "x": "y" * 30_000} for _ in range(10)]}
    with ExitStack() as stack:

        def begin() -> None:
            connection = stack.enter_context(guarded.connect())
            connection.sendall(head + b" " * size)

        for _ in range(LIMIT // 2 // size):
            begin()
        deadline = time.monotonic() + 20
        while post(guarded, "batch", {"writeKey": guarded.write_key, **batch}).status_code != 429:
            assert time.monotonic() < deadline
            begin()  # our own post may have been in the way of one of them
        assert post(guarded, "batch", batch, **bearer(guarded)).status_code == 200


def test_a_message_is_not_made_small_by_its_depth(guarded: Any) -> None:
    """What cannot be written as JSON again is measured all the same."""
    deep: list[Any] = []
    for _ in range(240):
        deep = [deep]
    large = {f"t{number}": "x" * 1000 for number in range(2 * MAX_MESSAGE // 1000)}
    message = {"type": "identify", "traits": {"email": "deep@example.com", **large}}
    body = orjson.dumps({"batch": [{**message, "x": []}]})
    nested = body.replace(b'"x":[]', b'"x":' + b"[" * 900 + b"]" * 900)
    for sent in (body, orjson.dumps({"batch": [{**message, "x": deep}]}), nested):
        answer = post(guarded, "batch", sent, **bearer(guarded))
        assert answer.status_code == 400
        assert str(MAX_MESSAGE) in answer.text


HOSTILE = [
    b'{"traits":{"email":"n@example.com","age":1e999}}',
    b'{"traits":{"email":"n@example.com","age":NaN}}',
    b'{"traits":{"email":"n@example.com","n":"\\ud800"}}',
    b'{"traits":{"email":"n@example.com","n":"\xed\xa0\x80"}}',
    b'{"traits":[],"userId":"marked-value@example.com"}',
    b'{"timestamp":"marked-value","traits":{"email":"n@example.com"}}',
    b'{"userId":{"marked-value":1}}',
]
HARMLESS = [
    b'{"traits":{"email":"n@example.com","age":' + b"9" * 400 + b"}}",
    b'{"traits":{"email":"n@example.com","age":-0.0,"n":"a\\u0000b\\u001b[2J"}}',
    b'{"traits":{"email":"n@example.com","email":"m@example.com"}}',
    b'{"timestamp":"0001-01-01T00:00:00+14:00","traits":{"email":"n@example.com"}}',
    b'{"timestamp":"9999-12-31T23:59:59.999999-12:00","traits":{"email":"n@example.com"}}',
    b'{"timestamp":"2026-01-01","sentAt":"9999-12-31","traits":{"email":"n@example.com"}}',
    b'{"messageId":"' + b"m" * 20_000 + b'","traits":{"email":"n@example.com"}}',
    b'{"traits":{"email":"n@example.com","a":' + b"[" * 500 + b"]" * 500 + b"}}",
    b'{"traits":{"email":"n@example.com","@event":"x","__proto__":{"x":1},"constructor":1}}',
]


@pytest.mark.parametrize("body", HOSTILE)
def test_what_is_refused_repeats_nothing(guarded: Any, body: bytes) -> None:
    """400 with the field, at most; neither the answer nor the log has a value."""
    before = len(guarded.log())
    answer = post(guarded, "identify", body, **bearer(guarded))
    assert answer.status_code == 400
    assert "marked-value" not in answer.text + guarded.log()[before:]


@pytest.mark.parametrize("body", HARMLESS)
def test_what_is_odd_does_no_harm(guarded: Any, body: bytes) -> None:
    """Taken or left out, and the sidecar goes on."""
    before = len(guarded.log())
    answer = post(guarded, "identify", body, **bearer(guarded))
    assert answer.status_code in (200, 400)
    assert post(guarded, "identify", JANE, **bearer(guarded)).status_code == 200
    assert "ERROR" not in guarded.log()[before:]


def test_no_client_makes_up_a_metric(guarded: Any) -> None:
    """Kinds, events, sites, names, paths and methods of a client's choice label nothing."""

    def series() -> set[str]:
        key = {"authorization": f"Bearer {guarded.key}"}
        told = httpx.get(f"{guarded.url}/metrics", headers=key, trust_env=False).text
        return {line.rpartition(" ")[0] for line in told.splitlines() if "ingest" in line}

    def send(mark: str) -> None:
        message = {**JANE, "type": mark, "event": mark, "context": {"site": mark, "event": mark}}
        for path in ("identify", "track", "batch", mark, f"{mark}/{mark}"):
            post(guarded, path, {"batch": [message], **message}, **bearer(guarded))
        httpx.request(mark.upper(), f"{guarded.url}/v1/identify", trust_env=False)

    send("first")
    before = series()
    for number in range(3):
        send(f"made-up-{number}")
    assert series() == before
