"""The examples for ingresses: up to date and readable; with nginx, tried out, a dead proxy too."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from asgi_support import JANE, emails
from frontdesk_sidecar import cli
from proxy_support import Seen, answering, raw_upstream
from server_support import free_port, is_listening, wait_until

yaml: Any = pytest.importorskip("yaml")
EDGE = Path(__file__).parents[3] / "examples" / "edge"
CONFIG = EDGE / "frontdesk.toml"
PRINTED = {
    "nginx": "nginx/frontdesk-routes.conf",
    "envoy": "envoy/frontdesk-routes.yaml",
    "traefik": "traefik/frontdesk-routes.yaml",
    "kubernetes": "kubernetes/frontdesk-routes.yaml",
    "azure-front-door": "azure-front-door/frontdesk-routes.json",
}
LOGIN = "/account/login"
USER = b'{"email":"jane.doe@example.com"}'
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(USER)
    + USER
)


@pytest.mark.parametrize("name", PRINTED)
def test_the_routes_are_those_that_are_printed(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the command that stands in the example."""
    assert cli.main(["proxy", "--config", str(CONFIG), "--only-auth-routes", name]) == 0
    assert (EDGE / PRINTED[name]).read_text() == capsys.readouterr().out


def documents(path: str) -> list[Any]:
    """Every document of a YAML file."""
    return list(yaml.safe_load_all((EDGE / path).read_text()))


