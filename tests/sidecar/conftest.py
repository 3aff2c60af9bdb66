"""What every test of the sidecar shares."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """The sidecar runs on asyncio."""
    return "asyncio"
