"""Handing over: what fits into a request, and who waits for what."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk_sidecar.admin.client import Away, NotHere, Refused
from frontdesk_sidecar.backfill.handing import Handing, Stopped, chunks, fits
from frontdesk_sidecar.backfill.reading import Line


@given(st.lists(st.integers(1, 40_000), max_size=60), st.integers(1, 70))
def test_requests_hold_what_fits(sizes: list[int], most: int) -> None:
    """All of it, in order, in as few requests as may be; each of a size that is taken."""
    lines = [Line(number, b"x" * size) for number, size in enumerate(sizes)]
    parts = list(chunks(lines, most))
    assert [line for part in parts for line in part] == lines
    assert all(len(part) <= most for part in parts)
    assert all(len(orjson.dumps([one.message.decode() for one in part])) < 62_000 for part in parts)
    for one, other in pairwise(parts):
        together = [line.message.decode() for line in (*one, other[0])]
        assert len(orjson.dumps(together)) > 61_000 or len(one) == most


def test_a_line_that_no_request_holds() -> None:
    """Quotes count twice."""
    assert fits(Line(1, b"x" * 60_000))
    assert not fits(Line(1, b'"' * 32_000))


class Sidecar:
    """Answers as it is told, and moves the clock on when it is waited for."""

    def __init__(self, *answers: dict[str, Any] | Refused) -> None:
        self.answers = list(answers)
        self.now = 0.0
        self.told: list[int | None] = []
        self.handing = Handing(
            self.call, self.told.append, clock=lambda: self.now, sleep=self.pass_
        )

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """The next answer."""
        assert (operation, arguments) == ("op", {"lines": []})
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Refused):
            raise answer
        return answer

    def pass_(self, seconds: float) -> None:
        """Time."""
        self.now += seconds

    def hand(self) -> Any:
        """What came of it."""
        return self.handing.hand("op", "page", lines=[])


def answer(waiting: int = 0, full: str | None = None, page: str | None = "done") -> dict[str, Any]:
    """One answer."""
    return {"waiting": waiting, "full": full, "page": page}


def test_it_is_asked_until_there_is_room() -> None:
    """From time to time it is told that there is none."""
    here = Sidecar(*[answer(60 + number, page=None) for number in range(120)], answer())
    assert here.hand() == "done"
    assert here.now == pytest.approx(12.0)
    assert len(here.told) == 2
    assert all(waiting is not None and waiting > 60 for waiting in here.told)


def test_a_store_that_is_full_ends_it() -> None:
    """Waiting would not help."""
    here = Sidecar(answer(full="no room", page=None))
    with pytest.raises(Stopped, match="no room"):
        here.hand()


@pytest.mark.parametrize("away", [Away("broken off"), NotHere("no socket")])
def test_a_sidecar_that_is_started_anew_is_waited_for(away: Refused) -> None:
    """A minute, and that is told; but only one that has answered before."""
    here = Sidecar(away)
    with pytest.raises(type(away)):
        here.hand()
    here = Sidecar(answer(), *[away] * 20, answer())
    assert [here.hand(), here.hand()] == ["done", "done"]
    assert here.now == pytest.approx(20.0)
    assert here.told == [None] * 3
    here = Sidecar(answer(), away)
    here.hand()
    with pytest.raises(Stopped, match="no sidecar has answered for 60 s"):
        here.hand()


def test_what_is_refused_is_not_tried_again() -> None:
    """As what an operator has no right to."""
    here = Sidecar(answer(), Refused("no"))
    here.hand()
    with pytest.raises(Refused, match="no"):
        here.hand()
