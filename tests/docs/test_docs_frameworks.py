"""Each example of docs/frameworks.md, served, with somebody who logs in."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from app_django_shops import FRAMEWORKS, PASSWORD, Browser
from asgi_support import memory_directory, read_messages
from docs_support import DOCS, Block, blocks
from server_support import SUPPORT, free_port, running, serving
from wsgi_support import waitress_serving

PAGE = DOCS / "frameworks.md"
JANE = "jane.doe@example.com"


def examples() -> dict[str, list[Block]]:
    """The blocks of each section."""
    text = PAGE.read_text()
    heads = [
        (text.count("\n", 0, one.start()), one[1])
        for one in re.finditer(r"^## (.*)$", text, re.MULTILINE)
    ]
    found: dict[str, list[Block]] = {}
    for block in blocks(PAGE):
        section = [name for line, name in heads if line < block.line][-1]
        found.setdefault(section, []).append(block)
    return found


EXAMPLES = examples()


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the web process writes."""
    with memory_directory(tmp_path) as directory:
        monkeypatch.setenv("FRONTDESK_JOURNAL", str(directory))
        yield directory


def told(journal: Path) -> list[tuple[str, dict[str, Any]]]:
    """Events and traits."""
    return [(message.event, dict(message.traits)) for message in read_messages(journal)]


def test_every_section_is_tried() -> None:
    """None has an example that no test below runs."""
    assert EXAMPLES.keys() == {*SMALL, *DJANGO, *APPS}


SMALL = ("FastAPI", "Starlette", "Litestar", "Quart", "Flask")


@pytest.mark.parametrize("section", SMALL)
def test_an_app_of_its_own(section: str, journal: Path, tmp_path: Path) -> None:
    """A wrong password gives nothing, the right one Jane."""
    [block] = EXAMPLES[section]
    app = imported(block, tmp_path).app
    serve = waitress_serving if section == "Flask" else serving
    with serve(app) as url, httpx.Client(base_url=url, trust_env=False) as browser:
        typed = {"email": JANE, "password": "wrong"}
        assert browser.post("/login", json=typed).status_code == 401
        answer = browser.post("/login", json={**typed, "password": "right"})
        assert answer.status_code in (200, 201)
    assert told(journal) == [("Logged In", {"email": JANE, "firstName": "Jane"})]


def imported(block: Block, folder: Path) -> Any:
    """The example as a module."""
    path = folder / block.title
    path.write_text(block.text)
    name = f"documented_{block.line}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # FastAPI looks types up there
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Visit:
    """A shop of `tests/frameworks` that an example is added to, and what somebody types there."""

    #: its package
    package: str
    #: where one registers, and what one types
    sign_up: str
    form: dict[str, str]
    #: the names of address and password at `/accounts/login/`, and what goes with them
    names: tuple[str, str]
    more: dict[str, str] = field(default_factory=dict)

    def login(self, password: str) -> dict[str, str]:
        """What Jane types to come back."""
        return {**self.more, self.names[0]: JANE, self.names[1]: password}


_TWICE = {"password1": PASSWORD, "password2": PASSWORD}
DJANGO = {
    "Django": Visit(
        "django_shop",
        "/accounts/signup/",
        {"email": JANE, "first_name": "Jane", "last_name": "Doe", **_TWICE},
        ("username", "password"),
    ),
    "django-allauth": Visit(
        "allauth_shop",
        "/accounts/signup/",
        {"email": JANE, "first_name": "Jane", "last_name": "Doe", **_TWICE},
        ("login", "password"),
    ),
    "django-oscar": Visit(
        "oscar_shop",
        "/accounts/register/",
        {"email": JANE, "redirect_url": "", **_TWICE},
        ("login-username", "login-password"),
        {"login-redirect_url": "", "login_submit": "Log In"},
    ),
}
#: Makes the tables, then gives the application of the example, or the shop's own.
_SERVED = """
import django
from django.core.management import call_command
django.setup()
call_command("migrate", run_syncdb=True, verbosity=0)
from {module} import application
"""


