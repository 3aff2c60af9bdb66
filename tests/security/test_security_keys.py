"""Keys are compared in a time that tells nothing of them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from starlette.requests import Request

import frontdesk_sidecar
from frontdesk_sidecar import endpoints
from frontdesk_sidecar.ingest.proof import Signature, is_known

SIDECAR = Path(frontdesk_sidecar.__path__[0])
KEYS = ("first-key-0001", "second-key-0002", "third-key-0003")
GUESSES = (
    *KEYS,
    *("xirst-key-0001", "first-key-000x", "x" * 14, "third-key-000x"),
    *("first-key-0001-and-more", "f", "second-key-000x"),
)


def steps(work: Callable[[], object]) -> int:
    """How many bytecode instructions of Python it takes."""
    taken = 0

    def count(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal taken
        frame.f_trace_opcodes = True
        taken += event == "opcode"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        work()
    finally:
        sys.settrace(before)
    return taken


def test_the_counting_sees_a_comparison_that_stops_early() -> None:
    """Otherwise what follows would say nothing."""

    def compare(given: str) -> bool:
        return all(a == b for a, b in zip(given, KEYS[0], strict=False))

    assert steps(lambda: compare("xirst")) < steps(lambda: compare("firsx"))


def test_a_write_key_takes_as_long_whatever_it_is() -> None:
    """The first of several, the last or none; right up to its last character or wrong at once."""
    assert len({steps(lambda guess=guess: is_known(guess, KEYS)) for guess in GUESSES}) == 1  # type: ignore[misc] # a default in a lambda has no type


def test_a_signature_takes_as_long_whatever_it_is() -> None:
    """With each of the keys, also when the first was right."""
    taken = set()
    for digest in ("0" * 64, "f" * 64, Signature("1", "0" * 64, KEYS)._macs[0].hexdigest()):
        signature = Signature("1", digest, KEYS)
        signature.feed(b"body")
        taken.add(steps(signature.is_right))
    assert len(taken) == 1


def test_the_admin_key_takes_as_long_whatever_it_is() -> None:
    """The same for the bearer key of the sidecar's own HTTP."""

    def asked(guess: str) -> int:
        headers = [(b"authorization", f"Bearer {guess}".encode())]
        request = Request({"type": "http", "headers": headers})
        assert request.headers["authorization"]
        return steps(lambda: endpoints._is_allowed(request, KEYS[0]))

    assert len({asked(guess) for guess in GUESSES}) == 1


def comparisons(tree: ast.AST) -> Iterator[ast.Compare]:
    """Every `==`, `!=`, `in` and `not in` of a tree."""
    kinds = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(isinstance(one, kinds) for one in node.ops):
            yield node


@pytest.mark.parametrize("name", ["endpoints.py", "ingest/proof.py", "ingest/admission.py"])
def test_no_key_is_compared_otherwise(name: str) -> None:
    """Where requests show keys, names of secrets stand in no other comparison."""
    secret = {"key", "keys", "given", "digest", "_given", "authorization"}
    tree = ast.parse((SIDECAR / name).read_text())
    for one in comparisons(tree):
        used = {node.id for node in ast.walk(one) if isinstance(node, ast.Name)}
        used |= {node.attr for node in ast.walk(one) if isinstance(node, ast.Attribute)}
        assert not used & secret, ast.unparse(one)
    if name != "ingest/admission.py":
        assert "hmac.compare_digest" in ast.unparse(tree)
