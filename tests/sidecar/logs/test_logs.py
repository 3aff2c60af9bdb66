"""The log: one table of events, two forms, nobody's values, and no flood."""

from __future__ import annotations

import ast
import io
import json
import logging
import os
import pty
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import frontdesk
import frontdesk_sidecar
from frontdesk_sidecar.logs import starting
from frontdesk_sidecar.logs.events import COMMON, EVENTS, PROXY, SIDECAR, WEB
from frontdesk_sidecar.logs.forms import Json, Text, described
from frontdesk_sidecar.logs.limit import Limit
from frontdesk_sidecar.logs.speaking import Voice, sentence

SIDECAR_ROOT = Path(frontdesk_sidecar.__path__[0])
WEB_ROOT = Path(frontdesk.__path__[0])
MARKED = "marked@person.example"
#: Made of what others log, or of lines that nobody took.
FOREIGN = {"server", "python_warning", "library", "log_lines_lost"}
#: Modules that know `logging`: all others say events.
KNOW_LOGGING = {
    *("logs/speaking.py", "logs/forms.py", "logs/starting.py", "sap/transport.py"),
    *("proxy/serve.py", "serving.py"),
}


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Where the log of this process goes for one test, in JSON."""
    root, stream = logging.getLogger(), io.StringIO()
    before, level, hook = root.handlers[:], root.level, sys.excepthook
    unraisable = sys.unraisablehook
    root.handlers.clear()
    for name in ("uvicorn", "uvicorn.error"):  # as before a server of another test set them
        logging.getLogger(name).setLevel(logging.NOTSET)
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    starting.start("debug", "json", stream)
    try:
        yield stream
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        logging.captureWarnings(False)
        sys.excepthook = hook
        sys.unraisablehook = unraisable


def documents(stream: io.StringIO) -> list[dict[str, Any]]:
    """What was logged."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


# The table


def said() -> Iterator[tuple[str, ast.Call]]:
    """Every `.say("name", …)` of the sidecar, with its module."""
    for path in SIDECAR_ROOT.rglob("*.py"):
        source = path.read_text()
        if "import Voice" not in source:
            continue  # commands say something to a person at a terminal
        for node in ast.walk(ast.parse(source)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "say"
            ):
                yield str(path.relative_to(SIDECAR_ROOT)), node


def names_of(call: ast.Call) -> set[str]:
    """The texts that its first argument can be."""
    return {
        node.value
        for node in ast.walk(call.args[0])
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_what_is_said_stands_in_the_table() -> None:
    """And what stands in the table is said, or made of what others say."""
    found = {name for _, call in said() for name in names_of(call)}
    chosen_by_a_variable = {"mapping_wrong", "mapping_doubtful", "still_paused", "still_failing"}
    assert found <= set(EVENTS)
    of_web = {name for name, event in EVENTS.items() if event.who == WEB}
    assert set(EVENTS) - of_web == found | chosen_by_a_variable | FOREIGN
    source = "".join(path.read_text() for path in WEB_ROOT.rglob("*.py"))
    assert all(f'"{name}"' in source for name in of_web)


def test_fields_are_those_of_the_table() -> None:
    """Those that are given by name; what comes from a variable is seen by other tests."""
    for module, call in said():
        fields = {one.arg for one in call.keywords if one.arg not in (None, "apart", "also")}
        for name in names_of(call):
            assert fields <= set(EVENTS[name].fields), f"{module}: {name}"


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_a_row_is_whole(event: Any) -> None:
    """A level, a meaning, and for an error what to do."""
    assert event.level in ("debug", "info", "warning", "error")
    assert event.means
    assert event.todo or event.level != "error"
    assert not set(event.fields) & set(COMMON) - {"logger"}
    assert "|" not in event.means + event.todo


def test_few_modules_know_logging() -> None:
    """Whoever wants to say something says an event."""
    found = {
        str(path.relative_to(SIDECAR_ROOT))
        for path in SIDECAR_ROOT.rglob("*.py")
        if "import logging" in path.read_text() and "simulator" not in str(path)
    }
    assert found == KNOW_LOGGING


# The forms


def test_a_line_of_json(lines: io.StringIO) -> None:
    """Name, level, time, the sentence of the text form, and the fields."""
    Voice("frontdesk.sidecar").say("paused", "Add it.", reason="setup", code="http.403", text="no")
    [line] = documents(lines)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "error",
        "event": "paused",
        "message": "paused reason=setup code=http.403 text=no -- Add it.",
        "logger": "frontdesk.sidecar",
        "reason": "setup",
        "code": "http.403",
        "text": "no",
    }


