"""The document of `/status`: the right words for every state, as JSON, and nothing personal."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest

from frontdesk_sidecar.customer import Customer
from frontdesk_sidecar.forward.gate import Shut, Why
from frontdesk_sidecar.forward.ledger import Ledger
from frontdesk_sidecar.forward.limits import Concurrency, Rate
from frontdesk_sidecar.forward.pace import Pace
from frontdesk_sidecar.mapping import MappingError, compile_mapping
from frontdesk_sidecar.recent import Recent
from frontdesk_sidecar.sap.outcome import Kind, Outcome
from frontdesk_sidecar.status import Snapshot, Standing, document, document_of, iso
from frontdesk_sidecar.store import Claim, Counts
from frontdesk_sidecar.telemetry import Telemetry

SECOND = 1_000_000
#: 2026-11-20T12:00:00Z
NOW = 1_795_176_000 * SECOND
SNAPSHOT = Snapshot(
    now_us=NOW,
    clock_s=1000.0,
    started_us=NOW - 90 * SECOND,
    paused_us=None,
    shut=None,
    stuck=None,
    counts=Counts(pending=5, due=3, leased=2, dead=1, clean=7, oldest_us=1_500_000, bytes=4096),
    dead={"mapping": 1},
    recent=Recent(lambda: 1000.0),
    rate=Rate(10.0, 1000.0),
    concurrency=Concurrency(1, 8),
    batching=True,
    journal={"path": "/j", "lagBytes": 0, "segments": 1, "unreadable": 0, "error": None},
    store={"path": "/s", "bytes": 4096, "held": None},
)


def shut_for(why: Why, *, text: str = "what SAP said", advice: str = "do this") -> Shut:
    """Shut since 30 seconds, to be tried in 60."""
    return Shut(why, 970.0, 1060.0, 60.0, f"code.{why}", text, advice)


def test_all_well() -> None:
    """The document of a sidecar that works."""
    recent = Recent(lambda: 1000.0)
    for _ in range(30):
        recent.note(Kind.DELIVERED, "http.201")
    recent.note(Kind.UNCHANGED, "unchanged")
    recent.note(Kind.TRANSIENT, "timeout")
    found = document(replace(SNAPSHOT, recent=recent))
    assert found == {
        "startedAt": "2026-11-20T11:58:30Z",
        "state": "fine",
        "gate": {
            "state": "open",
            "since": None,
            "code": "",
            "text": "",
            "advice": "",
            "nextTryAt": None,
        },
        "customers": {"pending": 5, "due": 3, "leased": 2, "clean": 7, "dead": 1},
        "oldestPendingSeconds": 1.5,
        "dead": {"mapping": 1},
        "outcomes": {
            "seconds": 300,
            "delivered": 30,
            "unchanged": 1,
            "throttled": 0,
            "transient": 1,
            "setup": 0,
            "rejected": 0,
            "codes": {"timeout": 1},
        },
        "rate": {
            "customersPerSecond": 0.52,
            "limitPerSecond": 10.0,
            "concurrency": 4,
            "concurrencyLimit": 8,
            "batching": True,
        },
        "journal": dict(SNAPSHOT.journal),
        "store": dict(SNAPSHOT.store),
        "failing": None,
        "watchdog": None,
    }


@pytest.mark.parametrize(
    ("why", "state"),
    [
        (Why.SETUP, "paused"),
        (Why.REJECTIONS, "paused"),
        (Why.FAILING, "slowing"),
        (Why.THROTTLED, "slowing"),
    ],
)
def test_why_nothing_is_sent(why: Why, state: str) -> None:
    """The reason, since when, SAP's words, what to do and when it is tried again."""
    found = document(replace(SNAPSHOT, shut=shut_for(why)))
    assert found["state"] == state
    gate = found["gate"]
    assert (gate["state"], gate["code"]) == (str(why), f"code.{why}")
    assert (gate["since"], gate["nextTryAt"]) == ("2026-11-20T11:59:30Z", "2026-11-20T12:01:00Z")
    assert gate["text"].endswith("what SAP said")
    assert gate["advice"].endswith("do this")


def test_mass_refusals_are_explained() -> None:
    """One customer's words alone would send the reader astray."""
    gate = document(replace(SNAPSHOT, shut=shut_for(Why.REJECTIONS)))["gate"]
    assert gate["text"] == "what SAP said"
    assert gate["advice"].startswith("Compare sap.mapping")
    bare = document(replace(SNAPSHOT, shut=shut_for(Why.REJECTIONS, text="", advice="")))["gate"]
    assert bare["text"] == "SAP refuses the records of most customers"
    assert bare["advice"].endswith("what SAP refuses.")
    ours = replace(shut_for(Why.REJECTIONS), code="mapping.value")
    found_here = document(replace(SNAPSHOT, shut=ours, dead={}))["gate"]
    assert found_here["advice"] == ours.advice


