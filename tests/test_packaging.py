"""What is shipped: the wheel holds both packages and what they need, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the sources with the build back-end that is installed."""
    place = tmp_path_factory.mktemp("wheel")
    command = [*(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps")]
    command += ["--no-build-isolation", "--disable-pip-version-check", "-w", str(place), str(ROOT)]
    subprocess.run(command, check=True)
    [built] = place.glob("frontdesk-*.whl")
    return built


def test_the_wheel_holds_both_packages_and_no_more(wheel: Path) -> None:
    """Both packages with `py.typed`, the demo's storefront, the licence; no tests."""
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "frontdesk",
        "frontdesk_sidecar",
    }
    assert {"frontdesk/py.typed", "frontdesk_sidecar/py.typed"} <= set(names)
    assert "frontdesk_sidecar/examples/shop/main.py" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    parts = {part for name in names for part in name.split("/")}
    assert not [part for part in parts if part.startswith("test") or part == "conftest.py"]
    assert not [name for name in names if name.endswith((".db", ".secret"))]
    assert "frontdesk/presets/usual-routes.toml" in names


def test_the_web_side_needs_orjson_alone(wheel: Path) -> None:
    """Metadata without an extra names one requirement."""
    archive = zipfile.ZipFile(wheel)
    [name] = [name for name in archive.namelist() if name.endswith("/METADATA")]
    lines = archive.read(name).decode().splitlines()
    needed = [
        line for line in lines if line.startswith("Requires-Dist:") and "extra ==" not in line
    ]
    assert [line.split()[1].partition(">")[0] for line in needed] == ["orjson"]


def test_the_wheel_runs_without_the_sources(wheel: Path, tmp_path: Path) -> None:
    """`frontdesk demo --once` from the wheel's files alone: everybody who registered is in SAP."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); import frontdesk;"
        "assert frontdesk.__file__.startswith(sys.path[0]), frontdesk.__file__;"
        "from frontdesk_sidecar.cli import main; sys.exit(main(['demo', '--once']))"
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(
        command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "in SAP Commerce (simulated) are exactly the three who registered" in done.stdout
    for customer in ("jane.doe@example.com", "omar@example.org", "mei.lin@example.net"):
        assert customer in done.stdout
    assert "failed" not in done.stdout
    assert done.stderr == ""
