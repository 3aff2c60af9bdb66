"""The examples for ingresses: up to date and readable; with nginx, tried out, a dead proxy too."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
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
    [static] = documents("traefik/traefik.yaml")
    assert static["entryPoints"]["web"]["address"].endswith(":8080")
    kinds = [one["kind"] for one in documents("kubernetes/frontdesk.yaml")]
    assert kinds == ["Deployment", "Service", "PodDisruptionBudget"]
    assert {one["kind"] for one in documents("kubernetes/frontdesk-routes.yaml")} == {"Ingress"}
    assert json.loads((EDGE / PRINTED["azure-front-door"]).read_text())["rules"]


def test_kubernetes_would_take_them() -> None:
    """By its own schemas, and without a field that it does not know."""
    command = [program("kubernetes-validate"), "--strict", "--quiet"]
    files = [
        str(EDGE / "kubernetes" / f"{name}.yaml") for name in ("frontdesk", "frontdesk-routes")
    ]
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout


def test_systemd_would_take_them(tmp_path: Path) -> None:
    """Every section, key and value of the units."""
    units = [shutil.copy(one, tmp_path) for one in (EDGE / "systemd").iterdir()]
    command = [program("systemd-analyze"), "verify", "--recursive-errors=no"]
    done = subprocess.run([*command, *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# Ingresses, running


class Edge:
    """An ingress before a proxy before a shop, as the example has them.

    The example's files as they are; only addresses and directories are the test's.
    """

    def __init__(self, ingress: str, place: Path, shop: str, journal: Path) -> None:
        self.ingress = ingress
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

    def start_ingress(self) -> None:
        """Of the kind that is asked for."""
        command = getattr(self, f"_{self.ingress}")()
        self.start([program(self.ingress), *command], self._ports["8080"])

    def _nginx(self) -> list[str]:
        text = self._read("nginx/nginx.conf", {"127.0.0.1:3000": self._shop})
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        places = "".join(f"{kind}_temp_path {self._place}/{kind};\n" for kind in kinds)
        self._write("nginx.conf", text.replace("http {", f"http {{\n{places}", 1))
        shutil.copy(EDGE / PRINTED["nginx"], self._place)
        command = ["-p", str(self._place), "-e", "error.log", "-c", "nginx.conf"]
        return [*command, "-g", "daemon off;"]

    def _envoy(self) -> list[str]:
        form = "address: {}, port_value: {}"
        places = {"shop": ("3000", self._shop)}
        places |= {"frontdesk": ("8078", f"127.0.0.1:{self._ports['8078']}")}
        places |= {"0.0.0.0": ("8080", f"127.0.0.1:{self._ports['8080']}")}
        here = {form.format(n, p): form.format(*at.split(":")) for n, (p, at) in places.items()}
        self._write("envoy.yaml", self._read("envoy/envoy.yaml", here))
        return ["-c", "envoy.yaml", "--concurrency", "1", "--disable-hot-restart"]

    def _traefik(self) -> list[str]:
        dynamic = self._place / "dynamic"
        dynamic.mkdir()
        here = {'":8080"': f'"127.0.0.1:{self._ports["8080"]}"', "/etc/traefik/dynamic": dynamic}
        self._write("traefik.yaml", self._read("traefik/traefik.yaml", here))
        names = {"http://shop:3000": f"http://{self._shop}"}
        names["http://frontdesk:8078"] = f"http://127.0.0.1:{self._ports['8078']}"
        (dynamic / "services.yaml").write_text(self._read("traefik/services.yaml", names))
        shutil.copy(EDGE / PRINTED["traefik"], dynamic)
        return ["--configFile=traefik.yaml"]

    def _read(self, name: str, places: Mapping[str, object]) -> str:
        text = (EDGE / name).read_text()
        for example, here in places.items():
            assert example in text
            text = text.replace(example, str(here))
        for example, port in self._ports.items():
            text = text.replace(f"127.0.0.1:{example}", f"127.0.0.1:{port}")
        return text

    def _write(self, name: str, text: str) -> None:
        (self._place / name).write_text(text)

    def start_proxy(self) -> subprocess.Popen[bytes]:
        """With the example's file."""
        port = self._ports["8078"]
        where = ["--listen", f"127.0.0.1:{port}", "--upstream", f"http://{self._shop}"]
        command = [sys.executable, "-m", "frontdesk_sidecar", "proxy", *where]
        config, journal = {"FRONTDESK_CONFIG": str(CONFIG)}, str(self._journal)
        return self.start(command, port, **config, FRONTDESK_JOURNAL=journal)

    def stop(self) -> None:
        """All of it."""
        for process in self._started:
            process.terminate()
            process.wait(20)