def test_a_try_that_is_due_is_due_now() -> None:
    """Not in the past."""
    late = replace(shut_for(Why.SETUP), next_at=10.0)
    assert document(replace(SNAPSHOT, shut=late))["gate"]["nextTryAt"] == iso(NOW)


def test_a_pause_by_hand_is_said_first() -> None:
    """It is what the reader can end; whatever SAP does, nothing is sent."""
    paused = replace(SNAPSHOT, paused_us=NOW - 3600 * SECOND, shut=shut_for(Why.THROTTLED))
    found = document(paused)
    assert found["state"] == "paused"
    assert found["gate"] == {
        "state": "hand",
        "since": "2026-11-20T11:00:00Z",
        "code": "",
        "text": "paused by hand",
        "advice": "`frontdesk resume` ends it.",
        "nextTryAt": None,
    }


def standing(name: str, **changes: Any) -> Standing:
    """One of several, with this difference."""
    return Standing(name, f"https://sap/{name}", replace(SNAPSHOT, **changes))


def test_who_fails_again_and_again_is_told_by_row() -> None:
    """A code of SAP's own could be anything."""
    told = document(replace(SNAPSHOT, failing=(2, 7, "odata.some_word")))["failing"]
    assert told == {"customers": 2, "attempts": 7, "code": "odata.*"}


def test_one_target_s_document_is_as_it_ever_was() -> None:
    """And customers of a target that is gone are told beside it."""
    whom = {"sap": "https://sap/default", "clientId": ""}
    assert document_of([standing("default")], {}) == document(SNAPSHOT) | whom
    found = document_of([standing("default")], {"b2b": SNAPSHOT.counts})
    assert found == {
        **document(SNAPSHOT),
        **whom,
        "unknownTargets": {"b2b": {"customers": 15, "dead": 1}},
    }


def test_several_targets_are_added_up() -> None:
    """With the worst one's state and gate, and each for itself; one host's rate counts once."""
    recent = Recent(lambda: 1000.0)
    recent.note(Kind.TRANSIENT, "timeout")
    shared = {"rate": Rate(10.0, 1000.0), "recent": recent}
    found = document_of(
        [
            standing("b2b", shut=shut_for(Why.SETUP), **shared),
            standing(
                "b2c", shut=shut_for(Why.THROTTLED), dead={"mapping": 2, "http.400": 1}, **shared
            ),
            standing("default"),
        ],
        {},
    )
    assert (found["state"], found["gate"]["state"]) == ("paused", "setup")
    assert found["customers"] == {"pending": 15, "due": 9, "leased": 6, "clean": 21, "dead": 3}
    assert (found["dead"], found["oldestPendingSeconds"]) == ({"mapping": 4, "http.400": 1}, 1.5)
    assert (found["outcomes"]["transient"], found["outcomes"]["codes"]) == (2, {"timeout": 2})
    assert found["outcomes"]["seconds"] == 300
    assert (found["rate"]["limitPerSecond"], found["rate"]["concurrencyLimit"]) == (20.0, 24)
    assert found["rate"]["batching"] is True
    assert found["journal"] == SNAPSHOT.journal
    assert [(one["name"], one["sap"], one["state"]) for one in found["targets"]] == [
        ("b2b", "https://sap/b2b", "paused"),
        ("b2c", "https://sap/b2c", "slowing"),
        ("default", "https://sap/default", "fine"),
    ]
    one = document(replace(SNAPSHOT, dead={"mapping": 2, "http.400": 1}))
    told = found["targets"][1]
    assert (told["dead"], told["customers"]) == (one["dead"], one["customers"])
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(
    ("first", "second", "state", "gate"),
    [
        ({"paused_us": NOW}, {"shut": shut_for(Why.SETUP)}, "paused", "setup"),
        ({"paused_us": NOW}, {"shut": shut_for(Why.FAILING)}, "paused", "hand"),
        ({"shut": shut_for(Why.REJECTIONS)}, {"stuck": "why"}, "stuck", "open"),
        ({}, {"shut": shut_for(Why.FAILING)}, "slowing", "failing"),
        ({}, {}, "fine", "open"),
    ],
)
def test_of_several_the_worst_is_said(
    first: dict[str, Any], second: dict[str, Any], state: str, gate: str
) -> None:
    """In whatever order they come."""
    for one, other in ((first, second), (second, first)):
        found = document_of([standing("b2b", **one), standing("default", **other)], {})
        assert (found["state"], found["gate"]["state"]) == (state, gate)
        assert found["watchdog"] == ("why" if state == "stuck" else None)


