"""The journal's lines, the identify message and counts alone: there and back."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk import __version__
from frontdesk.event import (
    COUNTS,
    EVENTS,
    IDENTIFIED,
    LOGGED_IN,
    Identify,
    Tick,
    counts_of,
    encode_counts,
    told_by,
)
from frontdesk.exceptions import FrontdeskError, MalformedMessage

NOON = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
LINE: dict[str, Any] = {
    "type": "identify",
    "messageId": "m-1",
    "timestamp": "2026-11-20T12:00:00.123456Z",
    "userId": "user-123",
    "traits": {"email": "jane.doe@example.com", "firstName": "Jane"},
    "context": {"event": "Logged In", "route": "POST /auth/login", "site": "electronics"},
}


def message(**changes: Any) -> Identify:
    """An ordinary message with some fields changed."""
    fields: dict[str, Any] = {
        "message_id": "m-1",
        "timestamp": NOON,
        "user_id": "user-123",
        "traits": {"email": "jane.doe@example.com", "firstName": "Jane"},
        "event": LOGGED_IN,
        "route": "POST /auth/login",
        "site": "electronics",
    }
    return Identify(**(fields | changes))


def test_the_tick_goes_there_and_back() -> None:
    """Two fields of the line; without either there is none, whatever else stands there."""
    line = message(tick=Tick("0f1e2d3c", 7)).encode()
    assert orjson.loads(line).items() >= {"boot": "0f1e2d3c", "clock": 7}.items()
    assert Identify.decode(line).tick == Tick("0f1e2d3c", 7)
    wrongs = ({"boot": "x"}, {"clock": 7}, {"boot": 1, "clock": 7}, {"boot": "x", "clock": "7"})
    for wrong in wrongs:
        assert Identify.decode(orjson.dumps(LINE | wrong)).tick is None


def test_the_wire_form() -> None:
    """The line is the Segment spec's identify call, and nothing else."""
    line = message(counts={"skipped.status": 2}).encode()
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    context = {
        **LINE["context"],
        "library": {"name": "frontdesk", "version": __version__},
        "counts": {"skipped.status": 2},
    }
    assert orjson.loads(line) == LINE | {"context": context}


def test_what_is_not_known_is_left_out() -> None:
    """Without a site, a route or counts there are no such keys."""
    document = orjson.loads(message(route=None, site=None).encode())
    assert document["context"].keys() == {"event", "library"}


def test_times_are_written_in_utc() -> None:
    """Another time zone's moment is decoded as the same moment in UTC."""
    there = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    found = Identify.decode(message(timestamp=there).encode())
    assert found.timestamp == NOON
    assert found.timestamp.tzinfo is UTC


def test_unencodable_traits() -> None:
    """A trait without a JSON form is the caller's TypeError."""
    with pytest.raises(TypeError):
        message(traits={"email": object()}).encode()


def test_newer_writers_are_understood() -> None:
    """Fields that are not known are ignored, optional ones may be missing."""
    found = Identify.decode(orjson.dumps(LINE | {"anonymousId": "a", "context": {"page": {}}}))
    assert (found.event, found.route, found.site, found.counts) == (IDENTIFIED, None, None, {})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"type": "track"}, "type"),
        ({"type": None}, "type"),
        ({"messageId": ""}, "messageId"),
        ({"messageId": 5}, "messageId"),
        ({"userId": None}, "userId"),
        ({"traits": None}, "traits"),
        ({"traits": []}, "traits"),
        ({"timestamp": None}, "timestamp"),
        ({"timestamp": 1763640000}, "timestamp"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"timestamp": "2026-11-20T12:00:00"}, "timestamp"),
        ({"timestamp": "0001-01-01T00:00:00+23:00"}, "timestamp"),
    ],
    ids=range(12),
)
def test_malformed_fields(changes: dict[str, object], field: str) -> None:
    """What is wrong is named by its field."""
    with pytest.raises(MalformedMessage) as caught:
        Identify.decode(orjson.dumps(LINE | changes))
    assert caught.value.field == field
    assert isinstance(caught.value, FrontdeskError)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (b"", "json"),
        (b"\n", "json"),
        (b'{"type":"identify"', "json"),
        (b"\xff\xfe", "json"),
        (b"[" * 100_000, "json"),
        (b"[]", "type"),
        (b"null", "type"),
        (b'"identify"', "type"),
    ],
    ids=range(8),
)
def test_malformed_lines(line: bytes, field: str) -> None:
    """Torn and foreign lines are told apart from messages."""
    with pytest.raises(MalformedMessage, match=field):
        Identify.decode(line)


