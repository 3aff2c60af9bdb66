"""The journal's lines: the identify message, which says who it was, and counts alone.

Source: the Segment spec's `identify` call, https://segment.com/docs/connections/spec/identify/.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple

import orjson

from frontdesk import __version__
from frontdesk.exceptions import MalformedMessage
from frontdesk.trace_context import traceparent
from frontdesk.traits import customer_key, masked

IDENTIFIED: Final = "Identified"
SIGNED_UP: Final = "Signed Up"
LOGGED_IN: Final = "Logged In"
EVENTS: Final = (IDENTIFIED, SIGNED_UP, LOGGED_IN)

_DROPPED: Final = (
    *(f"journal_{why}" for why in ("missing", "denied", "readonly", "full", "error")),
    *("queue_full", "too_large", "unencodable"),
)
#: What a web process counts, by name; a reader takes any other name for `other`. `identify.…` is
#: what came of calls of `frontdesk.identify()`, the rest of requests that rules were about.
COUNTS: Final = frozenset(
    (
        "error",
        *(f"skipped.{why}" for why in ("status", "condition", "stream", "unfinished", "no_json")),
        *(f"skipped.{why}" for why in ("unreadable", "unreadable_encoding", "error_in_answer")),
        *(f"skipped.{why}" for why in ("redirected_back", "sent_elsewhere", "not_a_form")),
        *(f"skipped.{why}" for why in ("no_callback", "other_grant", "anonymous", "no_sign")),
        *(f"skipped.{why}" for why in ("no_consent", "vetoed", "known")),
        *(f"dropped.{why}" for why in _DROPPED),
        *(f"identify.{why}" for why in ("anonymous", "error", *_DROPPED)),
    )
)
#: The route of messages that no request gave: `frontdesk.identify()`.
IDENTIFY: Final = "identify"

#: One message is one line of at most this many bytes, the line feed included.
MAX_LINE_BYTES: Final = 64 * 1024

#: No process counts as far; what does is no count, and must not become a metric's value.
_MAX_COUNT: Final = 2**53
_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE


class Tick(NamedTuple):
    """A reading of `time.monotonic_ns()`, and the boot of the machine that it counts from.

    Nobody can set that clock: it tells in which order lines were written, whatever the wall
    clock did meanwhile.
    """

    boot: str
    nanoseconds: int


@dataclass(frozen=True, slots=True, repr=False)
class Identify:
    """One identified customer.

    `timestamp` is timezone-aware. `counts` is what the web process has counted since the last
    line that got through (`skipped.…`, `dropped.…`); it travels along and says nothing of
    this customer.
    """

    message_id: str
    timestamp: datetime
    user_id: str
    traits: Mapping[str, object]
    event: str = IDENTIFIED
    route: str | None = None
    site: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    #: the moment of `timestamp` by the clock that nobody can set; None where that is not known
    tick: Tick | None = None
    #: of which trace the request was a part, as `trace_context.traceparent` gives it
    traceparent: str | None = None

    def __repr__(self) -> str:
        return f"Identify({self.event!r}, {self.message_id!r}, traits={masked(self.traits)!r})"

    @property
    def key(self) -> str | None:
        """The customer's key, or None when the message is anonymous."""
        return customer_key(self.traits)

    def encode(self) -> bytes:
        """The message as one line of JSON in UTF-8, line feed included."""
        return encode(
            self.message_id,
            self.timestamp,
            self.user_id,
            self.traits,
            self.event,
            self.route,
            self.site,
            self.counts,
            self.tick,
            self.traceparent,
        )

    @classmethod
    def decode(cls, line: bytes) -> Identify:
        """Read one line back; unknown fields are ignored, so that a newer writer is understood.

        Raises MalformedMessage, which names the field.
        """
        try:
            message = orjson.loads(line)
        except orjson.JSONDecodeError:
            raise MalformedMessage("json") from None
        if not isinstance(message, dict) or message.get("type") != "identify":
            raise MalformedMessage("type")
        traits = message.get("traits")
        if not isinstance(traits, dict):
            raise MalformedMessage("traits")
        context = message.get("context")
        if not isinstance(context, dict):
            context = {}
        return cls(
            message_id=_text(message, "messageId"),
            timestamp=_moment(message.get("timestamp")),
            user_id=_text(message, "userId"),
            traits=traits,
            event=_optional_text(context, "event") or IDENTIFIED,
            route=_optional_text(context, "route"),
            site=_optional_text(context, "site"),
            counts=_counts(context.get("counts")),
            tick=_tick(message),
            traceparent=traceparent(message.get("traceparent")),
        )