STUCK = "the store has not answered for 200 s"
HELD = {"path": "/s", "held": "the disk is full"}


@pytest.mark.parametrize(
    ("stuck", "held", "paused", "why", "state"),
    [
        (True, True, True, Why.SETUP, "stuck"),
        (True, False, False, None, "stuck"),
        (False, True, True, Why.SETUP, "held"),
        (False, True, False, None, "held"),
        (False, False, True, Why.FAILING, "paused"),
        (False, False, True, None, "paused"),
        (False, False, False, None, "fine"),
    ],
)
def test_the_worst_is_said(
    stuck: bool, held: bool, paused: bool, why: Why | None, state: str
) -> None:
    """One word for everything: what a person must look at first."""
    snapshot = replace(
        SNAPSHOT,
        stuck=STUCK if stuck else None,
        store=HELD if held else SNAPSHOT.store,
        paused_us=NOW if paused else None,
        shut=shut_for(why) if why else None,
    )
    found = document(snapshot)
    assert found["state"] == state
    assert found["watchdog"] == (STUCK if stuck else None)


def test_every_state_is_json() -> None:
    """Whatever is combined, and the keys are the same."""
    empty = Counts(pending=0, due=0, leased=0, dead=0, clean=0, oldest_us=None, bytes=0)
    keys = document(SNAPSHOT).keys()
    for why, paused, stuck, counts in itertools.product(
        [None, *Why], [None, NOW], [None, STUCK], [empty, SNAPSHOT.counts]
    ):
        shut = shut_for(why) if why else None
        snapshot = replace(SNAPSHOT, shut=shut, paused_us=paused, stuck=stuck, counts=counts)
        found = document(snapshot)
        assert json.loads(json.dumps(found)) == found
        assert found.keys() == keys


def test_times_are_utc_to_the_second() -> None:
    """Before 1970 too: a clock can stand anywhere."""
    assert iso(0) == "1970-01-01T00:00:00Z"
    assert iso(NOW + 999_999) == "2026-11-20T12:00:00Z"
    assert iso(-1) == "1969-12-31T23:59:59Z"


@pytest.mark.parametrize(
    ("moment_us", "told"),
    [
        (2**62, "9999-12-31T23:59:59Z"),
        (-(2**62), "0001-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59Z"),
    ],
)
def test_no_time_is_beyond_the_calendar(moment_us: int, told: str) -> None:
    """A damaged store, or somebody's clock, may hold any number."""
    assert iso(moment_us) == told


def test_dead_letters_are_counted_by_our_words() -> None:
    """What SAP calls it could be a customer's value, and there could be thousands."""
    own = {f"odata.own_{number}": 1 for number in range(2000)}
    codes = {"odata.Kowalska": 2, "odata.missing_key": 3, "http.418": 4, "never seen": 5, **own}
    told = document(replace(SNAPSHOT, dead=codes))["dead"]
    expected = {"odata.*": 2002, "odata.missing_key": 3, "http.4xx": 4, "other": 5}
    assert told == expected


def test_nothing_personal_is_in_it() -> None:
    """After deliveries, refusals and mappings that failed: neither key nor trait."""
    telemetry = Telemetry(lambda: 1000.0)
    ledger = Ledger(Pace(), telemetry, now=lambda: NOW, clock=lambda: 1000.0, chance=lambda: 0.5)
    mapping = compile_mapping({"uid": "email", "name": "lower(name)"})
    for number in range(6):
        traits = {"email": f"jane{number}@example.com", "name": {"Janine": "Doe"}}
        customer = Customer(f"jane{number}@example.com", "jane-1", None, None, None, traits)
        claim = Claim(customer, 1, 0, 0, None, None, None, "t", NOW)
        with pytest.raises(MappingError) as caught:
            mapping.apply(traits)
        outcome = Outcome(Kind.REJECTED, "mapping", str(caught.value))
        ledger.unsendable(claim, outcome, is_try=False)
        ledger.unchanged(claim)
    shut, recent = ledger.gate.shut, telemetry.recent()
    found = json.dumps(document(replace(SNAPSHOT, shut=shut, recent=recent))).lower()
    assert "name" in found  # the attribute's
    assert "rejections" in found
    assert not any(word in found for word in ("jane", "janine", "doe", "example.com"))
