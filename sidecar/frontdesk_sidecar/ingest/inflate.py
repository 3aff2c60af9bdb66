"""A body, decompressed as it comes, no further than to a limit."""

from __future__ import annotations

import zlib
from typing import Final

#: gzip alone, with its header and checksum: RFC 1952.
_GZIP: Final = 16 + zlib.MAX_WBITS


class TooLarge(Exception):  # noqa: N818 - says what is the case
    """More bytes than the limit, as sent or decompressed."""


class Damaged(Exception):  # noqa: N818 - says what is the case
    """It is not what its `Content-Encoding` says; the text says why."""


class Plain:
    """A body as it is."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.body = bytearray()

    def feed(self, chunk: bytes) -> None:
        """Take a part. Raises TooLarge."""
        if len(self.body) + len(chunk) > self._limit:
            raise TooLarge
        self.body += chunk

    def finish(self) -> bytearray:
        """The whole body."""
        return self.body


class Gzipped:
    """A body in gzip; it never decompresses more than the limit and one byte."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._gzip = zlib.decompressobj(_GZIP)
        self.body = bytearray()

    def feed(self, chunk: bytes) -> None:
        """Take a part. Raises TooLarge or Damaged."""
        self._taken += len(chunk)
        if self._taken > self._limit:
            raise TooLarge
        if self._gzip.eof and chunk:
            raise Damaged("something follows the gzip stream")
        try:
            self.body += self._gzip.decompress(chunk, self._limit - len(self.body) + 1)
        except zlib.error:
            raise Damaged("the body is not gzip") from None
        if len(self.body) > self._limit:
            raise TooLarge
        if self._gzip.unused_data:
            raise Damaged("something follows the gzip stream")

    def finish(self) -> bytearray:
        """The whole body. Raises Damaged."""
        if not self._gzip.eof:
            raise Damaged("the gzip stream ends early")
        return self.body
