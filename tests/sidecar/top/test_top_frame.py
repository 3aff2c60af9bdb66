"""The screen of `frontdesk top` as rows: of any size, whatever is known."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from frontdesk_sidecar.admin.plain import columns, cut, padded, printable, wrapped
from frontdesk_sidecar.dashboard.history import History
from frontdesk_sidecar.dashboard.view import charts, snapshot
from frontdesk_sidecar.top.chart import bars, condensed
from frontdesk_sidecar.top.frame import Size, frame
from frontdesk_sidecar.top.paint import keys, painted
from frontdesk_sidecar.top.rows import Row, plain, width_of
from frontdesk_sidecar.top.scene import Scene, heard, pressed

NOW = datetime(2026, 11, 21, 2, 45, 0, tzinfo=UTC)
CLOCK_S = 10_000.0
OPEN: dict[str, Any] = {"state": "open", "since": None, "code": "", "text": "", "nextTryAt": None}
SHUT = {
    **OPEN,
    "state": "failing",
    "since": "2026-11-21T02:14:00Z",
    "code": "timeout",
    "nextTryAt": "2026-11-21T02:45:12Z",
}
STATUS: dict[str, Any] = {
    "running": True,
    "state": "fine",
    "gate": OPEN,
    "customers": {"pending": 12, "due": 3, "leased": 1, "clean": 9120, "dead": 0},
    "oldestPendingSeconds": 200.0,
    "dead": {},
    "outcomes": {"seconds": 300, "delivered": 1204, "unchanged": 2, "codes": {}},
    "rate": {"customersPerSecond": 1.5, "limitPerSecond": 10.0, "batching": True},
    "journal": {"path": "/j", "lagBytes": 2048, "segments": 2, "unreadable": 0, "error": None},
    "store": {"path": "/s.db", "bytes": 1_258_291, "held": None},
    "watchdog": None,
}
WORDS = st.text(st.sampled_from("ab漢字é\u0301👩\u200d🔧❤\ufe0f\x1b\n \u202e"), max_size=60)


def cells(text: str) -> int:
    """An upper bound of the columns that a terminal takes, by another rule than the code's."""
    return sum(
        0 if unicodedata.combining(one) or one in "\u200d\u202e" else
        2 if unicodedata.east_asian_width(one) in "WF" else 1
        for one in text
    )  # fmt: skip


def history() -> History:
    """Ten minutes in which something was going on."""
    seen = History(CLOCK_S - 600)
    for second in range(600):
        at = CLOCK_S - 600 + second
        seen.count(at, "messages", second % 5)
        seen.count(at, "delivered", second % 4)
        seen.measure(at, "pending", second % 7)
        seen.arrived(at, 0.2)
    return seen


def scene(status: dict[str, Any], **more: Any) -> Scene:
    """As after the first moments of a stream."""
    made = Scene(**more)
    seen = history()
    told = snapshot(status, seen, {"captured": 7}, clock_s=CLOCK_S, now_s=NOW.timestamp())
    heard(made, "snapshot", told, NOW)
    heard(made, "charts", charts(seen, CLOCK_S), NOW)
    return made


def text(rows: list[Row]) -> str:
    """What is to be read."""
    return "\n".join(plain(row) for row in rows)


def test_the_way_of_a_login_is_told() -> None:
    """What is going on, on the usual screen, and nothing is cut off there."""
    rows = frame(scene(STATUS), Size(80, 24), NOW)
    assert len(rows) == 24
    shown = text(rows)
    assert shown.startswith("frontdesk  FINE")
    assert "02:45:00 UTC" in shown
    assert "fine: 13 customers on the way to SAP" in shown
    assert "captured ─────────▶ journal ──────────▶ store ────────────▶ SAP" in shown
    for said in ("2.0 KiB unread", "13 waiting", "oldest 3 min", "p95 198 ms", "1,204 delivered"):
        assert said in shown
    assert "…" not in shown


