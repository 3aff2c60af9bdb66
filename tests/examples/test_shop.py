"""The example storefront, on a real server with two worker processes."""

import json
import os
import re
import secrets
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from quick_start import Forked
from server_support import free_port

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery staple"
DEADLINE_S = 20.0


@dataclass(frozen=True)
class Shop:
    """A running storefront and what it leaves behind."""

    url: str
    home: Path

    @property
    def log(self) -> str:
        """Everything the server has printed."""
        return (self.home / "log").read_text()


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Ask until the condition holds."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited too long until {what}"
        time.sleep(0.02)


def answers(url: str) -> bool:
    """Tell whether the server at this address is up."""
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def start(home: Path, *, workers: int = 1) -> tuple[subprocess.Popen[bytes] | Forked, str]:
    """Start the storefront on a free port."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "shop.main:app", "--app-dir", f"{ROOT}/examples"]
    command += ["--port", str(port)]
    environment = {**os.environ, "SHOP_DATABASE": str(home / "shop.db"), "SHOP_SCRYPT_N": "16"}
    environment.pop("SHOP_SECRET", None)
    url = f"http://127.0.0.1:{port}"
    if workers == 1:
        return Forked(command, home / "log", environment), url
    with (home / "log").open("ab") as log:
        server = subprocess.Popen(
            [*command, "--workers", str(workers)],
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return server, url


def stop(server: subprocess.Popen[bytes] | Forked) -> None:
    """End the server, and its workers with it; it must not hang on what a test left open."""
    server.terminate()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        raise


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A storefront with two workers, which both are up."""
    home = tmp_path_factory.mktemp("shop")
    server, url = start(home, workers=2)
    running = Shop(url, home)
    try:
        wait_until(
            lambda: running.log.count("Application startup complete") == 2, "both workers start"
        )
        assert answers(url)
        yield running
    finally:
        stop(server)


@pytest.fixture
def browser(shop: Shop) -> Iterator[httpx.Client]:
    """A shopper's browser: keeps cookies, follows no redirect."""
    with httpx.Client(base_url=shop.url) as client:
        yield client


@pytest.fixture
def email() -> str:
    """An address that nobody has used yet."""
    return f"Jane.{secrets.token_hex(4)}@Example.com"


def form_token(browser: httpx.Client, path: str) -> str:
    """Return the token hidden in the form on a page."""
    found = re.search(r'name="form_token" value="([^"]+)"', browser.get(path).text)
    assert found, f"no form on {path}"
    return found[1]


def register(browser: httpx.Client, email: str, /, **changes: str) -> httpx.Response:
    """Send the registration form."""
    answers = {"first_name": "Jane", "last_name": "Doe", "email": email, "password": PASSWORD}
    token = {"form_token": form_token(browser, "/register")}
    return browser.post("/register", data=answers | token | changes)


def log_in(browser: httpx.Client, email: str, /, **changes: str) -> httpx.Response:
    """Send the login form."""
    answers = {"email": email, "password": PASSWORD}
    token = {"form_token": form_token(browser, "/login")}
    return browser.post("/login", data=answers | token | changes)


def log_out(browser: httpx.Client) -> httpx.Response:
    """Press the log-out button of the home page."""
    return browser.post("/logout", data={"form_token": form_token(browser, "/")})


def api_register(browser: httpx.Client, email: str, /, **changes: object) -> httpx.Response:
    """Register as a program does."""
    body = {"firstName": "Jane", "lastName": "Doe", "email": email, "password": PASSWORD}
    return browser.post("/api/register", json=body | changes)


def goes_to(response: httpx.Response, location: str) -> bool:
    """Tell whether the answer leads the browser to this place."""
    return (response.status_code, response.headers.get("location")) == (303, location)


# Pages


def test_home_shows_the_shelf(browser: httpx.Client) -> None:
    """The home page lists the products, and their pages exist."""
    page = browser.get("/")
    links = re.findall(r'href="(/product/[^"]+)"', page.text)
    assert len(links) == 8
    assert browser.get(links[0]).status_code == 200


def test_search_page_finds_by_word(browser: httpx.Client) -> None:
    """The search box narrows the shelf."""
    assert re.findall(r'href="/product/([^"]+)"', browser.get("/?q=stoneware").text) == ["slow-mug"]


