"""What the tests of the web side share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import BlockBuster

from asgi_support import memory_directory
from frontdesk import desk


@pytest.fixture(
    params=[("asyncio", {"use_uvloop": False}), ("asyncio", {"use_uvloop": True})],
    ids=["asyncio", "uvloop"],
)
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """Both event loops that web servers run."""
    return request.param


@pytest.fixture(autouse=True)
def nothing_blocks() -> Iterator[None]:
    """A blocking call of ours in an event loop is an error.

    The journal's own are permitted: on a memory-backed directory they are a few microseconds of
    kernel time and touch no disk, which is why the append happens in the caller's turn.
    """
    buster = BlockBuster("frontdesk")
    journal, disk = "frontdesk/journal.py", "frontdesk/disk.py"
    mounts = (disk, {"is_memory_backed"})  # /proc and one name, once in a process
    allowed = [
        ("os.write", journal, {"write"}),  # the append itself, one write(2) on tmpfs
        ("os.stat", journal, {"append", "_is_over"}),
        ("os.scandir", journal, {"_measure"}),
        ("os.path.abspath", journal, {"__init__"}),  # text, for what is absolute
        ("os.getcwd", journal, {"__init__"}),
        ("os.stat", *mounts),
        ("os.readlink", *mounts),
        ("io.TextIOWrapper.read", *mounts),
        ("io.BufferedReader.read", *mounts),
        ("os.path.abspath", *mounts),
    ]
    for name, file, functions in allowed:
        buster.functions[name].can_block_in(file, functions)
    buster.functions["os.path.abspath"].can_block_in("frontdesk/desk.py", {"desk_of"})
    for function in buster.functions.values():  # the tests look into the journal where they are
        function.can_block_in("support/asgi_support.py", {"read_lines", "on_send"})
    buster.activate()
    try:
        yield
    finally:
        buster.deactivate()


@pytest.fixture(autouse=True)
def own_desks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test has desks and an environment of its own."""
    made: dict[tuple[str, str | None, int], desk.Desk] = {}
    monkeypatch.setattr(desk, "_desks", made)
    monkeypatch.setattr(desk, "_default", None)
    for name in ("FRONTDESK_CONFIG", "FRONTDESK_JOURNAL", "FRONTDESK_APP"):
        monkeypatch.delenv(name, raising=False)
    yield
    for one in made.values():
        one.journal.close()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Path]:
    """The journal's directory, on memory when there is any."""
    with memory_directory(tmp_path) as directory:
        yield directory
