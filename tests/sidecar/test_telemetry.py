"""Telemetry: what is counted, what is said and how often, and that nobody's values are in it."""

from __future__ import annotations

import logging
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import parser as prometheus
from prometheus_client.openmetrics import parser as openmetrics

from frontdesk import __version__
from frontdesk.event import COUNTS as NAMES
from frontdesk.event import Identify
from frontdesk_sidecar.customer import Customer
from frontdesk_sidecar.journal.lines import Batch
from frontdesk_sidecar.metrics import media_type
from frontdesk_sidecar.sap.outcome import Kind, Outcome
from frontdesk_sidecar.store import (
    Absorbed,
    Claim,
    Counts,
    Dead,
    Delivered,
    Retry,
    Settlement,
)
from frontdesk_sidecar.telemetry import Telemetry
from frontdesk_sidecar.telling import Outage

COUNTS = Counts(pending=7, due=5, leased=3, dead=2, clean=11, oldest_us=90_500_000, bytes=4096)
TRAITS = {"email": "marked@person.example", "name": "Marked Name", "phone": "+49 5550199"}
CLAIM = Claim(
    customer=Customer("marked@person.example", "marked-id", "Logged In", None, None, TRAITS),
    revision=1,
    attempts=0,
    sent_revision=0,
    sent_hash=None,
    sent_at=None,
    code=None,
    token="marked-token",
    lease_until=0,
)
#: By this time it is 90 s since this one's login.
NOW_US = 1_795_176_090_000_000
LATE = replace(CLAIM, customer=replace(CLAIM.customer, timestamp="2026-11-20T12:00:00Z"))
OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
LINE = re.compile(rb"frontdesk_[a-z_]+(\{[^}]*\})? [0-9.e+-]+")


