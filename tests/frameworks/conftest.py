"""What the tests with real frameworks share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from asgi_support import memory_directory
from framework_support import shared_sap


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Path]:
    """The journal's directory, on memory when there is any."""
    with memory_directory(tmp_path) as directory:
        yield directory


@pytest.fixture(scope="session", autouse=True)
def no_sap_is_left() -> Iterator[None]:
    """Ends the simulator that tests share, if one was needed."""
    yield
    if shared_sap.cache_info().currsize:
        shared_sap().close()
