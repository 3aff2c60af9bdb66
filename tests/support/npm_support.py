"""Packages from npm for tests: installed once, in pytest's cache, by their lock file."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest


def installed(config: pytest.Config, name: str, place: Path) -> Path:
    """Where what `package-lock.json` of that place names is installed, with the files beside it.

    Without node, npm or a network the test is skipped.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None or config.cache is None:
        pytest.skip("node and npm are not installed")
    directory = Path(config.cache.mkdir(name))
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several processes of tests one installs
        wanted = (place / "package-lock.json").read_bytes()
        done = directory / "installed"
        for one in place.iterdir():
            shutil.copy(one, directory)
        if not done.exists() or done.read_bytes() != wanted:
            _install(npm, directory)
            done.write_bytes(wanted)
    return directory


def _install(npm: str, directory: Path) -> None:
    command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    environ = {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    try:
        run = subprocess.run(
            command, cwd=directory, env=environ, capture_output=True, text=True, timeout=90
        )
    except subprocess.TimeoutExpired:
        pytest.skip("npm does not get the packages: no network?")
    if run.returncode:
        pytest.skip(f"npm does not get the packages: {run.stderr[-200:]}")
