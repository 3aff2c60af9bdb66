"""The door over HTTP, as a client sees it: a real server and a real store."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

import httpx
import orjson
import pytest

from frontdesk.event import Identify
from frontdesk_sidecar.ingest.budget import Budget, Busy
from frontdesk_sidecar.ingest.document import MAX_BATCH, MAX_IMPORT, MAX_MESSAGE
from frontdesk_sidecar.ingest.keys import Keys
from frontdesk_sidecar.ingest.taking import LINES
from frontdesk_sidecar.store import StoreError, StoreFailed
from frontdesk_sidecar.store.errors import StoreHeld
from frontdesk_sidecar.store.sqlite import SQLiteStore

WRITE_KEY = "write-key-1"
ORIGIN = "http://shop.example"
JANE = {"userId": "u-1", "traits": {"email": "jane@example.com", "firstName": "Jane"}}
OK = {"success": True}


def client(url: str, **more: Any) -> httpx.Client:
    """With the write key, unless other credentials are given."""
    options: dict[str, Any] = {"auth": (WRITE_KEY, ""), "trust_env": False, **more}
    return httpx.Client(base_url=f"{url}/v1", timeout=30, **options)


def somebody(number: int) -> dict[str, Any]:
    """One identify message of many."""
    return {"type": "identify", "traits": {"email": f"c{number}@example.com", "plan": number}}


@pytest.mark.parametrize("http", ["h11", "httptools"])
def test_what_is_answered_200_is_in_the_store(house: Any, http: str) -> None:
    """By either of uvicorn's parsers."""
    with house.open(server={"http": http}) as url, client(url) as http_client:
        answer = http_client.post("/identify", json=JANE)
        assert (answer.status_code, answer.json()) == (200, OK)
        assert answer.headers["content-type"] == "application/json"
        event = {"event": "Signed Up", "context": {"traits": {"email": "sue@example.com"}}}
        assert http_client.post("/t", json=event).json() == OK
        assert http_client.post("/batch", json={"batch": [somebody(1), somebody(2)]}).json() == OK
    found = house.customers()
    assert set(found) == {"jane@example.com", "sue@example.com", "c1@example.com", "c2@example.com"}
    jane = found["jane@example.com"]
    assert (jane.user_id, jane.event, jane.route) == ("u-1", "Identified", "POST /v1/identify")
    assert jane.traits == JANE["traits"]
    assert found["sue@example.com"].event == "Signed Up"
    assert house.tally.statuses == {200: 3}
    assert house.tally.messages == {("identify", "taken"): 3, ("track", "taken"): 1}


def test_what_identifies_nobody_is_accepted(house: Any) -> None:
    """Counted by its kind, and dropped; by the long paths and the short ones."""
    kinds = ("page", "screen", "group", "alias", "track")
    with house.open() as url, client(url) as http_client:
        for path in (*kinds, *(kind[0] for kind in kinds)):
            answer = http_client.post(f"/{path}", json={**JANE, "event": "Order Completed"})
            assert (answer.status_code, answer.json()) == (200, OK), path
    assert house.customers() == {}
    assert house.tally.commits == []
    assert house.tally.messages == {(kind, "ignored"): 2 for kind in kinds}


def test_credentials(house: Any) -> None:
    """Each way to show the key, and none without."""
    ways: list[tuple[int, dict[str, str], dict[str, Any]]] = [
        (200, {"authorization": "Bearer write-key-1"}, {}),
        (200, {}, {"writeKey": WRITE_KEY}),
        (401, {}, {}),
        (401, {}, {"writeKey": "wrong"}),
        (401, {}, {"writeKey": None}),
        (401, {}, {"writeKey": [WRITE_KEY]}),
        (401, {"authorization": "Bearer wrong"}, {"writeKey": WRITE_KEY}),
        (401, {"authorization": "Digest x"}, {}),
    ]
    with house.open() as url, client(url, auth=None) as http_client:
        for status, headers, more in ways:
            for path in ("identify", "i", "batch", "b"):
                document = {**JANE, "batch": [], **more}
                answer = http_client.post(f"/{path}", json=document, headers=headers)
                assert answer.status_code == status, (path, headers, more)
                if status == 401:
                    assert answer.headers["www-authenticate"] == "Bearer"
                    assert answer.json()["code"] == "unauthorized"
                    assert WRITE_KEY not in answer.text
        assert http_client.post("/import", content=b"{}").status_code == 401
        assert http_client.post("/identify", json=JANE, auth=("x", "")).status_code == 401


