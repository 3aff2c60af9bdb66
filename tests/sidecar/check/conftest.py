"""A check that is run against a simulated SAP on a real port."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from frontdesk_sidecar.check.command import Options, run
from frontdesk_sidecar.simulator import SimulatorConfig
from frontdesk_sidecar.simulator.server import running

#: Marked, so that they are found wherever they come out.
SECRET = "s3cr3t-Marked-Value-q9"


@dataclass
class Checking:
    """One shop's settings, and what `frontdesk check` says to them."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    base: str = ""
    sap: dict[str, str] = field(default_factory=dict)
    more: str = ""
    printed: str = ""

    def config(self) -> Path:
        """The file as it is now."""
        secret = self.folder / "secret"
        if not secret.exists():
            secret.write_text(SECRET)
            secret.chmod(0o640)
        sap = {"base_url": self.base, "client_id": "frontdesk"}
        sap |= {"client_secret_file": str(secret)} | self.sap
        if "client_secret" in self.sap:
            del sap["client_secret_file"]
        lines = [f"{key} = {orjson.dumps(value).decode()}" for key, value in sap.items()]
        path = self.folder / "frontdesk.toml"
        path.write_text(
            "\n".join(
                (
                    "[capture]",
                    f'journal = "{self.folder / "journal"}"',
                    "[store]",
                    f'path = "{self.folder / "store" / "frontdesk.db"}"',
                    "[sap]",
                    *lines,
                    self.more,
                )
            )
        )
        return path

    def faults(self, *faults: dict[str, Any]) -> None:
        """Let these happen from now on."""
        httpx.post(f"{self.base}/_sim/faults", json=list(faults)).raise_for_status()

    def run(self, **options: Any) -> tuple[int, dict[str, dict[str, Any]]]:
        """The exit code, and what was said of each step."""
        code, document = self.document(**options)
        return code, {one["step"]: one for one in document["results"]}

    def document(self, **options: Any) -> tuple[int, dict[str, Any]]:
        """The same with the whole document of `--json`."""
        code = run(Options(config=str(self.config()), as_json=True, **options))
        captured = self.capsys.readouterr()
        self.printed = captured.out + captured.err
        document: dict[str, Any] = orjson.loads(captured.out)
        return code, document

    def text(self, **options: Any) -> tuple[int, str]:
        """The exit code, and what a person reads."""
        code = run(Options(config=str(self.config()), **options))
        captured = self.capsys.readouterr()
        self.printed = captured.out + captured.err
        return code, captured.out


Start = Callable[..., Checking]


@pytest.fixture
def checking(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Checking:
    """Settings without a SAP, the directories in order."""
    journal = tmp_path / "journal"
    journal.mkdir()
    journal.chmod(0o2770)
    (tmp_path / "store").mkdir(mode=0o700)
    return Checking(tmp_path, capsys)


@pytest.fixture
def start(checking: Checking) -> Iterator[Start]:
    """Start a simulated SAP, and have the settings name it."""
    stack = []

    def begin(config: SimulatorConfig | None = None) -> Checking:
        simulator = running(config or SimulatorConfig(client_secret=SECRET))
        checking.base = simulator.__enter__()
        stack.append(simulator)
        return checking

    yield begin
    for simulator in stack:
        simulator.__exit__(None, None, None)


@pytest.fixture
def shop(start: Start) -> Checking:
    """Everything in order."""
    return start()
