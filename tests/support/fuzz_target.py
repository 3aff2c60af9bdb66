"""What the fuzzers run: any bytes become an exchange, the engine judges it, the promises hold.

The first line of an input says what the exchange is (see `KINDS`), the rest is cut at NUL bytes
into request body, answer body and further headers.
"""

from __future__ import annotations

import gzip
import zlib
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from frontdesk.event import MAX_LINE_BYTES, Identify, encode
from frontdesk.exchange import Exchange, Scope
from frontdesk.presets import names, rules_of
from frontdesk.routes import Group, RouteTable
from frontdesk.rules import Finding, Rule
from frontdesk.traits import email

JSON: Final = b"application/json"
FORM: Final = b"application/x-www-form-urlencoded"
MULTIPART: Final = b"multipart/form-data; boundary=b"
HTML: Final = b"text/html"
TYPES: Final = (JSON, FORM, MULTIPART, HTML, b"application/vnd.api+json", b"")
CODINGS: Final = (b"", b"gzip", b"deflate", b"br", b"zstd", b"gzip, br")
STATUSES: Final = (200, 201, 302, 303, 204, 401, 400, 500)
ROUTES: Final = (
    *("POST /login", "POST /register", "POST /token", "POST /graphql", "GET /auth/callback"),
    *("POST /named", "POST /private", "POST /conditions"),
)
OWN_RULES: Final = (
    Rule(
        "Signed Up",
        "POST /named",
        when="2xx",
        traits={
            "email": ["response.json.user.0.email", "request.form.email", "response.jwt.email"],
            "phone": ["user.phone", "session.a.b", "request.headers.x-phone", "request.query.p"],
        },
        user_id=["response.headers.x-user", "request.cookies.uid"],
    ),
    Rule(
        "Logged In",
        "POST /private",
        consent={"source": ["request.cookies.consent", "traits.phone"], "pattern": "^(a|b)*y"},
        drop=["birthday"],
        hash=["phone", "address", "userId"],
    ),
    Rule("Logged In", "POST /conditions", when={"json": {"a.*.b": ["x", 1]}, "status": [200, 401]}),
    Rule("Logged In", "POST /conditions", when={"cookie": "sid"}),
)
MOMENT: Final = datetime(2026, 1, 1, tzinfo=UTC)
TABLE: Final = RouteTable([*OWN_RULES, *rules_of(names())])


def one_input(data: bytes) -> list[Finding | str]:
    """Judge one input whole and in pieces. AssertionError when a promise is broken."""
    choice, _, rest = data.partition(b"\n")
    picks = [byte - 48 for byte in choice[:6].ljust(6, b"0")]
    sections = rest.split(b"\0", 3)
    sections += [b""] * (4 - len(sections))
    whole = judge(exchange_of(picks, sections))
    assert judge(exchange_of(picks, sections, pieces=1 + picks[5] % 7)) == whole
    for found in whole:
        if isinstance(found, Finding):
            _check(found)
        else:
            assert found.replace("_", "").isalpha()
    return whole


def exchange_of(picks: list[int], sections: list[bytes], pieces: int = 0) -> Exchange:
    """An exchange; with `pieces`, bodies come in pieces of so many bytes."""
    method, path = ROUTES[picks[0] % len(ROUTES)].split(" ")
    request, answer, headers, around = sections
    pairs = [line.partition(b":")[::2] for line in headers.split(b"\n") if line]
    more = [(name.strip().lower(), value.strip()) for name, value in pairs]
    scope: Scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": around[:200],
        "headers": [(b"content-type", TYPES[picks[1] % len(TYPES)]), *more],
    }
    document = _loads(around)
    if isinstance(document, dict):
        scope.update({k: document[k] for k in ("user", "session", "state") if k in document})
    exchange = Exchange(scope)
    _feed(exchange.request.feed, request, pieces)
    coding = CODINGS[picks[4] % len(CODINGS)]
    kind = [(b"content-type", TYPES[picks[2] % len(TYPES)])]
    if coding:
        kind.append((b"content-encoding", coding))
    exchange.respond({"status": STATUSES[picks[3] % len(STATUSES)], "headers": [*kind, *more]})
    _feed(exchange.response.feed, _packed(answer, coding), pieces)
    return exchange


def judge(exchange: Exchange) -> list[Finding | str]:
    """Everything the rules say of an exchange."""
    group = TABLE.find(exchange.scope)
    assert isinstance(group, Group)
    if not group.concerns(exchange):
        return ["other"]
    found = group.judge(exchange)
    return found if isinstance(found, list) else [found]


def _feed(feed: Any, content: bytes, pieces: int) -> None:
    if not pieces:
        feed({"body": content})
        return
    for start in range(0, len(content), pieces):
        feed({"body": content[start : start + pieces], "more_body": True})
    feed({"body": b""})


def _packed(answer: bytes, coding: bytes) -> bytes:
    # Half of what a fuzzer makes up would never unpack: it may write the plain text instead.
    if answer[:1] in (b"{", b"["):
        if coding == b"gzip":
            return gzip.compress(answer, 1, mtime=0)
        if coding == b"deflate":
            return zlib.compress(answer, 1)
    return answer


def _check(found: Finding) -> None:
    traits = found.traits
    assert email(traits["email"]) == traits["email"]
    assert found.user_id
    line = _line(found)
    assert line.count(b"\n") == 1
    assert len(line) <= MAX_LINE_BYTES
    assert Identify.decode(line).traits == _plain(traits)


def _line(found: Finding) -> bytes:
    event, user_id, traits, route = found
    return encode("id", MOMENT, user_id, traits, event, route, None, {})


def _plain(value: object) -> object:
    return orjson.loads(orjson.dumps(value))


def _loads(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
