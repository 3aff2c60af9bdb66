"""OData error bodies, literals and keys."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk_sidecar.sap.odata import (
    MAX_ERROR_BYTES,
    ODataError,
    integration_key,
    key_predicate,
    read_error,
    read_integration_key,
    read_key_predicate,
    read_string_literal,
    string_literal,
)

NAMESPACE = 'xmlns="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
BOMB = """<?xml version="1.0"?><!DOCTYPE error [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>
<error><code>x</code><message>&b;</message></error>"""
OUTSIDE = """<!DOCTYPE error [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<error><code>x</code><message>&x;</message></error>"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            '{"error":{"code":"missing_key","message":{"value":"Key [uid]"},"innererror":"k"}}',
            ("missing_key", "Key [uid]", "k"),
        ),
        ('{"error":{"code":null,"message":"plain"}}', ("", "plain", "")),
        ('{"error":{"code":"x","innererror":{"message":"deep"}}}', ("x", "", "deep")),
        ('{"error":{}}', ("", "", "")),
        (
            f"<error {NAMESPACE}><code/><message>No &lt;X&gt; &#38; Y</message></error>",
            ("", "No <X> & Y", ""),
        ),
        (
            '<?xml version="1.0"?><m:error xmlns:m="urn:x"><m:code>c</m:code></m:error>',
            ("c", "", ""),
        ),
        (
            "<error> <message><![CDATA[<raw>]]></message><innererror>i</innererror></error>",
            ("", "<raw>", "i"),
        ),
    ],
)
def test_both_forms_of_an_error_are_read(body: str, expected: tuple[str, str, str]) -> None:
    """JSON and XML errors give the same three texts."""
    assert read_error(body.encode()) == ODataError(*expected)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        '{"error":"invalid_token"}',
        '{"errors":[{"type":"InvalidTokenError"}]}',
        "<html><body>error</body></html>",
        "<error><code>x</code>",
        "<error/><error/>",
        '<?xml version="1.0" encoding="x-none"?><error/>',
        BOMB,
        OUTSIDE,
        "[" * 50_000,
        "<a>" * 20_000,
        '{"error":{"code":"' + "x" * MAX_ERROR_BYTES + '"}}',
    ],
)
def test_anything_else_is_not_an_error_document(body: str) -> None:
    """Other documents, broken ones, huge ones and entity tricks are all refused quietly."""
    assert read_error(body.encode()) is None


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_reading_never_raises(body: bytes) -> None:
    """Whatever the bytes, the answer is an error or None."""
    assert isinstance(read_error(body), ODataError | None)


@given(st.recursive(st.none() | st.text() | st.integers(0, 9), lambda inner: st.lists(inner)))
def test_odd_json_types_become_empty_texts(value: object) -> None:
    """A field of a type SAP does not use is read as nothing rather than trusted."""
    error = read_error(orjson.dumps({"error": {"code": value, "message": {"value": value}}}))
    text = value if isinstance(value, str) else ""
    assert error == ODataError(text, text, "")


def test_an_error_keeps_its_texts_out_of_its_repr() -> None:
    """SAP repeats customer values in messages, so they are not shown by accident."""
    assert repr(ODataError("c", "message", "inner")) == "ODataError(code='c')"


@given(st.text())
def test_string_literals_round_trip(value: str) -> None:
    """Any text comes back from its literal, quotes included."""
    assert read_string_literal(string_literal(value)) == value


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_integration_keys_round_trip(values: list[str]) -> None:
    """Any values come back from their key, separators and percent signs included."""
    assert read_integration_key(integration_key(values)) == tuple(values)


@given(st.text())
def test_key_predicates_round_trip_in_plain_ascii(value: str) -> None:
    """Any key comes back from its address part, which needs no further encoding."""
    predicate = key_predicate(value)
    assert read_key_predicate(predicate) == value
    assert predicate.isascii()
    assert predicate.isprintable()
    assert not set(predicate) & set(' "#/?%<>') - {"%"}


@pytest.mark.parametrize(
    ("values", "key", "predicate"),
    [
        (["jane.doe@example.com"], "jane.doe%40example.com", "('jane.doe%2540example.com')"),
        (["a+b@x.com"], "a%2Bb%40x.com", "('a%252Bb%2540x.com')"),
        (["Staged", "Default", "p|1"], "Staged|Default|p%7C1", "('Staged%7CDefault%7Cp%257C1')"),
        (["{{x}}"], "%7B%7Bx%7D%7D", "('%257B%257Bx%257D%257D')"),
        (["O'Brien é"], "O%27Brien+%C3%A9", "('O%2527Brien%2B%25C3%25A9')"),
        (["a-b_c.d*e~f"], "a-b_c.d*e%7Ef", "('a-b_c.d%2Ae%257Ef')"),
        (["", "p1"], "|p1", "('%7Cp1')"),
        (["\ud800"], "%3F", "('%253F')"),
    ],
)
def test_keys_are_encoded_as_sap_does(values: list[str], key: str, predicate: str) -> None:
    """Values are encoded inside the key, and the key once more in an address."""
    assert integration_key(values) == key
    assert key_predicate(key) == predicate


@pytest.mark.parametrize("literal", ["", "'", "x", "'a", "a'", "'a'b'", "'a'''b'c'"])
def test_what_is_not_one_literal_is_refused(literal: str) -> None:
    """A literal that would end early is not read as something else."""
    with pytest.raises(ValueError, match="OData string literal"):
        read_string_literal(literal)


@pytest.mark.parametrize("predicate", ["", "'a'", "(", "('a'", "(a)", "('a','b')"])
def test_what_is_not_one_key_is_refused(predicate: str) -> None:
    """Only a single string key is read."""
    with pytest.raises(ValueError, match="OData"):
        read_key_predicate(predicate)
