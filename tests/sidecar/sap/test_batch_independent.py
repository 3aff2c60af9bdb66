"""Our `$batch` read by parsers that are not ours: Python's for MIME, httptools for HTTP."""

from __future__ import annotations

from email.parser import BytesParser
from email.policy import HTTP

import httptools
import orjson
from hypothesis import given
from hypothesis import strategies as st

from frontdesk_sidecar.sap.batch import Change, content_type, encode

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
PAYLOADS = st.dictionaries(
    TEXTS, TEXTS | st.none() | st.booleans() | st.integers(-9, 9), max_size=4
)
KEYS = st.sampled_from(
    ["o'brien@x.com", "a+b@x.com", "50%|x@x.com", "zoë@x.com", "\U0001f600@x.com", "a b@x.com"]
)


class Request:
    """One request as httptools sees it."""

    def __init__(self, content: bytes) -> None:
        self.target = b""
        self.headers: dict[str, str] = {}
        parser = httptools.HttpRequestParser(self)
        # Inside a batch the end of the part is the end of the body; HTTP wants it counted.
        head, _, self.body = content.partition(b"\r\n\r\n")
        head = head.replace(b" ", b" /", 1)  # the address is relative to the service
        parser.feed_data(head + b"\r\nContent-Length: 0\r\n\r\n")
        self.method = parser.get_method()

    def on_url(self, url: bytes) -> None:
        """httptools' callback."""
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools' callback."""
        self.headers[name.decode().lower()] = value.decode("latin-1")


def requests_in(body: bytes, boundary: str) -> list[Request]:
    """The requests of all changesets, in order."""
    head = f"Content-Type: {content_type(boundary)}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP.clone(utf8=True)).parsebytes(head + body)
    assert message.defects == []
    found = []
    for changeset in message.iter_parts():
        assert changeset.get_content_type() == "multipart/mixed"
        (part,) = changeset.iter_parts()
        assert part.get_content_type() == "application/http"
        assert part["Content-Transfer-Encoding"] == "binary"
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found.append(Request(content))
    return found


@given(st.lists(st.tuples(KEYS, PAYLOADS), min_size=1, max_size=5))
def test_others_read_what_we_write(customers: list[tuple[str, dict[str, object]]]) -> None:
    """One changeset each, in order; keys, quotes, line ends and emoji arrive as they are."""
    payloads = [{**payload, "uid": key} for key, payload in customers]
    changes = [
        Change(orjson.dumps(payload), {"integrationMessageId": f"m{number}"})
        for number, payload in enumerate(payloads)
    ]
    found = requests_in(encode(changes, entity_set="Customers", boundary="batch_1"), "batch_1")
    assert [orjson.loads(one.body) for one in found] == payloads
    assert {(one.method, one.target) for one in found} == {(b"POST", b"/Customers")}
    assert [one.headers["integrationmessageid"] for one in found] == [
        f"m{number}" for number in range(len(payloads))
    ]
    assert {one.headers["content-type"] for one in found} == {"application/json"}
