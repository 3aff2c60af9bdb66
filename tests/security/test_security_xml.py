"""XML from SAP: bombs of entities, outside ones, and depth."""

from __future__ import annotations

import tracemalloc

import pytest

from frontdesk_sidecar.metadata.edmx import MetadataError, read_edmx
from frontdesk_sidecar.sap.odata import MAX_ERROR_BYTES, read_error

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BOMBS = {
    "laughs": f'<!DOCTYPE e [<!ENTITY l0 "{"ha" * 10}">{LAUGHS}]><error><code>&l9;</code></error>',
    "quadratic": f'<!DOCTYPE e [<!ENTITY a "{"x" * 30_000}">]><error>{"&a;" * 8000}</error>',
    "file": '<!DOCTYPE e [<!ENTITY a SYSTEM "file:///etc/passwd">]><error><code>&a;</code></error>',
    "network": '<!DOCTYPE e SYSTEM "http://127.0.0.1:9/x.dtd"><error><code>x</code></error>',
    "parameter": '<!DOCTYPE e [<!ENTITY % a SYSTEM "http://127.0.0.1:9/">%a;]><error/>',
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_document_type_is_refused(name: str) -> None:
    """Without one there is no entity to expand and no address to fetch; in both readers."""
    bomb = BOMBS[name].encode()
    tracemalloc.start()
    try:
        assert read_error(bomb) is None
        with pytest.raises(MetadataError):
            read_edmx(bomb.replace(b"error", b"Edmx"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * len(bomb) + 1_000_000


def test_entities_in_disguise() -> None:
    """In another encoding, and without being declared."""
    bomb = BOMBS["file"]
    for coded in (bomb.encode("utf-16"), b"\xef\xbb\xbf" + bomb.encode()):
        assert read_error(coded) is None
        with pytest.raises(MetadataError):
            read_edmx(coded)
    assert read_error(b"<error><code>&a;</code></error>") is None


def test_depth_and_size() -> None:
    """As deep as the bytes go: nothing is raised but what is documented."""
    deep = b"<error>" + b"<a>" * 20_000
    assert read_error(deep) is None
    assert read_error(b" " * MAX_ERROR_BYTES + b"<error/>") is None
    for document in (deep, b"<Edmx>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</Edmx>"):
        with pytest.raises(MetadataError):
            read_edmx(document)
