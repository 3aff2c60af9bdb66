"""Fingerprints: equal payloads have equal ones, and nothing else can be told from them."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk_sidecar.forward.fingerprint import KEY_BYTES, Fingerprint

KEY = bytes(range(KEY_BYTES))
TARGET = "https://sap.example.com/odata2webservices/Inbound/Customers"
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
    max_leaves=5,
)
PAYLOADS = st.dictionaries(st.text("abcäß", max_size=4), VALUES, max_size=6)


@given(PAYLOADS, st.randoms())
def test_the_order_of_attributes_does_not_matter(
    payload: dict[str, object], random: object
) -> None:
    """The same payload from another process, or after another mapping run, is the same."""
    items = [*payload.items()]
    shuffle = random.shuffle  # type: ignore[attr-defined] # a random.Random
    shuffle(items)
    one, other = Fingerprint(KEY, TARGET), Fingerprint(KEY, TARGET)
    assert one.of(payload) == other.of(dict(items)) == one.of(payload)
    assert len(one.of(payload)) == 16


@given(PAYLOADS, PAYLOADS)
def test_different_payloads_differ(one: dict[str, object], other: dict[str, object]) -> None:
    """A change is never taken for none."""
    fingerprint = Fingerprint(KEY, TARGET)
    same = repr(sorted(one.items(), key=str)) == repr(sorted(other.items(), key=str))
    if not same and one != other:
        assert fingerprint.of(one) != fingerprint.of(other)


@pytest.mark.parametrize(
    "other",
    [
        {"name": "1"},
        {"name": 1.0},
        {"name": True},
        {"name": None},
        {},
        {"name": 1, "more": None},
        {"Name": 1},
    ],
)
def test_what_json_tells_apart_differs(other: dict[str, object]) -> None:
    """SAP is sent JSON, so what is other JSON is another payload."""
    fingerprint = Fingerprint(KEY, TARGET)
    assert fingerprint.of({"name": 1}) != fingerprint.of(other)


def test_another_system_is_told_nothing_by_it() -> None:
    """What one SAP has, another may not have."""
    payload = {"uid": "jane@example.com"}
    assert Fingerprint(KEY, TARGET).of(payload) != Fingerprint(KEY, TARGET + "/2").of(payload)


def test_it_is_keyed() -> None:
    """Who has the store's file alone cannot try names against it."""
    payload = {"uid": "jane@example.com"}
    found = Fingerprint(KEY, TARGET).of(payload)
    assert found != Fingerprint(KEY[::-1], TARGET).of(payload)
    content = TARGET.encode() + b'\0{"uid":"jane@example.com"}'
    assert found != hashlib.blake2b(content, digest_size=16).digest()
    assert found == hashlib.blake2b(content, key=KEY, digest_size=16).digest()