def test_a_line_of_text() -> None:
    """Time, level, logger, sentence; and how many were left out."""
    record = logging.LogRecord("frontdesk.sidecar", 30, "", 1, "%s", ("silent: so",), None)
    record.event, record.fields, record.suppressed = "silent", {}, 7
    line = Text().format(record)
    assert line.endswith(" WARNING frontdesk.sidecar silent: so (7 more like it before)")


@given(st.text(), st.text())
def test_an_event_is_one_line_whatever_is_in_it(text: str, words: str) -> None:
    """What SAP says begins no line of its own, and rules no terminal."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("frontdesk.test_one_line")
    logger.propagate, logger.handlers = False, [handler]
    logger.setLevel("INFO")
    for form in (Json(), Text()):
        handler.setFormatter(form)
        Voice(logger.name).say("silent", words, code="http.503", text=text)
    json_line, text_line, rest = stream.getvalue().split("\n")
    assert rest == ""
    assert json.loads(json_line)["event"] == "silent"
    assert not any(ord(one) < 32 or 127 <= ord(one) < 160 for one in text_line)


def test_what_turns_the_order_of_a_line_is_left_out() -> None:
    """Else a text of SAP's could make a line look like another one."""
    assert sentence("silent", {"text": "a\u202eb\u2066c\u200bd\ufeffe"}, "") == (
        "silent text=a b c d e"
    )


@pytest.mark.parametrize(("form", "is_json"), [("auto", False), ("json", True)])
def test_on_a_terminal_people_read(form: str, is_json: bool) -> None:
    """Unless they want it otherwise; in a file it is JSON by itself."""
    ours, theirs = pty.openpty()
    code = (
        "from frontdesk_sidecar.logs.starting import start\n"
        "from frontdesk_sidecar.logs.speaking import Voice\n"
        f"start('info', {form!r})\n"
        "Voice('frontdesk.sidecar').say('stopped')\n"
    )
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True)
    os.close(theirs)
    with open(ours, "rb") as terminal:
        line = terminal.readline().decode()
    assert line.startswith("{") == is_json
    assert "stopped" in line


@pytest.mark.parametrize("value", ["half \ud83d", 1 << 80, {("a", 1): "b", "c": "d"}])
def test_what_json_has_no_word_for_loses_no_line(lines: io.StringIO, value: object) -> None:
    """Such as a path that is not UTF-8."""
    Voice("frontdesk.sidecar").say("started", journal=value)
    [line] = documents(lines)
    assert line["event"] == "started"
    assert line["journal"] in (value, {"c": "d"})


class Rude:
    """Cannot be shown."""

    def __str__(self) -> str:
        raise ValueError(MARKED)


def test_what_cannot_be_said_stops_nobody(lines: io.StringIO) -> None:
    """It is told that there was something; and who else logs hears of no failure either."""
    assert not Voice("frontdesk.sidecar").say("started", journal=Rude())
    [ours] = [one for one in logging.getLogger().handlers if getattr(one, "stream", 0) is lines]
    assert not ours.handle(logging.LogRecord("uvicorn", 30, "", 1, "too many %s", (1, 2), None))
    [line] = documents(lines)
    assert (line["event"], line["error"]) == ("library", "ValueError")
    assert "arked" not in lines.getvalue()


# What others say