def signature(body: bytes, key: str = "signing-key-1", at: float = 0.0) -> dict[str, str]:
    """The header of a signed body."""
    stamp = int(at or time.time())
    digest = hmac.new(key.encode(), b"%d." % stamp + body, hashlib.sha256).hexdigest()
    return {"x-frontdesk-signature": f"t={stamp},v1={digest}"}


def test_signed_bodies(house: Any) -> None:
    """As sent, compressed or not; the body needs no key then."""
    body = orjson.dumps(JANE)
    packed = gzip.compress(body)
    with house.open() as url, client(url, auth=None) as http_client:

        def post(content: bytes, headers: Mapping[str, str], path: str = "identify") -> int:
            return http_client.post(f"/{path}", content=content, headers=headers).status_code

        assert post(body, signature(body)) == 200
        assert post(packed, {**signature(packed), "content-encoding": "gzip"}) == 200
        assert post(body + b"\n" + body, signature(body + b"\n" + body), "import") == 200
        assert post(body, signature(body + b" ")) == 401
        assert post(body, signature(body, key=WRITE_KEY)) == 401
        assert post(body, signature(body, at=time.time() - 3600)) == 401
        assert post(body, {"x-frontdesk-signature": "v1=x"}) == 401
        assert post(packed, {**signature(body), "content-encoding": "gzip"}) == 401
        wrong = signature(body)["x-frontdesk-signature"][:-1] + "x"
        assert post(body, {"x-frontdesk-signature": wrong}) == 401


def test_a_door_without_keys_is_closed(house: Any) -> None:
    """Also on loopback, and it says how to open it."""
    with house.open(Keys()) as url, client(url) as http_client:
        for method in ("POST", "GET", "OPTIONS"):
            answer = http_client.request(method, "/identify")
            assert answer.status_code == 404
            assert "ingest.write_key" in answer.json()["message"]


def test_a_body_in_gzip(house: Any) -> None:
    """As SDKs send it."""
    content = gzip.compress(orjson.dumps({"batch": [somebody(1)]}))
    with house.open() as url, client(url) as http_client:
        gzipped = {"content-encoding": "gzip"}
        assert http_client.post("/batch", content=content, headers=gzipped).json() == OK
        for encoding in ("br", "deflate", "gzip, gzip"):
            answer = http_client.post(
                "/batch", content=content, headers={"content-encoding": encoding}
            )
            assert answer.status_code == 415
            assert answer.headers["accept-encoding"] == "gzip"
        answer = http_client.post("/batch", content=content[:-3], headers=gzipped)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert set(house.customers()) == {"c1@example.com"}


