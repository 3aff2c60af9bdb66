"""From a request's body to whom it identifies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.event import Identify
from frontdesk.privacy import compile_privacy
from frontdesk.traits import email
from frontdesk_sidecar.customer import from_message
from frontdesk_sidecar.ingest.document import (
    MAX_BATCH,
    MAX_MESSAGE,
    MAX_MESSAGES,
    MAX_TOLD,
    Malformed,
    Reading,
    parse,
    read_batch,
    read_lines,
    read_one,
    split_lines,
)
from frontdesk_sidecar.ingest.message import KINDS, OTHER, VERDICTS, Envelope

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ENVELOPE = Envelope(NOON, "request-1")
JANE = {"email": "jane.doe@example.com", "firstName": "Jane"}


def one(document: dict[str, Any], kind: str = "identify", envelope: Envelope = ENVELOPE) -> Reading:
    """What a single message says."""
    return read_one(document, kind, envelope)


def whom(document: dict[str, Any], kind: str = "identify") -> Identify:
    """The one it identifies."""
    reading = one(document, kind)
    assert not reading.problems
    (message,) = reading.messages
    return message


def batch(*messages: object, **more: object) -> Reading:
    """What a batch says."""
    document = {"batch": list(messages), **more}
    return read_batch(document, len(json.dumps(document)), ENVELOPE)


def test_identify() -> None:
    """As the spec has it."""
    message = whom(
        {
            "messageId": "m-1",
            "timestamp": "2026-11-20T11:00:00Z",
            "userId": "user-1",
            "traits": {**JANE, "plan": "gold", "address": {"city": "Ulm"}, "logins": 3},
            "context": {"ip": "24.5.68.47", "library": {"name": "x"}},
        }
    )
    assert message == Identify(
        "m-1",
        NOON - timedelta(hours=1),
        "user-1",
        {**JANE, "plan": "gold", "address": {"city": "Ulm"}, "logins": 3},
        event="Identified",
        route="POST /v1/identify",
    )


@pytest.mark.parametrize(
    ("event", "here"),
    [("Signed Up", "Signed Up"), ("Signed In", "Logged In"), ("Logged In", "Logged In")],
)
def test_tracked_logins_and_registrations(event: str, here: str) -> None:
    """With traits in the context."""
    message = whom({"event": event, "userId": 7, "context": {"traits": JANE}}, "track")
    assert (message.event, message.user_id, message.key) == (here, "7", "jane.doe@example.com")
    assert message.traits == JANE


def test_traits_in_the_context_of_an_identify() -> None:
    """RudderStack's SDKs put them there; those of the message itself win."""
    message = whom({"traits": {"firstName": "J."}, "context": {"traits": JANE}})
    assert message.traits == {"email": "jane.doe@example.com", "firstName": "J."}


@pytest.mark.parametrize("name", ["email", "Email", "email_address", "e_mail", "mail"])
def test_an_address_by_any_spelling(name: str) -> None:
    """And other traits' too."""
    message = whom({"traits": {name: " Jane.Doe@Example.com ", "last_name": "Doe"}})
    assert message.key == "jane.doe@example.com"
    assert message.traits == {"email": "Jane.Doe@Example.com", "lastName": "Doe"}


def test_a_user_id_that_is_the_address() -> None:
    """Many shops' is."""
    assert whom({"userId": "jane@example.com"}).key == "jane@example.com"


def test_without_a_user_id_the_address_is_it() -> None:
    """An anonymous id is nobody's."""
    message = whom({"anonymousId": "a-1", "traits": {"email": "Jane@Example.com"}})
    assert message.user_id == "jane@example.com"


@pytest.mark.parametrize("kind", ["page", "screen", "group", "alias"])
def test_other_kinds_are_dropped(kind: str) -> None:
    """Though they may have an address in them."""
    reading = one({"userId": "jane@example.com", "traits": JANE}, kind)
    assert (reading.messages, reading.problems) == ([], [])
    assert reading.counts == {(kind, "ignored"): 1}


def test_other_events_are_dropped() -> None:
    """Whatever they hold."""
    message = {"event": "Order Completed", "context": {"traits": JANE}, "properties": JANE}
    assert one(message, "track").counts == {("track", "ignored"): 1}


def test_nobody() -> None:
    """Anonymous visitors are identified too, by Segment's measure."""
    reading = one({"anonymousId": "a", "traits": {"plan": "gold", "email": None}})
    assert (reading.messages, reading.problems) == ([], [])
    assert reading.counts == {("identify", "anonymous"): 1}
    assert one({"event": "Signed Up"}, "track").counts == {("track", "anonymous"): 1}


