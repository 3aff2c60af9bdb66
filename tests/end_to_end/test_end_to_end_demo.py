"""`frontdesk demo`, kept open and then ended from outside."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path

import httpx
import pytest

from quick_start import Forked


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_an_end_from_outside_leaves_nothing_behind(tmp_path: Path, number: int) -> None:
    """A closed terminal or a time limit: every part ends with the demo, and its files go."""
    log = tmp_path / "log"
    demo = Forked([sys.executable, "-m", "frontdesk_sidecar", "demo"], log, os.environ)
    try:
        deadline = time.monotonic() + 60
        while "now you: " not in log.read_text():
            assert demo.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        addresses = re.findall(r"(http://127\.0\.0\.1:\d+)", log.read_text())
        children = Path(f"/proc/{demo.pid}/task/{demo.pid}/children").read_text().split()
        assert len(children) == 3
        demo.send_signal(number)
        assert demo.wait(30) == 0
    finally:
        demo.kill()
        demo.wait()
    assert not [pid for pid in children if os.path.exists(f"/proc/{pid}")]
    for address in set(addresses):
        with pytest.raises(httpx.ConnectError):
            httpx.get(address, trust_env=False)
