"""The targets at work: one lane each, so that what stands in the way of one stops no other."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import anyio

from frontdesk.event import Identify
from frontdesk_sidecar.describing import Describer
from frontdesk_sidecar.forward.draw import GATE, PAUSE, note_of
from frontdesk_sidecar.forward.fingerprint import Fingerprint
from frontdesk_sidecar.forward.forwarder import Forwarder
from frontdesk_sidecar.forward.ingress import Ingress
from frontdesk_sidecar.forward.verdict import SECOND
from frontdesk_sidecar.reminding import Reminder
from frontdesk_sidecar.sap.commerce import Commerce
from frontdesk_sidecar.settings_types import DEFAULT_TARGET, Settings, Target
from frontdesk_sidecar.status import Snapshot, Standing, iso
from frontdesk_sidecar.store import Counts, Store
from frontdesk_sidecar.store.writer import Writer
from frontdesk_sidecar.telemetry import Telemetry
from frontdesk_sidecar.upkeep import Lookout


def assignment(targets: Sequence[Target]) -> Callable[[Identify], str] | None:
    """Whose each message is: the first target's that takes it, else the last one's.

    None where all are for the default target.
    """
    if [target.name for target in targets] == [DEFAULT_TARGET]:
        return None
    *others, last = targets

    def target_of(message: Identify) -> str:
        for target in others:
            if target.takes(message.site, message.event):
                return target.name
        return last.name

    return target_of


@dataclass(slots=True, eq=False)
class Lane:
    """One target: its forwarder, why it should be started anew if so, and what it needs to run.

    `client` is open, and what is `beside` the forwarder runs, for as long as that does.
    """

    target: Target
    forwarder: Forwarder
    stuck: Callable[[], str | None] = lambda: None
    client: Commerce | None = None
    beside: Sequence[Callable[[], Coroutine[Any, Any, None]]] = ()
    paused_us: int | None = None

    @property
    def name(self) -> str:
        """The target's name."""
        return self.target.name

    @property
    def host(self) -> str:
        """Where it sends; those with the same one share its rate."""
        return self.target.destination.base_url

    async def run(self) -> None:
        """Until the forwarder was told to stop and all is settled, or cancelled.

        StoreError passes through.
        """
        async with contextlib.AsyncExitStack() as stack:
            if self.client is not None:
                await stack.enter_async_context(self.client)
            tasks = await stack.enter_async_context(anyio.create_task_group())
            for task in self.beside:
                tasks.start_soon(task)
            await self.forwarder.run()
            tasks.cancel_scope.cancel()

    def leave(self) -> None:
        """Be no neighbour any more of others that send to the host."""
        self.forwarder.ledger.ingress.leave(self.forwarder.ledger)

    def take_over(self, other: Lane) -> None:
        """Go on where the lane of the same target leaves off, which only finishes."""
        self.paused_us = other.paused_us
        self.forwarder.take_over(other.forwarder)

    async def restore(self, writer: Writer[Store]) -> None:
        """Take up what an earlier run of this store left: why nothing was sent."""
        names = note_of(GATE, self.name), note_of(PAUSE, self.name)
        gate, paused = await writer.run(lambda store: [store.recall(name) for name in names])
        self.forwarder.restore(gate)
        if paused is not None:
            since = paused.get("since") if isinstance(paused, dict) else None
            self.pause(since if isinstance(since, int) else time.time_ns() // 1000)

    def pause(self, since: int) -> None:
        """Claim nothing more."""
        self.paused_us = since
        self.forwarder.gate.by_hand = True
        self.forwarder.ledger.tell()

    def resume(self) -> dict[str, Any]:
        """Send again; where something else stands in the way, try it now. What that means."""
        was_by_hand, self.paused_us = self.paused_us is not None, None
        gate, now = self.forwarder.gate, time.monotonic()
        gate.by_hand = False
        gate.try_now(now, by_hand=True)
        self.forwarder.ledger.tell()
        self.forwarder.wake()
        shut = gate.shut
        left_s = 0.0 if shut is None else shut.next_at - now
        return {
            "target": self.name,
            "byHand": was_by_hand,
            "gate": "open" if shut is None else str(shut.why),
            "code": "" if shut is None else shut.code,
            "quietUntil": iso(time.time_ns() // 1000 + int(left_s * SECOND))
            if left_s > 0
            else None,
        }

    def standing(
        self, counts: Counts, dead: dict[str, int], telemetry: Telemetry, **shared: Any
    ) -> Standing:
        """How it stands; `shared` is what a `Snapshot` has that is not one target's."""
        ledger = self.forwarder.ledger
        now = Snapshot(
            clock_s=time.monotonic(),
            paused_us=self.paused_us,
            shut=ledger.gate.shut,
            stuck=self.stuck(),
            counts=counts,
            dead=dead,
            recent=telemetry.recent(self.name),
            rate=ledger.rate,
            concurrency=ledger.concurrency,
            batching=self.forwarder.courier.batch_size > 1,
            **shared,
        )
        destination = self.target.destination
        return Standing(self.name, destination.entity_url, now, destination.client_id)


async def make_lanes(
    settings: Settings,
    writer: Writer[Store],
    telemetry: Telemetry,
    key: bytes,
    hosts: Mapping[str, Ingress],
) -> list[Lane]:
    """A lane for each target; those at one host share its rate, which `hosts` may have already.

    `key` is that of the fingerprints. Raises OSError when a file for TLS is unusable.
    """
    clients = [Commerce(target.destination) for target in settings.targets]
    known = dict(hosts)
    made = [
        _make_lane(settings, target, client, writer, telemetry, known, key)
        for target, client in zip(settings.targets, clients, strict=True)
    ]
    lanes = [lane for lane, _ in made]
    try:
        for _, describer in made:
            await describer.restore()
    except BaseException:
        for lane in lanes:
            lane.leave()
        raise
    return lanes


def _make_lane(
    settings: Settings,
    target: Target,
    client: Commerce,
    writer: Writer[Store],
    telemetry: Telemetry,
    hosts: dict[str, Ingress],
    key: bytes,
) -> tuple[Lane, Describer]:
    destination = target.destination
    fresh = Ingress(settings.pace.rate, time.monotonic())
    forwarder = Forwarder(
        writer,
        client,
        None,
        telemetry,
        settings.pace,
        Fingerprint(key, destination.entity_url),
        name=target.name,
        ingress=hosts.setdefault(destination.base_url, fresh),
    )
    client.session.may_repeat = forwarder.may_repeat
    describer = Describer(
        target,
        client.session,
        writer,
        telemetry,
        use=forwarder.use,
        may_ask=forwarder.may_repeat,
    )
    lookout = Lookout(
        writer,
        forwarder,
        secret_file=target.secret_file,
        stuck_s=settings.stuck_s,
        longest_s=settings.pace.longest_s,
    )
    lane = Lane(target, forwarder, lookout.stuck, client)
    reminder = Reminder(
        writer,
        forwarder,
        telemetry,
        paused_us=lambda: lane.paused_us,
        stuck=lookout.stuck,
    )
    lane.beside = (lookout.run, describer.run, reminder.run)
    return lane, describer
