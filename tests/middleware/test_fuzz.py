"""The whole engine against made-up exchanges: the fuzzer's corpus, and structured ones."""

from pathlib import Path

import orjson
import pytest
from hypothesis import given

from fuzz_strategies import MARKED, MUTATION, inputs
from fuzz_target import ROUTES, exchange_of, judge, one_input

CORPUS = Path(__file__).resolve().parents[2] / "fuzz" / "corpus"


def corpus() -> list[Path]:
    """What the coverage-guided fuzzer kept."""
    return sorted(path for path in CORPUS.iterdir() if path.is_file())


def test_there_is_a_corpus() -> None:
    """Otherwise the next test would pass on nothing; and it is kept small."""
    sizes = [path.stat().st_size for path in corpus()]
    assert len(sizes) > 50
    assert sum(sizes) < 512 * 1024


def test_the_corpus_breaks_no_promise() -> None:
    """No exception, the same result in pieces, only what can be written; some are customers."""
    found = [result for path in corpus() for result in one_input(path.read_bytes())]
    assert any(not isinstance(result, str) for result in found)
    assert len({result for result in found if isinstance(result, str)}) > 5


@given(inputs())
def test_structured_exchanges(made: tuple[list[int], list[bytes], int]) -> None:
    """The same in pieces, and no secret leaves under any name."""
    picks, sections, pieces = made
    found = judge(exchange_of(picks, sections))
    assert judge(exchange_of(picks, sections, pieces)) == found
    for result in found:
        if not isinstance(result, str):
            assert MARKED not in repr((result.user_id, dict(result.traits)))


@pytest.mark.parametrize("place", range(len(ROUTES)))
def test_every_byte_boundary(place: int) -> None:
    """A body that is split anywhere says the same."""
    answer = (
        b'{"data":{"tokenCreate":{"user":{"email":"jane@example.com"}},"user":{"email":"j@x.io"}}}'
    )
    request = orjson.dumps({"query": MUTATION, "email": "jane@example.com"})
    whole = judge(exchange_of([place, 0, 0, 0, 0], [request, answer, b"", b""]))
    for size in range(1, max(len(request), len(answer)) + 1):
        split = exchange_of([place, 0, 0, 0, 0], [request, answer, b"", b""], size)
        assert judge(split) == whole
