"""The courier: what becomes of each parcel, whatever `$batch` does."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk_sidecar.customer import Customer
from frontdesk_sidecar.forward.courier import OFF_S, Courier, Delivery, Parcel
from frontdesk_sidecar.forward.pace import Pace
from frontdesk_sidecar.sap.outcome import Kind, Outcome
from frontdesk_sidecar.store import Claim

DELIVERED = Outcome(Kind.DELIVERED, "http.201")
REJECTED = Outcome(Kind.REJECTED, "odata.invalid_property", "refused")
BAD_REQUEST = Outcome(Kind.REJECTED, "http.400", "HTTP 400")
TOO_LARGE = Outcome(Kind.REJECTED, "http.413", "HTTP 413")
TOO_MANY = Outcome(Kind.REJECTED, "odata.batch_limit_exceeded", "too many")
TRANSIENT = Outcome(Kind.TRANSIENT, "timeout", "no answer in time", is_unknown=True)
SETUP = Outcome(Kind.SETUP, "http.403", "HTTP 403")

#: What SAP answers to a request with these customers.
Answer = Outcome | tuple[Outcome, ...]
Script = Callable[[Sequence[str]], Answer]


class Target:
    """What parcels are sent to: keeps what it was sent."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[list[str]] = []
        self.message_ids: list[str] = []
        self.boundaries: list[str] = []

    async def upsert(
        self,
        payload: Mapping[str, object],
        *,
        message_id: Callable[[], str],
        traceparent: object = None,
    ) -> Outcome:
        """One customer."""
        self.message_ids.append(message_id())
        self.requests.append([str(payload["uid"])])
        outcome = self.script(self.requests[-1])
        assert isinstance(outcome, Outcome)
        return outcome

    async def upsert_many(
        self,
        payloads: Sequence[Mapping[str, object]],
        *,
        message_id: Callable[[int], str],
        traceparent: object = None,
        boundary: str,
    ) -> tuple[Outcome, ...] | Outcome:
        """Several."""
        self.message_ids += [message_id(number) for number in range(len(payloads))]
        self.requests.append([str(payload["uid"]) for payload in payloads])
        self.boundaries.append(boundary)
        return self.script(self.requests[-1])


def each(outcome_of: Callable[[str], Outcome]) -> Script:
    """A SAP with a working `$batch`."""

    def script(uids: Sequence[str]) -> Answer:
        outcomes = tuple(outcome_of(uid) for uid in uids)
        return outcomes[0] if len(outcomes) == 1 else outcomes

    return script


TAKEN = each(lambda uid: DELIVERED)


def no_batch(refusal: Outcome, one: Callable[[str], Outcome] = lambda uid: DELIVERED) -> Script:
    """A SAP without a working `$batch`."""
    return lambda uids: refusal if len(uids) > 1 else one(uids[0])


class Bench:
    """A courier, with all that is around it; `room` requests may still be sent."""

    def __init__(self, script: Script, *, batch_size: int = 100, room: int = 10**9) -> None:
        self.target = Target(script)
        self.room = room
        self.now = 0.0
        self.deliveries: list[Delivery] = []
        self.begun: list[bool] = []
        self.courier = Courier(
            self.target,
            replace(Pace(), batch_size=batch_size),
            begin=self._begin,
            report=self._report,
            clock=lambda: self.now,
        )

    async def _begin(self, is_try: bool) -> bool:
        self.begun.append(is_try)
        self.room -= 1
        return self.room >= 0

    def _report(self, delivery: Delivery) -> None:
        for parcel in delivery.parcels:
            assert not parcel.is_booked, "reported twice"
            parcel.is_booked = True
        self.deliveries.append(delivery)

    async def deliver(self, *uids: str) -> bool | None:
        """Send these."""
        return await self.courier.deliver(parcels(*uids))

    def outcomes(self) -> dict[str, Outcome]:
        """What was reported of each."""
        found = {}
        for delivery in self.deliveries:
            said = list(delivery.outcomes)
            said *= len(delivery.parcels) if delivery.shared else 1
            for parcel, outcome in zip(delivery.parcels, said, strict=True):
                found[str(parcel.payload["uid"])] = outcome
        return found

    def codes(self) -> dict[str, str]:
        """The codes alone."""
        return {uid: outcome.code for uid, outcome in self.outcomes().items()}


