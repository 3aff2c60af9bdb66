"""Zero code: the app is named in the environment, and wrapped as it is imported."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

import served_shop
from asgi_support import JANE, emails
from frontdesk import CaptureMiddleware, ConfigurationError
from frontdesk.asgi import ASGIApp
from server_support import free_port, running, wait_until

NamedApp = Callable[[dict[str, str]], ASGIApp]


@pytest.fixture
def named_app(monkeypatch: pytest.MonkeyPatch, journal: Path) -> Iterator[NamedApp]:
    """Finds the app that an environment names."""
    monkeypatch.setenv("FRONTDESK_APP", "served_shop:bare")
    monkeypatch.setenv("FRONTDESK_JOURNAL", str(journal))
    wrap = importlib.import_module("frontdesk.wrap")
    assert isinstance(wrap.app, CaptureMiddleware)
    assert wrap.app.app is served_shop.bare
    yield wrap.named_app
    del sys.modules["frontdesk.wrap"]


def test_the_named_app(named_app: NamedApp) -> None:
    """`module:attribute`, and attributes of attributes, as servers take them."""
    assert named_app({"FRONTDESK_APP": "served_shop:app"}) is served_shop.app
    assert named_app({"FRONTDESK_APP": "served_shop:Shops.garden"}) is served_shop.bare


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        (None, "FRONTDESK_APP: expected module:attribute, such as shop.main:app"),
        ("", "FRONTDESK_APP: expected module:attribute, such as shop.main:app"),
        ("served_shop", "FRONTDESK_APP: expected module:attribute, such as shop.main:app"),
        (":app", "FRONTDESK_APP: expected module:attribute, such as shop.main:app"),
        ("served_shop:", "FRONTDESK_APP: expected module:attribute, such as shop.main:app"),
        ("no_such_shop:app", "FRONTDESK_APP: there is no module no_such_shop"),
        ("no_such_shop.main:app", "FRONTDESK_APP: there is no module no_such_shop.main"),
        ("served_shop.main:app", "FRONTDESK_APP: there is no module served_shop.main"),
        ("served_shop:nothing", "FRONTDESK_APP: served_shop has no nothing"),
        ("served_shop:app.nothing", "FRONTDESK_APP: served_shop has no app.nothing"),
    ],
    ids=range(10),
)
def test_wrong_names(named_app: NamedApp, name: str | None, problem: str) -> None:
    """The error says which part of the name is wrong."""
    with pytest.raises(ConfigurationError) as caught:
        named_app({} if name is None else {"FRONTDESK_APP": name})
    assert caught.value.problems == (problem,)


@pytest.mark.parametrize(
    ("module", "source", "error"),
    [
        ("wrapped_a", "raise ZeroDivisionError", ZeroDivisionError),
        ("wrapped_b", "import no_such_library", ModuleNotFoundError),
        ("wrapped_c", "raise AttributeError('the app has a mistake')", AttributeError),
        ("wrapped_d", "def", SyntaxError),
    ],
    ids=range(4),
)
def test_mistakes_of_the_app_are_the_app_s(
    named_app: NamedApp,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    source: str,
    error: type[Exception],
) -> None:
    """What goes wrong inside the app's module is not explained away."""
    (tmp_path / f"{module}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(error):
        named_app({"FRONTDESK_APP": f"{module}:app"})


def test_a_library_that_the_app_lacks(
    named_app: NamedApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing library is named, though the app's own name begins like the library's."""
    (tmp_path / "absentshop.py").write_text("import absent")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError) as caught:
        named_app({"FRONTDESK_APP": "absentshop:app"})
    assert caught.value.name == "absent"


def test_on_a_server(journal: Path, tmp_path: Path) -> None:
    """Without a line in the app: logins are noted, and its lifespan runs from start to end."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = ["uvicorn", "frontdesk.wrap:app", "--port", str(port)]
    environ = {
        "FRONTDESK_APP": "served_shop:bare",
        "FRONTDESK_JOURNAL": str(journal),
        "SHOP_MARKS": str(tmp_path),
    }
    with running(command, port, tmp_path / "log", **environ):
        wait_until((tmp_path / "startup").exists, "the app has started")
        assert httpx.get(f"{url}/about").json()["opened"] == "yes"
        typed = {"email": JANE, "password": "right"}
        assert httpx.post(f"{url}/login", json=typed).status_code == 200
        assert not (tmp_path / "shutdown").exists()
    assert (tmp_path / "shutdown").exists()
    assert emails(journal) == [JANE]


@pytest.mark.parametrize("name", ["no_such_shop:app", ""])
def test_a_server_that_cannot_start(tmp_path: Path, name: str) -> None:
    """The server ends and says what to change."""
    port = free_port()
    command = ["uvicorn", "frontdesk.wrap:app", "--port", str(port)]
    with (
        pytest.raises(AssertionError, match="ConfigurationError: FRONTDESK_APP: "),
        running(command, port, tmp_path / "log", FRONTDESK_APP=name),
    ):
        pass
