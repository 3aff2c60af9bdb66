"""The compose example: what both containers share, and that its configurations load."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from frontdesk.journal import LIMIT_BYTES
from frontdesk_sidecar import settings
from frontdesk_sidecar.app import GRACE_S

yaml: Any = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "examples" / "compose"
COMPOSE = yaml.safe_load((PLACE / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
REAL = yaml.safe_load((PLACE / "compose.sap.yaml").read_text())


def targets(service: str) -> dict[str, str]:
    """The named volumes of a service: where each is mounted."""
    volumes = SERVICES[service]["volumes"]
    return {one["source"]: one["target"] for one in volumes if isinstance(one, dict)}


@pytest.mark.parametrize("service", SERVICES)
def test_containers_may_do_next_to_nothing(service: str) -> None:
    """Not root, read-only, no capability, bounded memory."""
    one = SERVICES[service]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", one["user"])
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert "mem_limit" in one


def test_the_journal_is_shared_by_group() -> None:
    """One volume in memory, given to the sidecar's user and group, which the storefront joins."""
    uid, gid = SERVICES["frontdesk"]["user"].split(":")
    assert targets("frontdesk")["journal"] == targets("web")["journal"] == "/run/frontdesk/journal"
    assert SERVICES["web"]["environment"]["FRONTDESK_JOURNAL"] == "/run/frontdesk/journal"
    assert SERVICES["web"]["group_add"] == [gid]
    options = COMPOSE["volumes"]["journal"]["driver_opts"]
    assert options["type"] == "tmpfs"
    given = dict(one.partition("=")[::2] for one in options["o"].split(","))
    assert (given["uid"], given["gid"], given["mode"]) == (uid, gid, "2770")
    assert int(given["size"].removesuffix("m")) << 20 > LIMIT_BYTES
    # Else the first container would give the empty volume the mode of its image's directory.
    for service in ("frontdesk", "web"):
        [volume] = [
            one
            for one in SERVICES[service]["volumes"]
            if isinstance(one, dict) and one["source"] == "journal"
        ]
        assert volume["volume"] == {"nocopy": True}


def test_the_storefront_needs_no_healthy_sidecar() -> None:
    """It starts after the sidecar and is stopped before it, and shares no network with it."""
    assert SERVICES["web"]["depends_on"] == {"frontdesk": {"condition": "service_started"}}
    assert "network_mode" not in SERVICES["web"]
    assert float(SERVICES["frontdesk"]["stop_grace_period"].removesuffix("s")) > GRACE_S + 1


@pytest.mark.parametrize("name", ["frontdesk.toml", "frontdesk.sap.toml"])
def test_the_configuration_loads(name: str, tmp_path: Path) -> None:
    """With the environment that the file gives the container."""
    environment = dict(SERVICES["frontdesk"]["environment"])
    if name != "frontdesk.toml":
        environment |= REAL["services"]["frontdesk"]["environment"]
        environment["FRONTDESK_SAP__BASE_URL"] = "sap.example.com"
        for secret in REAL["secrets"]:
            (tmp_path / secret).write_text("s\n")
        for key, value in environment.items():
            environment[key] = value.replace("/run/secrets/", f"{tmp_path}/")
    loaded = settings.load(str(PLACE / name), environment)
    assert str(loaded.journal) == targets("frontdesk")["journal"]
    assert str(loaded.store.path.parent) == targets("frontdesk")["store"]


def test_compose_takes_it(tmp_path: Path) -> None:
    """`docker compose config`, of the plug-in or of the older program, which knows no `name`."""
    for name in ("compose.yaml", "compose.sap.yaml", "frontdesk.toml", "frontdesk.sap.toml"):
        shutil.copy2(PLACE / name, tmp_path)
    (tmp_path / "secrets").mkdir()
    for secret in REAL["secrets"]:
        (tmp_path / "secrets" / secret).write_text("s\n")
    plug_in = ["docker", "compose"]
    if (
        shutil.which("docker")
        and not subprocess.run([*plug_in, "version"], capture_output=True).returncode
    ):
        command = plug_in
    elif shutil.which("docker-compose"):
        command = ["docker-compose"]
        text = (tmp_path / "compose.yaml").read_text()
        (tmp_path / "compose.yaml").write_text(text.replace("name: frontdesk\n", ""))
    else:
        pytest.skip("neither docker compose nor docker-compose is installed")
    environment = {**os.environ, "SAP_HOST": "sap.example.com"}
    for files in (["compose.yaml"], ["compose.yaml", "compose.sap.yaml"]):
        named = [word for file in files for word in ("-f", file)]
        done = subprocess.run(
            [*command, *named, "config"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
