"""What the tests with real frameworks share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from asgi_support import memory_directory


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Path]:
    """The journal's directory, on memory when there is any."""
    with memory_directory(tmp_path) as directory:
        yield directory
