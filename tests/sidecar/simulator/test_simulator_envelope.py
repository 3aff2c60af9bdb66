"""The envelope of a `$batch`: what is taken, and what makes the whole request a 400."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from frontdesk_sidecar.simulator.call import ServiceRequest
from frontdesk_sidecar.simulator.envelope import Operation, parse_envelope
from frontdesk_sidecar.simulator.errors import ODataError

if TYPE_CHECKING:
    from tests.sidecar.simulator.conftest import Batches

ROOT = "http://sap.test:80/odata2webservices"
JSON = "Content-Type: application/json"
HTTP = "Content-Type: application/http"
BINARY = "Content-Transfer-Encoding: binary"


def request(content: bytes, **headers: str) -> ServiceRequest:
    given = {"content-type": "multipart/mixed; boundary=batch_1", "host": "sap.test", **headers}
    return ServiceRequest("POST", "InboundCustomer/$batch", "", given, content, ROOT)


def only(content: bytes, **headers: str) -> Operation:
    [part] = parse_envelope(request(content, **headers), "InboundCustomer")
    [operation] = part.operations
    return operation


def refused(content: bytes) -> str:
    with pytest.raises(ODataError) as raised:
        parse_envelope(request(content), "InboundCustomer")
    assert (raised.value.status, raised.value.code) == (400, "odata_error")
    return raised.value.message


def test_parts(batches: Batches) -> None:
    """Changesets with several changes and single GETs keep their order."""
    change = batches.change
    get = change(line="GET Customers?$top=1 HTTP/1.1", headers=("A: b", ""))
    content = batches.multipart(
        batches.changeset(change({"uid": "a"}), change({"uid": "b"})),
        get,
        batches.changeset(change(b"\r\n", line="DELETE Customers('a') HTTP/1.1"), boundary="c2"),
    )
    first, second, third = parse_envelope(request(content), "InboundCustomer")
    assert [part.is_changeset for part in (first, second, third)] == [True, False, True]
    assert [one.request.body for one in first.operations] == [b'{"uid": "a"}', b'{"uid": "b"}']
    read = second.operations[0].request
    assert (read.method, read.path, read.query) == ("GET", "InboundCustomer/Customers", "$top=1")
    assert (read.headers, read.body, read.base) == ({"a": "b"}, b"", ROOT)
    deleted = third.operations[0].request
    assert (deleted.method, deleted.path) == ("DELETE", "InboundCustomer/Customers('a')")


@pytest.mark.parametrize(
    "uri",
    [
        "Customers",
        "/odata2webservices/InboundCustomer/Customers",
        "http://sap.test:80/odata2webservices/InboundCustomer/Customers",
        "http://sap.test/odata2webservices/InboundCustomer/Customers",
    ],
)
def test_addresses(batches: Batches, uri: str) -> None:
    """Relative to the service, as an absolute path, or as a whole address of this service."""
    change = batches.change({}, line=f"POST {uri} HTTP/1.1")
    content = batches.multipart(batches.changeset(change))
    assert only(content).request.path == "InboundCustomer/Customers"


@pytest.mark.parametrize(
    "line",
    [
        "POST /Customers HTTP/1.1",
        "POST /odata2webservices/InboundOther/Customers HTTP/1.1",
        "POST /odata2webservices/InboundCustomer/ HTTP/1.1",
        "POST http://other.test/odata2webservices/InboundCustomer/Customers HTTP/1.1",
        "POST ?$top=1 HTTP/1.1",
        "POST Customers",
        "POST Customers HTTP/1.0",
        "POST  Customers HTTP/1.1",
        " POST Customers HTTP/1.1",
        "POST Customers HTTP/1.1 now",
        "post Customers HTTP/1.1",
        "FETCH Customers HTTP/1.1",
        "GET Customers HTTP/1.1",
        "HEAD Customers HTTP/1.1",
        "",
    ],
)
def test_bad_request_lines(batches: Batches, line: str) -> None:
    """Three tokens, a verb that writes, HTTP/1.1 and an address of this service are needed."""
    assert refused(batches.multipart(batches.changeset(batches.change({}, line=line))))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\r\n", b"\n"),
        (b"Content-Transfer-Encoding: binary\r\n", b""),
        (b"binary", b"base64"),
        (b"application/http", b"application/json"),
        (b"changeset_1--", b"changeset_1"),
        (b"batch_1--", b"batch_1"),
        (b"=changeset_1", b"=batch_1"),
        (b"=changeset_1", b"=changeset_2"),
        (b"Accept: application/json\r\n\r\n", b"Accept: application/json\r\n"),
        (b"Accept: application/json", b"Accept application/json"),
        (b"Accept: application/json", b"Host: other.test"),
        (b"Accept: application/json", b"Content-Length: -1"),
        (b"Accept: application/json", b"Content-Length: 1, 2"),
        (b"Accept: application/json", b"Content-Length: " + b"9" * 5000),
    ],
)
def test_malformed(batches: Batches, old: bytes, new: bytes) -> None:
    """A good envelope with one thing wrong is refused as a whole."""
    good = batches.of({"uid": "a"})
    assert only(good).request.method == "POST"
    assert old in good
    assert refused(good.replace(old, new))


def test_boundaries_differ(batches: Batches) -> None:
    """The boundary of the batch cannot be that of a changeset too, and the error says so."""
    good = batches.of({"uid": "a"})
    assert "must differ" in refused(good.replace(b"=changeset_1", b"=batch_1"))


def test_outside_a_changeset(batches: Batches) -> None:
    """Only a GET, without a body, may stand there; the transfer encoding may be missing."""
    line = "GET Customers HTTP/1.1"
    read = batches.change(line=line, headers=(), mime=(HTTP,))
    assert only(batches.multipart(read)).request.method == "GET"
    assert "only GET" in refused(batches.multipart(batches.change({"uid": "a"})))
    assert "no body" in refused(batches.multipart(batches.change(b"x", line=line)))
    assert "blank line" in refused(batches.multipart(read.removesuffix(b"\r\n")))


def test_other_media_type(batches: Batches) -> None:
    """Anything but multipart/mixed is a 415, a missing boundary a 400."""
    made = request(batches.of({}))
    for content_type, status in {"application/json": 415, "": 415, "multipart/mixed": 400}.items():
        with pytest.raises(ODataError) as raised:
            parse_envelope(replace(made, headers={"content-type": content_type}), "InboundCustomer")
        assert raised.value.status == status


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ((JSON,), "ä€"),
        (("Content-Type: application/json;charset=utf-8",), "ä€"),
        ((), "Ã¤â\x82¬"),
    ],
)
def test_charset(batches: Batches, content_type: tuple[str, ...], body: str) -> None:
    """A body is UTF-8 when it says that it is JSON, and read as ISO-8859-1 without a type."""
    change = batches.change("ä€".encode(), headers=(*content_type, "X-Name: J\xfcrgen"))
    found = only(batches.multipart(batches.changeset(change))).request
    assert (found.body.decode(), found.header("x-name")) == (body, "J\xfcrgen")
    assert found.header("content-type").startswith("application/json")


@pytest.mark.parametrize(
    ("length", "body"), [(0, ""), (2, "äb"), (3, "äb?"), (4, "äb😀"), (5, "äb😀c"), (99, "äb😀c")]
)
def test_content_length_counts_characters(batches: Batches, length: int, body: str) -> None:
    """An inner Content-Length cuts the body; characters are Java's, 16 bits wide."""
    change = batches.change("äb😀c".encode(), headers=(JSON, f"Content-Length: {length}"))
    found = only(batches.multipart(batches.changeset(change))).request.body
    assert found.decode().replace("\ufffd", "?") == body


def test_headers_of_a_change(batches: Batches) -> None:
    """Content-Id is told apart by place; the message id of the batch serves where none is."""
    mime = (HTTP, BINARY, "Content-ID: m")
    change = batches.change({}, mime=mime, headers=(JSON, "Content-Id: h", "Host: SAP.test"))
    content = batches.multipart(batches.changeset(change))
    operation = only(content, integrationmessageid="outer")
    assert (operation.mime_id, operation.http_id) == ("m", "h")
    assert operation.request.header("integrationmessageid") == "outer"
    own = batches.change({}, headers=(JSON, "integrationMessageId: inner"))
    inner = only(batches.multipart(batches.changeset(own)), integrationmessageid="outer")
    assert inner.request.header("integrationmessageid") == "inner"
    assert (inner.mime_id, inner.http_id) == (None, None)