def test_search_words_are_escaped(browser: httpx.Client) -> None:
    """What was searched for is shown as text, not as HTML."""
    assert "<script>alert" not in browser.get("/", params={"q": "<script>alert(1)"}).text


def test_unknown_product_is_a_page_not_found(browser: httpx.Client) -> None:
    """A product that does not exist gives a friendly 404."""
    page = browser.get("/product/nothing")
    assert page.status_code == 404
    assert "Back to the shop" in page.text


@pytest.mark.parametrize("path", ["/static/shop.css", "/static/stock.js", "/static/mark.svg"])
def test_static_files_are_served(browser: httpx.Client, path: str) -> None:
    """The pages' files are there."""
    assert browser.get(path).status_code == 200


def test_pages_load_nothing_from_elsewhere(browser: httpx.Client) -> None:
    """No page refers to another host."""
    found = re.findall(r'(?:src|href|action)="(?:https?:)?//', browser.get("/").text)
    assert found == []


# Registering by form


def test_registering_logs_in(browser: httpx.Client, email: str) -> None:
    """A new customer lands on the account page, which knows the name and address."""
    assert goes_to(register(browser, f"  {email} "), "/account")
    page = browser.get("/account")
    assert page.status_code == 200
    assert "Jane Doe" in page.text
    assert email in page.text
    assert page.headers["cache-control"] == "private, no-store"


def test_registering_twice_is_refused(browser: httpx.Client, email: str) -> None:
    """An address is taken however its letters are written."""
    register(browser, email)
    log_out(browser)
    again = register(browser, email.upper())
    assert again.status_code == 409
    assert 'role="alert"' in again.text
    assert browser.get("/account").status_code == 303


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "jane@"),
        ("email", "jane doe@example.com"),
        ("email", ""),
        ("password", "short"),
        ("first_name", "  "),
        ("last_name", "x" * 81),
        ("first_name", "Ja\nne"),
    ],
)
def test_wrong_answers_show_the_form_again(
    browser: httpx.Client, email: str, field: str, value: str
) -> None:
    """The form comes back with the reason at the field and without the password."""
    page = register(browser, email, **{field: value})
    assert page.status_code == 422
    assert f'href="#{field}"' in page.text
    assert page.text.count('aria-invalid="true"') == 1
    assert PASSWORD not in page.text


def test_answers_are_escaped(browser: httpx.Client, email: str) -> None:
    """A name is shown as text, not as HTML."""
    register(browser, email, first_name="<b>Jane</b>")
    assert "&lt;b&gt;Jane" in browser.get("/account").text


# Logging in and out by form


def test_login_and_logout(browser: httpx.Client, email: str) -> None:
    """A customer comes back, with the address in other letters, and leaves again."""
    register(browser, email)
    assert goes_to(log_out(browser), "/")
    assert goes_to(browser.get("/account"), "/login?next=/account")
    assert goes_to(log_in(browser, email.lower()), "/account")
    assert browser.get("/account").status_code == 200
    assert goes_to(log_out(browser), "/")
    assert browser.get("/account").status_code == 303


@pytest.mark.parametrize("changes", [{"password": "wrong"}, {"email": "nobody@example.com"}])
def test_failed_login_shows_the_form_again(
    browser: httpx.Client, email: str, changes: dict[str, str]
) -> None:
    """A wrong password and an unknown address get the same answer."""
    register(browser, email)
    log_out(browser)
    page = log_in(browser, email, **changes)
    assert page.status_code == 401
    assert 'role="alert"' in page.text
    assert "do not belong together" in page.text
    assert browser.get("/account").status_code == 303


def test_login_leads_to_the_page_wanted(browser: httpx.Client, email: str) -> None:
    """After login the shopper goes on to the page of this shop that was asked for."""
    register(browser, email)
    log_out(browser)
    assert 'value="/product/slow-mug"' in browser.get("/login?next=/product/slow-mug").text
    assert goes_to(log_in(browser, email, next="/product/slow-mug"), "/product/slow-mug")


