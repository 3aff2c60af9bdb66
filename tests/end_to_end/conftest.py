"""The whole way over real processes: a web server, the sidecar, the simulated SAP."""

from collections.abc import Iterator

import pytest

from frontdesk_sidecar.demo.stack import Stack
from quick_start import QuickStack


@pytest.fixture(autouse=True)
def _cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """The storefront's password hashing is not what is tested here."""
    monkeypatch.setenv("SHOP_SCRYPT_N", "2")


@pytest.fixture
def stack() -> Iterator[Stack]:
    """A stack of which nothing runs yet; whatever a test starts is ended."""
    stack = QuickStack()
    try:
        yield stack
    finally:
        stack.close()
