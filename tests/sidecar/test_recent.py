"""What is remembered of the last minutes."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from frontdesk_sidecar.recent import SECONDS, Recent


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def test_nothing_at_first() -> None:
    """No outcome, no code."""
    assert Recent(Clock()).totals() == (Counter(), Counter())


def test_kinds_and_codes_are_counted() -> None:
    """Codes are those of what went wrong; successes need none."""
    recent = Recent(Clock())
    for kind, code in [
        ("delivered", "http.201"),
        ("unchanged", "unchanged"),
        ("rejected", "mapping"),
        ("rejected", "mapping"),
        ("transient", "timeout"),
    ]:
        recent.note(kind, code)
    kinds, codes = recent.totals()
    assert kinds == {"delivered": 1, "unchanged": 1, "rejected": 2, "transient": 1}
    assert codes == {"mapping": 2, "timeout": 1}


def test_asking_changes_nothing() -> None:
    """What was given out is the caller's."""
    recent = Recent(Clock())
    recent.note("rejected", "mapping")
    kinds, codes = recent.totals()
    kinds["rejected"] = codes["mapping"] = 100
    assert recent.totals() == ({"rejected": 1}, {"mapping": 1})


def test_what_is_old_is_forgotten() -> None:
    """Also when nothing comes any more."""
    clock = Clock(1000.0)
    recent = Recent(clock)
    recent.note("delivered", "http.201")
    clock.now += SECONDS - 5
    assert recent.totals()[0] == {"delivered": 1}
    clock.now += 5
    assert recent.totals()[0] == {}


@given(
    steps=st.lists(st.floats(0, 400), max_size=200),
    start=st.floats(0, 1e9),
    seconds=st.sampled_from([5.0, 60.0, 300.0]),
)
def test_about_the_last_seconds(steps: list[float], start: float, seconds: float) -> None:
    """All that is surely within them is counted, nothing that is surely older."""
    clock = Clock(start)
    recent = Recent(clock)
    times = []
    for step in steps:
        clock.now += step
        recent.note("delivered", "http.201")
        times.append(clock.now)
    kinds, _ = recent.totals(seconds)
    surely = sum(clock.now - time <= seconds - 5 - 1e-3 for time in times)
    perhaps = sum(clock.now - time <= seconds + 1e-3 for time in times)
    assert surely <= kinds["delivered"] <= perhaps


def test_years_take_no_memory() -> None:
    """As many buckets as minutes need, however long it runs."""
    clock = Clock()
    recent = Recent(clock)
    for _ in range(10_000):
        clock.now += 5.0
        recent.note("delivered", "http.201")
    assert recent.totals(1e9)[0]["delivered"] <= SECONDS / 5
