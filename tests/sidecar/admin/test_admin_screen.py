"""What `frontdesk status` says of several states of things, and how it looks."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from frontdesk_sidecar.admin.figures import ago, counted, size, span
from frontdesk_sidecar.admin.letters import letter_lines
from frontdesk_sidecar.admin.plain import printable
from frontdesk_sidecar.admin.screen import exit_code, mood, status_lines
from frontdesk_sidecar.admin.terminal import Terminal, as_line

NOW = datetime(2026, 11, 21, 2, 45, 0, tzinfo=UTC)
FINE: dict[str, Any] = {
    "running": True,
    "version": "0.1.0",
    "python": "3.11.7",
    "sqlite": "3.40.1",
    "pid": 17,
    "startedAt": "2026-11-18T22:45:00Z",
    "state": "fine",
    "gate": {"state": "open", "since": None, "code": "", "text": "", "nextTryAt": None},
    "customers": {"pending": 0, "due": 0, "leased": 0, "clean": 9120, "dead": 0},
    "oldestPendingSeconds": 0.0,
    "dead": {},
    "outcomes": {"seconds": 300, "delivered": 1204, "unchanged": 2, "codes": {}},
    "rate": {
        "customersPerSecond": 1.5,
        "limitPerSecond": 10.0,
        "concurrency": 4,
        "concurrencyLimit": 8,
        "batching": True,
    },
    "journal": {"path": "/j", "lagBytes": 0, "segments": 2, "unreadable": 0, "error": None},
    "store": {
        "path": "/s.db",
        "bytes": 1_258_291,
        "limitBytes": 1 << 30,
        "diskFreeBytes": 20 << 30,
        "held": None,
        "salvaged": None,
    },
    "watchdog": None,
}


def gate(state: str, **more: Any) -> dict[str, Any]:
    """A sidecar that sends nothing since 31 minutes."""
    said = {"state": state, "since": "2026-11-21T02:14:00Z", **more}
    return {**FINE, "state": "paused", "gate": said}


def several(**business: Any) -> dict[str, Any]:
    """Two targets, of which the business one stands so; the top has the worst one's gate."""
    own = ("state", "gate", "customers", "oldestPendingSeconds", "dead", "outcomes", "rate")
    usual = {name: FINE[name] for name in own}
    b2b = {"name": "b2b", "sap": "https://sap/B2B/B2Bs", **usual, **business}
    targets = [b2b, {"name": "default", "sap": "https://sap/Customers", **usual}]
    return {**FINE, "gate": b2b["gate"], "state": b2b["state"], "targets": targets}


def test_several_targets_have_a_block_each() -> None:
    """What is the matter comes first, with the target's name in it and in what to do."""
    lines = status_lines(
        several(**{k: gate("setup", code="http.403")[k] for k in ("gate", "state")}), NOW
    )
    assert lines[0].startswith("b2b: paused since 02:14 UTC (31 min): ")
    assert mood(several(gate=gate("setup")["gate"])) == "bad"
    place = lines.index("target b2b (paused): https://sap/B2B/B2Bs")
    assert lines[place + 1].startswith("customers   0 pending")
    assert "target default (fine): https://sap/Customers" in lines
    assert sum(line.startswith("customers ") for line in lines) == 2
    assert sum(line.startswith("journal ") for line in lines) == 1
    by_hand = status_lines(several(gate=gate("hand")["gate"]), NOW)
    assert by_hand[:2] == [
        "b2b: paused by hand since 02:14 UTC (31 min): nothing is sent",
        "do: frontdesk resume --target b2b",
    ]
    tried = status_lines(several(gate=gate("setup", nextTryAt="2026-11-21T02:45:09Z")["gate"]), NOW)
    assert "next try in 9 s, by itself; frontdesk resume --target b2b tries at once" in tried


@pytest.mark.parametrize("document", [FINE, several()], ids=["one", "several"])
def test_customers_of_a_target_that_is_gone_are_told(document: dict[str, Any]) -> None:
    """First of all, for nobody else will do anything about them."""
    shown = {**document, "unknownTargets": {"b2c": {"customers": 1204, "dead": 3}}}
    assert status_lines(shown, NOW)[:2] == [
        "unknown target b2c: 1,204 customers that nobody sends",
        (
            "do: put it back into the settings, or frontdesk target move b2c --to NAME,"
            " or frontdesk target drop b2c"
        ),
    ]
    assert mood(shown) == "attention"
    assert mood(document) == "fine"


