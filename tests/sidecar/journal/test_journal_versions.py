"""Lines of one version and the reader of another: recorded here, and today's in the first one."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

import first_reader
from asgi_support import (
    Server,
    all_lines,
    answering,
    as_json,
    chunk,
    memory_directory,
    said,
    scope_of,
    started,
)
from frontdesk import CaptureMiddleware, Rule
from frontdesk.event import Identify
from frontdesk_sidecar.journal.lines import Batch, read_lines

RECORDINGS = Path(__file__).parent / "recordings"
RULES = [Rule("Logged In", "POST /auth/login"), Rule("Signed Up", "POST /auth/register")]
JANE = {"firstName": "Jane", "lastName": "Doe", "email": "Jane.Doe@Example.com"}
ZOE = {
    "firstName": "Zoë",
    "lastName": "O'Neil   x",
    "phone": "+49 170 1234567",
    "email": "zoë@example.com",
}
JANET = JANE | {"firstName": "Janet", "email": "jane.doe@example.com"}
LOGIN, REGISTER = "/auth/login", "/auth/register"
#: What the recordings are of, and what today's middleware is asked.
REQUESTS: list[tuple[str, dict[str, object]]] = [
    (LOGIN, JANE | {"id": 7}),
    (LOGIN, {"email": "nobody@example.com"}),
    (REGISTER, {**ZOE}),
    (LOGIN, {"email": "nobody@example.com"}),
    (LOGIN, JANET | {"id": 7}),
]
WHO = [
    ("7", "Logged In", "POST /auth/login", JANE),
    ("zoë@example.com", "Signed Up", "POST /auth/register", ZOE),
    ("7", "Logged In", "POST /auth/login", JANET),
]


def read(file: Path) -> Batch:
    """What today's sidecar takes from a segment."""
    batch = Batch()
    fd = os.open(file, os.O_RDONLY)
    try:
        assert read_lines(fd, 0, 1 << 20, batch, lambda _: True) == file.stat().st_size
    finally:
        os.close(fd)
    return batch


@pytest.mark.parametrize("file", sorted(RECORDINGS.glob("*.lines")), ids=lambda file: file.stem)
def test_a_former_web_process_is_understood(file: Path) -> None:
    """Every login with all it says, every count, and nothing rejected."""
    batch = read(file)
    assert not batch.rejected
    found = [(one.user_id, one.event, one.route, one.traits) for one in batch.messages]
    assert found == WHO
    assert {one.site for one in batch.messages} == {"electronics"}
    assert batch.web == {"skipped.status": 2, "captured": 3}
    assert [one.key for one in batch.messages] == [
        "jane.doe@example.com",
        "zoë@example.com",
        "jane.doe@example.com",
    ]
    moments = [one.timestamp for one in batch.messages]
    assert moments == sorted(moments)
    assert all(one.tick is not None for one in batch.messages) == (file.stem == "clock")


def test_there_are_recordings() -> None:
    """Otherwise the test above would pass on nothing."""
    assert len(list(RECORDINGS.glob("*.lines"))) >= 3


@pytest.fixture
async def lines(tmp_path: Path) -> list[bytes]:
    """What today's middleware writes for the same requests."""
    with memory_directory(tmp_path) as journal:
        for path, user in REQUESTS:
            status = 401 if str(user["email"]).startswith("nobody") else 200
            answer = answering(started(status), chunk(as_json({"user": user})))
            app = CaptureMiddleware(answer, journal=journal, site="electronics", rules=RULES)
            await Server(said(as_json(user))).call(app, scope_of(path))
        return all_lines(journal)


async def test_the_first_reader_understands_today_s_logins(lines: list[bytes]) -> None:
    """Everything it knows of is where it was; what is new it passes over."""
    found = [first_reader.Identify.decode(line) for line in lines if b'"identify"' in line]
    assert [(one.user_id, one.event, one.route, one.traits) for one in found] == WHO
    for line, one in zip([line for line in lines if b'"identify"' in line], found, strict=True):
        today = Identify.decode(line)
        assert (one.message_id, one.timestamp) == (today.message_id, today.timestamp)
        assert one.site == today.site == "electronics"
        assert one.counts == today.counts


async def test_the_first_reader_mistakes_nothing_else_for_a_login(lines: list[bytes]) -> None:
    """Lines of counts are counted there, and passed over."""
    others = [line for line in lines if b'"identify"' not in line]
    assert others
    for line in others:
        with pytest.raises(first_reader.MalformedMessage, match=r"^type$"):
            first_reader.Identify.decode(line)


def test_a_later_format_is_read_as_far_as_it_is_known(tmp_path: Path) -> None:
    """Unknown fields anywhere say nothing; an unknown kind of line is counted and passed over."""
    moment = datetime(2026, 11, 20, 12, tzinfo=UTC)
    known = Identify("m", moment, "7", {"email": "jane@example.com"}, "Logged In", site="toys")
    document = orjson.loads(known.encode())
    document["later"] = {"any": ["thing"]}
    document["context"]["later"] = 1
    document["context"]["library"] = "renamed"
    segment = tmp_path / "segment"
    segment.write_bytes(
        b"".join(
            orjson.dumps(one) + b"\n"
            for one in (document, {"type": "alias", "userId": "7"}, {"type": "counts", "v": 2})
        )
    )
    batch = read(segment)
    assert batch.messages == [known]
    assert batch.rejected == {"malformed.type": 1, "malformed.counts": 1}