def test_the_reason_is_told_and_no_value(house: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A batch's good messages are taken; a field is named as it stands in the body."""
    caplog.set_level(logging.DEBUG)
    bad = [somebody(n) for n in range(3)]
    bad += [{"type": "identify", "traits": {"email": ["canary@example.com"]}}]
    bad += [{"type": "identify", "traits": {"email": "canary at example"}}]
    with house.open() as url, client(url) as http_client:
        answer = http_client.post("/batch", json={"batch": bad})
        assert answer.status_code == 400
        told = answer.json()
        assert told["problems"] == ["batch[3].traits.email: expected text"]
        assert told["unusable"] == ["batch[4].traits.email: is no usable e-mail address"]
        assert told["message"].startswith("1 of 5 messages refused, all others are taken")
        single = http_client.post("/identify", json={"traits": "canary"})
        assert single.json() == {
            "success": False,
            "code": "invalid",
            "message": "traits: expected an object",
            "problems": ["traits: expected an object"],
        }
        text = http_client.post("/identify", content=b'{"canary')
        assert (text.status_code, text.json()["code"]) == (400, "invalid")
        assert "canary" not in answer.text + single.text + text.text + caplog.text
    assert len(house.customers()) == 3
    assert house.tally.messages["identify", "refused"] == 2


def test_an_address_that_is_none_is_no_failure(house: Any) -> None:
    """It is told nonetheless."""
    with house.open() as url, client(url) as http_client:
        answer = http_client.post("/i", json={"traits": {"email": "nobody"}})
        assert answer.status_code == 200
        assert answer.json() == {
            "success": True,
            "unusable": ["traits.email: is no usable e-mail address"],
        }


def test_import(house: Any) -> None:
    """Lines, more than are taken at a time, with a bad one among them; the same again."""
    number = LINES * 2 + 100
    lines = [json.dumps(somebody(n)) for n in range(number)]
    body = "\n".join((*lines[:700], "{bad", *lines[700:])).encode()
    with house.open() as url, client(url) as http_client:
        for _ in range(2):
            answer = http_client.post("/import", content=body)
            told = answer.json()
            assert (answer.status_code, told["problems"]) == (400, ["line 701: is not JSON"])
            assert (told["messages"]["taken"], told["messages"]["refused"]) == (number, 1)
        clean = http_client.post("/import", content="\n".join(lines))
        assert clean.status_code == 200
        assert clean.json()["messages"]["taken"] == number
        # Older SDKs of Segment send their batches here.
        answer = http_client.post("/import", json={"batch": [somebody(number)]})
        assert answer.json() == OK
    assert len(house.customers()) == number + 1


def test_pages_in_browsers(house: Any) -> None:
    """Of the origins on the list; asked first, as browsers do."""
    asked = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    with house.open() as url, client(url, auth=None) as http_client:
        allowed = http_client.options("/i", headers={**asked, "origin": ORIGIN})
        assert allowed.status_code == 204
        assert allowed.headers["access-control-allow-origin"] == ORIGIN
        assert "authorization" in allowed.headers["access-control-allow-headers"]
        assert "POST" in allowed.headers["access-control-allow-methods"]
        assert allowed.headers["vary"] == "origin"
        other = http_client.options("/i", headers={**asked, "origin": "https://evil.example"})
        assert other.status_code == 403
        assert "access-control-allow-origin" not in other.headers
        document = {**JANE, "writeKey": WRITE_KEY}
        answer = http_client.post("/i", json=document, headers={"origin": ORIGIN})
        assert answer.json() == OK
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        # text/plain is sent without being asked about: the answer must come to nothing here.
        evil = http_client.post("/i", json=document, headers={"origin": "https://evil.example"})
        assert (evil.status_code, evil.json()["code"]) == (403, "origin")
        unknown = http_client.post("/i", json=JANE, headers={"origin": ORIGIN})
        assert unknown.headers["access-control-allow-origin"] == ORIGIN


def test_settings_for_analytics_js(house: Any) -> None:
    """It asks where to send to."""
    with house.open() as url, client(url, auth=None) as http_client:
        answer = http_client.get(f"/projects/{WRITE_KEY}/settings", headers={"origin": ORIGIN})
        there = answer.json()["integrations"]["Segment.io"]
        assert f"{there['protocol']}://{there['apiHost']}" == f"{url}/v1"
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert http_client.get("/projects/wrong/settings").status_code == 404
        evil = {"host": 'x"><script>'}
        assert http_client.get(f"/projects/{WRITE_KEY}/settings", headers=evil).status_code == 404
        assert http_client.post(f"/projects/{WRITE_KEY}/settings").status_code == 405


def test_other_paths_and_methods(house: Any) -> None:
    """Said so."""
    with house.open() as url, client(url) as http_client:
        for path in ("", "/", "/x", "/identify/", "/projects", "/identify/x"):
            assert http_client.post(path or "/", json=JANE).status_code == 404
        answer = http_client.get("/identify")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST, OPTIONS")


@pytest.mark.parametrize(
    ("path", "limit"), [("identify", MAX_MESSAGE), ("batch", MAX_BATCH), ("import", MAX_IMPORT)]
)
def test_limits_of_bodies(house: Any, path: str, limit: int) -> None:
    """To the byte, told or not, compressed or not; the answer gets through."""
    fits = orjson.dumps({"batch": [], **JANE})
    fits += b" " * (limit - len(fits))
    if path == "import":
        fits = fits.replace(b"  " * MAX_MESSAGE, b"\n\n" * MAX_MESSAGE)
    more = fits + b" "
    gzipped = {"content-encoding": "gzip"}
    with house.open() as url, client(url) as http_client:
        assert http_client.post(f"/{path}", content=fits).status_code == 200
        packed = gzip.compress(fits)
        assert http_client.post(f"/{path}", content=packed, headers=gzipped).status_code == 200
        packed = gzip.compress(more)
        answers = [
            http_client.post(f"/{path}", content=more),
            http_client.post(f"/{path}", content=(part for part in (more[:9], more[9:]))),
            http_client.post(f"/{path}", content=packed, headers=gzipped),
            http_client.post(f"/{path}", content=more * 2),
        ]
        for answer in answers:
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
            assert str(limit) in answer.json()["message"]
    assert house.budget.used == 0


def test_a_store_that_is_full(house: Any) -> None:
    """What was answered 200 before is in it; nothing of what was not, is counted."""
    house.options = {"max_bytes": 1 << 20}
    taken = 0
    with house.open() as url, client(url) as http_client:
        for start in range(0, 100_000, 100):
            batch = [{**somebody(start + n), "userId": "x" * 200} for n in range(100)]
            answer = http_client.post("/batch", json={"batch": batch})
            if answer.status_code != 200:
                break
            taken += 100
        assert (answer.status_code, answer.json()["code"]) == (429, "held")
        assert int(answer.headers["retry-after"]) > 0
    assert house.tally.messages == {("identify", "taken"): taken}
    assert len(house.customers()) == taken > 0


def test_a_store_that_holds(house: Any) -> None:
    """429, with when to come again; nothing is counted; what was known merges all the same."""

    def hold(store: SQLiteStore) -> None:
        def refuse(*args: object, **kwargs: object) -> None:
            raise StoreHeld("nine tenths full")

        store.absorb = refuse  # type: ignore[method-assign, assignment] # a store that is full or slow

    with house.open(before=hold) as url, client(url) as http_client:
        answer = http_client.post("/batch", json={"batch": [somebody(1)]})
        assert (answer.status_code, answer.json()["code"]) == (429, "held")
        assert int(answer.headers["retry-after"]) > 0
        assert http_client.post("/page", json=JANE).status_code == 200
    assert house.tally.messages == {("page", "ignored"): 1}


@pytest.mark.parametrize(
    ("error", "status"), [(StoreFailed("disk"), 503), (StoreError("x"), 503), (KeyError("x"), 503)]
)
def test_a_store_that_fails(house: Any, error: Exception, status: int) -> None:
    """503, which SDKs try again; the text tells nothing from within."""

    def fail(store: SQLiteStore) -> None:
        def refuse(*args: object, **kwargs: object) -> None:
            raise error

        store.absorb = refuse  # type: ignore[method-assign, assignment] # a store that is full or slow

    with house.open(before=fail) as url, client(url) as http_client:
        answer = http_client.post("/identify", json=JANE)
        assert answer.status_code == status
        assert int(answer.headers["retry-after"]) > 0
        assert "disk" not in answer.text


def test_requests_share_commits(house: Any) -> None:
    """While one commit runs, others gather: all are answered, in fewer commits."""
    entered, free = threading.Event(), threading.Event()

    def slow(store: SQLiteStore) -> None:
        absorb = store.absorb

        def hold(*args: Any) -> Any:
            entered.set()
            assert free.wait(20)
            return absorb(*args)

        store.absorb = hold  # type: ignore[method-assign, assignment] # a store that is full or slow

    with house.open(before=slow) as url, client(url) as http_client:
        statuses: list[int] = []

        def send(number: int) -> None:
            statuses.append(http_client.post("/identify", json=somebody(number)).status_code)

        threads = [threading.Thread(target=send, args=(number,)) for number in range(40)]
        threads[0].start()
        assert entered.wait(20)
        for thread in threads[1:]:
            thread.start()
        deadline = time.monotonic() + 20
        # All have been read when their bodies are held; only then may the first commit end.
        while house.budget.used < 40 * len(orjson.dumps(somebody(1))):
            assert time.monotonic() < deadline
        free.set()
        for thread in threads:
            thread.join()
    assert statuses == [200] * 40
    assert sorted(house.tally.commits) == [1, 39]
    assert len(house.customers()) == 40


def test_sent_again_is_the_same(house: Any) -> None:
    """An SDK that did not hear the answer sends again: nothing new comes of it."""
    now = "2026-01-02T03:04:05.678Z"
    body = {"batch": [{**somebody(1), "messageId": "m", "timestamp": now}, somebody(2)]}
    body["batch"][1]["timestamp"] = now
    facts = []
    for _ in range(2):
        with house.open() as url, client(url) as http_client:
            assert http_client.post("/batch", json=body).status_code == 200
        facts.append(house.customers())
    assert facts[0] == facts[1]
    assert facts[0]["c1@example.com"].timestamp == now


def test_a_skewed_clock_over_http(house: Any) -> None:
    """A browser's clock five hours ahead does not make its values unbeatable."""
    document = {**JANE, "timestamp": "2099-01-01T00:00:00Z", "sentAt": "2099-01-01T00:01:00Z"}
    with house.open(now=lambda: 1_795_176_000_000_000) as url, client(url) as http_client:
        assert http_client.post("/i", json=document).status_code == 200
    assert house.customers()["jane@example.com"].timestamp == "2026-11-20T11:59:00.000Z"


def test_more_at_a_time_than_is_held(house: Any) -> None:
    """429 and soon again; what is held is given back."""
    house.budget = Budget(1000)
    with house.open() as url, client(url) as http_client:
        answer = http_client.post("/identify", json={**JANE, "x": "x" * 2000})
        assert (answer.status_code, answer.json()["code"]) == (429, "busy")
        assert answer.headers["retry-after"] == "1"
        assert http_client.post("/identify", json=JANE).status_code == 200
    assert house.budget.used == 0


def test_the_budget() -> None:
    """Is shared, and given back whatever happens."""
    budget = Budget(10)
    with budget.share(is_stranger=False) as one, budget.share(is_stranger=False) as other:
        one.hold(6)
        other.hold(4)
        one.hold(6)
        with pytest.raises(Busy):
            other.hold(5)
        one.hold(5)
        other.hold(5)
    assert budget.used == 0


def test_half_of_the_budget_is_for_those_who_showed_a_key() -> None:
    """Strangers together have the other half, and a key finds room whatever they hold."""
    budget = Budget(10)
    with budget.share(is_stranger=True) as one, budget.share(is_stranger=True) as other:
        one.hold(4)
        with pytest.raises(Busy):
            other.hold(2)
        other.hold(1)
        with budget.share(is_stranger=False) as known:
            known.hold(5)
            with pytest.raises(Busy):
                known.hold(6)
        one.hold(2)
        other.hold(3)
    assert (budget.used, budget.by_strangers) == (0, 0)


def test_an_error_of_ours_is_one(house: Any, caplog: pytest.LogCaptureFixture) -> None:
    """500, and its name alone in the log."""

    class Broken:
        def door_answered(self, status: int) -> None:
            """Fine."""

        def door_took(self, counts: Mapping[tuple[str, str], int]) -> None:
            raise LookupError("jane@example.com")

    with house.open(tally=Broken()) as url, client(url) as http_client:
        answer = http_client.post("/identify", json=JANE)
        assert (answer.status_code, answer.json()["code"]) == (500, "failed")
    assert "LookupError" in caplog.text
    assert "jane" not in caplog.text


def test_basic_by_hand(house: Any) -> None:
    """`writeKey:` in base64, as the documentation says; without the colon too."""
    with house.open() as url, client(url, auth=None) as http_client:
        for text in ("write-key-1:", "write-key-1"):
            header = {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}
            assert http_client.post("/identify", json=JANE, headers=header).status_code == 200


def test_a_line_of_the_journal_can_be_imported(house: Any) -> None:
    """What a web process writes, by hand."""
    message = Identify.decode(
        b'{"type":"identify","messageId":"m","timestamp":"2026-11-20T12:00:00Z","userId":"u",'
        b'"traits":{"email":"jane@example.com"},"context":{"event":"Logged In"}}'
    )
    with house.open() as url, client(url) as http_client:
        assert http_client.post("/import", content=message.encode()).status_code == 200
    assert house.customers()["jane@example.com"].event == "Logged In"
