"""The watchdog: tells a sidecar that gets nowhere from one that has nothing to do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk_sidecar.watchdog import Progress, stuck

LIMIT_S = 180.0
MAYBE = st.none() | st.floats(0, 1000)


@pytest.mark.parametrize(
    ("due_since", "open_since", "completed_at", "store_asked_at", "is_stuck"),
    [
        (None, None, 0.0, None, False),
        (None, 0.0, 0.0, None, False),  # nothing to do
        (0.0, None, 0.0, None, False),  # SAP does not work, or a person paused it
        (0.0, 0.0, 0.0, None, True),
        (0.0, 0.0, 821.0, None, False),  # the last one was done just now
        (0.0, 0.0, 820.0, None, True),
        (821.0, 0.0, 0.0, None, False),  # due only just now
        (820.0, 0.0, 0.0, None, True),
        (0.0, 821.0, 0.0, None, False),  # opened only just now
        (0.0, 820.0, 0.0, None, True),
        (None, None, 1000.0, 820.0, True),  # the store hangs, whatever else there is
        (None, None, 1000.0, 821.0, False),
        (0.0, 0.0, 1000.0, 999.0, False),
    ],
)
def test_the_table(
    due_since: float | None,
    open_since: float | None,
    completed_at: float,
    store_asked_at: float | None,
    is_stuck: bool,
) -> None:
    """At second 1000: stuck after three minutes of none of the reasons to be idle."""
    progress = Progress(due_since, open_since, completed_at, store_asked_at)
    assert (stuck(progress, 1000.0, LIMIT_S) is not None) is is_stuck


def test_it_says_what_is_wrong() -> None:
    """A person reads it."""
    assert stuck(Progress(None, None, 0.0, 100.0), 300.0, LIMIT_S) == (
        "the store has not answered for 200 s"
    )
    assert stuck(Progress(50.0, 20.0, 0.0, None), 300.0, LIMIT_S) == (
        "customers are due and the way is open, but none was finished for 250 s"
    )


@given(due=MAYBE, open_=MAYBE, done=st.floats(0, 1000), asked=MAYBE, now=st.floats(1000, 2000))
def test_time_alone_never_unsticks(
    due: float | None, open_: float | None, done: float, asked: float | None, now: float
) -> None:
    """Stuck stays stuck until something changes; and anything done just now is a sign of life."""
    progress = Progress(due, open_, done, asked)
    if stuck(progress, now, LIMIT_S):
        assert stuck(progress, now + 1.0, LIMIT_S)
    assert stuck(Progress(due, open_, now, None), now, LIMIT_S) is None