def test_an_address_that_is_none() -> None:
    """It is told by its field, and is no failure: shoppers type such things."""
    reading = one({"userId": "u", "traits": {"email": "jane@localhost"}})
    assert (reading.messages, reading.problems) == ([], [])
    assert reading.unusable == ["traits.email: is no usable e-mail address"]
    assert reading.counts == {("identify", "unusable"): 1}


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ({"traits": []}, "traits: expected an object"),
        ({"context": "x"}, "context: expected an object"),
        ({"context": {"traits": 1}}, "context.traits: expected an object"),
        ({"userId": {"a": 1}}, "userId: expected text"),
        ({"userId": True}, "userId: expected text"),
        ({"traits": {"email": 5}}, "traits.email: expected text"),
        ({"context": {"traits": {"mail": []}}}, "context.traits.mail: expected text"),
        ({"traits": JANE, "timestamp": "noon"}, "timestamp: expected an ISO 8601 time"),
        ({"traits": JANE, "timestamp": 1795176000}, "timestamp: expected an ISO 8601 time"),
    ],
)
def test_what_is_not_as_the_spec_has_it(message: dict[str, Any], problem: str) -> None:
    """The field is named, the value is not."""
    reading = one(message)
    assert reading.problems == [problem]
    assert reading.messages == []
    assert batch({"type": "page"}, {**message, "type": "identify"}).problems == [
        f"batch[1].{problem}"
    ]


def test_a_track_without_an_event() -> None:
    """The spec requires it."""
    assert one({}, "track").problems == ["event: expected text"]


def test_secrets_are_left_out() -> None:
    """By their names, at any depth; and values that are too long, or too deep."""
    deep: dict[str, Any] = {}
    for _ in range(200):
        deep = {"d": deep}
    traits = {
        **JANE,
        "password": "p",
        "resetToken": "t",
        "profile": {"jwt": "x", "city": "Ulm", "more": [{"secret": 1}, "a", None]},
        "deep": deep,
        "bio": "x" * 2000,
        "nothing": None,
    }
    profile = {"city": "Ulm", "more": ["a"]}
    assert whom({"traits": traits}).traits == {**JANE, "profile": profile}


def test_what_the_settings_drop_and_hash() -> None:
    """`capture.drop` and `capture.hash` hold here too."""
    privacy = compile_privacy(None, ["phone"], ["lastName"], [])
    envelope = Envelope(NOON, "r", privacy=privacy, site="electronics")
    reading = one({"traits": {**JANE, "phone": "1", "surname": "Doe"}}, envelope=envelope)
    (message,) = reading.messages
    assert set(message.traits) == {"email", "firstName", "lastName"}
    assert len(str(message.traits["lastName"])) == 64
    assert message.site == "electronics"


def test_a_site_of_its_own() -> None:
    """In the context, as in a line of the journal."""
    assert whom({"traits": JANE, "context": {"site": "toys"}}).site == "toys"


def test_a_batch_shares_context_and_time_of_sending() -> None:
    """The context is merged; each message's own fields win."""
    hour = timedelta(hours=1)
    reading = batch(
        {"type": "identify", "traits": JANE, "timestamp": "2026-11-20T15:00:00Z"},
        {"type": "identify", "userId": "x@example.com", "context": {"site": "toys"}},
        {
            "type": "identify",
            "userId": "y@example.com",
            "originalTimestamp": "2026-11-20T15:00:00Z",
            "sentAt": "2026-11-20T17:00:00Z",
        },
        context={"site": "books"},
        sentAt="2026-11-20T16:00:00Z",
    )
    times = [message.timestamp for message in reading.messages]
    assert times == [NOON - hour, NOON, NOON - 2 * hour]
    assert [message.site for message in reading.messages] == ["books", "toys", "books"]
    assert [message.message_id for message in reading.messages] == [
        *("request-1-0", "request-1-1", "request-1-2")
    ]


def test_one_bad_message_does_not_take_the_others_along() -> None:
    """They are taken; it is told."""
    reading = batch(
        {"type": "identify", "traits": JANE},
        7,
        {"traits": JANE},
        {"type": "identify", "userId": "u@example.com", "traits": {"bio": ["x" * 900] * 40}},
    )
    assert [message.key for message in reading.messages] == ["jane.doe@example.com"]
    assert reading.problems == [
        "batch[1]: expected an object",
        "batch[2].type: expected one of identify, track, page, screen, group, alias",
        f"batch[3]: expected up to {MAX_MESSAGE} bytes",
    ]
    assert reading.refused == 3


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({}, "batch: expected an array"),
        ({"batch": {}}, "batch: expected an array"),
        ({"batch": [], "context": 1}, "context: expected an object"),
        ({"batch": [{}] * (MAX_MESSAGES + 1)}, "batch: expected up to 10000 messages"),
    ],
)
def test_no_batch(document: dict[str, Any], why: str) -> None:
    """Nothing of it is taken."""
    with pytest.raises(Malformed, match=f"^{why}$"):
        read_batch(document, 10, ENVELOPE)


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'"x"', b"\xff", b"[" * 100_000])
def test_no_json_object(body: bytes) -> None:
    """The place is told, not what stands there."""
    with pytest.raises(Malformed, match=r"^(the body is not JSON \(line|expected a JSON object)"):
        parse(body)