def test_what_others_log_goes_the_same_way(lines: io.StringIO) -> None:
    """Under names of ours; words of which nobody knows what is in them are left out."""
    logging.getLogger("uvicorn.error").warning("ASGI callable returned without a response")
    logging.getLogger("some.library").warning("cannot do %s", MARKED)
    try:
        raise ValueError(MARKED) from KeyError(MARKED)
    except ValueError:
        logging.getLogger("asyncio").exception("Task of %s", MARKED)
    logging.getLogger("httpx").info("POST https://sap.example/?q=%s", MARKED)
    server, library, task = documents(lines)
    assert (server["event"], server["level"]) == ("server", "warning")
    assert "ASGI callable returned" in server["message"]
    assert (library["event"], library["logger"]) == ("library", "some.library")
    assert (task["event"], task["error"]) == ("library", "ValueError < KeyError")
    assert "test_logs.py" in task["place"]
    assert "arked" not in lines.getvalue()


def test_warnings_of_python_go_the_same_way(lines: io.StringIO) -> None:
    """As one line."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("this is old", DeprecationWarning, stacklevel=1)
    [line] = documents(lines)
    assert (line["event"], line["level"]) == ("python_warning", "warning")
    assert "DeprecationWarning: this is old" in line["message"]


def test_what_others_repeat_is_counted(lines: io.StringIO) -> None:
    """As with what we say."""
    for _ in range(50):
        logging.getLogger("uvicorn.error").warning("again")
    assert len(documents(lines)) == 1


def test_a_crash_is_an_event_too() -> None:
    """With types and places; what the exception says may be a person's."""
    code = (
        "from frontdesk_sidecar.logs.starting import start\n"
        "start('info', 'auto')\n"
        f"raise ExceptionGroup('{MARKED}', [ValueError('{MARKED}'), KeyError('{MARKED}')])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    line = json.loads(ended.stderr)
    assert (line["event"], line["error"]) == ("crashed", "ExceptionGroup(ValueError, KeyError)")
    assert "arked" not in ended.stderr


def test_what_is_raised_where_nobody_hears_it_is_one_line_too() -> None:
    """As in the collector: its words may hold anything."""
    code = (
        "from frontdesk_sidecar.logs.starting import start\n"
        "class Bad:\n"
        f"    def __del__(self): raise ValueError('{MARKED}')\n"
        "start('info', 'json')\n"
        "Bad()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    line = json.loads(ended.stderr)
    assert (line["event"], line["error"]) == ("library", "ValueError")
    assert b"arked" not in ended.stderr


def test_a_process_that_logs_already_is_left_alone() -> None:
    """As in a test runner, or within somebody else's program."""
    before = logging.getLogger().handlers[:]
    assert before
    starting.start("debug", "json")
    assert logging.getLogger().handlers == before


# How often


def test_the_same_is_said_once_in_a_while(lines: io.StringIO) -> None:
    """And then with how often it was not; apart for what is told apart."""
    now = [0.0]
    voice = Voice("frontdesk.sidecar", lambda: now[0])
    told = [voice.say("silent", apart=apart, code=apart) for apart in "aaabaa"]
    assert told == [True, False, False, True, False, False]
    now[0] = 60.0
    assert voice.say("silent", apart="a", code="a")
    assert [line.get("suppressed") for line in documents(lines)] == [None, None, 4]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 30)), max_size=40))
def test_nothing_is_lost_from_the_count(calls: list[tuple[str, float]]) -> None:
    """Whatever comes when: said and left out together are all."""
    limit, now, said, left_out = Limit(), 0.0, 0, 0
    for name, later in calls:
        now += later
        found = limit.pass_(name, "", 60.0, now)
        if found is not None:
            said, left_out = said + 1, left_out + found
    now += 61
    rest = [limit.pass_(name, "", 60.0, now) or 0 for name in "ab"]
    assert said + left_out + sum(rest) == len(calls)


def test_an_exception_without_a_traceback_is_described() -> None:
    """Nothing raises here, whatever it is handed."""
    assert described(None) == {}
    assert described((None, None, None)) == {}
    assert described((ValueError, ValueError(MARKED), None)) == {"error": "ValueError", "place": ""}


def test_those_who_have_a_log_are_named() -> None:
    """As the page says."""
    assert {event.who for event in EVENTS.values()} == {SIDECAR, PROXY, WEB, f"{SIDECAR}, {PROXY}"}
