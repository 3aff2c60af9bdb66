"""Zero code for WSGI: the app is named in the environment, and wrapped as it is imported."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import wsgi_support
from asgi_support import JANE, emails
from frontdesk import ConfigurationError
from frontdesk.wsgi import CaptureMiddleware
from server_support import free_port, running
from wsgi_support import Gateway, environ_of

Load = Callable[[str], Any]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, journal: Path) -> Iterator[Load]:
    """Imports `frontdesk.wrap_wsgi` for an app of this name."""
    monkeypatch.setenv("FRONTDESK_JOURNAL", str(journal))

    def loaded(name: str) -> Any:
        monkeypatch.setenv("FRONTDESK_APP", name)
        sys.modules.pop("frontdesk.wrap_wsgi", None)
        return importlib.import_module("frontdesk.wrap_wsgi")

    yield loaded
    sys.modules.pop("frontdesk.wrap_wsgi", None)


@pytest.mark.parametrize("name", ["wsgi_support:shop", "wsgi_support:Shops.garden"])
def test_the_named_app(load: Load, name: str, journal: Path) -> None:
    """`module:attribute`, and attributes of attributes, as servers take them."""
    app = load(name).app
    assert isinstance(app, CaptureMiddleware)
    assert app.app is wsgi_support.shop
    content = b'{"email": "jane.doe@example.com", "password": "right"}'
    Gateway().call(app, environ_of(content=content))
    assert emails(journal) == [JANE]


@pytest.mark.parametrize("name", ["", "wsgi_support", "no_such_shop:app", "wsgi_support:nothing"])
def test_wrong_names(load: Load, name: str) -> None:
    """Without an app there is nothing to serve, and the error says so."""
    with pytest.raises(ConfigurationError, match="FRONTDESK_APP: "):
        load(name)


def test_wrong_settings_do_not_end_the_shop(
    load: Load, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """They are logged, and the app is served as it is."""
    monkeypatch.setenv("FRONTDESK_CAPTURE__JURNAL", "/x")
    app = load("wsgi_support:shop").app
    gateway = Gateway().call(app, environ_of("/about", "GET", b""))
    assert gateway.heads[0][0] == "200 OK"
    assert caplog.messages == ["configuration: capture.jurnal: is not a setting"]


SERVERS = {
    "gunicorn": ["gunicorn", "--no-control-socket", "--bind", "127.0.0.1:PORT"],
    "waitress": ["waitress", "--listen", "127.0.0.1:PORT"],
}


@pytest.mark.parametrize("name", SERVERS)
def test_on_a_server(journal: Path, tmp_path: Path, name: str) -> None:
    """Without a line in the app: logins are noted, and everything else is served."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [part.replace("PORT", str(port)) for part in SERVERS[name]]
    environ = {"FRONTDESK_APP": "wsgi_support:shop", "FRONTDESK_JOURNAL": str(journal)}
    with running([*command, "frontdesk.wrap_wsgi:app"], port, tmp_path / "log", **environ):
        assert httpx.get(f"{url}/about").status_code == 200
        typed = {"email": JANE, "password": "right"}
        assert httpx.post(f"{url}/login", json=typed).status_code == 200
        assert httpx.post(f"{url}/login", json=typed | {"password": "x"}).status_code == 401
    assert emails(journal) == [JANE]


@pytest.mark.parametrize("app", ["no_such_shop:app", ""])
def test_a_server_that_cannot_start(tmp_path: Path, app: str) -> None:
    """The server ends and says what to change."""
    port = free_port()
    command = ["waitress", "--listen", f"127.0.0.1:{port}", "frontdesk.wrap_wsgi:app"]
    with (
        pytest.raises(AssertionError, match="FRONTDESK_APP: "),
        running(command, port, tmp_path / "log", FRONTDESK_APP=app),
    ):
        pass
