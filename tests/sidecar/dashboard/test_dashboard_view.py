"""The documents that the page shows: the state, where it is stuck, and the configuration."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from frontdesk_sidecar.dashboard.configuration import configuration
from frontdesk_sidecar.dashboard.history import COUNTED, History
from frontdesk_sidecar.dashboard.view import charts, headlines, snapshot, stations
from frontdesk_sidecar.settings import load

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CLOCK = 600_000.0


def status(**changed: Any) -> dict[str, Any]:
    """A sidecar that is fine."""
    fine: dict[str, Any] = {
        "running": True,
        "state": "fine",
        "gate": {"state": "open", "since": None, "code": "", "text": "", "advice": ""},
        "customers": {"pending": 0, "due": 0, "leased": 0, "clean": 3, "dead": 0},
        "oldestPendingSeconds": 0.0,
        "dead": {},
        "journal": {"path": "/j", "lagBytes": 0, "segments": 1, "unreadable": 0, "error": None},
        "store": {"path": "/s", "bytes": 1000, "held": None},
        "watchdog": None,
    }
    return fine | changed


def gate(state: str, code: str = "token.invalid_client") -> dict[str, Any]:
    """Shut."""
    return {
        "state": state,
        "since": "2026-11-20T11:50:00Z",
        "code": code,
        "text": "told",
        "advice": "look",
        "nextTryAt": "2026-11-20T12:01:00Z",
    }


def states(document: dict[str, Any], web: dict[str, int] | None = None) -> dict[str, str]:
    """Of each station."""
    told = stations(document, History(CLOCK), web or {}, CLOCK)
    assert [one["name"] for one in told] == ["captured", "journal", "store", "sap"]
    assert all(bool(one["why"]) == (one["state"] != "ok") for one in told)
    return {one["name"]: one["state"] for one in told if one["state"] != "ok"}


@pytest.mark.parametrize(
    ("changed", "web", "stuck"),
    [
        ({}, {"captured": 3, "skipped.status": 2}, {}),
        ({}, {"dropped.queue_full": 2, "identify.dropped.x": 0}, {"captured": "slow"}),
        ({"journal": {"error": "Permission denied"}}, {}, {"journal": "stuck"}),
        ({"journal": {"unreadable": 2}}, {}, {"journal": "stuck"}),
        ({"journal": {"lagBytes": 10_000_000}}, {}, {"journal": "slow"}),
        ({"journal": {"lastLineAt": None}}, {}, {"journal": "quiet"}),
        ({"journal": {"lastLineAt": "2026-11-20T11:00:00Z"}}, {}, {}),
        ({"store": {"held": "the disk is full"}}, {}, {"store": "stuck"}),
        ({"watchdog": "nothing was finished for 200 s"}, {}, {"store": "stuck"}),
        ({"gate": gate("setup")}, {}, {"sap": "stuck"}),
        ({"gate": gate("rejections", "odata.x")}, {}, {"sap": "stuck"}),
        ({"gate": gate("hand", "")}, {}, {"sap": "stuck"}),
        ({"gate": gate("throttled", "http.429")}, {}, {"sap": "slow"}),
        ({"gate": gate("failing", "http.502")}, {}, {"sap": "slow"}),
    ],
)
def test_it_is_shown_where_it_is_stuck(
    changed: dict[str, Any], web: dict[str, int], stuck: dict[str, str]
) -> None:
    """And only there."""
    assert states(status(**changed), web) == stuck


def test_the_headlines_are_those_of_the_command() -> None:
    """With what to do under each; what comes after them is not shown twice."""
    told = headlines(status(gate=gate("setup"), state="paused", dead={"mapping": 2}), NOW)
    assert len(told) == 2
    assert told[0]["text"].startswith("paused since 11:50 UTC (10 min)")
    assert [note.split(" ")[0] for note in told[0]["notes"]][:3] == ["answer:", "do:", "next"]
    assert told[1]["text"].startswith("2 dead letters")


def test_a_headline_leads_to_the_part_that_says_more() -> None:
    """The dead letters are on the page."""
    told = headlines(status(gate=gate("setup"), state="paused", dead={"mapping": 2}), NOW)
    assert [one["of"] for one in told] == [None, "dead"]


def test_that_nothing_was_ever_heard_is_told() -> None:
    """With SAP all may be well while no web process writes where the sidecar reads."""
    silent = status(journal={"path": "/j", "lastLineAt": None})
    told = headlines(silent, NOW)
    assert told[0]["text"].startswith("fine")
    assert told[1]["text"].startswith("heard nothing since the start")
    assert "/j" in told[1]["text"]
    assert len(headlines(silent, NOW, taken=1)) == 1, "messages came by HTTP"
    assert len(headlines(status(), NOW)) == 1


def sap(document: dict[str, Any], history: History | None = None) -> dict[str, Any]:
    """The station of SAP."""
    return stations(document, history or History(CLOCK), {}, CLOCK)[-1]


def test_of_several_targets_the_one_that_is_stuck_is_named() -> None:
    """And that the others go on."""
    stuck, fine = gate("rejections", "odata.x"), status()["gate"]
    names = ("b2b", "outlet")
    both = [{"name": name, "gate": one} for name, one in zip(names, (fine, stuck), strict=True)]
    told = sap(status(gate=stuck, targets=both))
    assert told["why"].startswith("outlet: SAP refuses most customers")
    assert told["facts"]["sends"] is True
    told = sap(status(gate=stuck, targets=[{"name": name, "gate": stuck} for name in names]))
    assert told["facts"]["sends"] is False


def test_who_had_not_changed_is_counted_apart() -> None:
    """They are in SAP, and nothing was sent of them."""
    history = History(CLOCK)
    history.count(CLOCK, "delivered", 5)
    history.count(CLOCK, "unchanged", 7)
    told = sap(status(), history)
    assert (told["minute"], told["facts"]["unchangedMinute"]) == (5, 7)
    assert (told["hour"], told["facts"]["unchangedHour"]) == (5, 7)


def test_a_snapshot_is_small_and_says_what_dead_letters_mean() -> None:
    """It is sent each second."""
    history = History(CLOCK)
    history.count(CLOCK, "delivered", 5)
    dead = {"odata.missing_property": 2, "other": 1}
    told = snapshot(status(dead=dead), history, {}, clock_s=CLOCK, now_s=NOW.timestamp())
    assert [told["stations"][-1][name] for name in ("minute", "hour")] == [5, 5]
    assert told["reasons"]["odata.missing_property"]["means"]
    assert told["mood"] == "attention"
    assert len(orjson.dumps(told)) < 4000


def test_charts_are_of_equal_length_and_bounded() -> None:
    """5 minutes, an hour, a day."""
    history = History(CLOCK)
    for second in range(0, 90_000, 10):
        history.count(CLOCK + second, "delivered", 10**6)
        history.arrived(CLOCK + second, 3.0)
    told = charts(history, CLOCK + 90_000)
    for name, number in (("minutes", 60), ("hour", 60), ("day", 96)):
        for series in COUNTED:
            assert len(told[name][series]) == number
    assert len(told["day"]["p95"]) == 96
    assert told["day"]["delivered"][-2] == 90 * 10**6
    assert len(orjson.dumps(told)) < 30_000


def test_the_configuration_holds_no_secret(tmp_path: Path) -> None:
    """Neither the client's nor the key nor the values of headers."""
    (tmp_path / "marked-header").write_text("marked-value")
    config = tmp_path / "frontdesk.toml"
    config.write_text(
        f'[capture]\njournal = "{tmp_path}"\nsite = "shop"\n'
        '[sap]\nbase_url = "https://api.example.com"\nclient_id = "id"\n'
        'client_secret = "marked-secret"\n'
        '[sap.headers]\nX-Key = "marked-value"\n'
        f'X-File = {{file = "{tmp_path}/marked-header"}}\n'
        '[sap.mapping]\nuid = "email"\nname = "name"\n'
        '[sap.target.b2b]\nsites = ["b2b"]\nintegration_object = "Other"\n'
        f'[store]\npath = "{tmp_path}/store.db"\n[http]\nkey = "marked-key"\n'
    )
    config.chmod(0o600)
    told = configuration(load(str(config), {}))
    text = orjson.dumps(told).decode()
    for secret in ("marked-secret", "marked-value", "marked-key"):
        assert secret not in text
    names = [one["section"] for one in told]
    assert names == ["sap.target.b2b", "sap", "forward", "store", "capture", "http"]
    sap = dict(told[1]["settings"])
    assert sap["mapping.uid"] == "email"
    assert sap["headers"] == "X-Key, X-File (values not shown)"
    assert dict(told[5]["settings"])["key"] == "set, not shown"
