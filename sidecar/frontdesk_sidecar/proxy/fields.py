"""Header fields on their way through: which travel on, and which requests are refused. Pure.

Source: RFC 9110 (HTTP semantics), RFC 9112 (HTTP/1.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

Field: TypeAlias = tuple[bytes, bytes]
Fields: TypeAlias = Sequence[Field]

#: RFC 9110 section 7.6.1; the last three are for the next hop alone by section 11.7, and no proxy
#: that a browser does not know of is meant by them.
HOP_BY_HOP: Final = frozenset(
    (
        *(b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding"),
        *(b"upgrade", b"proxy-authenticate", b"proxy-authentication-info"),
        b"proxy-authorization",
    )
)
#: What `Connection` may name without effect: a request would become another one.
_KEPT: Final = frozenset((b"host", b"content-length", b"content-type", b"expect"))

#: Servers that make variables of names (CGI, WSGI, PHP) take these for the real ones.
_LIKE_FRAMING: Final = frozenset(
    (b"content_length", b"content.length", b"transfer_encoding", b"transfer.encoding")
)

_VERSIONS: Final = frozenset(("1.0", "1.1", "2", "3"))
_is_token: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_is_value: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*").fullmatch
_is_target: Final = re.compile(rb"[\x21-\x7e\x80-\xff]+").fullmatch
_is_host: Final = re.compile(rb"[A-Za-z0-9\-._~%!$&'()*+,;=:\[\]]*").fullmatch
_is_length: Final = re.compile(rb"[0-9]{1,18}").fullmatch
_is_absolute: Final = re.compile(rb"https?://([^/?#@]+)(/[^?]*)?", re.IGNORECASE).fullmatch


def tokens(fields: Fields, name: bytes) -> list[bytes]:
    """The lower-case members of a list field, over all its lines."""
    lines = (value for field, value in fields if field.lower() == name)
    members = (member.strip().lower() for line in lines for member in line.split(b","))
    return [member for member in members if member]


def end_to_end(fields: Fields) -> list[Field]:
    """What travels on, names in lower case: in order, duplicates included.

    Left out is what is for this hop alone, and what `Connection` names (RFC 9110 section 7.6.1).
    """
    lowered = [(name.lower(), value) for name, value in fields]
    named = frozenset(tokens(lowered, b"connection")) - _KEPT
    without = HOP_BY_HOP | named if named else HOP_BY_HOP
    return [field for field in lowered if field[0] not in without]


def one(fields: Iterable[Field], name: bytes) -> bytes | None:
    """The value of a field that stands once; the first if it stands more often."""
    return next((value for field, value in fields if field == name), None)


def is_head_ambiguous(data: bytes) -> bool:
    """Whether some server could find other lines in this head, whole or in part, than another.

    A line may end with LF alone and may go on in the next one, and both may be refused (RFC 9112
    sections 2.2 and 5.2).
    """
    ends = [end for end in (data.find(b"\n\n"), data.find(b"\n\r\n")) if end >= 0]
    head = data[: min(ends) + 3] if ends else data
    return head.count(b"\n") != head.count(b"\r\n") or b"\n " in head or b"\n\t" in head


def why_refused(scope: Mapping[str, Any]) -> str | None:
    """Why a request is not passed on, or None: what two servers could read differently.

    The server's parser refuses most of it before; here it does not depend on the parser.
    """
    fields: Fields = scope["headers"]
    if scope["http_version"] not in _VERSIONS:
        return "version"
    if scope["method"] == "CONNECT" or not _is_token(scope["method"].encode("latin-1")):
        return "method"
    # Two searches for all fields are a quarter of the work of two for each.
    names, values = [name for name, _ in fields], [value for _, value in fields]
    if fields and not (all(names) and _is_token(b"".join(names)) and _is_value(b"".join(values))):
        return "field"
    if not _LIKE_FRAMING.isdisjoint(names):
        return "framing"
    return _bad_target(scope) or _bad_host(scope, fields) or _bad_framing(scope, fields)


def _bad_target(scope: Mapping[str, Any]) -> str | None:
    """RFC 9112 section 3.2: origin form, absolute form, or the asterisk of OPTIONS."""
    path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    if not _is_target(path) or (query and not _is_target(query)):
        return "target"
    if path.startswith(b"/") or _is_absolute(path):
        return None
    return None if path == b"*" and scope["method"] == "OPTIONS" else "target"


def _bad_host(scope: Mapping[str, Any], fields: Fields) -> str | None:
    """RFC 9112 section 3.2: one Host, no more and in HTTP/1.1 no less."""
    hosts = [value for name, value in fields if name == b"host"]
    if len(hosts) > 1 or (not hosts and scope["http_version"] == "1.1"):
        return "host"
    authority, _ = split_absolute(scope["raw_path"])
    if authority is not None:
        hosts.append(authority)
    return None if all(map(_is_host, hosts)) else "host"


def _bad_framing(scope: Mapping[str, Any], fields: Fields) -> str | None:
    """RFC 9112 section 6: one length, or chunks, and never both."""
    lengths = [value for name, value in fields if name == b"content-length"]
    codings = [value for name, value in fields if name == b"transfer-encoding"]
    if not codings:
        return None if not lengths or (len(lengths) == 1 and _is_length(lengths[0])) else "framing"
    is_chunked = len(codings) == 1 and codings[0].strip().lower() == b"chunked"
    return None if is_chunked and not lengths and scope["http_version"] != "1.0" else "framing"


def split_absolute(target: bytes) -> tuple[bytes | None, bytes]:
    """Authority and path of an absolute form, whose authority goes before the Host; else the path.

    Source: RFC 9112 section 3.2.2.
    """
    found = None if target.startswith(b"/") else _is_absolute(target)
    return (None, target) if found is None else (found[1], found[2] or b"/")
