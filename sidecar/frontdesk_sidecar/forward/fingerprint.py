"""What is known of a delivered payload: a keyed hash, which tells equal from changed alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import orjson

KEY_BYTES: Final = 32
_DIGEST_BYTES: Final = 16


class Fingerprint:
    """BLAKE2b keyed by a secret of this store (RFC 7693), so that guessing names tells nothing.

    `target` says where payloads go: what one system has says nothing about another.
    """

    def __init__(self, key: bytes, target: str) -> None:
        self._hash = hashlib.blake2b(target.encode(), key=key, digest_size=_DIGEST_BYTES)

    def of(self, payload: Mapping[str, object]) -> bytes:
        """16 bytes; equal payloads give equal ones, whatever the order of the attributes."""
        hashed = self._hash.copy()
        hashed.update(b"\0" + orjson.dumps(dict(payload), option=orjson.OPT_SORT_KEYS))
        return hashed.digest()
