"""docs/simulator.md says what is the case; what it shows works."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from frontdesk_sidecar.simulator import SimulatorConfig, Switches, parse_config, running
from frontdesk_sidecar.simulator.fault_document import KINDS, parse_faults
from frontdesk_sidecar.simulator.system_file import SHIPPED

DOCS = Path(__file__).parents[3] / "docs" / "simulator.md"
TEXT = DOCS.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


def rows(heading: str) -> dict[str, list[str]]:
    """The first table below a heading, by what stands in its first column."""
    lines = TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0].splitlines()
    cells = [line.strip("|").split(" | ") for line in lines if line.startswith("| `")]
    return {name.strip("` "): [one.strip() for one in rest] for name, *rest in cells}


def test_switches() -> None:
    """Every switch is there with its default, and no other."""
    told = {name: json.loads(cells[0].strip("`")) for name, cells in rows("Switches").items()}
    assert told == Switches().to_json()


def test_faults() -> None:
    """Every kind is there with its fields."""
    told = {
        name: cells for name, cells in rows("Faults").items() if name.partition("`")[0] in KINDS
    }
    found = {}
    for names, cells in told.items():
        for name in re.split(r"`, `", names):
            found[name] = set(re.findall(r"`(\w+)`", cells[0]))
    assert found == {kind: set(fields) for kind, fields in KINDS.items()}


def test_objects() -> None:
    """Those that come with it."""
    assert [name for name in SHIPPED if f"| `{name}` |" not in TEXT] == []


def test_json() -> None:
    """The definition is one, and the faults are some."""
    definition, faults = map(json.loads, blocks("json"))
    found = parse_config(definition, SimulatorConfig())
    assert found.definition.aliases["Address"] == "Address_publicKey|Customer_uid"
    assert len(parse_faults(faults)) == 4


def test_fixture(tmp_path: Path) -> None:
    """The examples for pytest pass as they stand."""
    plugin, tests, override = blocks("python")
    (tmp_path / "conftest.py").write_text(plugin + override)
    (tmp_path / "test_docs.py").write_text(tests)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    # Plugins of ours that a user need not have only take time.
    environ = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ended = subprocess.run(
        command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stdout
    assert "2 passed" in ended.stdout


def test_commands() -> None:
    """The commands for a running simulator, in their order in one shell, do what they say."""
    if not (shutil.which("curl") and shutil.which("sh")):
        pytest.skip("there is no curl")
    commands = [block for block in blocks("sh") if "curl" in block]
    assert len(commands) == len(blocks("sh")) - 1
    with running() as url:
        script = "set -e\n" + "\necho; echo ----\n".join(commands)
        script = script.replace("http://127.0.0.1:8090", url)
        ended = subprocess.run(
            ["sh", "-c", script], capture_output=True, text=True, timeout=30, check=False
        )
    assert (ended.returncode, ended.stderr) == (0, "")
    tried, faults, switches, control = ended.stdout.split("----\n")
    assert tried.count("jane@example.com") >= 2
    assert '"integrationKey":"jane%40example.com"' in tried
    assert json.loads(faults)[0]["remaining"] == 2
    assert json.loads(switches)["retryAfter"] == 30
    assert '"kept":["tokens"]' in control
