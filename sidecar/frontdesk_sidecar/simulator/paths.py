"""The resource a path names, read from the percent-encoded form.

The decoded path of ASGI cannot be used: an encoded `/` or quote inside a key would be lost in it.
Source: OData V2 "URI Conventions", section 2; Olingo's `Decoder`, to which `+` is a space.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_plus

from frontdesk_sidecar.simulator.keys import (
    KeyFormatError,
    form_decode,
    join_key,
    parse_key_predicate,
    split_key,
)

_SEGMENT = re.compile(r"([^()]+)(?:\((.*)\))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Resource:
    """`{object}/{entity set}({predicate})/{below}`.

    `entity_set` is empty for the service document and may be `$metadata` or `$batch`;
    `predicate` is what stands between the parentheses, decoded once, None without any.
    """

    object_code: str
    entity_set: str = ""
    predicate: str | None = None
    below: str = ""

    def integration_key(self, segments: int) -> str:
        """The integration key of the predicate, in canonical encoding.

        A key that was encoded once only is understood as far as its values survive one more
        decoding; `+` and `%` do not, as on the real system. Raises `KeyFormatError`.
        """
        return join_key(split_key(parse_key_predicate(self.predicate or ""), segments))


@lru_cache(maxsize=256)
def parse_path(path: str) -> Resource:
    """Splits the path below `/odata2webservices/`. Raises `KeyFormatError` on bad syntax."""
    code, _, rest = path.partition("/")
    first, _, below = rest.partition("/")
    if not first:
        return Resource(unquote_plus(code))
    match = _SEGMENT.fullmatch(form_decode(first))
    if match is None:
        raise KeyFormatError(first)
    return Resource(unquote_plus(code), match[1], match[2], unquote_plus(below))