def test_all_is_well() -> None:
    """Every line of it."""
    assert status_lines(FINE, NOW) == [
        "fine: SAP has everything that is known",
        "",
        "customers   0 pending (0 due now), 0 being sent",
        "settled     9,120 up to date in SAP, 0 dead",
        "last 5 min  1,204 delivered, 2 unchanged",
        (
            "rate        1.5 customers/s, limit 10 requests/s, at most 4 of 8 at once,"
            " in batches when many are due"
        ),
        "journal     /j: 0 B not read yet, 2 segments",
        "store       /s.db: 1.2 MiB of 1.0 GiB, 20 GiB left on the disk",
        (
            "versions    frontdesk 0.1.0, Python 3.11.7, SQLite 3.40.1,"
            " process 17 since 2026-11-18 22:45 UTC (2 d 4 h)"
        ),
    ]
    assert mood(FINE) == "fine"


def test_there_is_work() -> None:
    """How much, and how long the longest waits."""
    customers = {"pending": 11, "due": 3, "leased": 1, "clean": 0, "dead": 0}
    lines = status_lines({**FINE, "customers": customers, "oldestPendingSeconds": 95.4}, NOW)
    assert lines[0] == "fine: 12 customers on the way to SAP"
    assert "customers   11 pending (3 due now), 1 being sent" in lines
    assert "oldest      waits for 95 s" in lines


WAITING = {**FINE["customers"], "pending": 2}
FAILED = "odata.internal_error"


def test_who_fails_again_and_again_is_not_fine() -> None:
    """Though SAP takes the others."""
    failing = {"customers": 1, "attempts": 7, "code": FAILED}
    document = {**FINE, "customers": WAITING, "failing": failing}
    lines = status_lines(document, NOW)
    said = (
        "2 customers on the way to SAP, 1 of them failed at least 7 times, and the last time: SAP "
    )
    assert lines[0].startswith(said)
    assert lines[0].endswith(f" [{FAILED}]")
    assert lines[1].startswith("do: ")
    assert lines[2].startswith("nothing is lost: 2 customers wait in the store")
    assert mood(document) == "attention"
    all_of_them = {**document, "failing": {**failing, "customers": 2}}
    said = "2 customers on the way to SAP failed, the worst at least 7 times, and the last time: "
    assert status_lines(all_of_them, NOW)[0].startswith(said)
    both = several(failing=failing, customers=WAITING)
    assert status_lines(both, NOW)[0].startswith("b2b: 2 customers on the way to SAP, 1 of them")
    assert mood(both) == "attention"


@pytest.mark.parametrize("more", [{}, {"dead": {"mapping": 1}}])
def test_a_quiet_site_says_that_sap_does_not_answer(more: dict[str, Any]) -> None:
    """One attempt is enough where nobody else was taken; a dead letter does not hide it."""
    outcomes = {"seconds": 300, "transient": 1, "codes": {"timeout": 1}}
    document = {**FINE, "customers": WAITING, "outcomes": outcomes, **more}
    lines = status_lines(document, NOW)
    assert lines[0].startswith("SAP took nobody in the last 5 min: no answer came in time")
    assert lines[0].endswith(" [timeout]")
    assert mood(document) == "attention"
    taken = {**document, "outcomes": {**outcomes, "delivered": 1}}
    assert not any("SAP took nobody" in line for line in status_lines(taken, NOW))


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (FINE, 0),
        ({**FINE, "customers": WAITING}, 0),
        ({**FINE, "dead": {"mapping": 1}}, 3),
        ({**FINE, "unknownTargets": {"b2b": {"customers": 2}}}, 3),
        ({**FINE, "store": {**FINE["store"], "held": "the disk is full"}}, 3),
        ({**FINE, "watchdog": "customers are due"}, 3),
        ({**FINE, "journal": {**FINE["journal"], "error": "Permission denied"}}, 3),
        (gate("hand"), 3),
        (gate("setup"), 3),
        (gate("rejections"), 3),
        (gate("throttled"), 5),
        (gate("failing"), 5),
        (several(gate={"state": "hand"}), 3),
        (several(gate={"state": "failing"}), 5),
        ({**FINE, "customers": WAITING, "failing": {"customers": 1, "attempts": 2}}, 5),
        ({**FINE, "running": False}, 4),
        ({}, 4),
    ],
)
def test_scripts_are_told_by_a_number(document: dict[str, Any], code: int) -> None:
    """Whether somebody must act, or it goes on by itself, or nothing runs at all."""
    assert exit_code(document) == code


