"""docs/tutorial.md, run from its first command to its last, in a new folder with real processes."""

from __future__ import annotations

import contextlib
from pathlib import Path

from asgi_support import memory_directory
from docs_support import DOCS, blocks
from server_support import free_port
from terminal_support import Terminal

#: What the page names and a test must not share with others.
PORTS = ("8000", "8090", "8077")
JOURNAL = "/dev/shm/frontdesk-tutorial"  # noqa: S108 - as the page has it


def test_the_tutorial(tmp_path: Path) -> None:
    """Every file, every command, and what each shows."""
    own = {port: str(free_port()) for port in PORTS}
    port = own["8077"]
    done = 0
    with memory_directory(tmp_path) as memory:
        own[JOURNAL] = str(memory / "journal")
        with contextlib.closing(
            Terminal(
                tmp_path,
                own,
                quick=True,
                FRONTDESK_HTTP__PORT=port,
                FRONTDESK_CONFIG="frontdesk.toml",
            )
        ) as terminal:
            for block in blocks(DOCS / "tutorial.md"):
                if block.title or block.language == "console":
                    done += terminal.follow(block)
    assert done > 15
