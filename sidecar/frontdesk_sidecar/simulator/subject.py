"""Which customer a request is about, as far as it can be told without the service."""

from __future__ import annotations

from urllib.parse import unquote_plus

import orjson

from frontdesk_sidecar.simulator.keys import KeyFormatError
from frontdesk_sidecar.simulator.paths import parse_path


def uid_of(method: str, path: str, body: bytes) -> str | None:
    """The uid in the body of a POST or in the key of another request.

    `path` is what follows `/odata2webservices/`, still percent-encoded.
    """
    if method == "POST":
        return _uid_in(body)
    try:
        predicate = parse_path(path).predicate
    except KeyFormatError:
        return None
    return None if predicate is None else unquote_plus(predicate[1:-1])


def _uid_in(body: bytes) -> str | None:
    try:
        entry = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if isinstance(entry, dict):
        entry = entry.get("d", entry)
    uid = entry.get("uid") if isinstance(entry, dict) else None
    return uid if isinstance(uid, str) else None