def test_an_error_holds_no_value() -> None:
    """The text of the error and its causes say nothing of the customer."""
    with pytest.raises(MalformedMessage) as caught:
        Identify.decode(b'{"email":"jane.doe@example.com", broken')
    assert "jane" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("counts", "kept"),
    [
        ({"skipped.status": 2, "error": 1}, {"skipped.status": 2, "error": 1}),
        ({"skipped.status": 0, "error": -1, "dropped": "5", "x": 1.5, "y": None}, {}),
        (
            {"error": 2**53 - 1, "skipped.status": 2**53, "x": 2**63, "y": True},
            {"error": 2**53 - 1},
        ),
        ([], {}),
        ("many", {}),
    ],
    ids=range(5),
)
def test_counts_are_positive_numbers(counts: object, kept: dict[str, int]) -> None:
    """Counts that are none are left out, without making the message worthless."""
    line = orjson.dumps(LINE | {"context": {"counts": counts}})
    assert Identify.decode(line).counts == kept
    assert counts_of(line) == kept
    if isinstance(counts, dict):
        assert counts_of(orjson.dumps({"type": "counts", "counts": counts})) == kept


def test_the_wire_form_of_counts() -> None:
    """A line of counts alone says when, how many and, if there is one, at which site."""
    line = encode_counts(NOON, {"skipped.status": 3}, "north")
    assert line == (
        b'{"type":"counts","timestamp":"2026-11-20T12:00:00.123456Z",'
        b'"counts":{"skipped.status":3},"context":{"site":"north"}}\n'
    )
    assert orjson.loads(encode_counts(NOON, {"error": 1}, None))["context"] == {}


def test_all_counts_fit_a_line() -> None:
    """Every name at its highest number: a line of counts is a small one."""
    assert len(encode_counts(NOON, dict.fromkeys(COUNTS, 2**53 - 1), "s" * 100)) < 4096


@given(st.dictionaries(st.sampled_from(sorted(COUNTS)), st.integers(1, 2**53 - 1), min_size=1))
def test_counts_are_read_as_they_were_written(counts: dict[str, int]) -> None:
    """By either kind of line; a reader that looks for messages passes the one without over."""
    alone = encode_counts(NOON, counts, None)
    assert told_by(alone) == (counts, None)
    assert told_by(message(counts=counts).encode()) == (counts, "POST /auth/login")
    with pytest.raises(MalformedMessage) as caught:
        Identify.decode(alone)  # so does a reader that knows no such lines
    assert caught.value.field == "type"


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (b'{"type":"counts"', "json"),
        (b'{"type":"counts"}', "counts"),
        (b'{"type":"counts","counts":[1]}', "counts"),
        (b'{"type":"count","counts":{"error":1}}', "type"),
        (b'{"counts":{"error":1}}', "type"),
        (b'["counts"]', "type"),
    ],
    ids=range(6),
)
def test_malformed_lines_of_counts(line: bytes, field: str) -> None:
    """What is wrong is named by its field."""
    with pytest.raises(MalformedMessage) as caught:
        counts_of(line)
    assert caught.value.field == field


def test_what_a_message_tells_beside_its_customer() -> None:
    """A context that is none tells nothing."""
    assert told_by(message(route=None).encode()) == ({}, None)
    assert told_by(orjson.dumps(LINE | {"context": []})) == ({}, None)


def test_contexts_of_the_wrong_kind() -> None:
    """A context that is none is as good as missing."""
    assert Identify.decode(orjson.dumps(LINE | {"context": []})).event == IDENTIFIED
    assert Identify.decode(orjson.dumps(LINE | {"context": {"event": 5}})).event == IDENTIFIED


def test_repr_is_masked() -> None:
    """A message printed by accident does not tell who it was."""
    shown = repr(message(user_id="jane.doe@example.com"))
    assert shown == (
        "Identify('Logged In', 'm-1', traits={'email': 'j•••@e•••.com', 'firstName': 'J•••'})"
    )
    assert str(message()) == repr(message())


def test_the_key() -> None:
    """The customer's key is the normalised address; an anonymous message has none."""
    assert message(traits={"email": "Jane.Doe@Example.com"}).key == "jane.doe@example.com"
    assert message(traits={"name": "Jane"}).key is None


TEXT = st.text(
    alphabet=st.characters(exclude_categories=["Cs"]),  # lone surrogates have no UTF-8 form
    min_size=1,
    max_size=20,
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


@given(
    st.builds(
        Identify,
        message_id=TEXT,
        timestamp=st.datetimes(timezones=st.just(UTC)),
        user_id=TEXT,
        traits=st.dictionaries(TEXT, VALUES, max_size=4),
        event=st.sampled_from(EVENTS),
        route=st.none() | TEXT,
        site=st.none() | TEXT,
        counts=st.dictionaries(TEXT, st.integers(1, 2**53 - 1), max_size=3),
    )
)
def test_round_trip(original: Identify) -> None:
    """What was written is what is read, whatever the texts hold."""
    line = original.encode()
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert Identify.decode(line) == original
