"""Every event of the log by its stable name, as docs/observability.md shows them. Data alone.

Levels: `debug` what happens all the time, `info` the life of a process, `warning` what mended or
will mend itself, `error` what a person must act on. A name and its level stay what they are; fields
may be added.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: Those who have a log: `sidecar` is `frontdesk run`, `proxy` is `frontdesk proxy`, `web` is the
#: shop's own process, whose logging is the shop's.
SIDECAR: Final = "sidecar"
PROXY: Final = "proxy"
WEB: Final = "web"
BOTH: Final = "sidecar, proxy"

#: The same event is told once in this time, apart for each target and code.
MINUTE_S: Final = 60.0
ALWAYS: Final = 0.0
#: What stands in each line of JSON, and is no field of an event.
COMMON: Final = ("time", "level", "event", "message", "logger", "suppressed")


@dataclass(frozen=True, slots=True)
class Event:
    """One row: the fields it may have, what it means and what to do, both for operations.

    It is told once in `every_s` seconds; what was left out meanwhile is counted in the next line.
    """

    name: str
    level: str
    fields: tuple[str, ...]
    means: str
    todo: str = ""
    who: str = SIDECAR
    every_s: float = MINUTE_S


def _life(name: str, fields: str, means: str, todo: str = "", who: str = SIDECAR) -> Event:
    return Event(name, "info", tuple(fields.split()), means, todo, who, ALWAYS)


def _debug(name: str, fields: str, means: str, who: str = SIDECAR) -> Event:
    return Event(name, "debug", tuple(fields.split()), means, "", who, ALWAYS)


def _warning(name: str, fields: str, means: str, todo: str = "", who: str = SIDECAR) -> Event:
    return Event(name, "warning", tuple(fields.split()), means, todo, who)


def _error(
    name: str,
    fields: str,
    means: str,
    todo: str,
    who: str = SIDECAR,
    every_s: float = MINUTE_S,
) -> Event:
    return Event(name, "error", tuple(fields.split()), means, todo, who, every_s)


_LIVES: Final = (
    _life("started", "http journal store sap", "The sidecar is ready"),
    _life("stopping", "", "A signal asked for the end"),
    _life(
        "draining",
        "customers journal_bytes left_s",
        "Once a second at the end, with `forward.drain_s`: how much is still to deliver",
    ),
    _life(
        "left",
        "customers journal_bytes",
        "What SAP does not have at the end; the next start goes on with it",
    ),
    _life("reloaded", "changed", "Other settings are in force since a SIGHUP"),
    _life("stopped", "", "All that was taken is committed", who=BOTH),
    _life("listening", "on upstream workers", "The proxy is ready", who=PROXY),
    _life("sending", "target", "SAP takes customers again"),
    _life("intake_goes_on", "", "There is room in the store again"),
    _life(
        "mapping_left_out",
        "target attributes",
        "The default mapping has attributes that the object does not define; they are not sent",
    ),
    _life(
        "request",
        "method route status sent received head_ms ms",
        "With `proxy.access_log`: one request",
        who=PROXY,
    ),
)
_DETAILS: Final = (
    _debug("absorbed", "messages customers changed ms", "A batch of the journal is in the store"),
    _debug("delivered", "customer ms", "SAP took a customer"),
    _debug("unchanged", "customer", "SAP has a customer's data already"),
    _debug("capture_skipped", "rule reason", "A request on a rule's route identified nobody", WEB),
)
_WARNINGS: Final = (
    _warning(
        "not_delivered",
        "target code text trace_id",
        "An attempt failed and is made again",
        "Nothing, unless it goes on: [the code](delivery.md#every-reason) says what it is",
    ),
    _warning(
        "silent",
        "target code text",
        "SAP wants silence, or many customers failed in a row; tries go on",
        "As for its code",
    ),
    _warning(
        "still_failing",
        "target code text since minutes waiting oldest_s",
        "Every ten minutes of an outage: tries are in vain, since when, and how many wait",
        "Ask those who run SAP; everybody is sent when it is back",
    ),
    Event(
        "paused_by_hand",
        "warning",
        ("target",),
        "Somebody said `frontdesk pause`",
        "`frontdesk resume`",
        every_s=ALWAYS,
    ),
    _warning(
        "metadata_unknown",
        "target code text",
        "SAP did not say what the object looks like; values are sent as the mapping gives them",
        "`frontdesk check`, if it goes on",
    ),
    _warning(
        "mapping_doubtful",
        "target finding remedy",
        "The mapping and the object may not fit",
        "The line says what to look at",
    ),
    _warning(
        "journal_rejected",
        "reasons",
        "Lines of the journal were no usable message",
        "See who writes into it; [the reasons](journal.md#lines)",
    ),
    _warning(
        "journal_unclaimed",
        "reason",
        "The journal cannot be locked: a second sidecar on it would not be noticed",
        "Let the sidecar write into the directory",
    ),
    _warning(
        "dead_letters_deleted",
        "number",
        "Dead letters were too many or too old",
        "Look at them in time: `frontdesk dead list`",
    ),
    _warning(
        "no_socket",
        "path reason",
        "The Unix socket for the commands cannot be made",
        "Name a short path in `http.socket`",
    ),
    _warning(
        "stopping_at_once",
        "",
        "A second signal asked for the end at once; what is under way is sent again",
    ),
    _warning("ended_late", "", "Something did not let go in time; nothing is lost"),
    _warning(
        "spans_not_exported",
        "missing error",
        "An OTLP endpoint is set, and what exports is not installed or refuses its variables",
        '`pip install "frontdesk[otel]"`; look at the variables `OTEL_…`',
    ),
    _warning(
        "not_passed",
        "cause status",
        "The proxy could not pass a request on",
        "As the line says; [the causes](proxy.md)",
        PROXY,
    ),
    _warning(
        "log_lines_lost",
        "lines",
        "Nobody read standard error for a while: beyond 1 MiB lines are left out, and work goes on",
        "Look at what collects the log",
        who=BOTH,
    ),
    _warning("server", "logger error place", "The HTTP server complains", who=BOTH),
    _warning("python_warning", "logger", "A warning of Python's", "Tell us", BOTH),
    _warning(
        "library",
        "logger error place",
        "A library complains; its words are left out, for they may hold anything",
        who=BOTH,
    ),
    _warning(
        "capture_dropped",
        "reason",
        "Logins cannot be written into the journal: they are lost",
        "[By reason](journal.md#when-it-cannot-be-written); the sidecar counts them",
        WEB,
    ),
    _warning(
        "capture_failed",
        "reason",
        "An error of ours in a request, which went on untouched",
        "Tell us",
        WEB,
    ),
)
_ERRORS: Final = (
    _error(
        "paused",
        "target reason code text",
        "Every customer would fail the same way, so nothing is sent",
        "What the line says; [the code](delivery.md#every-reason); `frontdesk check`",
    ),
    _error(
        "still_paused",
        "target reason code text since minutes waiting oldest_s",
        "Every ten minutes while paused, by hand too: since when, and how many wait",
        "As for `paused`; by hand: `frontdesk resume`",
    ),
    _error(
        "dead_letter",
        "target customer code text message_id trace_id",
        "SAP refused a customer for good",
        "`frontdesk dead list`, and `frontdesk dead retry` when it is mended",
    ),
    _error(
        "mapping_wrong",
        "target finding remedy",
        "The mapping does not fit the object",
        "The line says what to change",
    ),
    _error(
        "store_full",
        "reason",
        "The store or its disk is full; what comes stays in the journal",
        "Free space, or raise `store.max_bytes`",
    ),
    _error(
        "store_salvaged",
        "report",
        "The store was damaged and set aside; what could be read was taken over",
        "Look at the disk; the report says what is missing",
    ),
    _error(
        "journal_unreadable",
        "reason",
        "The journal's directory cannot be read",
        "Share it with the web processes, see [the journal](journal.md#directory)",
    ),
    _error(
        "journal_segments_unreadable",
        "segments reasons",
        "Files in the journal cannot be opened",
        "Run the sidecar in the group that owns them",
    ),
    _error(
        "stuck",
        "target reason",
        "`/livez` fails: customers are due and nothing gets done, or the store does not answer",
        "Whoever watches `/livez` starts it anew; keep the log, it is a defect",
    ),
    _error(
        "reload_refused",
        "problems",
        "Other settings were refused whole; those from before are in force",
        "The line names each problem",
        every_s=ALWAYS,  # each time somebody has asked for it
    ),
    _error("admin_failed", "error", "A command or the dashboard met an error of ours", "Tell us"),
    _error("ingest_failed", "error", "The Segment door met an error of ours", "Tell us"),
    _error(
        "crashed",
        "error place",
        "The process ends by an error that nobody expected",
        "Whoever watches it starts it anew; nothing is lost. Tell us",
        BOTH,
    ),
    _error(
        "capture_configuration",
        "problems",
        "The settings of `[capture]` are wrong: nothing is captured",
        "What the line says",
        WEB,
    ),
)
EVENTS: Final = {one.name: one for one in (*_LIVES, *_DETAILS, *_WARNINGS, *_ERRORS)}
