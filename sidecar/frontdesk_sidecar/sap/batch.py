"""The ``$batch`` of OData V2: several upserts in one request, and one answer for each of them.

Requests are written here, and answers read in `batch_answer`.

Sources: RFC 2046, section 5.1 (multipart), "OData Version 2.0" (Batch Processing), the SAP Help
topic "Batch Requests" of the Integration API Module, and what Apache Olingo 2, which SAP's module
is built on, takes and writes.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from frontdesk_sidecar.sap.batch_answer import BatchError, decode

__all__ = ["BatchError", "Change", "content_type", "decode", "encode"]

# Olingo takes these unquoted. It finds a boundary anywhere in a line, and one that is all hyphens
# would be found in its own delimiter. Two characters are left for `_changeset_boundary`.
_BOUNDARY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9'+_.-]{0,67}")
# To Olingo a line with any other name is not a header, and it takes U+0085 for a line end.
_HEADER_NAME: Final = re.compile(r"[A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[ -~\xa0-\xff]*")
# What is set here already. A Content-Length would be taken for characters and cut the body.
_RESERVED: Final = frozenset(
    ("accept", "content-length", "content-transfer-encoding", "host", "transfer-encoding")
)


@dataclass(frozen=True, slots=True)
class Change:
    """One upsert within a batch: its JSON body, and headers of its own.

    Headers are, for example, ``integrationMessageId``, ``Content-Language``, ``Pre-Persist-Hook``.
    """

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)


def content_type(boundary: str) -> str:
    """The ``Content-Type`` of a request with this boundary. Raises ``ValueError`` as `encode`."""
    return f"multipart/mixed; boundary={_fit(boundary)}"


def encode(changes: Sequence[Change], *, entity_set: str, boundary: str) -> bytes:
    """The body of a ``$batch`` request that posts each change to ``entity_set``, in this order.

    Each is in a changeset, and so transaction, of its own. ``boundary`` is random text of 1 to 68
    ASCII letters, digits and ``'+_.-``, a letter or digit first. Raises ``ValueError`` when it is
    not or when it occurs in a change, when ``entity_set`` is not a name, when there is no change,
    or when a header is reserved or does not fit a line: a name is of ASCII letters and hyphens, a
    value ISO-8859-1 without control characters.
    """
    if not (entity_set.isascii() and entity_set.isidentifier()):
        raise ValueError("the entity set is not a name")
    if not changes:
        raise ValueError("a batch needs a change")
    delimiter = f"--{_fit(boundary)}".encode("ascii")
    changeset = _changeset_boundary(boundary)
    opening = _opening(boundary, changeset, entity_set)
    closing = f"\r\n--{changeset}--\r\n".encode("ascii")
    pieces: list[bytes] = []
    for change in changes:
        headers = _header_lines(change.headers)
        if delimiter in headers or delimiter[2:] in change.body:
            raise ValueError("the boundary occurs in a change")
        pieces += (opening, headers, b"\r\n", change.body, closing)
    return b"".join((*pieces, delimiter, b"--\r\n"))


def _opening(boundary: str, changeset: str, entity_set: str) -> bytes:
    """What comes before the headers of a change.

    Olingo reads UTF-8 after the second blank line, and only below a Content-Type of JSON.
    """
    lines = (
        f"--{boundary}",
        f"Content-Type: multipart/mixed; boundary={changeset}",
        "",
        f"--{changeset}",
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
        "",
        f"POST {entity_set} HTTP/1.1",
        "Content-Type: application/json",
        "Accept: application/json",
        "",
    )
    return "\r\n".join(lines).encode("ascii")


def _fit(boundary: str) -> str:
    if not _BOUNDARY.fullmatch(boundary):
        raise ValueError("the boundary is unfit")
    return boundary


def _changeset_boundary(boundary: str) -> str:
    """One that the outer boundary is not the beginning of, for Olingo would take it for that."""
    return f"{'d' if boundary[0] == 'c' else 'c'}_{boundary}"


def _header_lines(headers: Mapping[str, str]) -> bytes:
    for name, value in headers.items():
        if not (_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)):
            raise ValueError("the name or the value of a header does not fit a line")
        lower = name.lower()
        if lower in _RESERVED or lower.startswith("content-type"):
            raise ValueError("a change cannot set this header")
    return "".join([f"{name}: {headers[name]}\r\n" for name in headers]).encode("latin-1")
