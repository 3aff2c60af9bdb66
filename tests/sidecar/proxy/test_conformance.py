"""The same request direct and through the proxy: byte for byte the same, but for what is listed.

`FRONTDESK_PROXY_SHAPES=20000` runs so many shapes; without it, some hundred.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy_support import Fields, Raw, Seen, Wire, connected, hang_up, proxied, raw_upstream

SHAPES = int(os.environ.get("FRONTDESK_PROXY_SHAPES", "100"))

#: For the next hop alone, so that each side has its own (RFC 9110 section 7.6.1).
HOP = {
    *(b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade"),
    *(b"proxy-authenticate", b"proxy-authentication-info", b"proxy-authorization"),
}
#: Written by the proxy.
OURS = {b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"via"}
NAMED = b"x-for-this-hop"

TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
names = st.one_of(
    st.text(TOKEN, min_size=1, max_size=12).map(str.encode),
    st.sampled_from(
        [b"Cookie", b"cookie", b"Accept", b"ACCEPT", b"X-A", b"x-a", b"Referer", b"Authorization"]
    ),
)
values = st.binary(max_size=40).map(
    lambda raw: bytes(b for b in raw if b == 9 or 32 <= b != 127).strip(b" \t")
)
RESERVED = {b"host", b"content-length", b"expect", b"trailer", b"date", b"server", NAMED}


def is_free(item: tuple[bytes, bytes]) -> bool:
    """A field whose meaning is not the hop's."""
    name = item[0].lower().replace(b"_", b"-")
    claims = name.startswith(b"x-forwarded-") or name in (b"forwarded", b"x-real-ip")
    return name not in HOP | OURS | RESERVED and not claims


fields = st.lists(st.tuples(names, values).filter(is_free), max_size=12)
hop_fields = st.lists(
    st.sampled_from(
        [
            (b"Connection", NAMED),
            (b"Connection", b"keep-alive, " + NAMED.title()),
            (b"Keep-Alive", b"timeout=9"),
            (b"TE", b"trailers"),
            (b"Proxy-Connection", b"keep-alive"),
        ]
    ),
    max_size=2,
    unique=True,
)
pieces = st.one_of(
    st.text("abcXYZ019-._~!$&'()*+,;=:@/", max_size=8).map(str.encode),
    st.integers(0, 255).map(lambda number: b"%%%02x" % number),
    st.sampled_from([b"..", b".", b"//", b"%2F", b"%zz", b"%", b"[", b"|", b"^", b'"', b"{}"]),
)
paths = st.lists(pieces, max_size=6).map(lambda found: b"/" + b"".join(found))
#: A query that is there and empty is the one thing that ASGI cannot tell from none.
queries = (
    st.lists(st.one_of(pieces, st.just(b"?"), st.just(b"&a=")), min_size=1, max_size=4)
    .map(b"".join)
    .filter(bool)
)
bodies = st.one_of(st.binary(max_size=200), st.integers(1, 200_000).map(lambda n: b"\0z\r\n" * n))


@dataclass
class Shape:
    """One exchange: what is asked, in which framing, and what is answered."""

    method: bytes
    target: bytes
    fields: Fields
    body: bytes | None
    cuts: list[int]
    status: int
    interim: list[bytes]
    answer_fields: Fields
    answer: bytes
    framing: str
    reason: bytes = b"OK"
    seen: list[Seen] = field(default_factory=list)

    def request(self) -> bytes:
        """On the wire."""
        head = [b"%b %b HTTP/1.1" % (self.method, self.target), b"Host: shop.example"]
        if self.body is not None:
            length = b"Content-Length: %d" % len(self.body)
            head.append(b"Transfer-Encoding: chunked" if self.cuts else length)
        head += [b"%b: %b" % one for one in self.fields]
        body = self.body or b""
        return b"\r\n".join((*head, b"", b"")) + (chunks(body, self.cuts) if self.cuts else body)

    def respond(self) -> bytes:
        """On the wire; a framing by the connection's end is the caller's to end."""
        lines = [b"HTTP/1.1 %d %b" % (self.status, self.reason)]
        lines += [b"%b: %b" % one for one in self.answer_fields]
        body = self.answer
        if self.framing == "length":
            lines.append(b"Content-Length: %d" % len(body))
        elif self.framing == "chunked":
            lines.append(b"transfer-encoding: Chunked")
            body = chunks(body, [3, 1, 5000])
        if self.method == b"HEAD" or self.status in (204, 304):
            body = b""
        head = b"\r\n".join((*lines, b"", b""))
        return b"".join((*self.interim, head, body))


