"""A request's body as messages: one, a batch, or lines; whom they identify, and the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from frontdesk.event import Identify
from frontdesk_sidecar.ingest.message import (
    KINDS,
    OTHER,
    REFUSED,
    TAKEN,
    Envelope,
    NotTaken,
    identified,
    kind_of,
    refusal,
)
from frontdesk_sidecar.ingest.times import moment

#: Segment's limits, in bytes: of a request with one message, and of one with a batch.
MAX_MESSAGE: Final = 32 * 1024
MAX_BATCH: Final = 500 * 1024
#: Of a file of lines, which is ours.
MAX_IMPORT: Final = 5_000_000
#: A batch of more says nothing in each.
MAX_MESSAGES: Final = 10_000
#: So many reasons are told of each sort; the others are counted.
MAX_TOLD: Final = 10

_BOM: Final = b"\xef\xbb\xbf"


class Malformed(Exception):  # noqa: N818 - says what is the case
    """A body of which nothing can be taken; the text says why, without a value."""


@dataclass(slots=True)
class Reading:
    """What was read: whom messages identify, what became of each, and what is wrong."""

    messages: list[Identify] = field(default_factory=list)
    #: (kind, verdict) -> how many
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    #: why messages were refused, and which have an address that is none: the first of each
    problems: list[str] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)

    @property
    def refused(self) -> int:
        """How many messages were refused."""
        return sum(number for (_, verdict), number in self.counts.items() if verdict == REFUSED)

    def take(
        self, message: Any, kind: str | None, where: str, number: int, envelope: Envelope
    ) -> None:
        """Take a message, of the kind given or that it names itself; `where` it stands."""
        told = OTHER
        try:
            told = kind_of(message, kind)
            self.messages.append(identified(message, told, number, envelope))
        except NotTaken as error:
            self.drop(told, error, where)
        else:
            self.counts[told, TAKEN] += 1

    def drop(self, kind: str, error: NotTaken, where: str) -> None:
        """Count what becomes no customer, and say why."""
        self.counts[kind, error.verdict] += 1
        told = self.problems if error.verdict == REFUSED else self.unusable
        if error.why and len(told) < MAX_TOLD:
            name = ".".join(filter(None, (where, error.name)))
            told.append(f"{name}: {error.why}" if name else error.why)

    def add(self, other: Reading) -> None:
        """Take over the counts and reasons of another reading; not its messages."""
        self.counts += other.counts
        self.problems += other.problems[: MAX_TOLD - len(self.problems)]
        self.unusable += other.unusable[: MAX_TOLD - len(self.unusable)]


def parse(body: bytes | bytearray) -> dict[str, Any]:
    """The body as an object. Raises Malformed."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Malformed(f"the body is not JSON ({where})") from None
    if not isinstance(document, dict):
        raise Malformed("expected a JSON object")
    return document


def read_one(document: dict[str, Any], kind: str, envelope: Envelope) -> Reading:
    """What `POST /v1/<kind>` holds."""
    reading = Reading()
    reading.take(document, kind, "", 0, envelope)
    return reading


def read_batch(document: dict[str, Any], size: int, envelope: Envelope) -> Reading:
    """What `POST /v1/batch` holds, of `size` bytes. Raises Malformed."""
    batch, context = document.get("batch"), document.get("context")
    if not isinstance(batch, list):
        raise Malformed("batch: expected an array")
    if len(batch) > MAX_MESSAGES:
        raise Malformed(f"batch: expected up to {MAX_MESSAGES} messages")
    if not isinstance(context, dict | None):
        raise Malformed("context: expected an object")
    envelope = replace(envelope, sent=moment(document.get("sentAt")), context=context or {})
    reading = Reading()
    for number, message in enumerate(batch):
        where = f"batch[{number}]"
        if size > MAX_MESSAGE and _is_too_large(message):
            reading.drop(OTHER, _TOO_LARGE, where)
        else:
            reading.take(message, None, where, number, envelope)
    return reading


def split_lines(body: bytes | bytearray) -> list[bytes]:
    """A file's lines, empty ones too: a line's number is its place."""
    return bytes(body).removeprefix(_BOM).split(b"\n")


def read_lines(lines: Sequence[bytes], first: int, envelope: Envelope) -> Reading:
    """What lines hold, of which the first one has that number; one says nothing of its kind."""
    reading = Reading()
    for number, line in enumerate(lines, first):
        if not line.strip():
            continue
        if len(line) > MAX_MESSAGE:
            reading.drop(OTHER, _TOO_LARGE, f"line {number}")
            continue
        try:
            message = orjson.loads(line)
        except orjson.JSONDecodeError:
            reading.drop(OTHER, refusal("", "is not JSON"), f"line {number}")
            continue
        if isinstance(message, dict):
            message.setdefault("type", KINDS[0])
        reading.take(message, None, f"line {number}", number, envelope)
    return reading


_TOO_LARGE: Final = refusal("", f"expected up to {MAX_MESSAGE} bytes")


def _is_too_large(message: object) -> bool:
    try:
        return len(orjson.dumps(message)) > MAX_MESSAGE
    except TypeError:  # nested deeper than can be written
        return _at_least(message) > MAX_MESSAGE


def _at_least(document: object) -> int:
    """Bytes of its names and texts alone, however deep they are."""
    size, left = 0, [document]
    while left:
        one = left.pop()
        if isinstance(one, str):
            size += len(one.encode())
        elif isinstance(one, dict):
            left += (*one, *one.values())
        elif isinstance(one, list):
            left += one
    return size