def test_credentials_that_sap_refuses() -> None:
    """What, since when, what SAP said, what to do, and when it is tried again."""
    document = gate(
        "setup",
        code="token.invalid_client",
        text="HTTP 401, application/json",
        advice="The authorization server does not accept … Check sap.client_id …",
        nextTryAt="2026-11-21T02:45:40Z",
    )
    lines = status_lines(document, NOW)
    assert lines[:2] == [
        (
            "paused since 02:14 UTC (31 min): the authorization server does not accept the client"
            " and its secret [token.invalid_client]"
        ),
        "answer: HTTP 401, application/json",
    ]
    assert lines[2].startswith("do: If it worked until now, the secret was changed in SAP")
    assert lines[3] == "next try in 40 s, by itself; frontdesk resume tries at once"
    assert lines[5] == ""
    assert mood(document) == "bad"


def test_refusals_are_not_said_twice() -> None:
    """Nor taken for SAP's answer."""
    lines = status_lines(gate("rejections", text="SAP refuses the records of most customers"), NOW)
    assert not any(line.startswith("answer: ") for line in lines)


def test_where_customers_go_and_as_whom() -> None:
    """Of one target and of several."""
    whom = {"sap": "https://sap/Customers", "clientId": "frontdesk"}
    assert "SAP         https://sap/Customers, client frontdesk" in status_lines(FINE | whom, NOW)
    lines = status_lines(several(clientId="business"), NOW)
    assert "target b2b (fine): https://sap/B2B/B2Bs, client business" in lines


@pytest.mark.parametrize(
    ("state", "code", "first", "how"),
    [
        ("throttled", "http.429", "silent, because SAP asks for it, since 02:14", "attention"),
        ("failing", "timeout", "waiting since 02:14 UTC (31 min): no answer came", "attention"),
        ("rejections", "http.400", "paused since 02:14 UTC (31 min): SAP refuses most", "bad"),
        ("rejections", "mapping", "paused since 02:14 UTC (31 min): sap.mapping makes", "bad"),
        ("setup", "own.code", "paused since 02:14 UTC (31 min): what SAP said [own.code]", "bad"),
        ("setup", "", "paused since 02:14 UTC (31 min): what SAP said", "bad"),
    ],
)
def test_every_reason_for_silence(state: str, code: str, first: str, how: str) -> None:
    """A code that no table knows included."""
    next_at = "2026-11-21T02:44:00Z"
    document = gate(state, code=code, text="what SAP said", advice="Help!", nextTryAt=next_at)
    lines = status_lines(document, NOW)
    assert lines[0].startswith(first)
    assert any(line.startswith("do: ") for line in lines)
    assert any(line.startswith("next try: as soon as one is due") for line in lines)
    assert mood(document) == how


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-11-21T02:14:00Z", "heard       last line 02:14:00 UTC (31 min ago)"),
        ("2026-11-20T02:44:09Z", "heard       last line 2026-11-20 02:44:09 UTC (24 h"),
        (
            None,
            (
                "heard       nothing since the start at 02:15:00 UTC (30 min ago): do the web"
                " processes write to /j? docs/troubleshooting.md"
            ),
        ),
    ],
)
def test_when_something_was_last_heard(moment: str | None, said: str) -> None:
    """Web processes that write elsewhere look the same as a quiet day."""
    document = {
        **gate("open"),
        "startedAt": "2026-11-21T02:15:00Z",
        "journal": {"path": "/j", "lastLineAt": moment},
    }
    assert any(line.startswith(said) for line in status_lines(document, NOW))


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-11-21T02:40:00Z", ""),
        ("2026-11-21T02:14:00Z", "; web processes have been silent for 31 min"),
        (None, "; nothing was heard from web processes since the start"),
    ],
)
def test_a_silence_stands_in_the_first_line(moment: str | None, said: str) -> None:
    """It is no fault, and a journal that is not shared looks just so."""
    document = {**gate("open"), "journal": {"path": "/j", "lastLineAt": moment}}
    assert status_lines(document, NOW)[0] == f"fine: SAP has everything that is known{said}"
    assert mood(document) == "fine"


