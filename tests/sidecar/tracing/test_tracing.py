"""Traces: from a line of the journal through the store to SAP, and to a collector."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from frontdesk.event import Identify
from frontdesk_sidecar.store import Delivered, Retry
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.tracing import PASSING, Ending, Passing
from frontdesk_sidecar.tracing.opening import open_tracer

NOW = 1_795_176_000_000_000
LEASE = 60_000_000


def trace(number: int) -> str:
    """A `traceparent` of a trace of its own."""
    return f"00-{number:032x}-{7:016x}-01"


def login(at: int, traceparent: str | None, who: str = "ann") -> Identify:
    """A login so many seconds after noon."""
    moment = datetime.fromtimestamp(NOW // 1_000_000 + at, UTC)
    address = {"email": f"{who}@example.com", "at": at}
    return Identify(f"{who}-{at}", moment, who, address, traceparent=traceparent)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    """An empty store."""
    with SQLiteStore.open(tmp_path / "store.db") as opened:
        yield opened


def taken(store: SQLiteStore, now: int = NOW) -> Any:
    """The one customer that is due."""
    [claim] = [one for failed in (False, True) for one in store.claim(9, now, LEASE, failed=failed)]
    return claim


def test_the_newest_message_that_has_a_trace_gives_it(store: SQLiteStore) -> None:
    """Of several in one batch whatever their order, and over batches."""
    messages = [login(2, trace(2)), login(1, trace(1)), login(3, None)]
    store.absorb(messages, {}, NOW)
    claim = taken(store)
    assert claim.traceparent == trace(2)
    store.settle([Retry(claim, NOW, "http.502", "no")], NOW)
    store.absorb([login(4, None)], {}, NOW)
    claim = taken(store)
    assert claim.traceparent == trace(2)
    store.settle([Retry(claim, NOW, "http.502", "no")], NOW)
    store.absorb([login(5, trace(5))], {}, NOW)
    assert taken(store).traceparent == trace(5)


def test_what_was_delivered_is_over(store: SQLiteStore) -> None:
    """A later login without a trace is of none; one that came meanwhile keeps its own."""
    store.absorb([login(1, trace(1))], {}, NOW)
    claim = taken(store)
    store.absorb([login(2, None)], {}, NOW)
    store.settle([Delivered(claim, b"x")], NOW)
    claim = taken(store)
    assert claim.traceparent is None
    store.absorb([login(3, trace(3))], {}, NOW)
    store.settle([Delivered(claim, b"x")], NOW)
    claim = taken(store)
    assert claim.traceparent == trace(3)
    store.settle([Delivered(claim, b"x")], NOW)
    store.absorb([login(4, None)], {}, NOW)
    assert taken(store).traceparent is None


def test_targets_and_customers_have_traces_of_their_own(store: SQLiteStore) -> None:
    """Nobody's trace is somebody else's."""
    messages = [login(1, trace(1)), login(1, None, "bob")]
    store.absorb(messages, {}, NOW, lambda message: "b2b")
    claims = store.claim(9, NOW, LEASE, target="b2b")
    assert {one.key: one.traceparent for one in claims} == {
        "ann@example.com": trace(1),
        "bob@example.com": None,
    }


def test_each_attempt_is_a_span_of_its_own() -> None:
    """Same trace, same flags; without a trace none is begun."""
    tracer = Passing(iter(["1" * 16, "2" * 16]).__next__)
    spans = [tracer.begin(trace(9), "default") for _ in range(2)]
    assert [one.traceparent for one in spans] == [
        f"00-{9:032x}-{number * 16}-01" for number in "12"
    ]
    none = tracer.begin(None, "default")
    assert none.traceparent is None
    none.end(Ending("delivered", "http.201", "id"))


def never(what: str) -> None:
    """Nothing is wrong."""
    raise AssertionError(what)


def test_without_an_endpoint_nothing_is_imported() -> None:
    """The SDK costs time and memory."""
    with open_tracer(None, dict, never, never) as tracer:
        assert tracer is PASSING


def test_without_the_sdk_the_work_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is told what is missing."""
    monkeypatch.delitem(sys.modules, "frontdesk_sidecar.tracing.export", raising=False)
    exporter = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
    monkeypatch.setitem(sys.modules, exporter, None)
    missing: list[str] = []
    with open_tracer("http://127.0.0.1:9", dict, missing.append, never) as tracer:
        assert tracer is PASSING
    [name] = missing
    assert name.startswith("opentelemetry")


def test_a_variable_that_the_sdk_refuses_stops_no_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told what kind of error that was."""
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1000000")
    refused: list[str] = []
    with open_tracer("http://127.0.0.1:9", dict, never, refused.append) as tracer:
        assert tracer is PASSING
    assert refused == ["ValueError"]


def test_an_sdk_that_is_switched_off_passes_traces_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """With ids of their own, and none where there was none: zeros are no trace."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with open_tracer("http://127.0.0.1:9", dict, never, never) as tracer:
        assert tracer.begin(None, "default").traceparent is None
        found = tracer.begin(trace(9), "default").traceparent
    assert found is not None
    assert found[:36] == trace(9)[:36]
    assert found != trace(9)
