"""What the tests with real frameworks share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app_django_shops import Shops
from asgi_support import memory_directory
from framework_support import close_shared_stack

_SHOPS = pytest.StashKey[Shops]()
_HERE = Path(__file__).parent


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Path]:
    """The journal's directory, on memory when there is any."""
    with memory_directory(tmp_path) as directory:
        yield directory


@pytest.fixture(scope="session")
def shops(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shops]:
    """Django's shops."""
    made = Shops(tmp_path_factory.mktemp("shops"))
    pytestconfig.stash[_SHOPS] = made
    yield made
    made.close()


@pytest.fixture(scope="session", autouse=True)
def no_sidecar_is_left() -> Iterator[None]:
    """Ends what a session that stopped early left running."""
    yield
    close_shared_stack()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """What is shared here ends after the last test here: other tests want the processor."""
    if nextitem is None or not nextitem.path.is_relative_to(_HERE):
        close_shared_stack()
        if _SHOPS in item.config.stash:
            item.config.stash[_SHOPS].close()
