"""Keys, signatures, pages in browsers, and compressed bodies."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import os
import tracemalloc
import zlib
from collections import deque
from pathlib import Path

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from frontdesk_sidecar.ingest import cors
from frontdesk_sidecar.ingest.inflate import Damaged, Gzipped, Plain, TooLarge
from frontdesk_sidecar.ingest.keys import KeyFile, Keys, given
from frontdesk_sidecar.ingest.proof import TOLERANCE_S, Signature, is_known, key_in

NOW = 1_795_176_000.0


def basic(text: str) -> str:
    """An Authorization header."""
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (basic("k:"), "k"),
        (basic("k"), "k"),
        (basic("k:ignored:x"), "k"),
        ("basic " + basic("k:")[6:], "k"),
        ("Bearer k", "k"),
        ("bearer  k ", "k"),
        ("Basic !!!", None),
        ("Basic /w==", None),
        ("Digest k", None),
        ("", None),
    ],
)
def test_the_key_in_a_header(header: str, key: str | None) -> None:
    """As SDKs and people write it."""
    assert key_in(header) == key


@for_all(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_header_may_come(text: str) -> None:
    """It is a key or none."""
    key_in(text)
    assert not is_known(text, ())
    assert is_known(text, ("other", text))


def test_keys_are_compared_whole() -> None:
    """With each of them."""
    assert is_known("b", ("a", "b"))
    assert not is_known("", ("a",))
    assert not is_known("a\ud800", ("a",))


def signed(body: bytes, time: int, key: str = "k") -> str:
    """The header, by the book."""
    digest = hmac.new(key.encode(), b"%d." % time + body, hashlib.sha256).hexdigest()
    return f"t={time},v1={digest}"


def check(header: str, body: bytes, *keys: str) -> bool:
    """Feed the body in parts."""
    signature = Signature.read(header, keys, NOW)
    if isinstance(signature, str):
        return False
    for byte in body:
        signature.feed(bytes((byte,)))
    return signature.is_right()


def test_signatures() -> None:
    """Of this body, with one of the keys, about now."""
    header = signed(b"body", int(NOW))
    assert check(header, b"body", "k")
    assert check(header.upper().replace("T=", "t=").replace("V1=", "v1="), b"body", "old", "k")
    assert not check(header, b"bodY", "k")
    assert not check(header, b"body", "other")
    assert not check(header, b"body")
    assert check(signed(b"", int(NOW) + TOLERANCE_S), b"", "k")
    assert not check(signed(b"", int(NOW) - TOLERANCE_S - 1), b"", "k")
    assert not check(signed(b"", int(NOW) + TOLERANCE_S + 1), b"", "k")


@for_all(st.text())
def test_a_signature_is_not_guessed(text: str) -> None:
    """Anything else is none."""
    assert isinstance(Signature.read(text, ("k",), NOW), str)


def test_keys_in_a_file(tmp_path: Path) -> None:
    """One a line; read again when it changes, kept when it is gone."""
    path, now = tmp_path / "keys", [0.0]
    path.write_text("one\n\n two \n")
    keys = KeyFile(path, lambda: now[0])
    assert keys() == ("one", "two")
    path.write_text("three\n")
    assert keys() == ("one", "two")  # not looked at again yet
    now[0] += 1
    assert keys() == ("three",)
    path.unlink()
    now[0] += 1
    assert keys() == ("three",)
    path.write_text("\n")
    now[0] += 1
    assert keys() == ("three",)


def test_a_door_without_keys() -> None:
    """Is shut."""
    assert not Keys().are_there
    assert Keys(given("k")).are_there
    assert Keys(sign=given("k")).are_there


def test_pages_of_which_origins() -> None:
    """Those on the list; who is no page has none."""
    shop, other = "https://shop.example", "https://other.example"
    assert cors.is_allowed(None, ())
    assert cors.is_allowed(shop, (shop,))
    assert not cors.is_allowed(other, (shop,))
    assert not cors.is_allowed("null", (shop,))
    assert cors.headers(shop, (shop,))["access-control-allow-origin"] == shop
    assert cors.headers(other, (shop,)) == {"vary": "origin"}
    assert cors.headers(shop, ()) == {}
    assert "access-control-allow-private-network" in cors.preflight(to_private_network=True)
    assert "access-control-allow-private-network" not in cors.preflight(to_private_network=False)


@for_all(st.binary(max_size=3000), st.integers(1, 50))
def test_gzip_in_parts(content: bytes, step: int) -> None:
    """However it is cut."""
    sent, into = gzip.compress(content), Gzipped(3000)
    for start in range(0, len(sent), step):
        into.feed(sent[start : start + step])
    assert into.finish() == content


@pytest.mark.parametrize(
    "sent",
    [
        b"no gzip",
        zlib.compress(b"x"),
        gzip.compress(b"x", mtime=0)[:-1],
        gzip.compress(b"x", mtime=0) + b"y",
        gzip.compress(b"", mtime=0) * 3,
        b"",
    ],
)
def test_what_is_no_gzip(sent: bytes) -> None:
    """Or no whole one, or more than one."""

    def read() -> None:
        into = Gzipped(1000)
        into.feed(sent)
        into.feed(b"")
        into.finish()

    with pytest.raises(Damaged):
        read()


def test_something_after_the_end() -> None:
    """In a part of its own."""
    into = Gzipped(1000)
    into.feed(gzip.compress(b"x"))
    with pytest.raises(Damaged):
        into.feed(b"y")


@pytest.mark.parametrize("kind", [Plain, Gzipped])
def test_the_limit_is_exact(kind: type[Plain] | type[Gzipped]) -> None:
    """So many bytes, and not one more."""
    for size, fits in ((1000, True), (1001, False)):
        content = os.urandom(size // 2) + b"x" * (size - size // 2)
        into = kind(1000)
        sent = content if kind is Plain else gzip.compress(content)
        if fits:
            into.feed(sent)
            assert into.finish() == content
        else:
            with pytest.raises(TooLarge):
                into.feed(sent)


def test_a_bomb_goes_off_small() -> None:
    """200 MB in 200 kB: no more than the limit is ever made of it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = b"\0" * 10_000_000
    bomb = b"".join(packer.compress(zeros) for _ in range(20)) + packer.flush()
    into = Gzipped(512_000)
    tracemalloc.start()
    with pytest.raises(TooLarge):
        deque(map(into.feed, (bomb[at : at + 65_536] for at in range(0, len(bomb), 65_536))), 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000


@for_all(st.binary(max_size=400))
def test_anything_may_be_sent_as_gzip(sent: bytes) -> None:
    """It is damaged, or too large, or it is gzip."""
    into = Gzipped(100)
    try:
        into.feed(sent)
        into.finish()
    except (Damaged, TooLarge):
        return
    assert gzip.decompress(sent) == into.body