def encode(
    message_id: str,
    timestamp: datetime,
    user_id: str,
    traits: Mapping[str, object],
    event: str,
    route: str | None,
    site: str | None,
    counts: Mapping[str, int],
    tick: Tick | None = None,
    trace: str | None = None,
) -> bytes:
    """One identify message as a line, without an `Identify` in between: a login pays for it.

    Raises TypeError for a trait that has no JSON form.
    """
    if counts:
        context: object = {**_context(event, route, site), "counts": counts}
    else:
        context = _encoded_context(event, route, site)
    message = {
        "type": "identify",
        "messageId": message_id,
        "timestamp": timestamp,
        "userId": user_id,
        "traits": traits,
        "context": context,
    }
    if tick is not None:
        message["boot"], message["clock"] = tick
    if trace is not None:
        message["traceparent"] = trace
    return orjson.dumps(message, option=_OPTIONS)


def encode_counts(timestamp: datetime, counts: Mapping[str, int], site: str | None) -> bytes:
    """A line that tells counts alone, for a process that has no message to tell them with."""
    context: dict[str, object] = {} if site is None else {"site": site}
    message = {"type": "counts", "timestamp": timestamp, "counts": counts, "context": context}
    return orjson.dumps(message, option=_OPTIONS)


def counts_of(line: bytes) -> dict[str, int]:
    """The counts that a line of either kind tells. Raises MalformedMessage."""
    return told_by(line)[0]


def told_by(line: bytes) -> tuple[dict[str, int], str | None]:
    """The counts that a line of either kind tells, and a message's route.

    Counts that are none are left out. Raises MalformedMessage, which names the field.
    """
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise MalformedMessage("json") from None
    kind = message.get("type") if isinstance(message, dict) else None
    if kind == "counts":
        if not isinstance(message.get("counts"), dict):
            raise MalformedMessage("counts")
        return _counts(message["counts"]), None
    if kind != "identify":
        raise MalformedMessage("type")
    context = message.get("context")
    if not isinstance(context, dict):
        return {}, None
    return _counts(context.get("counts")), _optional_text(context, "route")


def _context(event: str, route: str | None, site: str | None) -> dict[str, object]:
    context: dict[str, object] = {"event": event}
    if route is not None:
        context["route"] = route
    if site is not None:
        context["site"] = site
    context["library"] = {"name": "frontdesk", "version": __version__}
    return context


@lru_cache(maxsize=256)
def _encoded_context(event: str, route: str | None, site: str | None) -> orjson.Fragment:
    """A rule's context is the same each time."""
    return orjson.Fragment(orjson.dumps(_context(event, route, site)))


def _text(message: Mapping[str, object], name: str) -> str:
    value = message.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedMessage(name)
    return value


def _optional_text(context: Mapping[str, object], name: str) -> str | None:
    value = context.get(name)
    return value if isinstance(value, str) else None


def _moment(value: object) -> datetime:
    """An ISO 8601 time with an offset; without one nobody knows which moment is meant."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is not None and moment.tzinfo is not None:
            try:
                return moment.astimezone(UTC)
            except OverflowError:
                pass
    raise MalformedMessage("timestamp")


def _tick(message: Mapping[str, object]) -> Tick | None:
    boot, nanoseconds = message.get("boot"), message.get("clock")
    if isinstance(boot, str) and type(nanoseconds) is int:
        return Tick(boot, nanoseconds)
    return None


def _counts(value: object) -> dict[str, int]:
    if not isinstance(value, dict):
        return {}
    return {
        name: number
        for name, number in value.items()
        if type(number) is int and 0 < number < _MAX_COUNT
    }