def test_many_problems() -> None:
    """The first are told, all are counted."""
    reading = batch(*[1] * 5000)
    assert (len(reading.problems), reading.refused) == (MAX_TOLD, 5000)


def test_lines() -> None:
    """A line of the journal is one; empty ones are none; the kind may be left out."""
    moment = datetime(2026, 11, 20, 11, tzinfo=UTC)
    written = Identify("m-9", moment, "u-9", {"email": "nine@example.com"}, event="Signed Up")
    text = b"\xef\xbb\xbf" + b"\n".join(
        (orjson.dumps({"traits": JANE}), b"", b"{no", b"7\r", written.encode().strip(), b"")
    )
    reading = read_lines(split_lines(text), 1, ENVELOPE)
    assert [message.key for message in reading.messages] == ["jane.doe@example.com", written.key]
    assert reading.messages[1].event == "Signed Up"
    assert reading.messages[1].timestamp == moment
    assert reading.problems == ["line 3: is not JSON", "line 4: expected an object"]
    assert read_lines([b"x" * (MAX_MESSAGE + 1)], 8, ENVELOPE).problems == [
        f"line 8: expected up to {MAX_MESSAGE} bytes"
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.emails(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(("email", "Email", "firstName", "password", "name", "phone", "@userId"))
TRAITS = st.dictionaries(NAMES | st.text(), JSON, max_size=5)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from((*KINDS, "x", None)) | JSON,
        "event": st.sampled_from(("Signed Up", "Logged In", "x")) | JSON,
        "userId": JSON,
        "traits": TRAITS | JSON,
        "context": st.fixed_dictionaries({}, optional={"traits": TRAITS | JSON}) | JSON,
        "timestamp": st.datetimes().map(datetime.isoformat) | JSON,
        "sentAt": st.datetimes().map(datetime.isoformat) | JSON,
        "messageId": JSON,
    },
)


def addresses(value: object) -> set[str]:
    """Every usable address anywhere in a document."""
    if isinstance(value, Mapping):
        return {found for one in value.values() for found in addresses(one)}
    if isinstance(value, list):
        return {found for one in value for found in addresses(one)}
    usable = email(value)
    return set() if usable is None else {usable.lower()}


@given(st.lists(MESSAGES | JSON, max_size=6), JSON)
def test_whatever_comes_nobody_is_invented(messages: list[Any], sent: object) -> None:
    """Never an error, never an address that was not sent, and every message is counted once."""
    reading = batch(*messages, sentAt=sent)
    assert {message.key for message in reading.messages} <= addresses(messages)
    assert reading.counts.total() == len(messages)
    assert {kind for kind, _ in reading.counts} <= {*KINDS, OTHER}
    assert {verdict for _, verdict in reading.counts} <= set(VERDICTS)
    for message in reading.messages:
        assert message.user_id
        assert message.message_id
        assert not {"password"} & set(message.traits)
        assert from_message(message)
        assert Identify.decode(message.encode()).key == message.key


@given(st.sampled_from(KINDS), MESSAGES)
def test_whatever_one_message_is(kind: str, message: dict[str, Any]) -> None:
    """The path names the kind."""
    reading = one(message, kind)
    assert len(reading.messages) <= 1
    assert reading.counts.total() == 1
    assert {told for told, _ in reading.counts} == {kind}


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_lines_are(body: bytes) -> None:
    """Never an error."""
    assert read_lines(split_lines(body), 1, ENVELOPE).counts.total() <= body.count(b"\n") + 1


@given(JSON, st.lists(MESSAGES, max_size=3))
def test_problems_tell_no_value(value: object, messages: list[Any]) -> None:
    """Names of fields and words of our own alone."""
    told = batch({"type": "identify", "userId": value, "traits": {"email": value}}, *messages)
    canary = [{"type": "identify", "traits": {"email": ["canary@x"]}, "userId": {"canary": 1}}]
    problems = [*told.problems, *told.unusable, *batch(*canary).problems]
    assert not [problem for problem in problems if "canary" in problem or "@" in problem]


def test_the_largest_batch_is_read_in_a_moment() -> None:
    """Of messages that say nothing, as many as fit."""
    document: dict[str, Any] = {"batch": [{}] * MAX_MESSAGES}
    assert read_batch(document, MAX_BATCH, ENVELOPE).refused == MAX_MESSAGES
