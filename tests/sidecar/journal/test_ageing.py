"""Which of two logins was the later one, whatever the wall clock showed meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.event import Identify, Tick
from frontdesk_sidecar import customer
from frontdesk_sidecar.journal.ageing import dated

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOON_US = customer.microseconds(NOON)
BOOT = "0f1e2d3c"
LEAPS = (-86_400.0, -2.0, 0.0, 2.0, 86_400.0)
UP_NS = 5_000_000_000_000
NOW = Tick(BOOT, UP_NS)


def login(age_s: float, leap_s: float = 0.0, boot: str = BOOT, value: object = "x") -> Identify:
    """A login so long ago, by a wall clock that was so far ahead then."""
    return Identify(
        message_id="m",
        timestamp=NOON - timedelta(seconds=age_s) + timedelta(seconds=leap_s),
        user_id="u",
        traits={"email": "a@example.com", "value": value},
        tick=Tick(boot, UP_NS - int(age_s * 1e9)),
    )


def test_as_long_as_the_clocks_agree_nothing_is_touched() -> None:
    """Not even copied: this is each batch's way."""
    messages = [login(3.0), login(2.0, leap_s=0.4), replace(login(1.0), tick=None)]
    assert dated(messages, NOON_US, NOW) is messages


def test_a_leap_and_back_are_undone() -> None:
    """A login while the clock was three days ahead is older than the one after it."""
    messages = [login(3.0), login(2.0, leap_s=3 * 86_400.0), login(1.0), login(0.5, -7200.0)]
    ages = [(NOON - m.timestamp).total_seconds() for m in dated(messages, NOON_US, NOW)]
    assert ages == [3.0, 2.0, 1.0, 0.5]


@pytest.mark.parametrize(
    "message",
    [
        login(3.0, leap_s=60.0, boot="ffffffff"),
        replace(login(3.0, leap_s=60.0), tick=None),
        login(-3.0, leap_s=60.0),
    ],
    ids=["of another boot", "without a tick", "of a later tick"],
)
def test_what_cannot_be_compared_keeps_its_time(message: Identify) -> None:
    """A journal on a disk may be older than the machine's last boot."""
    assert dated([message], NOON_US, NOW)[0].timestamp == message.timestamp


def test_a_machine_without_a_name_for_its_boot() -> None:
    """Two empty names do not say that it is the same boot."""
    message = login(3.0, leap_s=60.0, boot="")
    assert dated([message], NOON_US, Tick("", UP_NS))[0].timestamp == message.timestamp


def test_a_clock_beyond_the_calendar_is_no_error() -> None:
    """Times keep what they say then."""
    messages = [login(3.0)]
    assert dated(messages, 2**63, NOW) is messages


@given(
    st.lists(
        st.tuples(st.floats(0.001, 4_000.0), st.sampled_from(LEAPS)),
        min_size=1,
    ),
    st.randoms(),
)
def test_the_last_login_wins_in_any_order(
    logins: list[tuple[float, float]], chance: object
) -> None:
    """Leaps both ways, segments of several processes read in any order: the youngest is kept."""
    messages = [login(age, leap, value=age) for age, leap in logins]
    chance.shuffle(messages)  # type: ignore[attr-defined] # hypothesis gives a Random
    gathered, _ = customer.gather(dated(messages, NOON_US, NOW), latest=NOON_US)
    found = gathered["a@example.com"]["value"][0]
    assert isinstance(found, float)
    is_set = any(abs(leap) > 1.0 for _, leap in logins)
    assert abs(found - min(age for age, _ in logins)) < 1e-5 or not is_set