@pytest.fixture(autouse=True)
def everything(caplog: pytest.LogCaptureFixture) -> None:
    """Every level is recorded."""
    caplog.set_level(logging.DEBUG, logger="frontdesk.sidecar")


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Level and text of every record."""
    return [(record.levelname, record.getMessage()) for record in caplog.records]


def batch() -> Batch:
    """Two messages and some lines that were none."""
    moment = datetime(2026, 11, 20, tzinfo=UTC)
    messages = [Identify("1", moment, "marked-id", TRAITS, event) for event in ("Signed Up", "Odd")]
    return Batch(messages, rejected=Counter({"torn": 1}), web=Counter({"skipped.anonymous": 4}))


def test_the_exposition_is_prometheus_text() -> None:
    """Every line is well formed and none is a creation time, which nobody asks for."""
    telemetry = Telemetry()
    telemetry.absorbed(batch(), Absorbed(2, 1, 0), 0.003)
    shown = telemetry.exposition({"default": COUNTS})
    lines = [line for line in shown.splitlines() if not line.startswith(b"#")]
    assert lines
    assert all(LINE.fullmatch(line) for line in lines)
    assert b"_created" not in shown
    for expected in (
        f'frontdesk_build_info{{version="{__version__}"}} 1.0',
        'frontdesk_customers{state="pending",target="default"} 7.0',
        'frontdesk_customers{state="due",target="default"} 5.0',
        'frontdesk_customers{state="leased",target="default"} 3.0',
        'frontdesk_customers{state="dead",target="default"} 2.0',
        'frontdesk_customers{state="clean",target="default"} 11.0',
        'frontdesk_oldest_pending_seconds{target="default"} 90.5',
        "frontdesk_store_bytes 4096.0",
        'frontdesk_messages_total{event="Signed Up"} 1.0',
        'frontdesk_messages_total{event="other"} 1.0',
        'frontdesk_journal_rejected_total{reason="torn"} 1.0',
        'frontdesk_web_total{name="skipped.anonymous"} 4.0',
        "frontdesk_commit_seconds_count 1.0",
    ):
        assert expected.encode() in lines


@pytest.mark.parametrize("accept", ["", "text/plain;version=0.0.4", OPEN_METRICS])
def test_the_exposition_is_parsed_by_who_knows_the_format(accept: str) -> None:
    """Strictly, in both formats: names, units, helps, buckets that only grow."""
    telemetry = Telemetry(targets=("b2b", "default"), now=lambda: NOW_US)
    telemetry.absorbed(batch(), Absorbed(2, 1, 0), 0.003)
    telemetry.delivered(LATE, Outcome(Kind.DELIVERED, "http.201"), Delivered(LATE), 0.25)
    telemetry.watch("default", lambda: "nothing gets done")
    shown = telemetry.exposition({"default": COUNTS}, accept).decode()
    if accept == OPEN_METRICS:
        assert media_type(accept).startswith("application/openmetrics-text")
        assert shown.endswith("# EOF\n")
        families = list(openmetrics.text_string_to_metric_families(shown))  # type: ignore[no-untyped-call] # a library without types
    else:
        assert media_type(accept).startswith("text/plain; version=")
        families = list(prometheus.text_string_to_metric_families(shown))
    assert len(families) > 15
    for family in families:
        assert family.documentation.endswith("."), family.name
        assert family.name.startswith("frontdesk_")
        assert family.type in ("gauge", "counter", "histogram")
        labels = {name for sample in family.samples for name in sample.labels}
        assert labels <= {
            "version",
            "target",
            "event",
            "name",
            "reason",
            "outcome",
            "code",
            "le",
        } | {
            *("state", "type", "verdict", "status"),
        }
        for sample in family.samples:
            if family.type == "counter":
                assert sample.name.endswith("_total")
    value = telemetry.registry.get_sample_value
    assert value("frontdesk_login_to_sap_seconds_sum", {"target": "default"}) == 90.0
    assert value("frontdesk_stuck", {"target": "default"}) == 1


def test_nothing_waiting_is_an_age_of_zero() -> None:
    """An alert on the age falls silent when all is delivered."""
    telemetry = Telemetry()
    telemetry.exposition({"default": COUNTS})
    empty = Counts(pending=0, due=0, leased=0, dead=0, clean=0, oldest_us=None, bytes=0)
    assert b'frontdesk_oldest_pending_seconds{target="default"} 0.0' in telemetry.exposition(
        {"default": empty}
    )


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from([*sorted(NAMES), "captured", "other", "made up"]),
            st.integers(1, 1000),
        ),
        max_size=4,
    )
)
def test_what_was_matched(batches: list[dict[str, int]]) -> None:
    """Every request that a rule was about came to one of four ends; `identify` is none."""
    telemetry = Telemetry()
    for web in batches:
        telemetry.absorbed(Batch(web=Counter(web)), Absorbed(0, 0, 0), 0.003)
    [family] = [one for one in telemetry.registry.collect() if one.name == "frontdesk_web"]
    told = {sample.labels["name"]: sample.value for sample in family.samples}
    ends = ("captured", "skipped.", "dropped.", "error")
    assert told["matched"] == sum(n for name, n in told.items() if name.startswith(ends))
    counted = sum((Counter(web) for web in batches), Counter[str]())
    counted["other"] += counted.pop("made up", 0)
    del told["matched"]
    assert +Counter(told) == +counted


def test_a_rule_that_was_asked_of_nothing() -> None:
    """Zero is an answer: no request came by a rule's route."""
    shown = Telemetry().exposition({"default": COUNTS}).splitlines()
    assert b'frontdesk_web_total{name="matched"} 0.0' in shown
    assert b'frontdesk_web_total{name="captured"} 0.0' in shown


def test_two_sidecars_count_apart() -> None:
    """There is no registry of the process."""
    one, other = Telemetry(), Telemetry()
    one.absorbed(batch(), Absorbed(2, 1, 0), 0.003)
    assert b'event="Signed Up"' not in other.exposition({"default": COUNTS})