def test_an_outage_is_seen_and_read_on_every_screen() -> None:
    """The headline first, what to do, and where it is stuck; also without colour."""
    document = {**STATUS, "state": "slowing", "gate": SHUT, "dead": {"mapping": 2}}
    for size in (Size(80, 24), Size(120, 40), Size(40, 12)):
        shown = text(frame(scene(document), size, NOW))
        assert "waiting since 02:14 UTC (31 min): no" in shown
        assert "LOOK" in shown
    wide = text(frame(scene(document), Size(120, 40), NOW))
    assert "next try in 12 s" in wide
    assert "nothing is lost: 13 customers wait in the store" in wide
    assert "store ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌▶ SAP" in wide
    assert "2 dead letters, by reason:" in wide
    stuck = scene({**document, "gate": {**SHUT, "state": "setup"}, "state": "paused"})
    assert "─╳ SAP" in text(frame(stuck, Size(80, 24), NOW))
    tiny = text(frame(scene(document), Size(20, 5), NOW))
    assert "waiting since 02:14" in tiny
    assert "captured OK" in tiny


def test_several_targets_have_a_row_each() -> None:
    """With their own states."""
    own = {name: STATUS[name] for name in ("customers", "rate", "dead", "outcomes")}
    targets = [
        {"name": "business", "state": "paused", "gate": {**SHUT, "state": "hand"}, **own},
        {"name": "default", "state": "fine", "gate": OPEN, **own},
    ]
    document = {**STATUS, "targets": targets}
    shown = text(frame(scene(document), Size(80, 30), NOW))
    assert "business  paused         13       0       9,120         1.5" in shown
    assert "default   fine           13       0       9,120         1.5" in shown

    narrow = text(frame(scene(document), Size(40, 30), NOW))
    assert "business  paused         13       0\n" in narrow


def test_who_is_not_there_is_told_since_when() -> None:
    """With what was told last; then with what the store says."""
    made = scene(STATUS)
    heard(made, "away", {"why": "the sidecar ended"}, NOW)
    heard(made, "away", {"why": "the sidecar ended"}, NOW + timedelta(seconds=5))
    shown = text(frame(made, Size(80, 24), NOW + timedelta(seconds=7)))
    assert "NO SIDECAR for 7 s" in shown
    assert "what follows is what it said last" in shown
    assert "13 waiting" in shown
    assert pressed(made, "p") is None
    assert "no sidecar answers" in made.note
    heard(made, "away", {"why": "no sidecar runs here", "status": {"running": False}}, NOW)
    shown = text(frame(made, Size(80, 24), NOW))
    assert "not running: nothing is read or sent" in shown
    assert "13 waiting" not in shown
    heard(made, "snapshot", {"error": "the store cannot be asked: locked"}, NOW)
    assert "the store cannot be asked: locked" in text(frame(made, Size(80, 24), NOW))


def test_keys_ask_before_they_act() -> None:
    """Only `y` means yes; every page is left by the same keys."""
    made = scene(STATUS)
    for key in ("p", "r"):
        assert pressed(made, key) is None
        assert "[y/N]" in text(frame(made, Size(80, 24), NOW))
        assert pressed(made, "n") is None
        pressed(made, key)
        wish = pressed(made, "y")
        assert wish is not None
        assert wish.operation == {"p": "pause", "r": "resume"}[key]
        heard(made, wish.operation, {}, NOW)
        assert wish.operation in made.note
    heard(made, "refused", {"why": "the store is full"}, NOW)
    assert "not done: the store is full" in text(frame(made, Size(80, 24), NOW))
    assert pressed(made, "?") is None
    assert "A broken arrow is where it is stuck" in text(frame(made, Size(80, 24), NOW))
    assert pressed(made, "q") is None
    wish = pressed(made, "d")
    assert wish is not None
    assert wish.operation == "dead.list"
    assert "asking" in text(frame(made, Size(80, 24), NOW))
    heard(made, "dead.list", letters(60), NOW)
    before = text(frame(made, Size(80, 24), NOW))
    pressed(made, "page down")
    assert text(frame(made, Size(80, 24), NOW)) != before
    for _ in range(9):
        pressed(made, "page up")
    assert text(frame(made, Size(80, 24), NOW)) == before
    pressed(made, "escape")
    last = pressed(made, "q")
    assert last is not None
    assert last.operation == "quit"


def letters(number: int) -> dict[str, Any]:
    """As the sidecar lists them."""
    one = {"diedAt": "2026-11-21T02:00:00Z", "code": "mapping", "attempts": 1, "customer": "a•••@b"}
    found = [{"id": place, **one} for place in range(number)]
    return {"letters": found, "total": number, "codes": {"mapping": number}}


