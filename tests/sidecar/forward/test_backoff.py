"""Back-off with full jitter."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk_sidecar.forward.backoff import full_jitter


@pytest.mark.parametrize(
    ("attempt", "drawn", "expected"),
    [(1, 0.5, 0.5), (2, 0.5, 1.0), (3, 0.25, 1.0), (6, 0.5, 15.0), (10**9, 0.5, 15.0), (4, 0.0, 0)],
)
def test_the_ceiling_doubles_up_to_the_cap(attempt: int, drawn: float, expected: float) -> None:
    """Each further attempt may wait twice as long, never longer than the cap."""
    assert full_jitter(attempt, base_s=1.0, cap_s=30.0, random=lambda: drawn) == expected


@given(
    attempt=st.integers(min_value=1),
    base_s=st.floats(min_value=0, max_value=1e308),
    cap_s=st.floats(min_value=0, max_value=1e308),
    drawn=st.floats(min_value=0, max_value=1, exclude_max=True),
)
def test_every_wait_lies_between_zero_and_the_cap(
    attempt: int, base_s: float, cap_s: float, drawn: float
) -> None:
    """No attempt, however late, overflows or leaves the range."""
    base_s = min(base_s, cap_s)
    assert 0 <= full_jitter(attempt, base_s=base_s, cap_s=cap_s, random=lambda: drawn) <= cap_s


@pytest.mark.parametrize(
    ("attempt", "base_s", "cap_s"),
    [(0, 1, 1), (-1, 1, 1), (1, -1, 1), (1, 2, 1), (1, math.nan, 1), (1, 1, math.inf)],
)
def test_unusable_limits_are_refused(attempt: int, base_s: float, cap_s: float) -> None:
    """A wrong limit is the caller's mistake and is said at once."""
    with pytest.raises(ValueError, match=r"attempt|base_s"):
        full_jitter(attempt, base_s=base_s, cap_s=cap_s, random=lambda: 0.5)
