"""The client's clock, corrected as Segment documents it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk_sidecar.ingest.times import corrected, moment

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MOMENTS = st.datetimes(timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-11-20T12:00:00Z", NOON),
        ("2026-11-20T13:00:00+01:00", NOON),
        ("2026-11-20T12:00:00.000Z", NOON),
        ("2026-11-20T12:00:00.123456789Z", NOON + timedelta(microseconds=123456)),
        ("2026-11-20T12:00:00", NOON),
        ("2026-11-20", NOON - 12 * HOUR),
        (" 2026-11-20T12:00:00Z ", NOON),
    ],
)
def test_times_as_sdks_write_them(text: str, found: datetime) -> None:
    """JavaScript, Python, Go; without an offset they are in UTC, as the spec has it."""
    assert moment(text) == found


@pytest.mark.parametrize(
    "value", [None, 5, True, "", "noon", "2015-2-02T00:30:08.276Z", "9999-12-31T23:59:59-12:00"]
)
def test_what_is_no_time(value: object) -> None:
    """Also not one that no calendar has."""
    assert moment(value) is None


def test_a_clock_that_is_ahead_is_set_right() -> None:
    """receivedAt - (sentAt - originalTimestamp)."""
    original, sent = NOON + 5 * HOUR, NOON + 5 * HOUR + timedelta(seconds=30)
    assert corrected(original, sent, NOON) == NOON - timedelta(seconds=30)


def test_a_clock_that_is_behind_is_set_right() -> None:
    """By years, as a phone's that was never set."""
    sent = datetime(1970, 1, 1, tzinfo=UTC) + HOUR
    assert corrected(sent - timedelta(minutes=1), sent, NOON) == NOON - timedelta(minutes=1)


def test_the_way_through_the_network_is_no_skew() -> None:
    """What is sent again keeps its time, and so do messages of one machine their order."""
    original = NOON - timedelta(minutes=1)
    for on_the_way in (0, 1, 40, 999):
        received = NOON + timedelta(milliseconds=on_the_way)
        assert corrected(original, NOON, received) == original


def test_an_import_keeps_its_dates() -> None:
    """Without `sentAt` there is nothing to correct by; with one, the distance stays."""
    long_ago = datetime(2012, 12, 2, tzinfo=UTC)
    assert corrected(long_ago, None, NOON) == long_ago
    assert corrected(long_ago, NOON, NOON) == long_ago
    assert corrected(None, NOON, NOON) == NOON


@given(original=st.none() | MOMENTS, sent=st.none() | MOMENTS, received=MOMENTS)
def test_there_is_always_a_time(
    original: datetime | None, sent: datetime | None, received: datetime
) -> None:
    """Whatever clocks say."""
    assert corrected(original, sent, received).tzinfo is not None


@given(st.text() | st.integers() | st.none() | st.lists(st.text()))
def test_anything_may_be_asked(value: object) -> None:
    """It is a time in UTC or none."""
    found = moment(value)
    assert found is None or found.utcoffset() == timedelta(0)
