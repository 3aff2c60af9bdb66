"""The systemd examples: verified by systemd's own tools, and in agreement with the settings."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from frontdesk_sidecar import settings
from frontdesk_sidecar.app import GRACE_S
from frontdesk_sidecar.cli import EX_CONFIG

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "examples" / "systemd"
UNITS = [one for one in sorted(PLACE.iterdir()) if one.suffix in (".service", ".socket", ".timer")]
#: What `systemd-analyze security` may say at most: 0 is nothing to attack, 10 everything.
EXPOSURE = {"frontdesk.service": 2.0, "frontdesk-metrics.service": 2.0}


def unit(name: str) -> configparser.ConfigParser:
    """A unit's sections; of a key that stands twice the last."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[method-assign, assignment] # configparser documents it so
    parser.read_string((PLACE / name).read_text().replace("\\\n", ""))
    return parser


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A directory with the units as they would be installed, and a storefront's for the drop-in."""
    directory = tmp_path / "system"
    shutil.copytree(PLACE, directory)
    (directory / "shop.service").write_text("[Service]\nExecStart=/bin/true\n")
    # The programs are not installed here; what stands behind them is not looked at.
    service = directory / "frontdesk.service"
    program = "/opt/frontdesk/bin/frontdesk"
    assert program in service.read_text()
    service.write_text(service.read_text().replace(program, sys.executable))
    return directory


def test_systemd_understands_the_units(installed: Path) -> None:
    """`systemd-analyze verify`, which warns of unknown keys and of units that do not exist."""
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not installed")
    units = [str(installed / one.name) for one in UNITS] + [str(installed / "shop.service")]
    done = subprocess.run(
        [tool, "verify", "--man=no", "--recursive-errors=yes", *units],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{installed}:/usr/lib/systemd/system"},
        capture_output=True,
        text=True,
        check=False,
    )
    named = {one.name for one in UNITS} | {"shop.service", str(installed)}
    ours = [
        line
        for line in done.stderr.splitlines()
        if any(name in line for name in named) and "curl" not in line  # not on every machine
    ]
    assert ours == []


@pytest.mark.parametrize("name", EXPOSURE)
def test_the_sandbox_is_tight(name: str, installed: Path) -> None:
    """`systemd-analyze security` counts what the unit leaves open."""
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run(
        [tool, "security", "--offline=true", "--no-pager", str(installed / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    if found is None:
        pytest.skip(f"this systemd-analyze does not look at files: {done.stderr.strip()}")
    assert float(found[1]) <= EXPOSURE[name]


def test_the_configuration_loads(tmp_path: Path) -> None:
    """And names directories that the units make, for the user that they name."""
    text = (PLACE / "frontdesk.toml").read_text()
    for secret in ("client_secret", "http_key"):
        (tmp_path / secret).write_text("s\n")
        assert f"z /etc/frontdesk/{secret}  " in (
            (PLACE / "frontdesk.tmpfiles.conf").read_text().replace("http_key    ", "http_key  ")
        )
        text = text.replace(f"/etc/frontdesk/{secret}", str(tmp_path / secret))
    config = tmp_path / "frontdesk.toml"
    config.write_text(text)
    loaded = settings.load(str(config), {})
    service = unit("frontdesk.service")["Service"]
    assert loaded.store.path.parent == Path("/var/lib") / service["StateDirectory"]
    assert service["StateDirectoryMode"] == service["RuntimeDirectoryMode"] == "0700"
    assert loaded.http.socket.parent == Path("/run") / service["RuntimeDirectory"]
    assert service["ReadWritePaths"] == f"-{loaded.journal}"
    assert loaded.http.host == "127.0.0.1"
    metrics = unit("frontdesk-metrics.service")["Service"]["ExecStart"]
    assert metrics.endswith(f" 127.0.0.1:{loaded.http.port}")
    health = unit("frontdesk-livez.service")["Service"]["ExecStart"]
    assert f"http://127.0.0.1:{loaded.http.port}/livez" in health


def test_the_service_ends_and_starts_as_the_sidecar_does() -> None:
    """Time to end in; no new start for what a new start does not mend."""
    service = unit("frontdesk.service")["Service"]
    assert float(service["TimeoutStopSec"]) > GRACE_S + 1
    assert str(EX_CONFIG) in service["RestartPreventExitStatus"].split()
    assert service["Restart"] == "always"
    run, reload = service["ExecStart"].split(), service["ExecReload"].split()
    assert (run[1], reload[1]) == ("run", "reload")
    assert run[:1] + run[2:] == reload[:1] + reload[2:]


def test_the_journal_outlives_the_service(tmp_path: Path) -> None:
    """systemd-tmpfiles makes it, with the group that the storefront's drop-in joins."""
    text = (PLACE / "frontdesk.tmpfiles.conf").read_text()
    assert re.search(r"^d /run/frontdesk/journal 2770 frontdesk frontdesk -$", text, re.MULTILINE)
    assert "u frontdesk " in (PLACE / "frontdesk.sysusers.conf").read_text()
    shop = unit("shop.service.d/frontdesk.conf")
    assert shop["Service"]["SupplementaryGroups"] == "frontdesk"
    assert "Requires" not in shop["Unit"]
    users, files = shutil.which("systemd-sysusers"), shutil.which("systemd-tmpfiles")
    if users is None or files is None or os.geteuid() != 0:
        pytest.skip("needs root, systemd-sysusers and systemd-tmpfiles")
    (tmp_path / "etc" / "frontdesk").mkdir(parents=True)
    (tmp_path / "etc" / "frontdesk" / "client_secret").write_text("s")
    for tool, more, name in (
        (users, (), "frontdesk.sysusers.conf"),
        (files, ("--create",), "frontdesk.tmpfiles.conf"),
    ):
        command = [tool, f"--root={tmp_path}", *more, str(PLACE / name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    [line] = [
        line
        for line in (tmp_path / "etc" / "passwd").read_text().splitlines()
        if line.startswith("frontdesk:")
    ]
    uid, gid = (int(text) for text in line.split(":")[2:4])
    journal = (tmp_path / "run" / "frontdesk" / "journal").stat()
    assert (journal.st_uid, journal.st_gid, journal.st_mode & 0o7777) == (uid, gid, 0o2770)
    secret = (tmp_path / "etc" / "frontdesk" / "client_secret").stat()
    assert (secret.st_uid, secret.st_gid, secret.st_mode & 0o7777) == (0, gid, 0o440)
