"""Content-codings: what was done to a body is undone, within a bound and without a surprise."""

import gzip
import importlib
import os
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk import coding as module
from frontdesk.coding import MAX_CODINGS, MAX_MEMBERS, is_readable, unpack

LIMIT = 64 * 1024
DOCUMENT = b'{"user": {"email": "zoe@example.com", "name": "Zoe"}}' * 9


def bare_deflate(plain: bytes) -> bytes:
    """The deflate format without the zlib header, which RFC 9110 notes as a mistake of some."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(plain) + packer.flush()


def br(plain: bytes) -> bytes:
    """As the usual middleware sends it."""
    packed: bytes = pytest.importorskip("brotli").compress(plain, quality=4)
    return packed


def streamed_br(plain: bytes, window: int = 22) -> bytes:
    """As it is sent bit by bit, with a window that is not fitted to the size."""
    packer = pytest.importorskip("brotli").Compressor(quality=4, lgwin=window)
    packed: bytes = packer.process(plain) + packer.flush() + packer.finish()
    return packed


def zstd(plain: bytes) -> bytes:
    """A frame that tells its size."""
    packed: bytes = pytest.importorskip("zstandard").ZstdCompressor().compress(plain)
    return packed


def streamed_zstd(plain: bytes) -> bytes:
    """A frame that does not."""
    packer = pytest.importorskip("zstandard").ZstdCompressor(write_checksum=True).compressobj()
    packed: bytes = packer.compress(plain) + packer.flush()
    return packed


PACKERS: dict[str, tuple[bytes, Callable[[bytes], bytes]]] = {
    "gzip": (b"gzip", gzip.compress),
    "x-gzip": (b"x-gzip", gzip.compress),
    "deflate": (b"deflate", zlib.compress),
    "bare deflate": (b"deflate", bare_deflate),
    "br": (b"br", br),
    "streamed br": (b"br", streamed_br),
    "zstd": (b"zstd", zstd),
    "streamed zstd": (b"zstd", streamed_zstd),
}
packed_any_way = pytest.mark.parametrize(("coding", "pack"), PACKERS.values(), ids=PACKERS)


@pytest.fixture
def fresh() -> Iterator[None]:
    """No library was looked for yet, and what a test finds is forgotten."""
    module._find_br.cache_clear()
    module._find_zstd.cache_clear()
    yield
    module._find_br.cache_clear()
    module._find_zstd.cache_clear()


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch, fresh: None) -> Callable[..., list[str]]:
    """Let only these modules be found; returns the list of those that are asked for."""

    def only(**modules: Any) -> list[str]:
        asked: list[str] = []

        def import_module(name: str) -> Any:
            asked.append(name)
            try:
                return modules[name.replace(".", "_")]
            except KeyError:
                raise ModuleNotFoundError(name) from None

        monkeypatch.setattr(module, "import_module", import_module)
        return asked

    return only


@packed_any_way
def test_what_was_packed_is_unpacked(coding: bytes, pack: Callable[[bytes], bytes]) -> None:
    """Whatever coding it is, and also when there is nothing in it."""
    assert is_readable(coding)
    for plain in (DOCUMENT, b"", b"\0", os.urandom(3000)):
        assert unpack(pack(plain), coding, LIMIT) == plain


@pytest.mark.parametrize("coding", [b"", b"identity", b" identity , ", b",", b" "])
def test_identity(coding: bytes) -> None:
    """Nothing was done to the body."""
    assert is_readable(coding)
    assert unpack(DOCUMENT, coding, len(DOCUMENT)) is DOCUMENT
    assert unpack(DOCUMENT, coding, len(DOCUMENT) - 1) is None


@given(
    plain=st.binary(max_size=2000),
    names=st.lists(st.sampled_from(sorted(PACKERS)), max_size=MAX_CODINGS),
    comma=st.sampled_from([b",", b", ", b"\t,, ", b" , identity,"]),
)
def test_codings_are_undone_from_the_last(plain: bytes, names: list[str], comma: bytes) -> None:
    """The header names them in the order in which they were applied."""
    body = plain
    for name in names:
        body = PACKERS[name][1](body)
    coding = comma.join(PACKERS[name][0] for name in names)
    assert is_readable(coding)
    assert unpack(body, coding, LIMIT) == plain


@pytest.mark.parametrize(
    "coding",
    [b"compress", b"br2", b"gzip;q=1", b"gzip, compress", b"aws-chunked, gzip", b"dcb", b"\xff"],
)
def test_unknown_codings(coding: bytes) -> None:
    """One that is not known makes the whole body unreadable."""
    assert not is_readable(coding)
    assert unpack(gzip.compress(DOCUMENT), coding, LIMIT) is None


def test_too_many_codings() -> None:
    """Nobody packs so often."""
    body = b"x"
    for _ in range(MAX_CODINGS + 1):
        body = gzip.compress(body)
    assert unpack(body, b"gzip" + b",gzip" * MAX_CODINGS, LIMIT) is None
    assert not is_readable(b"gzip" + b",gzip" * MAX_CODINGS)


@packed_any_way
def test_the_limit_is_exact(coding: bytes, pack: Callable[[bytes], bytes]) -> None:
    """A body of the limit is read, one with a byte more is not; so with every size around it."""
    for size in (1, 100, 70_000):
        body = pack(bytes(size))
        assert unpack(body, coding, size + 1) == bytes(size)
        assert unpack(body, coding, size) == bytes(size)
        assert unpack(body, coding, size - 1) is None
        assert unpack(body, coding, 0) is None
    assert unpack(pack(b""), coding, 0) == b""


@packed_any_way
def test_what_was_cut_off_is_not_read(coding: bytes, pack: Callable[[bytes], bytes]) -> None:
    """At whichever byte, also before the first."""
    body = pack(DOCUMENT)
    for end in range(len(body)):
        assert unpack(body[:end], coding, LIMIT) is None


@packed_any_way
@pytest.mark.parametrize("more", [b"\0", b"x", b"\0" * 64, b"garbage that is longer", b"\x1f\x8b"])
def test_what_is_followed_by_others_is_not_read(
    coding: bytes, pack: Callable[[bytes], bytes], more: bytes
) -> None:
    """Another reader might see something else in it."""
    assert unpack(pack(DOCUMENT) + more, coding, LIMIT) is None


@pytest.mark.parametrize("name", ["gzip", "deflate", "streamed zstd"])
def test_what_is_damaged_is_not_read(name: str) -> None:
    """Formats with a checksum show every wrong byte that matters."""
    coding, pack = PACKERS[name]
    body = pack(DOCUMENT)
    for at in range(len(body)):
        wrong = body[:at] + bytes([body[at] ^ 0x55]) + body[at + 1 :]
        assert unpack(wrong, coding, LIMIT) in (None, DOCUMENT)
    assert unpack(body[:-1] + bytes([body[-1] ^ 1]), coding, LIMIT) is None


@pytest.mark.parametrize("name", ["gzip", "zstd", "streamed zstd"])
def test_members_are_read_one_after_another(name: str) -> None:
    """Both formats may be joined as files are (RFC 1952 section 2.2, RFC 8878 section 3)."""
    coding, pack = PACKERS[name]
    one = pack(b"12345")
    assert unpack(one + pack(b"") + one, coding, 10) == b"1234512345"
    assert unpack(one + one, coding, 9) is None
    assert unpack(one + one[:-1], coding, LIMIT) is None
    assert unpack(one * MAX_MEMBERS, coding, LIMIT) == b"12345" * MAX_MEMBERS
    assert unpack(one * (MAX_MEMBERS + 1), coding, LIMIT) is None


def test_a_skippable_zstd_frame_is_skipped() -> None:
    """RFC 8878 section 3.1.2: it holds what is for others."""
    skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc"
    assert unpack(skippable + zstd(b"x") + skippable, b"zstd", LIMIT) == b"x"


def test_one_deflate_stream_is_a_body() -> None:
    """It knows no members."""
    assert unpack(zlib.compress(b"x") * 2, b"deflate", LIMIT) is None
    assert unpack(bare_deflate(b"x") * 2, b"deflate", LIMIT) is None


BOMB = 256 * LIMIT


def small_in_gzip() -> bytes:
    """Many members, each well below the limit."""
    return gzip.compress(bytes(LIMIT // 2)) * 1000


def wide_br() -> bytes:
    """A window that a reader would fill before anybody saw a byte."""
    return streamed_br(bytes(4 * BOMB), 24)


def packed_zeros(pack: Callable[[bytes], bytes]) -> Callable[[], bytes]:
    """A bomb of one coding."""
    return lambda: pack(bytes(BOMB))


BOMBS: dict[str, tuple[bytes, Callable[[], bytes]]] = {
    **{name: (coding, packed_zeros(pack)) for name, (coding, pack) in PACKERS.items()},
    "members": (b"gzip", small_in_gzip),
    "wide br": (b"br", wide_br),
    "gzip in gzip": (b"gzip, gzip", lambda: gzip.compress(gzip.compress(bytes(BOMB)))),
    "br in gzip": (b"br, gzip", lambda: gzip.compress(streamed_br(bytes(BOMB)))),
    "zstd in br": (b"zstd, br", lambda: br(zstd(bytes(BOMB)))),
}


@pytest.mark.parametrize(("coding", "bomb"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_does_not_go_off(coding: bytes, bomb: Callable[[], bytes]) -> None:
    """It takes memory by the limit, not by what it would come to."""
    body = bomb()
    assert unpack(b"", coding, LIMIT) is None  # now libraries are loaded
    tracemalloc.start()
    try:
        assert unpack(body, coding, LIMIT) is None
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The intermediate form of a body packed twice is within the limit as well.
    assert peak < 4 * LIMIT + 64 * 1024


def test_windows_of_br() -> None:
    """What an encoder takes unless told otherwise is read, and less; more is not."""
    for window in range(10, 23):
        assert unpack(streamed_br(DOCUMENT, window), b"br", LIMIT) == DOCUMENT
    for window in (23, 24):
        assert unpack(streamed_br(DOCUMENT, window), b"br", LIMIT) is None


def test_windows_of_zstd() -> None:
    """Up to 8 MiB, RFC 9659, whatever the size of the body."""
    zstandard = pytest.importorskip("zstandard")
    for log, plain in ((20, DOCUMENT), (23, DOCUMENT), (24, None), (27, None)):
        parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=log)
        packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
        body = packer.compress(DOCUMENT) + packer.flush()
        assert unpack(body, b"zstd", LIMIT) == plain


@given(body=st.binary(max_size=300), names=st.lists(st.sampled_from(sorted(PACKERS)), max_size=2))
def test_garbage_is_not_read_and_does_no_harm(body: bytes, names: list[str]) -> None:
    """Also if it begins as the real thing does."""
    coding = b",".join(PACKERS[name][0] for name in names)
    for start in (b"", *(PACKERS[name][1](DOCUMENT)[:20] for name in names)):
        found = unpack(start + body, coding, 1000)
        assert found is None or len(found) <= 1000


@given(coding=st.binary(max_size=40))
def test_any_header_has_an_answer(coding: bytes) -> None:
    """What is not readable is not read."""
    assert is_readable(coding) or unpack(b"", coding, 10) is None


def test_without_libraries(offer: Callable[..., list[str]]) -> None:
    """br and zstd are unreadable then; they are looked for once."""
    asked = offer()
    for _ in range(3):
        assert not is_readable(b"br")
        assert not is_readable(b"gzip, zstd")
        assert unpack(b"\x06", b"br", LIMIT) is None
        assert unpack(b"", b"zstd", LIMIT) is None
    assert asked == ["brotli", "brotlicffi", *ZSTD]


ZSTD = ("compression.zstd", "backports.zstd", "zstandard")


def test_nothing_is_imported_before_it_is_needed(offer: Callable[..., list[str]]) -> None:
    """What every interpreter has is enough for the others."""
    asked = offer()
    assert unpack(gzip.compress(b"x"), b"gzip", LIMIT) == b"x"
    assert is_readable(b"deflate, x-gzip")
    assert not is_readable(b"compress")
    assert asked == []


def test_a_broken_library_is_none(monkeypatch: pytest.MonkeyPatch, fresh: None) -> None:
    """Whatever it raises."""

    def broken(name: str) -> Any:
        raise OSError(name)

    monkeypatch.setattr(module, "import_module", broken)
    assert not is_readable(b"br")
    assert not is_readable(b"zstd")


class Unbounded:
    """A br reader as it was before 1.2: one call gives all there is."""

    def process(self, body: bytes) -> bytes:
        """Without a bound."""
        raise AssertionError(body)


class Deaf:
    """A br reader that takes a bound and does not keep it."""

    def process(self, body: bytes, *, output_buffer_limit: int) -> bytes:
        """More than was asked for."""
        assert body
        return bytes(128 * 1024 + output_buffer_limit)


@pytest.mark.parametrize("reader", [Unbounded, Deaf, None])
def test_br_without_a_bound_is_not_used(offer: Callable[..., list[str]], reader: Any) -> None:
    """It is unreadable then, unless the other library is there."""
    offer(brotli=SimpleNamespace(Decompressor=reader))
    assert not is_readable(b"br")
    module._find_br.cache_clear()
    real = pytest.importorskip("brotli")
    offer(brotli=SimpleNamespace(Decompressor=reader), brotlicffi=real)
    assert unpack(br(DOCUMENT), b"br", LIMIT) == DOCUMENT


@pytest.mark.parametrize("library", ["brotli", "brotlicffi"])
def test_each_library_for_br(offer: Callable[..., list[str]], library: str) -> None:
    """All do the same."""
    offer(**{library: pytest.importorskip(library)})
    bodies = (br(DOCUMENT), streamed_br(DOCUMENT))
    for body in bodies:
        assert unpack(body, b"br", len(DOCUMENT)) == DOCUMENT
        assert unpack(body, b"br", len(DOCUMENT) - 1) is None
        assert all(unpack(body[:end], b"br", LIMIT) is None for end in range(len(body)))
        assert unpack(body + b"\0", b"br", LIMIT) is None
    assert unpack(br(bytes(BOMB)), b"br", LIMIT) is None


@pytest.mark.parametrize("library", ZSTD)
def test_each_library_for_zstd(offer: Callable[..., list[str]], library: str) -> None:
    """All do the same; the first is of Python 3.14, the second the same for those before it."""
    try:
        found = importlib.import_module(library)
    except ImportError:
        pytest.skip(f"no {library}")
    offer(**{library.replace(".", "_"): found})
    skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc"
    for body, frames in product((zstd(DOCUMENT), streamed_zstd(DOCUMENT)), (1, 2, MAX_MEMBERS)):
        whole, size = body * frames, len(DOCUMENT) * frames
        assert unpack(whole, b"zstd", size) == DOCUMENT * frames
        assert unpack(whole, b"zstd", size - 1) is None
        assert unpack(whole[:-1], b"zstd", size) is None
        assert unpack(whole + b"\0", b"zstd", size) is None
        assert unpack(whole + body * MAX_MEMBERS, b"zstd", 1 << 20) is None
    assert unpack(skippable + body, b"zstd", LIMIT) == DOCUMENT
    assert all(unpack(body[:end], b"zstd", LIMIT) is None for end in range(len(body)))
    assert unpack(zstd(bytes(BOMB)), b"zstd", LIMIT) is None


def test_the_interface_of_python_3_14(offer: Callable[..., list[str]]) -> None:
    """A reader with a bound, told the largest window, one per frame; here with another format."""
    told = []

    class Reader:
        def __init__(self, options: dict[str, int]) -> None:
            told.append(options)
            self._reader = zlib.decompressobj(31)

        def decompress(self, data: bytes, max_length: int = -1) -> bytes:
            assert 0 < max_length <= 11
            return self._reader.decompress(data, max_length)

        @property
        def eof(self) -> bool:
            return self._reader.eof

        @property
        def unused_data(self) -> bytes:
            return self._reader.unused_data

    parameters = SimpleNamespace(window_log_max="window")
    offer(
        compression_zstd=SimpleNamespace(ZstdDecompressor=Reader, DecompressionParameter=parameters)
    )
    body = gzip.compress(b"12345")
    assert unpack(body + body, b"zstd", 10) == b"1234512345"
    assert unpack(body + body + body, b"zstd", 10) is None
    assert unpack(body[:-1], b"zstd", 10) is None
    assert told == [{"window": 23}] * 6