def parcels(*uids: str) -> list[Parcel]:
    """Parcels for these customers."""
    return [
        Parcel(
            Claim(Customer(uid, None, None, None, None, {}), 1, 0, 0, None, None, None, "t", 0),
            {"uid": uid},
            b"",
        )
        for uid in uids
    ]


def test_no_payload_shows() -> None:
    """A parcel may stand in a traceback, or in somebody's log of all locals."""
    parcel = replace(parcels("marked@example.com")[0], payload={"name": "Marked"})
    delivery = Delivery([parcel], [Outcome(Kind.DELIVERED, "http.201")], 1.0)
    assert "arked" not in repr(parcel) + repr(delivery)


SEVEN = [*"abcdefg"]


async def test_one_is_posted() -> None:
    """Alone, without `$batch`."""
    bench = Bench(TAKEN)
    assert await bench.deliver("a") is False
    assert bench.target.requests == [["a"]]
    assert not bench.target.boundaries
    assert bench.outcomes() == {"a": DELIVERED}
    (delivery,) = bench.deliveries
    assert not delivery.shared
    assert not delivery.is_try
    assert delivery.elapsed_s >= 0


async def test_several_go_in_one_request() -> None:
    """Each has its outcome."""
    bench = Bench(each(lambda uid: REJECTED if uid == "b" else DELIVERED))
    assert await bench.deliver("a", "b", "c") is True
    assert bench.target.requests == [["a", "b", "c"]]
    assert bench.codes() == {"a": "http.201", "b": REJECTED.code, "c": "http.201"}
    assert not bench.deliveries[0].shared


async def test_a_failure_of_the_request_is_everybody_s() -> None:
    """And reported once."""
    for outcome in (TRANSIENT, SETUP):
        bench = Bench(no_batch(outcome))
        await bench.deliver(*SEVEN)
        (delivery,) = bench.deliveries
        assert delivery.shared
        assert bench.outcomes() == dict.fromkeys(SEVEN, outcome)
        assert bench.courier.batch_size == (3 if outcome.is_unknown else 100)


@pytest.mark.parametrize("culprit", SEVEN)
async def test_the_culprit_is_found_and_everybody_else_delivered(culprit: str) -> None:
    """A request that is refused for one customer is halved until it stands alone."""

    def script(uids: Sequence[str]) -> Answer:
        return BAD_REQUEST if culprit in uids else TAKEN(uids)

    bench = Bench(script)
    assert await bench.deliver(*SEVEN) is True
    assert bench.codes() == dict.fromkeys(SEVEN, "http.201") | {culprit: "http.400"}
    assert len(bench.target.requests) <= 1 + 2 * 3
    assert bench.courier.batch_size == 100


async def test_a_batch_that_is_refused_for_nobody_is_given_up_for_a_while() -> None:
    """When all of them are taken one by one, it was `$batch` itself."""
    bench = Bench(no_batch(BAD_REQUEST))
    assert await bench.deliver(*SEVEN) is False
    assert bench.outcomes() == dict.fromkeys(SEVEN, DELIVERED)
    assert bench.courier.batch_size == 1
    bench.now += OFF_S
    assert bench.courier.batch_size == 100


