"""Integration keys and literals."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk_sidecar.simulator.keys import (
    KeyFormatError,
    entity_address,
    form_decode,
    form_encode,
    join_key,
    parse_key_predicate,
    parse_string_literal,
    split_key,
    string_literal,
)
from frontdesk_sidecar.simulator.paths import parse_path

texts = st.text() | st.text(alphabet="+%|'\" /()~*@ä€😀")


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("jane.doe@example.com", "jane.doe%40example.com"),
        ("a+b@x.com", "a%2Bb%40x.com"),
        ("{{x}}", "%7B%7Bx%7D%7D"),
        ("p|with|pipes", "p%7Cwith%7Cpipes"),
        ("two words", "two+words"),
        ("o'brien", "o%27brien"),
        (".-_*", ".-_*"),
        ("~", "%7E"),
        ("ä😀", "%C3%A4%F0%9F%98%80"),
    ],
)
def test_values_are_form_encoded(value: str, encoded: str) -> None:
    """A key value is encoded like Java's URLEncoder does it."""
    assert form_encode(value) == encoded
    assert form_decode(encoded) == value


@given(st.lists(texts, min_size=1, max_size=4))
def test_key_round_trip(values: list[str]) -> None:
    """Every list of values survives joining and splitting, whatever it contains."""
    assert split_key(join_key(values), len(values)) == tuple(values)


@given(texts)
def test_literal_round_trip(value: str) -> None:
    """Every string survives its OData literal."""
    assert parse_string_literal(string_literal(value)) == value


@given(texts)
def test_address_round_trip(value: str) -> None:
    """An entity's address leads back to the value, and is plain ASCII."""
    address = entity_address("Customers", join_key([value]))
    assert address.isascii()
    resource = parse_path(f"InboundCustomer/{address}")
    assert resource.entity_set == "Customers"
    assert split_key(resource.integration_key(1), 1) == (value,)


@given(texts.filter(lambda text: not set(text) & set("+%|'")))
def test_single_encoding_leads_to_the_value(value: str) -> None:
    """An address encoded once only works for values without plus, percent and pipe."""
    resource = parse_path(f"InboundCustomer/Customers('{form_encode(value)}')")
    assert resource.integration_key(1) == join_key([value])


def test_plus_needs_double_encoding() -> None:
    """A plus encoded once becomes a space, as on the real system."""
    once = parse_path("InboundCustomer/Customers('a%2Bb')").integration_key(1)
    twice = parse_path("InboundCustomer/Customers('a%252Bb')").integration_key(1)
    assert (once, twice) == ("a+b", "a%2Bb")


def test_address_of_a_mail_address() -> None:
    """The address encodes the key once more, with upper-case hex."""
    assert entity_address("Customers", "a%2Bb%40x.com") == "Customers('a%252Bb%2540x.com')"
    assert unquote("a%252Bb") == "a%2Bb"


@pytest.mark.parametrize("text", ["", "'", "x", "'a", "a'", "'a'b'", "'''"])
def test_broken_literals(text: str) -> None:
    """A literal without proper quotes is refused."""
    with pytest.raises(KeyFormatError):
        parse_string_literal(text)


@pytest.mark.parametrize(("key", "segments"), [("a|b", 1), ("a", 2), ("100%", 1), ("%4", 1)])
def test_broken_keys(key: str, segments: int) -> None:
    """A key with another number of segments or a broken escape is refused."""
    with pytest.raises(KeyFormatError):
        split_key(key, segments)


def test_named_predicate() -> None:
    """The key property may be named in the predicate."""
    assert parse_key_predicate("integrationKey='a''b'") == "a'b"
