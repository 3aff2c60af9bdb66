"""The guard: when refusals are everybody's and not the customers'."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from frontdesk_sidecar.forward.guard import LEAST, LEAST_AT_FIRST, WINDOW, RejectionGuard


def guard_after(taken: int) -> RejectionGuard:
    """A guard that saw so many customers taken."""
    guard = RejectionGuard()
    for number in range(taken):
        guard.taken(f"taken-{number}")
    return guard


def refusals_until_it_trips(guard: RejectionGuard, most: int = 200) -> int | None:
    """How many different customers must be refused in a row; None: more than `most`."""
    for number in range(most):
        if guard.refused(f"refused-{number}"):
            return number + 1
    return None


def test_few_are_enough_while_nobody_was_ever_taken() -> None:
    """A mapping that never fitted is noticed soon."""
    assert refusals_until_it_trips(RejectionGuard()) == LEAST_AT_FIRST


def test_twenty_and_four_fifths_of_the_last_fifty() -> None:
    """20 refused are enough when few were taken, and else 80 % of those remembered."""
    assert refusals_until_it_trips(guard_after(1)) == 20
    assert refusals_until_it_trips(guard_after(5)) == 20
    assert refusals_until_it_trips(guard_after(6)) == 24
    assert refusals_until_it_trips(guard_after(10)) == 40
    assert refusals_until_it_trips(guard_after(1000)) == 40


def test_a_customer_refused_often_counts_once() -> None:
    """One sick record is tried again and again; it is still one."""
    for guard in (RejectionGuard(), guard_after(1)):
        assert not any(guard.refused("sick") for _ in range(1000))


def test_the_last_answer_counts() -> None:
    """A customer that was taken after all is no longer one that was refused."""
    guard = guard_after(1)
    for number in range(LEAST - 1):
        assert not guard.refused(f"c{number}")
    for number in range(LEAST - 1):
        guard.taken(f"c{number}")
    assert refusals_until_it_trips(guard) == 40


def test_a_clear_guard_needs_as_many_again() -> None:
    """After something was set right; that somebody was taken once is not forgotten."""
    guard = guard_after(1)
    refusals_until_it_trips(guard, most=LEAST - 1)
    guard.clear()
    assert refusals_until_it_trips(guard) == LEAST


@given(st.lists(st.tuples(st.integers(0, 80), st.sampled_from([True, True, True, True, False]))))
def test_it_says_what_its_definition_says(answers: list[tuple[int, bool]]) -> None:
    """The same as counting all answers anew each time, in whole numbers."""
    guard = RejectionGuard()
    for end, (customer, is_refused) in enumerate(answers, 1):
        last: dict[int, bool] = {}
        for one, refused in answers[:end]:
            last.pop(one, None)
            last[one] = refused
        window = [*last.values()][-WINDOW:]
        if not is_refused:
            guard.taken(str(customer))
            continue
        anybody = any(not refused for _, refused in answers[:end])
        bad = sum(window)
        expected = (not anybody and bad >= 5) or (bad >= 20 and 5 * bad >= 4 * len(window))
        assert guard.refused(str(customer)) is expected
