"""What the proxy's tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from asgi_support import memory_directory
from frontdesk import desk
from proxy_support import hang_up


@pytest.fixture(autouse=True)
def own_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test has desks, connections and an environment of its own."""
    made: dict[tuple[str, str | None, int], desk.Desk] = {}
    monkeypatch.setattr(desk, "_desks", made)
    monkeypatch.setattr(desk, "_default", None)
    for name in ("FRONTDESK_CONFIG", "FRONTDESK_JOURNAL"):
        monkeypatch.delenv(name, raising=False)
    yield
    hang_up()
    for one in made.values():
        one.journal.close()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Path]:
    """The journal's directory, on memory when there is any."""
    with memory_directory(tmp_path) as directory:
        yield directory