@pytest.mark.parametrize(
    "code",
    ["http.404", "http.405", "http.501", "http.415", "odata.not_found", "batch.unreadable"],
)
async def test_without_a_batch_they_are_posted_one_by_one(code: str) -> None:
    """And it is tried again after ten minutes, not sooner."""
    bench = Bench(no_batch(Outcome(Kind.SETUP, code)))
    assert await bench.deliver("a", "b", "c") is False
    assert bench.target.requests == [["a", "b", "c"], ["a"], ["b"], ["c"]]
    assert bench.outcomes() == dict.fromkeys("abc", DELIVERED)
    assert bench.courier.batch_size == 1
    bench.now += OFF_S - 1
    assert bench.courier.batch_size == 1
    bench.now += 1
    assert bench.courier.batch_size == 100


async def test_a_404_for_all_is_the_service_s_and_not_the_batch_s() -> None:
    """When a single post fares no better, that is what is reported, of one customer alone."""
    bench = Bench(lambda uids: Outcome(Kind.SETUP, "http.404"))
    assert await bench.deliver("a", "b", "c") is None
    assert bench.target.requests == [["a", "b", "c"], ["a"]]
    assert bench.codes() == {"a": "http.404"}
    assert bench.courier.batch_size == 100


async def test_too_many_makes_batches_smaller_for_good() -> None:
    """Down to what SAP takes at once; everybody is delivered meanwhile."""
    bench = Bench(lambda uids: TOO_MANY if len(uids) > 3 else TAKEN(uids), batch_size=7)
    assert await bench.deliver(*SEVEN) is False
    assert bench.outcomes() == dict.fromkeys(SEVEN, DELIVERED)
    assert bench.courier.batch_size in (2, 3)
    assert bench.target.requests[0] == SEVEN
    bench.now += 10 * OFF_S
    assert bench.courier.batch_size <= 3


async def test_too_large_makes_batches_smaller() -> None:
    """A 413 that no single customer is to blame for."""
    bench = Bench(lambda uids: TOO_LARGE if len(uids) > 4 else TAKEN(uids), batch_size=8)
    assert await bench.deliver(*"abcdefgh") is False
    assert bench.courier.batch_size == 4
    assert bench.outcomes() == dict.fromkeys("abcdefgh", DELIVERED)


async def test_one_customer_too_large_is_no_reason_for_small_batches() -> None:
    """It alone is refused; else one record would slow down everybody until the next start."""
    bench = Bench(lambda uids: TOO_LARGE if "c" in uids else TAKEN(uids))
    assert await bench.deliver(*SEVEN) is True
    assert bench.codes() == dict.fromkeys(SEVEN, "http.201") | {"c": "http.413"}
    assert bench.courier.batch_size == 100


async def test_where_not_even_two_are_taken_none_are_sent_together() -> None:
    """Trying a pair each time would cost a request for nothing."""
    bench = Bench(no_batch(TOO_MANY), batch_size=4)
    assert await bench.deliver(*"abcd") is False
    assert bench.outcomes() == dict.fromkeys("abcd", DELIVERED)
    assert bench.courier.batch_size == 1


async def test_a_gate_that_shuts_midway_leaves_the_rest_unreported() -> None:
    """Those were not sent; the caller gives them back."""
    for room in range(5):
        bench = Bench(no_batch(BAD_REQUEST), room=room)
        sent = parcels(*"abcd")
        assert await bench.courier.deliver(sent) is None
        assert len(bench.target.requests) == room
        posted = {uid for request in bench.target.requests if len(request) == 1 for uid in request}
        assert {str(one.payload["uid"]) for one in sent if one.is_booked} == posted


async def test_a_failure_midway_leaves_the_rest_unreported() -> None:
    """What is down now is not asked again for everybody."""
    down = no_batch(BAD_REQUEST, lambda uid: TRANSIENT if uid == "b" else DELIVERED)
    bench = Bench(down)
    assert await bench.deliver(*"abcd") is None
    assert bench.codes() == {"a": "http.201", "b": "timeout"}
    assert bench.courier.batch_size == 100


