"""README.md: the session in which a configuration is made from what SAP says of itself."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

from docs_support import README, blocks
from server_support import free_port, running
from terminal_support import Terminal


def test_the_session(tmp_path: Path) -> None:
    """Against the service that it names; what it runs at last is shown by other tests."""
    [block] = [block for block in blocks(README) if block.language == "console"]
    text, run, rest = block.text.partition("$ frontdesk run ")
    assert (run, rest) == ("$ frontdesk run ", "--config frontdesk.toml\n")
    port = free_port()
    (tmp_path / "secret").write_text("secret\n")
    (tmp_path / "secret").chmod(0o600)
    own = {"https://backoffice.c123.example.com": f"http://127.0.0.1:{port}"}
    environ = {
        "FRONTDESK_JOURNAL": str(tmp_path / "journal"),
        "FRONTDESK_STORE__PATH": str(tmp_path / "store" / "frontdesk.db"),
    }
    command = ["frontdesk_sidecar", "simulate", "--port", str(port), "--object", "surprising"]
    terminal = Terminal(tmp_path, own, quick=True, **environ)
    with contextlib.closing(terminal), running(command, port, tmp_path / "sap.log"):
        assert terminal.follow(replace(block, text=text)) == 2