def program(name: str) -> str:
    """A command of the machine, or of this environment: the extra `edge` has some."""
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.fixture
def ingress() -> str:
    """Which one; a test may say another."""
    return "nginx"


@pytest.fixture
def edge(ingress: str, tmp_path: Path, journal: Path) -> Iterator[tuple[Edge, list[Seen]]]:
    """The example, running; and what the shop saw."""
    program(ingress)
    seen: list[Seen] = []
    place = tmp_path / "edge"
    place.mkdir()
    with raw_upstream(answering(ANSWER, seen)) as shop:
        made = Edge(ingress, place, shop.url.removeprefix("http://"), journal)
        with contextlib.ExitStack() as stack:
            stack.callback(made.stop)
            made.start_ingress()
            yield made, seen


def passed(seen: Seen) -> bool:
    """Whether a request came through the proxy."""
    return any(b"frontdesk" in line for line in seen.all(b"via"))


def log_in(url: str, path: str = LOGIN) -> httpx.Response:
    """As a shopper does."""
    return httpx.post(f"{url}{path}", json={"email": JANE, "password": "x"})


@pytest.mark.parametrize("ingress", ["nginx", "envoy", "traefik"])
def test_only_logins_and_registrations_go_through_it(
    edge: tuple[Edge, list[Seen]], journal: Path
) -> None:
    """By method and path; the shop knows the shopper's address and host either way."""
    front, seen = edge
    front.start_proxy()
    until_used(front, seen)
    logins = len(seen)
    through = [LOGIN, f"{LOGIN}/", f"{LOGIN}?next=%2F", "/en/account/register"]
    for path in through:
        assert log_in(front.url, path).content == USER
    assert all(map(passed, seen[logins:]))
    for path in ("/", "/account", f"{LOGIN}/x", "/en/us/account/register"):
        log_in(front.url, path)
    httpx.get(f"{front.url}{LOGIN}")
    beside = seen[logins + len(through) :]
    assert len(beside) == 5
    assert not any(map(passed, beside))
    host = front.url.removeprefix("http://").encode()
    for request in seen[logins:]:
        assert request.all(b"host") == [host]
        assert request.all(b"x-forwarded-host") in ([host], [])
        assert request.all(b"x-forwarded-proto") == [b"http"]
    # Envoy tells an address of the machine's where the shopper is on the same one.
    shoppers = {one.all(b"x-forwarded-for")[0].partition(b",")[0] for one in seen[logins:]}
    assert len(shoppers) == 1
    assert len(emails(journal)) == sum(map(passed, seen))


def until_used(front: Edge, seen: list[Seen]) -> None:
    """Log in until one came through the proxy."""

    def is_used() -> bool:
        answer = log_in(front.url)
        return answer.content == USER and passed(seen[-1])

    wait_until(is_used, "the proxy is used")


def test_doubled_slashes_are_joined_by_nginx_alone(
    edge: tuple[Edge, list[Seen]], journal: Path
) -> None:
    """It joins them before it looks; frontdesk compares the path as it came, and notes nothing."""
    nginx, seen = edge
    nginx.start_proxy()
    assert log_in(nginx.url, "//account//login").content == USER
    assert [passed(one) for one in seen] == [True]
    assert emails(journal) == []


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


@pytest.mark.parametrize("ingress", ["envoy", "traefik"])
def test_a_dead_proxy_is_gone_round_once_it_is_noticed(
    edge: tuple[Edge, list[Seen]], journal: Path
) -> None:
    """What Envoy and Traefik go by is a health check; no login is sent twice meanwhile."""
    front, seen = edge
    proxy = front.start_proxy()
    until_used(front, seen)
    proxy.send_signal(signal.SIGKILL)
    proxy.wait(10)
    answers: list[int] = []

    def is_gone_round() -> bool:
        answers.append(log_in(front.url).status_code)
        return answers[-1] == 200

    before = len(seen)
    wait_until(is_gone_round, "it is gone round")
    for _ in range(20):
        assert log_in(front.url).content == USER
    assert len(seen) - before == 21
    assert not any(map(passed, seen[before:]))
    assert set(answers[:-1]) <= ({502, 503} if front.ingress == "traefik" else set())
    front.start_proxy()
    until_used(front, seen)
    assert len(emails(journal)) == sum(map(passed, seen))


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
