"""Real SDKs, unmodified, over HTTP, each in a process of its own."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from frontdesk_sidecar.customer import Customer
from frontdesk_sidecar.ingest.document import MAX_BATCH
from npm_support import installed

HERE = Path(__file__).parent
WRITE_KEY = "write-key-1"
ORIGIN = "http://shop.example"
NUMBER = 70


def run(command: Sequence[str | Path], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    environ = {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    return subprocess.run(
        command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=90, check=False
    )


def needs(package: str, name: str) -> pytest.MarkDecorator:
    """For tests of an SDK that not everybody has."""
    missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f"{name} is not installed")


segment_python = needs("segment", "segment-analytics-python")
rudder_python = needs("rudderstack", "rudder-sdk-python")


def run_python(name: str, *arguments: str) -> None:
    """Run one of the scripts beside this test."""
    done = run([sys.executable, "-W", "ignore", HERE / "sdks" / f"{name}.py", *arguments])
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def node(pytestconfig: pytest.Config) -> Path:
    """Where the SDKs for Node are installed, or the test is skipped."""
    return installed(pytestconfig, "segment-sdks", HERE / "node")


def check(customers: dict[str, Customer], name: str, event: str) -> None:
    """Everybody is there with everything, and nobody else."""
    assert set(customers) == {f"{name}-{n}@example.com" for n in range(NUMBER)}
    for n in range(NUMBER):
        customer = customers[f"{name}-{n}@example.com"]
        assert customer.user_id == f"{name}-{n}"
        assert customer.event == event
        assert customer.traits["logins"] == n


@segment_python
@pytest.mark.parametrize("more", [(), ("gzip",)])
def test_segment_for_python(house: Any, more: tuple[str, ...]) -> None:
    """`segment-analytics-python`: batches, Basic authentication, gzip."""
    with house.open() as url:
        run_python("segment_sdk", url, WRITE_KEY, str(NUMBER), *more)
    check(house.customers(), "python", "Logged In")
    assert house.tally.messages["page", "ignored"] == NUMBER
    assert house.tally.messages["track", "ignored"] == NUMBER
    assert not [key for key in house.tally.messages if key[1] == "refused"]


@segment_python
def test_a_wrong_key_is_told_to_the_app(house: Any) -> None:
    """With our text, in the SDK's own error."""
    with house.open() as url, pytest.raises(AssertionError, match="unauthorized: no such key"):
        run_python("segment_sdk", url, "wrong", "1")


def test_segment_for_node(house: Any, node: Path) -> None:
    """`@segment/analytics-node`."""
    with house.open() as url:
        done = run(["node", "server.cjs", url, WRITE_KEY, str(NUMBER)], node)
    assert done.returncode == 0, done.stderr
    check(house.customers(), "node", "Signed Up")


@pytest.mark.parametrize("strategy", ["single", "batching"])
def test_analytics_js_in_a_page(house: Any, node: Path, strategy: str) -> None:
    """`@segment/analytics-next`: settings, preflight, short paths, the key in the body."""
    with house.open() as url:
        done = run(["node", "browser.cjs", url, WRITE_KEY, ORIGIN, strategy], node)
    assert done.returncode == 0, done.stderr
    (customer,) = house.customers().values()
    assert (customer.key, customer.event) == ("browser-1@example.com", "Signed Up")
    assert customer.user_id == "browser-1"
    assert customer.traits["plan"] == "gold"
    assert house.tally.statuses[204] >= 1


def test_analytics_js_in_somebody_elses_page(house: Any, node: Path) -> None:
    """Gets nothing through."""
    with house.open() as url:
        done = run(["node", "browser.cjs", url, WRITE_KEY, "http://evil.example", "single"], node)
    assert done.returncode == 1
    assert "Cross origin" in done.stderr
    assert house.customers() == {}


@rudder_python
def test_rudderstack_for_python(house: Any) -> None:
    """`rudder-sdk-python`: traits in the context, always gzip."""
    with house.open() as url:
        run_python("rudder_sdk", url, WRITE_KEY, str(NUMBER))
    check(house.customers(), "rudder", "Logged In")


@segment_python
def test_the_largest_batch_of_the_python_sdk_fits() -> None:
    """It adds one more message to 475,000 bytes; commas and its frame come on top."""
    consumer = importlib.import_module("segment.analytics.consumer")
    largest: int = consumer.BATCH_SIZE_LIMIT - 1 + consumer.MAX_MSG_SIZE
    assert largest + 2 * 100 + 500 < MAX_BATCH
