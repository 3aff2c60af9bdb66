"""One forwarder after the other at the same rows: nobody is sent twice at a time, or too many."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from forwarder_support import FINGERPRINT, PACE, PLAN, Bench, Slow, running, until
from frontdesk_sidecar.forward.forwarder import Forwarder
from frontdesk_sidecar.forward.ingress import Ingress
from frontdesk_sidecar.forward.ledger import Ledger
from frontdesk_sidecar.store.sqlite import SQLiteStore


def successor(bench: Bench, target: Slow, ingress: Ingress) -> Forwarder:
    """Another one for the same target."""
    return Forwarder(
        bench.writer,
        target,
        PLAN,
        bench.telemetry,
        PACE,
        FINGERPRINT,
        ingress=ingress,
        now=lambda: bench.now,
        clock=bench.clock,
    )


def ingress_of(ledger: Ledger, *, same: bool) -> Ingress:
    """That of the same host, or of another one."""
    return ledger.ingress if same else Ingress(PACE.rate, 0.0)


@pytest.mark.parametrize("same_host", [True, False])
async def test_what_is_under_way_stays_with_whom_it_was_begun(
    tmp_path: Path, same_host: bool
) -> None:
    """The successor begins with the others; at one host, with as many fewer as are under way."""
    target = Slow()
    with SQLiteStore.open(tmp_path / "var" / "f.db") as store:
        async with running(store, target) as bench, anyio.create_task_group() as tasks:
            names = [f"c{number}" for number in range(12)]
            await bench.absorb(*names)
            await until(lambda: len(target.under_way) == PACE.concurrency)
            begun = set(target.under_way)
            first = bench.forwarder
            bench.forwarder = successor(bench, target, ingress_of(first.ledger, same=same_host))
            bench.forwarder.take_over(first)
            tasks.start_soon(bench.forwarder.run)
            await bench.absorb(*names, at=1, lastName="new")
            if not same_host:
                await until(lambda: len(target.under_way) == 2 * PACE.concurrency)
            assert begun <= target.under_way  # nobody of them again, see `Target`
            target.go()
            with anyio.fail_after(10):
                await first.stopped.wait()
            target.open()
            await bench.until_counts(clean=12)
            tasks.cancel_scope.cancel()
        sent = [payload["uid"] for payload in target.payloads]
        assert {sent.count(uid) for uid in begun} == {2}  # the newer name, by the successor
        assert target.most == PACE.concurrency * (1 if same_host else 2)