@given(
    st.integers(20, 200),
    st.one_of(st.none(), st.integers(5, 80)),
    st.booleans(),
    st.sampled_from(["ways", "dead", "help"]),
    st.fixed_dictionaries(
        {},
        optional={
            "gate": st.fixed_dictionaries(
                {"state": st.sampled_from(["open", "failing", "setup", "hand"]), "text": WORDS},
                optional={"code": WORDS, "advice": WORDS},
            ),
            "dead": st.dictionaries(WORDS, st.integers(1, 10**9), max_size=3),
            "targets": st.lists(
                st.fixed_dictionaries({"name": WORDS, "state": WORDS}), min_size=2, max_size=3
            ),
            "customers": st.just({}),
            "journal": st.none(),
            "store": st.fixed_dictionaries({"path": WORDS, "held": WORDS}),
        },
    ),
    WORDS,
)
def test_no_frame_is_larger_than_its_screen(
    width: int, height: int | None, ascii_only: bool, page: str, change: dict[str, Any], why: str
) -> None:
    """And nothing in it would be obeyed by a terminal, whatever the texts are."""
    made = scene({**STATUS, **change}, page=page)
    made.dead = letters(30)
    if why:
        heard(made, "away", {"why": why}, NOW)
    rows = frame(made, Size(width, height), NOW, ascii_only=ascii_only)
    assert height is None or len(rows) == height
    for row in rows:
        assert width_of(row) <= width
        assert cells(plain(row)) <= width
        assert plain(row).isprintable()
        assert not ascii_only or plain(row).isascii()


@given(WORDS, st.integers(1, 30))
def test_texts_are_cut_wrapped_and_padded_to_their_columns(words: str, width: int) -> None:
    """By a rule for wide characters; nothing but blanks is lost by wrapping."""
    shown = printable(words)
    assert columns(shown) >= cells(shown)
    assert columns(cut(shown, width)) <= width
    assert columns(padded(shown, width)) == width
    rows = wrapped(shown, width)
    assert all(columns(row) <= width for row in rows)
    if width > 4:
        assert "".join("".join(rows).split()) == "".join(shown.split())


@given(st.lists(st.one_of(st.none(), st.integers(0, 10**6)), max_size=70), st.integers(0, 70))
def test_bars_tell_nothing_from_none(values: list[int | None], most: int) -> None:
    """A space where nothing is known; the largest is the highest; sums stay what they are."""
    parts = condensed(values, most, summed=True)
    assert len(parts) <= most
    if most:
        assert sum(one or 0 for one in parts) == sum(one or 0 for one in values)
    for ascii_only in (False, True):
        drawn = bars(values, len(values), ascii_only=ascii_only)
        assert [one == " " for one in drawn] == [one is None for one in values]
        highest = max((one or 0 for one in values), default=0)
        if highest:
            assert drawn[values.index(highest)] == ("@" if ascii_only else "█")


def test_only_what_changed_is_drawn() -> None:
    """So that nothing flickers; colours leave the text alone."""
    one: list[Row] = [(("a", "good"),), (("b", ""),), ()]
    other: list[Row] = [(("a", "good"),), (("c", "bad"),)]
    first = painted(one, None, width=10, colour=True)
    assert first == "\x1b[H\x1b[2J\x1b[1;1H\x1b[32ma\x1b[0m\x1b[K\x1b[2;1Hb\x1b[K"
    assert painted(one, one, width=10, colour=True) == ""
    assert painted(other, one, width=10, colour=False) == "\x1b[2;1Hc\x1b[K"
    assert painted([], other, width=10, colour=False) == "\x1b[1;1H\x1b[K\x1b[2;1H\x1b[K"
    full: list[Row] = [(("0123456789", ""),)]
    assert painted(full, [()], width=10, colour=False) == "\x1b[1;1H0123456789"
    blank: list[Row] = [(("01        ", ""),)]
    assert painted(blank, full, width=10, colour=False) == "\x1b[1;1H01        "


@given(st.binary(max_size=20))
def test_whatever_is_typed_is_read(typed: bytes) -> None:
    """Each key once; what is no key is nothing."""
    assert all(keys(typed))
    assert keys(b"q\x1b[A\x1b[5~\x1bx\x1b[99;9~?") == ["q", "up", "page up", "escape", "x", "?"]