@pytest.mark.parametrize(
    ("outcome", "settlement", "expected"),
    [
        (
            Outcome(Kind.DELIVERED, "http.201"),
            Delivered(CLAIM),
            ("DEBUG", "delivered customer=m•••@p•••.example ms=250.0"),
        ),
        (
            Outcome(Kind.REJECTED, "http.400", "refused"),
            Dead(CLAIM, "http.400", "refused"),
            (
                "ERROR",
                (
                    "dead_letter customer=m•••@p•••.example code=http.400 text=refused"
                    " -- see frontdesk_customers for how many there are"
                ),
            ),
        ),
        (
            Outcome(Kind.TRANSIENT, "http.502", "HTTP 502", "Wait."),
            Retry(CLAIM, 0, "http.502", "HTTP 502"),
            ("WARNING", "not_delivered code=http.502 text=HTTP 502 -- Wait."),
        ),
        (
            Outcome(Kind.SETUP, "http.403", "HTTP 403", "Add the address."),
            Retry(CLAIM, 0, "http.403", "HTTP 403"),
            ("WARNING", "not_delivered code=http.403 text=HTTP 403 -- Add the address."),
        ),
    ],
)
def test_an_attempt_is_said_at_its_level_and_masked(
    caplog: pytest.LogCaptureFixture,
    outcome: Outcome,
    settlement: Settlement,
    expected: tuple[str, str],
) -> None:
    """An error is what a person must act on, a warning what mends itself."""
    telemetry = Telemetry()
    telemetry.delivered(CLAIM, outcome, settlement, 0.25)
    assert said(caplog) == [expected]
    labels = {"outcome": str(outcome.kind), "code": outcome.code, "target": "default"}
    assert telemetry.registry.get_sample_value("frontdesk_deliveries_total", labels) == 1
    shown = caplog.text + telemetry.exposition({"default": COUNTS}).decode()
    assert not [word for word in ("marked", "Marked", "5550199") if word in shown]


def test_the_same_trouble_is_said_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """Each code for itself; everything is counted all the same."""
    now = [1000.0]
    telemetry = Telemetry(clock=lambda: now[0])

    def fail(code: str) -> None:
        outcome = Outcome(Kind.TRANSIENT, code, "no")
        telemetry.delivered(CLAIM, outcome, Retry(CLAIM, 0, code, "no"), 0.1)

    for _ in range(1000):
        fail("http.502")
    fail("http.503")
    assert len(said(caplog)) == 2
    now[0] += 59.9
    fail("http.502")
    assert len(said(caplog)) == 2
    now[0] += 0.1
    fail("http.502")
    assert len(said(caplog)) == 3
    assert [record.suppressed for record in caplog.records] == [0, 0, 1000]  # type: ignore[attr-defined] # ours
    labels = {"outcome": "transient", "code": "http.502", "target": "default"}
    assert telemetry.registry.get_sample_value("frontdesk_deliveries_total", labels) == 1002


def test_of_several_targets_each_has_its_say(caplog: pytest.LogCaptureFixture) -> None:
    """The same trouble of two is said twice, with the name; with one target there is none."""
    telemetry = Telemetry(targets=("b2b", "default"))
    outcome = Outcome(Kind.SETUP, "http.403", "HTTP 403", "Add it.")
    for _ in range(2):
        for target in ("b2b", "default"):
            claim = replace(CLAIM, target=target)
            telemetry.gate("setup", "http.403", "HTTP 403", "Add it.", target=target)
            telemetry.delivered(claim, outcome, Retry(claim, 0, "http.403", "HTTP 403"), 0.1)
    telemetry.gate("hand", target="b2b")
    telemetry.gate(None, target="b2b")
    value = telemetry.registry.get_sample_value
    assert value("frontdesk_degraded") == 1
    telemetry.gate(None, target="default")
    assert value("frontdesk_degraded") == 0
    assert value("frontdesk_delivery_seconds_count", {"target": "b2b"}) == 2
    assert [text for _, text in said(caplog)] == [
        "paused target=b2b reason=setup code=http.403 text=HTTP 403 -- Add it.",
        "not_delivered target=b2b code=http.403 text=HTTP 403 -- Add it.",
        "paused target=default reason=setup code=http.403 text=HTTP 403 -- Add it.",
        "not_delivered target=default code=http.403 text=HTTP 403 -- Add it.",
        "paused_by_hand target=b2b -- `frontdesk resume` ends it",
        "sending target=b2b -- SAP takes customers again",
        "sending target=default -- SAP takes customers again",
    ]