def test_the_files_can_be_read() -> None:
    """As what they are; and what they name is there."""
    [envoy] = documents("envoy/envoy.yaml")
    [listener] = envoy["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    [host] = manager["route_config"]["virtual_hosts"]
    assert host["routes"][:-1] == documents("envoy/frontdesk-routes.yaml")[0]["routes"]
    clusters = {cluster["name"] for cluster in envoy["static_resources"]["clusters"]}
    assert {route["route"]["cluster"] for route in host["routes"]} == clusters
    services = set(documents("traefik/services.yaml")[0]["http"]["services"])
    routers = documents("traefik/frontdesk-routes.yaml")[0]["http"]["routers"]
    assert {router["service"] for router in routers.values()} <= services
    kinds = [one["kind"] for one in documents("kubernetes/frontdesk.yaml")]
    assert kinds == ["Deployment", "Service", "PodDisruptionBudget"]
    assert {one["kind"] for one in documents("kubernetes/frontdesk-routes.yaml")} == {"Ingress"}
    assert json.loads((EDGE / PRINTED["azure-front-door"]).read_text())["rules"]


# nginx


class Edge:
    """nginx before a proxy before a shop, as the example has them."""

    def __init__(self, place: Path, shop: str, journal: Path) -> None:
        self._place, self._shop, self._journal = place, shop, journal
        self._ports = {"8078": free_port(), "8080": free_port()}
        self._started: list[subprocess.Popen[bytes]] = []
        self.url = f"http://127.0.0.1:{self._ports['8080']}"

    def start(self, command: list[str], port: int, **environ: str) -> subprocess.Popen[bytes]:
        """Run a process until it listens."""
        with (self._place / "log").open("ab") as log:
            process = subprocess.Popen(
                command, env={**os.environ, **environ}, stdout=log, stderr=log, cwd=self._place
            )
        self._started.append(process)
        wait_until(lambda: is_listening(port) or process.poll() is not None, "it listens")
        assert process.poll() is None, (self._place / "log").read_text()
        return process

    def start_nginx(self) -> None:
        """With the example's file; only ports and directories are the test's."""
        text = (EDGE / "nginx/nginx.conf").read_text()
        text = text.replace("127.0.0.1:3000", self._shop.removeprefix("http://"))
        for example, port in self._ports.items():
            text = text.replace(f"127.0.0.1:{example}", f"127.0.0.1:{port}")
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        places = "".join(f"{kind}_temp_path {self._place}/{kind};\n" for kind in kinds)
        text = text.replace("http {", f"http {{\n{places}", 1)
        (self._place / "nginx.conf").write_text(text)
        shutil.copy(EDGE / PRINTED["nginx"], self._place)
        command = ["nginx", "-p", str(self._place), "-e", "error.log", "-c", "nginx.conf"]
        self.start([*command, "-g", "daemon off;"], self._ports["8080"])

    def start_proxy(self) -> subprocess.Popen[bytes]:
        """With the example's file."""
        port = self._ports["8078"]
        where = ["--listen", f"127.0.0.1:{port}", "--upstream", self._shop]
        command = [sys.executable, "-m", "frontdesk_sidecar", "proxy", *where]
        config, journal = {"FRONTDESK_CONFIG": str(CONFIG)}, str(self._journal)
        return self.start(command, port, **config, FRONTDESK_JOURNAL=journal)

    def stop(self) -> None:
        """All of it."""
        for process in self._started:
            process.terminate()
            process.wait(20)


@pytest.fixture
def edge(tmp_path: Path, journal: Path) -> Iterator[tuple[Edge, list[Seen]]]:
    """The example, running; and what the shop saw."""
    if shutil.which("nginx") is None:
        pytest.skip("nginx is not installed")
    seen: list[Seen] = []
    place = tmp_path / "edge"
    place.mkdir()
    with raw_upstream(answering(ANSWER, seen)) as shop:
        made = Edge(place, shop.url, journal)
        with contextlib.ExitStack() as stack:
            stack.callback(made.stop)
            made.start_nginx()
            yield made, seen


def passed(seen: Seen) -> bool:
    """Whether a request came through the proxy."""
    return any(b"frontdesk" in line for line in seen.all(b"via"))


def log_in(url: str, path: str = LOGIN) -> httpx.Response:
    """As a shopper does."""
    return httpx.post(f"{url}{path}", json={"email": JANE, "password": "x"})


def test_only_logins_and_registrations_go_through_it(
    edge: tuple[Edge, list[Seen]], journal: Path
) -> None:
    """By method and path; the shop knows the shopper's address and host either way."""
    nginx, seen = edge
    nginx.start_proxy()
    through = [LOGIN, f"{LOGIN}/", f"{LOGIN}?next=%2F", "/en/account/register", "//account//login"]
    for path in through:
        assert log_in(nginx.url, path).content == USER
    assert all(map(passed, seen))
    for path in ("/", "/account", f"{LOGIN}/x", "/en/us/account/register"):
        log_in(nginx.url, path)
    httpx.get(f"{nginx.url}{LOGIN}")
    beside = seen[len(through) :]
    assert len(beside) == 5
    assert not any(map(passed, beside))
    host = nginx.url.removeprefix("http://").encode()
    for request in seen:
        assert request.all(b"host") == request.all(b"x-forwarded-host") == [host]
        assert request.all(b"x-forwarded-for")[0].startswith(b"127.0.0.1")
        assert request.all(b"x-forwarded-proto") == [b"http"]
    # nginx joins doubled slashes before it looks; frontdesk compares the path as it came.
    assert len(emails(journal)) == len(through) - 1


def test_a_dead_proxy_is_gone_round(edge: tuple[Edge, list[Seen]], journal: Path) -> None:
    """Killed: every login still reaches the shop, once. Started again: it is used again."""
    nginx, seen = edge
    proxy = nginx.start_proxy()
    assert log_in(nginx.url).content == USER
    proxy.send_signal(signal.SIGKILL)
    proxy.wait(10)
    for _ in range(20):
        assert log_in(nginx.url).content == USER
    assert [passed(one) for one in seen] == [True] + [False] * 20
    nginx.start_proxy()

    def is_used() -> bool:
        assert log_in(nginx.url).content == USER
        return passed(seen[-1])

    wait_until(is_used, "nginx tries it again")
    assert emails(journal) == [JANE] * 2


def test_a_login_under_way_is_not_sent_twice(edge: tuple[Edge, list[Seen]]) -> None:
    """A proxy that hangs with a login in its hands and dies: the shop never sees that one."""
    nginx, seen = edge
    proxy = nginx.start_proxy()
    assert log_in(nginx.url).content == USER
    proxy.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{nginx.url}{LOGIN}", json={"email": JANE}, timeout=0.5)
    finally:
        proxy.send_signal(signal.SIGKILL)
        proxy.wait(10)
    assert log_in(nginx.url).content == USER
    assert [passed(one) for one in seen] == [True, False]


def test_a_proxy_that_was_never_there(edge: tuple[Edge, list[Seen]]) -> None:
    """Without a proxy from the start, logins go to the shop as well."""
    nginx, seen = edge
    assert log_in(nginx.url).content == USER
    assert [passed(one) for one in seen] == [False]