def test_paused_by_hand() -> None:
    """By whom and until when."""
    lines = status_lines(gate("hand", advice="`frontdesk resume` ends it."), NOW)
    assert lines[:3] == [
        "paused by hand since 02:14 UTC (31 min): nothing is sent",
        "do: frontdesk resume",
        "nothing is lost: 0 customers wait in the store, 0 B in the journal",
    ]


@pytest.mark.parametrize(
    "change",
    [
        *(gate(state) for state in ("hand", "setup", "rejections", "throttled", "failing")),
        {"store": {"held": "the disk is full"}},
        {"running": False},
        several(gate={"state": "failing"}),
    ],
)
def test_what_waits_is_told_while_nothing_is_sent(change: dict[str, Any]) -> None:
    """And how full the journal is, which is where it would be lost."""
    document = {
        **FINE,
        **change,
        "customers": {**FINE["customers"], "pending": 1203, "leased": 1},
        "journal": {**FINE["journal"], "lagBytes": 3 << 20, "limitBytes": 256 << 20},
    }
    said = "nothing is lost: 1,204 customers wait in the store, 3.0 MiB in the journal (of 256 MiB)"
    assert said in status_lines(document, NOW)
    assert not any(line.startswith("nothing is lost") for line in status_lines(FINE, NOW))


def test_times_are_told_in_the_zone_of_whoever_asks() -> None:
    """With the day when it is another one there."""
    there = NOW.astimezone(timezone(timedelta(hours=-3), "BRT"))
    line = status_lines(gate("hand"), there)[0]
    assert line.startswith("paused by hand since 23:14 BRT (31 min)")
    assert ago("2026-11-20T02:14:00Z", there).startswith(" since 2026-11-19 23:14 BRT")


def test_not_running() -> None:
    """What to do, what the store tells of why, and what is in it."""
    document = {
        "running": False,
        "gate": {"state": "setup", "code": "http.403", "text": "HTTP 403, text/html"},
        "customers": {"pending": 3, "due": 3, "leased": 0, "clean": 1, "dead": 0},
        "store": {"path": "/s.db", "bytes": 4096},
    }
    lines = status_lines(document, NOW)
    assert lines[0].startswith("not running: nothing is read or sent; web processes go on, and")
    assert lines[0].endswith("nothing is lost until the journal is full")
    assert "nothing is lost: 3 customers wait in the store" in lines
    assert lines[1].startswith("do: start it")
    assert lines[2].startswith("when it ended, nothing was sent: ")
    assert "store       /s.db: 4.0 KiB" in lines
    assert mood(document) == "bad"


@pytest.mark.parametrize(
    ("change", "first"),
    [
        ({"watchdog": "the store has not answered for 200 s"}, "stuck: the store has not"),
        ({"journal": {"error": "Permission denied"}}, "the journal cannot be read: Permission"),
        ({"journal": {"unreadable": 2}}, "2 segments of the journal cannot be read"),
        ({"store": {"held": "the disk is full"}}, "held, nothing is taken in: the disk is full"),
    ],
)
def test_what_is_wrong_here_comes_first(change: dict[str, Any], first: str) -> None:
    """Before what is wrong at SAP, which is told as well; each with what to do."""
    document = {**gate("hand"), **change, "dead": {"mapping": 1}}
    lines = status_lines(document, NOW)
    assert lines[0].startswith(first)
    assert lines[1].startswith("do: ")
    assert lines[2].startswith("paused by hand")
    assert lines[4].startswith("nothing is lost: ")
    assert lines[5].startswith("1 dead letter: ")
    assert mood(document) == "bad"


@pytest.mark.parametrize(
    ("held", "remedy"),
    [
        ("the disk of /x has 1.0 MiB free", "do: make room on the disk; the journal"),
        ("the store uses 0.9 MiB of its 1.0 MiB (store.max_bytes)", "do: raise store.max_bytes, "),
    ],
)
def test_what_is_short_is_what_to_make_more_of(held: str, remedy: str) -> None:
    """A larger limit does not help a disk that is full."""
    assert status_lines({**FINE, "store": {"held": held}}, NOW)[1].startswith(remedy)