async def test_nothing_is_sent_when_nothing_may_be() -> None:
    """A gate that is shut already."""
    bench = Bench(TAKEN, room=0)
    assert await bench.deliver("a") is None
    assert await bench.deliver("a", "b") is None
    await bench.courier.try_one(parcels("a")[0])
    assert bench.target.requests == []
    assert bench.deliveries == []


async def test_a_try_is_said_to_be_one() -> None:
    """Before, so that it may pass, and after, so that it is heeded."""
    bench = Bench(TAKEN)
    await bench.courier.try_one(parcels("a")[0])
    assert bench.begun == [True]
    assert [delivery.is_try for delivery in bench.deliveries] == [True]


@pytest.mark.parametrize("uids", [["a"], ["a", "b", "c"]])
async def test_a_surprise_is_an_outcome(uids: list[str]) -> None:
    """Its text is not shown: it may hold anything."""

    def script(uids: Sequence[str]) -> Answer:
        raise LookupError("jane@example.com")

    bench = Bench(script)
    await bench.deliver(*uids)
    (outcome,) = set(bench.outcomes().values())
    assert (outcome.kind, outcome.code, outcome.text) == (
        Kind.TRANSIENT,
        "internal",
        "LookupError",
    )
    assert outcome.is_unknown
    assert bench.outcomes().keys() == set(uids)


async def test_message_ids_are_used_once() -> None:
    """For each attempt a new one, so that each is found in SAP's monitoring; the last is kept."""
    bench = Bench(lambda uids: BAD_REQUEST if "c" in uids else TAKEN(uids))
    sent = parcels(*SEVEN)
    await bench.courier.deliver(sent)
    await bench.courier.deliver(parcels(*SEVEN))
    used = bench.target.message_ids
    assert len(used) == len(set(used)) == sum(map(len, bench.target.requests))
    uids = [*itertools.chain.from_iterable(bench.target.requests)][: len(used) // 2]
    last = dict(zip(uids, used, strict=False))
    assert {str(one.payload["uid"]): one.message_id for one in sent} == last
    boundaries = bench.target.boundaries
    assert len(boundaries) == len(set(boundaries))
    assert all(one.replace("_", "a").isalnum() for one in boundaries)


OUTCOMES = st.sampled_from(
    [
        DELIVERED,
        REJECTED,
        BAD_REQUEST,
        TOO_LARGE,
        TOO_MANY,
        TRANSIENT,
        SETUP,
        *(
            Outcome(Kind.SETUP, code)
            for code in ("http.404", "http.405", "http.501", "batch.unreadable")
        ),
        Outcome(Kind.THROTTLED, "http.429"),
    ]
)


@given(number=st.integers(1, 20), room=st.integers(0, 80), data=st.data())
@settings(deadline=None)
def test_nobody_is_lost_nor_reported_twice(number: int, room: int, data: st.DataObject) -> None:
    """Whatever SAP answers: who is sent alone is reported, or everybody; and it ends."""

    def script(uids: Sequence[str]) -> Answer:
        kinds = data.draw(st.lists(OUTCOMES, min_size=1, max_size=1))
        if len(uids) > 1 and data.draw(st.booleans()):
            return tuple(data.draw(OUTCOMES) for _ in uids)
        return kinds[0]

    uids = [f"c{number:02}" for number in range(number)]
    bench = Bench(script, room=room)

    async def run() -> bool | None:
        return await bench.deliver(*uids)

    refused = anyio.run(run)
    reported = Counter(
        str(parcel.payload["uid"]) for delivery in bench.deliveries for parcel in delivery.parcels
    )
    assert max(reported.values(), default=1) == 1
    if refused is not None:
        assert reported.keys() == set(uids)
        kinds = {outcome.kind for outcome in bench.outcomes().values()}
        assert refused is (Kind.REJECTED in kinds)
    assert 1 <= bench.courier.batch_size <= 100
    assert len(bench.target.requests) <= 2 * number
