"""What the door answers: a status, a document, and headers.

Segment's SDKs read `code` and `message` of a failure, retry 408, 429 and 5xx, and give up on other
4xx; `Retry-After` they honour (https://github.com/segmentio/analytics-python, `request.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from frontdesk_sidecar.ingest.document import Reading
from frontdesk_sidecar.ingest.message import ANONYMOUS, IGNORED, REFUSED, TAKEN, UNUSABLE
from frontdesk_sidecar.ingest.proof import TOLERANCE_S

#: Seconds until a store that is full, or failed, or more requests than fit are asked again.
_LATER_S: Final = 5
_SOON_S: Final = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; without a document it has no body."""

    status: int
    document: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def failure(status: int, code: str, message: str, **headers: str) -> Answer:
    """A failure, with a code for programs and a text for people."""
    document = {"success": False, "code": code, "message": message}
    return Answer(status, document, {name.replace("_", "-"): v for name, v in headers.items()})


CLOSED: Final = failure(
    404,
    "closed",
    "this door is closed: set ingest.write_key_file or ingest.hmac_key_file to open it",
)
NOT_FOUND: Final = failure(404, "not_found", "there is no such path")
ORIGIN: Final = failure(403, "origin", "pages of this origin are not in ingest.origins")
SLOW: Final = failure(408, "slow", "the body did not come in time")
GZIP_ALONE: Final = failure(
    415, "encoding", "content-encoding: expected gzip, or none", accept_encoding="gzip"
)
BUSY: Final = failure(429, "busy", "too much at a time: try again", retry_after=str(_SOON_S))
HELD: Final = failure(
    429,
    "held",
    "the store takes nothing in for want of room: try again later",
    retry_after=str(_LATER_S),
)
NO_STORE: Final = failure(
    503, "store", "the store cannot be written: try again later", retry_after=str(_LATER_S)
)
STOPPING: Final = failure(503, "stopping", "the sidecar stops: try again", retry_after=str(_SOON_S))
FAILED: Final = failure(500, "failed", "it failed; nothing was taken, or it will merge to the same")
PREFLIGHT: Final = Answer(204)
_NO_KEY: Final = "no such key; send it by Basic authentication, as a bearer token, or as writeKey"
_NO_SIGNATURE: Final = f"it is of another body, key or time (good for {TOLERANCE_S} s)"


def unauthorized(message: str = _NO_KEY) -> Answer:
    """Nobody who may send. `Bearer`, for `Basic` makes browsers ask the person in front of them."""
    return failure(401, "unauthorized", message, www_authenticate="Bearer")


def unsigned(why: str = _NO_SIGNATURE) -> Answer:
    """A signature that is not right."""
    return unauthorized(f"x-frontdesk-signature: {why}")


def too_large(limit: int) -> Answer:
    """A body of more bytes than that, as sent or decompressed."""
    return failure(413, "too_large", f"expected a body of up to {limit} bytes, decompressed")


def malformed(why: str) -> Answer:
    """A body of which nothing was taken."""
    return failure(400, "invalid", why)


def only(*methods: str) -> Answer:
    """Another method was used."""
    return failure(405, "method", f"expected {' or '.join(methods)}", allow=", ".join(methods))


def of_reading(reading: Reading, *, with_counts: bool = False) -> Answer:
    """The answer when all that can be taken is on disk."""
    by: Counter[str] = Counter()
    for (_, verdict), number in reading.counts.items():
        by[verdict] += number
    document: dict[str, Any] = {"success": not by[REFUSED]}
    if by[REFUSED]:
        document |= {"code": "invalid", "message": _summary(by, reading.problems)}
        document |= {"problems": reading.problems}
    if reading.unusable:
        document |= {"unusable": reading.unusable}
    if with_counts or (by[REFUSED] and by.total() > 1):
        told = (TAKEN, IGNORED, ANONYMOUS, UNUSABLE, REFUSED)
        document |= {"messages": {verdict: by[verdict] for verdict in told}}
    return Answer(400 if by[REFUSED] else 200, document)


def _summary(by: Counter[str], problems: list[str]) -> str:
    if by.total() == 1:
        return problems[0]
    which = f"{by[REFUSED]} of {by.total()} messages refused"
    return f"{which}, all others are taken; the first: {problems[0]}"