def test_a_target_that_is_gone_is_gone_from_the_metrics() -> None:
    """Its customers are shown as long as there are any; of those configured also a zero."""
    telemetry = Telemetry(targets=("b2b", "default"))
    before = telemetry.exposition({"gone": COUNTS}).decode()
    assert 'frontdesk_customers{state="pending",target="gone"} 7.0' in before
    assert 'frontdesk_oldest_pending_seconds{target="gone"} 90.5' in before
    assert 'frontdesk_customers{state="pending",target="b2b"} 0.0' in before
    assert "gone" not in telemetry.exposition({"default": COUNTS}).decode()


def test_trouble_with_the_journal_and_the_store_says_what_to_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Once each, with the reason."""
    telemetry = Telemetry()
    for _ in range(3):
        telemetry.store_full()
        telemetry.journal_unreadable(PermissionError(13, "Permission denied", "marked"))
        telemetry.journal_state(5, {"a.ndjson": "Permission denied", "b.ndjson": "Odd"})
    full, missing, unreadable = said(caplog)
    assert full == (
        "ERROR",
        "store_full reason=no room -- free disk space, the journal fills up",
    )
    assert missing == (
        "ERROR",
        (
            "journal_unreadable reason=Permission denied -- "
            "is the directory shared with the web processes?"
        ),
    )
    assert unreadable == (
        "ERROR",
        (
            "journal_segments_unreadable segments=2 reasons=['Odd', 'Permission denied'] -- "
            "run the sidecar in the group that owns them"
        ),
    )
    assert telemetry.registry.get_sample_value("frontdesk_journal_lag_bytes") == 5


def test_a_batch_is_said_without_anybody_in_it(caplog: pytest.LogCaptureFixture) -> None:
    """How many, how many customers, how long."""
    Telemetry().absorbed(batch(), Absorbed(merged=2, changed=1, anonymous=0), 0.0034)
    assert said(caplog) == [
        ("WARNING", "journal_rejected reasons={'torn': 1}"),
        ("DEBUG", "absorbed messages=2 customers=2 changed=1 ms=3.4"),
    ]


def test_the_life_of_a_sidecar_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """Its addresses at the start, and its end."""
    telemetry = Telemetry()
    telemetry.started("http://127.0.0.1:8077", "/journal", "/store.db", "https://sap/Customers")
    telemetry.stopping()
    telemetry.stopped()
    started, *ended = said(caplog)
    assert started == (
        "INFO",
        (
            "started http=http://127.0.0.1:8077 journal=/journal store=/store.db "
            "sap=https://sap/Customers"
        ),
    )
    assert ended == [("INFO", "stopping: finishing what is under way"), ("INFO", "stopped")]


def test_a_long_outage_is_told_again(caplog: pytest.LogCaptureFixture) -> None:
    """What, since when, how many wait; as an error only where a person must act."""
    telemetry = Telemetry()
    down = Outage(
        *("failing", "refused", "the connection was refused", "Look at SAP."),
        *("2026-11-20T12:00:00Z", 20, 7, 1190),
        needs_person=False,
    )
    telemetry.still_shut("default", down)
    paused = replace(down, why="hand", code="", text="", advice="resume", needs_person=True)
    telemetry.still_shut("default", paused)
    assert said(caplog) == [
        (
            "WARNING",
            (
                "still_failing code=refused text=the connection was refused"
                " since=2026-11-20T12:00:00Z minutes=20 waiting=7 oldest_s=1190 -- Look at SAP."
            ),
        ),
        (
            "ERROR",
            (
                "still_paused reason=hand since=2026-11-20T12:00:00Z minutes=20 waiting=7"
                " oldest_s=1190 -- resume"
            ),
        ),
    ]