@pytest.mark.parametrize(
    "target",
    [
        "https://elsewhere.example/",
        "//elsewhere.example/",
        "/\\elsewhere.example/",
        "/\t/elsewhere.example/",
        "javascript:alert(1)",
        "account",
        "/login",
        "/login?next=/",
        "",
    ],
)
def test_login_leads_nowhere_else(browser: httpx.Client, email: str, target: str) -> None:
    """Another site, or the form itself, is no place to go to after login."""
    register(browser, email)
    log_out(browser)
    assert goes_to(log_in(browser, email, next=target), "/account")


@pytest.mark.parametrize("path", ["/login", "/register"])
def test_members_need_no_door(browser: httpx.Client, email: str, path: str) -> None:
    """Who is logged in is sent on from the login and registration pages."""
    register(browser, email)
    assert goes_to(browser.get(path), "/account")


@pytest.mark.parametrize("token", ["", "made up", "ä"])
@pytest.mark.parametrize("path", ["/login", "/register", "/logout"])
def test_forms_of_other_sites_are_refused(
    browser: httpx.Client, email: str, path: str, token: str
) -> None:
    """A form without this session's token changes nothing."""
    register(browser, email)
    answers = {"first_name": "Jane", "last_name": "Doe", "email": f"x{email}", "password": PASSWORD}
    refused = browser.post(path, data=answers | {"form_token": token})
    assert refused.status_code == 403
    assert email in browser.get("/account").text


def test_login_starts_a_new_session(browser: httpx.Client, email: str) -> None:
    """The form token from before login is worth nothing after it."""
    token = form_token(browser, "/register")
    register(browser, email)
    assert browser.post("/logout", data={"form_token": token}).status_code == 403


def test_forged_session_is_nobody(shop: Shop, browser: httpx.Client, email: str) -> None:
    """A session cookie that the shop did not sign counts for nothing."""
    register(browser, email)
    value = browser.cookies["quillamoor"]
    forged = {"quillamoor": ("A" if value[0] != "A" else "B") + value[1:]}
    assert httpx.get(f"{shop.url}/account", cookies=forged).status_code == 303


# The JSON API


def test_api_registers_and_logs_in(browser: httpx.Client, email: str) -> None:
    """A program registers, logs in and is recognised by its token."""
    created = api_register(browser, f" {email}\t")
    assert created.status_code == 201
    user = created.json()["user"]
    assert user == {"id": user["id"], "email": email, "firstName": "Jane", "lastName": "Doe"}
    assert isinstance(user["id"], int)

    answer = browser.post("/api/login", json={"email": email.upper(), "password": PASSWORD})
    assert answer.status_code == 200
    assert answer.json()["user"] == user
    assert "set-cookie" not in answer.headers

    bearer = {"authorization": f"Bearer {answer.json()['token']}"}
    assert browser.get("/api/me", headers=bearer).json() == {"user": user}


def test_api_knows_the_session(browser: httpx.Client, email: str) -> None:
    """The session of the HTML forms counts for the API too."""
    register(browser, email)
    assert browser.get("/api/me").json()["user"]["email"] == email


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer made-up"}])
def test_api_does_not_know_strangers(browser: httpx.Client, headers: dict[str, str]) -> None:
    """Without a session or a valid token nobody is logged in."""
    answer = browser.get("/api/me", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["error"]


def test_api_refuses_a_taken_address(browser: httpx.Client, email: str) -> None:
    """The second registration of an address is a conflict."""
    api_register(browser, email)
    answer = api_register(browser, email.swapcase())
    assert answer.status_code == 409
    assert list(answer.json()) == ["error"]


def test_api_registers_an_address_once(shop: Shop, email: str) -> None:
    """Of many registrations at the same time, on both workers, one succeeds."""

    def attempt(_: int) -> int:
        with httpx.Client(base_url=shop.url) as browser:
            return api_register(browser, email).status_code

    with ThreadPoolExecutor(8) as pool:
        codes = sorted(pool.map(attempt, range(8)))
    assert codes == [201] + [409] * 7


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "jane"),
        ("email", 7),
        ("email", "\ud800@example.com"),
        ("password", "short"),
        ("password", None),
        ("firstName", ""),
        ("lastName", ["Doe"]),
    ],
)
def test_api_says_what_is_wrong(
    browser: httpx.Client, email: str, field: str, value: object
) -> None:
    """A registration that is not right names the field."""
    body = {"firstName": "Jane", "lastName": "Doe", "email": email, "password": PASSWORD}
    answer = browser.post("/api/register", content=json.dumps(body | {field: value}))
    assert answer.status_code == 422
    assert list(answer.json()["fields"]) == [field]


