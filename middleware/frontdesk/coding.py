"""Content-codings undone within a bound: gzip and deflate always, br and zstd where they can be.

frontdesk itself brings neither of the last two. An app that compresses with them, or its server,
has a library for it, which is then used. It is imported when such a body first comes, once.

Source: RFC 9110 section 8.4, RFC 1950 to 1952 (deflate, gzip), RFC 7932 (br), RFC 8878 and
9659 (zstd).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from typing import Any, Final

#: Codings of one body, `identity` not counted; nobody has a reason for more than two.
MAX_CODINGS: Final = 3
#: gzip members or zstd frames in one body. Each costs a new reader, however little it holds.
MAX_MEMBERS: Final = 256
#: The largest window that a zstd reader of the web must support (RFC 9659), as power of two.
_ZSTD_WINDOW: Final = 23
#: How a br body with a window of 8 or 16 MiB begins, in its low four bits (RFC 7932 section 9.1).
#: A br reader may fill its window whatever the limit; encoders take 4 MiB unless told otherwise.
_BR_WIDE: Final = (0b1101, 0b1111)
#: 128 KiB of zeros as br.
_BR_PROBE: Final = bytes.fromhex("21fdff07fc1300f15820907b1f30")
_BR_PROBED: Final = 128 * 1024

#: Takes what is coded and the limit; raises what its library raises.
_Undo = Callable[[bytes, int], bytes | None]
#: Takes what is left and how much to give at most; gives what it read, and the reader.
_Read = Callable[[bytes, int], tuple[bytes, Any]]


def is_readable(coding: bytes) -> bool:
    """Whether `unpack` knows every coding of this header value in this process."""
    return not coding or _undoing(coding) is not None


def unpack(body: bytes, coding: bytes, limit: int) -> bytes | None:
    """The body without what a Content-Encoding header's value, in lower case, says was done to it.

    None if a coding is not known here, the bytes are damaged, cut off or followed by others, or
    they are more than `limit` at any stage. Never raises. Takes time and memory as for `limit`
    bytes, twice for a moment, whatever the body would come to; br up to 4 MiB of memory.
    """
    if coding:
        steps = _undoing(coding)
        if steps is None:
            return None
        try:
            for undo in steps:
                found = undo(body, limit)
                if found is None:
                    return None
                body = found
        except Exception:  # noqa: BLE001 - each library has its own errors for damaged bytes
            return None
    return body if len(body) <= limit else None


def _undoing(coding: bytes) -> list[_Undo] | None:
    """What undoes the codings, the last one first; None if one of them can't be."""
    # Empty elements are to be skipped, RFC 9110 section 5.6.1.
    named = [name.strip() for name in coding.split(b",")]
    named = [name for name in named if name not in (b"", b"identity")]
    if len(named) > MAX_CODINGS:
        return None
    steps = []
    for name in reversed(named):
        find = _CODINGS.get(name)
        undo = find() if find else None
        if undo is None:
            return None
        steps.append(undo)
    return steps


def _members(read: _Read, body: bytes, limit: int) -> bytes | None:
    """What all members of a body come to."""
    parts = []
    for _ in range(MAX_MEMBERS):
        # One more than the limit: a body of just the limit ends, a longer one shows.
        part, reader = read(body, limit + 1)
        limit -= len(part)
        if limit < 0 or not reader.eof:
            return None
        parts.append(part)
        body = reader.unused_data
        if not body:
            return b"".join(parts)
    return None


def _gzip(body: bytes, limit: int) -> bytes | None:
    def read(rest: bytes, most: int) -> tuple[bytes, Any]:
        reader = zlib.decompressobj(31)
        return reader.decompress(rest, most), reader

    return _members(read, body, limit)


def _deflate(body: bytes, limit: int) -> bytes | None:
    # By the RFC it is the zlib format, whose header is a multiple of 31; some send it bare.
    is_zlib = body[:1] and body[0] & 15 == 8 and int.from_bytes(body[:2], "big") % 31 == 0
    reader = zlib.decompressobj(15 if is_zlib else -15)
    plain = reader.decompress(body, limit + 1)
    return plain if reader.eof and not reader.unused_data and len(plain) <= limit else None


def _brotli(new: Any, body: bytes, limit: int) -> bytes | None:
    if not body or body[0] & 15 in _BR_WIDE:
        return None
    reader = new()
    # It stops soon after its limit, not at it; what follows the end of the stream is an error.
    plain: bytes = reader.process(body, output_buffer_limit=limit + 1)
    return plain if reader.is_finished() and len(plain) <= limit else None


def _stdlib_zstd(new: Any, options: dict[Any, int], body: bytes, limit: int) -> bytes | None:
    def read(rest: bytes, most: int) -> tuple[bytes, Any]:
        reader = new(options=options)
        return reader.decompress(rest, most), reader

    return _members(read, body, limit)


def _zstandard(new: Any, body: bytes, limit: int) -> bytes | None:
    decompressor = new(max_window_size=1 << _ZSTD_WINDOW)
    # Its reader with a bound does not tell a body that was cut off, the one that does has none.
    if len(decompressor.stream_reader(body, read_across_frames=True).read(limit + 1)) > limit:
        return None

    def read(rest: bytes, _: int) -> tuple[bytes, Any]:
        reader = decompressor.decompressobj()
        return reader.decompress(rest), reader

    return _members(read, body, limit)


@cache
def _find_br() -> _Undo | None:
    for name in ("brotli", "brotlicffi"):
        try:
            new = import_module(name).Decompressor
            # Before 1.2 there is no bound: a few bytes could become gigabytes in one call.
            is_bounded = len(new().process(_BR_PROBE, output_buffer_limit=1)) < _BR_PROBED
        except Exception:  # noqa: BLE001, S112 - not there, broken or too old
            continue
        if is_bounded:
            return partial(_brotli, new)
    return None


@cache
def _find_zstd() -> _Undo | None:
    for name in ("compression.zstd", "backports.zstd", "zstandard"):
        try:
            module = import_module(name)
            if name == "zstandard":
                return partial(_zstandard, module.ZstdDecompressor)
            window = {module.DecompressionParameter.window_log_max: _ZSTD_WINDOW}
            return partial(_stdlib_zstd, module.ZstdDecompressor, window)
        except Exception:  # noqa: BLE001, S112 - not there, or broken
            continue
    return None


_CODINGS: Final[dict[bytes, Callable[[], _Undo | None]]] = {
    b"gzip": lambda: _gzip,
    b"x-gzip": lambda: _gzip,
    b"deflate": lambda: _deflate,
    b"br": _find_br,
    b"zstd": _find_zstd,
}
