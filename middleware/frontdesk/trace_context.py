"""Of which trace a request is a part: the header `traceparent`.

Source: W3C Trace Context, https://www.w3.org/TR/trace-context/, section 3.2, and for the second
flag its level 2. `tracestate` is not read: it may hold anything, and nobody needs it.
"""

from __future__ import annotations

import re
from typing import Final

#: version, trace id, parent id, flags; a version to come may have more behind them
_TRACEPARENT: Final = re.compile(
    "(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(-[ -~]*)?"
)
#: "sampled", and level 2's "random"; what else is set there must not be handed on
_FLAGS: Final = 0x03
SAMPLED: Final = 0x01
_HEX: Final = b"0123456789abcdef"
_NO_TRACE: Final = b"0" * 32
_NO_PARENT: Final = b"0" * 16


def traceparent(given: object) -> str | None:
    """The header as version 00 has it, or None where it breaks the grammar in any way.

    Takes the bytes or the text of one header; of a newer version what version 00 knows is kept.
    """
    if type(given) is bytes:
        if _is_usual(given):
            return given.decode("ascii")
        text = given.decode("latin-1")
    elif type(given) is str:
        text = given
    else:
        return None
    match = _TRACEPARENT.fullmatch(text)
    if match is None:
        return None
    version, ids, flags, more = match.groups()
    if version == "00" and more is not None:
        return None
    return f"00-{ids}-{int(flags, 16) & _FLAGS:02x}"


def _is_usual(given: bytes) -> bool:
    """Whether it is what nearly all are and goes on as it is; quicker than by the grammar."""
    return (
        len(given) == 55
        and given.translate(None, _HEX) == b"---"
        and given[:3] == b"00-"
        and given[35:36] == b"-"
        and given[52:] in (b"-00", b"-01")
        and given[3:35] != _NO_TRACE
        and given[36:52] != _NO_PARENT
    )


def child(parent: str, span_id: str) -> str:
    """The `traceparent` of a span within that of `parent`: same trace, same flags."""
    return f"{parent[:36]}{span_id}{parent[52:]}"


def is_sampled(parent: str) -> bool:
    """Whether whoever began the trace records it."""
    return bool(int(parent[53:], 16) & SAMPLED)