def test_dead_letters_by_reason() -> None:
    """The most frequent first, each with what to do; a code of the project's own too."""
    document = {**FINE, "dead": {"odata.own": 1, "odata.missing_property": 1204, "x": 1}}
    lines = status_lines(document, NOW)
    assert lines[:2] == [
        "1,206 dead letters: customers that wait for somebody, see below",
        "do: frontdesk dead list",
    ]
    place = next(number for number, line in enumerate(lines) if line.startswith("dead "))
    assert lines[place].startswith("dead        1,204 odata.missing_property: an attribute that")
    assert lines[place + 1].startswith("            do: Map the attribute")
    assert lines[place + 2].startswith("            1 odata.own: a code that SAP does not document")
    assert "            1 x" in lines
    assert mood(document) == "attention"


@pytest.mark.parametrize("document", [{}, {"running": True}, dict.fromkeys(FINE), {"dead": None}])
def test_what_is_missing_does_no_harm(document: dict[str, Any]) -> None:
    """An older sidecar may tell less."""
    lines = status_lines(document, NOW)
    assert all(line == line.rstrip() for line in lines)
    assert "None" not in "\n".join(lines)
    assert mood(document) in ("fine", "bad")


@pytest.mark.parametrize("left_out", sorted(FINE))
def test_any_part_may_be_missing(left_out: str) -> None:
    """Or everything below it."""
    document = {name: value for name, value in FINE.items() if name != left_out}
    assert status_lines(document, NOW)
    assert status_lines({**document, left_out: {}}, NOW)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (119.4, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (18_720, "5 h 12 min"),
        (172_800, "2 d"),
        (273_600, "3 d 4 h"),
    ],
)
def test_spans_of_time(seconds: float, text: str) -> None:
    """Two units at most."""
    assert span(seconds) == text


def test_sizes_and_numbers() -> None:
    """As people read them."""
    assert [size(one) for one in (0, 1023, 1024, 10_240, 1 << 40, 1 << 52)] == [
        *("0 B", "1023 B", "1.0 KiB", "10 KiB", "1.0 TiB", "4096 TiB"),
    ]
    assert [counted(one, "try") for one in (1,)] == ["1 try"]
    assert counted(1204, "customer") == "1,204 customers"


def test_what_a_terminal_would_obey_is_not_printed() -> None:
    """SAP's texts, and in clear what shoppers typed: escapes, C1 codes, direction marks."""
    evil = "\x1b]0;x\x07 \x9b31m \u202e a\nb"
    assert printable(evil).isprintable()
    line = as_line({"name": evil})
    assert line.endswith("\n")
    assert line[:-1].isprintable()
    letter = {
        "id": 1,
        "diedAt": "x",
        "attempts": 2,
        "code": "x",
        "text": evil,
        "history": [],
        "customer": "c",
        "userId": evil,
        "event": evil,
        "traits": {"name": [evil]},
    }
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", out)
        Terminal().say(letter_lines(letter))
    assert all(row.isprintable() for row in out.getvalue().split("\n"))


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


@pytest.mark.parametrize(("no_color", "painted"), [(None, True), ("", True), ("1", False)])
def test_colour_is_for_terminals_that_want_it(
    monkeypatch: pytest.MonkeyPatch, no_color: str | None, painted: bool
) -> None:
    """See https://no-color.org: set and not empty means none."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr("sys.stdout", screen := Screen())
    Terminal().say(["fine", "more"], mood="fine")
    shown = "\x1b[1;32mfine\x1b[0m\nmore\n" if painted else "fine\nmore\n"
    assert screen.getvalue() == shown
    monkeypatch.setattr("sys.stdout", file := io.StringIO())
    Terminal().say(["fine", "x" * 999], mood="fine")
    assert file.getvalue() == "fine\n" + "x" * 999 + "\n"


def test_a_narrow_terminal_keeps_the_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines go on below where they began; a redraw ends above the edge."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "44")
    monkeypatch.setenv("LINES", "5")
    monkeypatch.setattr("sys.stdout", screen := Screen())
    document = {**FINE, "dead": {"odata.missing_property": 3}}
    lines = status_lines(document, NOW)
    Terminal().say(lines)
    rows = screen.getvalue().splitlines()
    assert all(len(row) <= 44 for row in rows)
    place = next(number for number, row in enumerate(rows) if row.startswith("rate"))
    assert rows[place + 1].startswith(" " * 12)
    assert rows[place + 1].strip()
    monkeypatch.setattr("sys.stdout", screen := Screen())
    Terminal().redraw(lines)
    assert screen.getvalue().startswith("\x1b[H")
    assert screen.getvalue().endswith("\x1b[J")
    assert screen.getvalue().count("\n") == 4