@pytest.mark.parametrize(
    "credentials",
    [
        {"password": "wrong"},
        {"email": "nobody@example.com"},
        {"email": "\ud800"},
        {"password": "\ud800"},
        {"password": 7},
        {"email": None},
    ],
)
def test_api_refuses_wrong_credentials(
    browser: httpx.Client, email: str, credentials: dict[str, object]
) -> None:
    """A login that is not right is 401, whatever is wrong with it."""
    api_register(browser, email)
    body = {"email": email, "password": PASSWORD} | credentials
    answer = browser.post("/api/login", content=json.dumps(body))
    assert answer.status_code == 401
    assert list(answer.json()) == ["error"]


@pytest.mark.parametrize("path", ["/api/register", "/api/login"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 9000])
def test_api_refuses_what_is_not_an_object(browser: httpx.Client, path: str, body: bytes) -> None:
    """A body that is no JSON object is a bad request."""
    answer = browser.post(path, content=body)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]


def test_api_refuses_large_bodies(browser: httpx.Client) -> None:
    """A body beyond the limit is not read to its end."""
    assert browser.post("/api/login", content=b" " * 20_000).status_code == 413


def test_api_lists_and_finds_products(browser: httpx.Client) -> None:
    """Programs get the catalogue and can search it."""
    products = browser.get("/api/products").json()["products"]
    assert len(products) == 8
    assert products[0].keys() == {
        "slug", "name", "description", "priceCents", "currency", "stock",
    }  # fmt: skip
    found = browser.get("/api/search", params={"q": " Fountain PEN "}).json()
    assert found["query"] == "Fountain PEN"
    assert "ferrule-pen" in {product["slug"] for product in found["products"]}


def test_api_errors_are_json(browser: httpx.Client) -> None:
    """A wrong path or method below /api/ is answered in JSON."""
    assert browser.get("/api/nothing").json()["error"]
    assert browser.get("/api/login").status_code == 405


# The stream, the workers, the files


def test_stock_stream_begins_at_once(browser: httpx.Client) -> None:
    """The first event tells the stock of everything."""
    with browser.stream("GET", "/stock/stream") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        first = next(line for line in stream.iter_lines() if line.startswith("data: "))
    levels = json.loads(first.removeprefix("data: "))
    assert len(levels) == 8
    assert all(1 <= level <= 12 for level in levels.values())


def test_every_worker_knows_the_session(shop: Shop, browser: httpx.Client, email: str) -> None:
    """A session holds on every new connection, whichever worker takes it."""
    register(browser, email)
    cookies = dict(browser.cookies)
    pages = [httpx.get(f"{shop.url}/account", cookies=cookies) for _ in range(8)]
    assert [page.status_code for page in pages] == [200] * 8


def test_files_are_private(shop: Shop) -> None:
    """The database and the secret can be read by their owner alone."""
    for name in ("shop.db", "shop.secret"):
        assert stat.S_IMODE((shop.home / name).stat().st_mode) == 0o600


def test_passwords_are_written_nowhere(shop: Shop, browser: httpx.Client, email: str) -> None:
    """No password is in the log or in the database's files."""
    register(browser, email)
    browser.post("/api/login", json={"email": email, "password": PASSWORD})
    assert "POST /api/login" in shop.log
    for file in shop.home.iterdir():
        assert PASSWORD.encode() not in file.read_bytes()


def test_customers_and_sessions_survive_a_restart(tmp_path: Path, email: str) -> None:
    """One worker, stopped and started again on the same files, knows its customers."""
    first, url = start(tmp_path)
    try:
        wait_until(lambda: answers(url), "the shop opens")
        with httpx.Client(base_url=url) as browser:
            register(browser, email)
            cookies = dict(browser.cookies)
    finally:
        stop(first)
    second, url = start(tmp_path)
    try:
        wait_until(lambda: answers(url), "the shop opens again")
        assert email in httpx.get(f"{url}/account", cookies=cookies).text
    finally:
        stop(second)