def chunks(body: bytes, sizes: list[int]) -> bytes:
    """A chunked body, cut into these sizes in turn."""
    found, start, turn = [], 0, 0
    while start < len(body):
        piece = body[start : start + sizes[turn % len(sizes)]]
        found.append(b"%X;x=y\r\n%b\r\n" % (len(piece), piece))
        start, turn = start + len(piece), turn + 1
    return b"".join((*found, b"0\r\n\r\n"))


METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"]


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    """An exchange that HTTP allows."""
    method = draw(st.sampled_from(METHODS))
    query = draw(st.one_of(st.none(), queries))
    sent = draw(fields)
    if draw(st.booleans()):
        sent = draw(st.permutations([*sent, *draw(hop_fields), (NAMED.title(), b"1")]))
    body = draw(bodies) if method in ("POST", "PUT", "PATCH", "PROPFIND") else None
    # a hundred thousand chunks of a byte say no more than a thousand do
    sizes = [1, 7, 4096, 70_000] if len(body or b"") <= 2000 else [999, 4096, 70_000]
    status = draw(
        st.sampled_from([200, 201, 204, 206, 301, 303, 304, 307, 401, 404, 418, 500, 503])
    )
    framings = {204: ["none"], 304: ["none", "length"]}
    return Shape(
        method.encode(),
        draw(paths) + (b"" if query is None else b"?" + query),
        sent,
        body,
        draw(st.lists(st.sampled_from(sizes), max_size=3)) if body else [],
        status,
        draw(st.lists(st.just(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), max_size=2)),
        draw(fields),
        b"" if status == 204 else draw(bodies),
        draw(st.sampled_from(framings.get(status, ["length", "chunked", "close"]))),
    )


class World:
    """An upstream that answers as the shape says, and a proxy before it."""

    def __init__(self, raw: Raw, url: str) -> None:
        self._raw, self._url = raw, url

    def ask(self, shape: Shape, *, direct: bool) -> tuple[Seen, Seen]:
        """What the upstream saw, and what the client got."""
        requests: list[Seen] = []

        def handle(wire: Wire) -> None:
            while (request := wire.request()) is not None:
                requests.append(request)
                wire.send(shape.respond())
                if shape.framing == "close":
                    return

        self._raw.handle = handle
        client = connected(self._raw.url if direct else self._url)
        client.send(shape.request())
        answer = client.answer(shape.method.decode())
        hang_up()
        [request] = requests
        return request, answer


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One for all shapes: what one leaves behind, the next would find."""
    journal = tmp_path_factory.mktemp("journal")
    with (
        raw_upstream(lambda wire: None) as raw,
        proxied(raw.url, Path(journal), keepalive_s=0) as url,
    ):
        yield World(raw, url)


def end_to_end(seen: Seen) -> Fields:
    """A message's fields without what is listed; names in lower case."""
    named = {NAMED} if any(NAMED in one.lower() for one in seen.all(b"connection")) else set()
    without = HOP | OURS | named
    found = [(name.lower(), value) for name, value in seen.fields]
    return [one for one in found if one[0] not in without]


@settings(
    max_examples=SHAPES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(shape=shapes())
def test_direct_and_through_the_proxy(world: World, shape: Shape) -> None:
    """Start lines, fields in order, bodies: the same, and whole."""
    asked, got = world.ask(shape, direct=True)
    asked_through, got_through = world.ask(shape, direct=False)
    assert asked_through.line == asked.line
    assert asked_through.body == asked.body
    assert end_to_end(asked_through) == end_to_end(asked)
    for name in (b"content-length", b"transfer-encoding"):
        assert asked_through.all(name) == asked.all(name)
    assert got_through.status == got.status
    assert (got_through.body, got_through.is_whole) == (got.body, got.is_whole)
    *found, date = end_to_end(got_through)
    assert (found, date[0]) == (end_to_end(got), b"date")
