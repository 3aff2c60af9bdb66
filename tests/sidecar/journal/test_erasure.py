"""Whether the journal still names a customer."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from frontdesk_sidecar.journal.erasure import segments_naming


def test_a_segment_that_names_the_customer_is_found(tmp_path: Path) -> None:
    """In any case and with letters that JSON escapes; other files and links are not looked at."""
    (tmp_path / "a.ndjson").write_bytes(b'{"email":"Ann@Example.COM"}\n')
    (tmp_path / "b.ndjson").write_bytes(b'{"email":"bob@example.com"}\n')
    (tmp_path / "c.ndjson").write_bytes('{"email":"M\u00dcLLER@example.com"}\n'.encode())
    (tmp_path / "d.txt").write_bytes(b"ann@example.com")
    os.symlink(tmp_path / "d.txt", tmp_path / "e.ndjson")
    assert segments_naming(tmp_path, "ann@example.com") == 1
    assert segments_naming(tmp_path, "m\u00fcller@example.com") == 1
    assert segments_naming(tmp_path, "zoe@example.com") == 0
    assert segments_naming(tmp_path / "missing", "ann@example.com") == 0


@pytest.mark.parametrize(
    ("line", "key"),
    [
        (rb'{"email":"jane\u0040shop.example"}', "jane@shop.example"),
        (rb'{"email":"\u004A\u0041ne@shop.example"}', "jane@shop.example"),
        (rb'{"email":"o\/brien@shop.example"}', "o/brien@shop.example"),
        (rb'{"email":"m\u00dcller@shop.example"}', "m\u00fcller@shop.example"),
        (rb'{"email":"\ud83d\ude00@shop.example"}', "\U0001f600@shop.example"),
        (rb'{"cut off":"\ud83d", "email":"jane\u0040shop.example', "jane@shop.example"),
        (b'{"broken":"\xff", "email":"jane@shop.example"}', "jane@shop.example"),
    ],
)
def test_an_address_that_another_writer_escaped_is_found(
    tmp_path: Path, line: bytes, key: str
) -> None:
    """JSON has many ways to write a letter; lines that are no JSON are looked at too."""
    (tmp_path / "a.ndjson").write_bytes(b"{}\n" + line + b"\n{}\n")
    assert segments_naming(tmp_path, key) == 1
    assert segments_naming(tmp_path, "zoe@shop.example") == 0


@pytest.mark.parametrize("before", [0, 262_130, 262_144, 262_150, 524_280])
@pytest.mark.parametrize("line", [b"jane@shop.example", rb"\u006aane\u0040shop.example"])
def test_an_address_anywhere_in_a_long_line_is_found(
    tmp_path: Path, before: int, line: bytes
) -> None:
    """Also where two readings meet."""
    (tmp_path / "a.ndjson").write_bytes(b"x" * before + line + b"y" * 300_000)
    assert segments_naming(tmp_path, "jane@shop.example") == 1
    assert segments_naming(tmp_path, "zoe@shop.example") == 0


def test_a_file_without_end_costs_nothing(tmp_path: Path) -> None:
    """Whoever writes to the journal may leave a terabyte of nothing, with a name at its end."""
    with (tmp_path / "a.ndjson").open("wb") as file:
        file.truncate(1 << 40)
        file.seek(0, os.SEEK_END)
        file.write(b'{"email":"jane@shop.example"}\n')
    tracemalloc.start()
    try:
        assert segments_naming(tmp_path, "jane@shop.example") == 1
        assert segments_naming(tmp_path, "zoe@shop.example") == 0
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20