@pytest.mark.parametrize(
    ("section", "title"),
    [(section, block.title) for section in DJANGO for block in EXAMPLES.get(section, ())],
)
def test_django(section: str, title: str, journal: Path, tmp_path: Path) -> None:
    """Jane registers, mistypes, and comes back: wrapped, or with the Django app."""
    visit = DJANGO[section]
    [block] = [block for block in EXAMPLES[section] if block.title == title]
    settings = block.text if title == "settings.py" else ""
    (tmp_path / "documented_settings.py").write_text(
        f"from {visit.package}.settings import *\n{settings}"
    )
    module = f"{visit.package}.asgi"
    if title != "settings.py":
        module = f"documented_{title.removesuffix('.py')}"
        (tmp_path / f"{module}.py").write_text(block.text)
    (tmp_path / "served.py").write_text(_SERVED.format(module=module))
    command = ["uvicorn", "--log-level", "warning", "--port", "PORT", "served:application"]
    if title == "wsgi.py":
        command = ["waitress", "--listen=127.0.0.1:PORT", "served:application"]
    environ = {"DJANGO_SETTINGS_MODULE": "documented_settings", "SHOP_USER": "email"}
    with served(command, tmp_path, **environ) as browser:
        _come_and_come_back(Browser(browser), visit)
    messages = sorted(read_messages(journal), key=lambda message: message.timestamp)
    assert [(one.event, one.key) for one in messages] == [("Signed Up", JANE), ("Logged In", JANE)]


def _come_and_come_back(browser: Browser, visit: Visit) -> None:
    assert browser.post(visit.sign_up, visit.form).status_code == 302
    logout = "/accounts/logout/"
    if visit.package == "oscar_shop":
        assert browser.get(logout).status_code == 302
    else:
        assert browser.post("/", {}, to=logout).status_code == 302
    assert browser.post("/accounts/login/", visit.login("wrong")).status_code == 200
    assert browser.post("/accounts/login/", visit.login(PASSWORD)).status_code == 302


@contextlib.contextmanager
def served(command: list[str], folder: Path, **environ: str) -> Iterator[httpx.Client]:
    """A server in a process of its own, and a browser."""
    port = free_port()
    paths = {"PYTHONPATH": os.pathsep.join(map(str, (folder, SUPPORT, FRAMEWORKS)))}
    shop = {"SHOP_DB": str(folder / "shop.db"), "SHOP_DIRECTORY": str(folder)}
    shop |= {
        "SHOP_MAILS": str(folder / "mails"),
        "SHOP_ISSUER": f"http://127.0.0.1:{port}/provider",
    }
    log = folder / "server.log"
    command = [part.replace("PORT", str(port)) for part in command]
    with running(command, port, log, **paths, **shop, **environ):
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, trust_env=False, timeout=20) as browser:
            yield browser
    assert "Traceback" not in log.read_text(), log.read_text()


#: Section -> the module of `tests/frameworks` whose app the example's `app` is.
APPS = {"fastapi-users": "app_fastapi_users", "Authlib": "app_oidc"}


@pytest.mark.parametrize("section", APPS)
def test_an_app_that_is_there(section: str, journal: Path, tmp_path: Path) -> None:
    """The lines of the example after the app's own."""
    [block] = EXAMPLES[section]
    text = f"from {APPS[section]} import app\n{block.text}"
    (tmp_path / "documented_app.py").write_text(text)
    command = ["uvicorn", "--log-level", "warning", "--port", "PORT", "documented_app:app"]
    with served(command, tmp_path) as browser:
        if section == "Authlib":
            _sign_on(browser)
        else:
            _register(browser)
    assert (
        told(journal)
        == {
            "fastapi-users": [("Signed Up", {"email": JANE}), ("Logged In", {"email": JANE})],
            "Authlib": [("Logged In", {"email": JANE, "firstName": "Jane", "lastName": "Doe"})],
        }[section]
    )


def _sign_on(browser: httpx.Client) -> None:
    """A refusal, then to the provider and back."""
    for who in ("nobody", "jane"):
        there = browser.get("/login").headers["location"]
        back = browser.get(there, headers={"x-who": who}).headers["location"]
        browser.get(back)


def _register(browser: httpx.Client) -> None:
    typed = {"email": JANE, "password": PASSWORD}
    assert browser.post("/auth/register", json=typed).status_code == 201
    typed = {"username": JANE, "password": "wrong"}
    assert browser.post("/auth/jwt/login", data=typed).status_code == 400
    typed = {"username": JANE, "password": PASSWORD}
    assert browser.post("/auth/jwt/login", data=typed).status_code == 200
