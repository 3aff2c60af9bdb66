"""The end of a real sidecar: what the journal holds is taken in, and what is due delivered."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from frontdesk_sidecar.store import sqlite_sql as sql
from frontdesk_sidecar.store.sqlite import SQLiteStore
from frontdesk_sidecar.store.sqlite_file import SQLiteFile
from lifecycle_support import Town, town
from quick_start import Forked
from server_support import wait_until


@pytest.fixture(scope="module")
def built() -> Iterator[Town]:
    """A simulator for all tests."""
    with town() as here:
        yield here


@pytest.fixture
def here(built: Town) -> Iterator[Town]:
    """Nothing runs yet but the simulator."""
    built.renew()
    yield built
    built.renew()


def end(here: Town, *signals: signal.Signals) -> int:
    """The exit code after these signals; SIGTERM without any."""
    for number in signals or (signal.SIGTERM,):
        here.sidecar.signal(number)
    return here.sidecar.wait()


def left(here: Town) -> tuple[int, int]:
    """Customers and bytes of the journal that the log says are left."""
    found = re.search(r"left.*customers=(\d+) journal_bytes=(\d+)", here.log())
    assert found is not None, here.log()
    return int(found[1]), int(found[2])


def test_a_drain_delivers_what_is_due_and_ends(here: Town) -> None:
    """The journal's rest too; the progress is told, and nothing is left."""
    here.settle(forward="drain_s = 60\nbatch_size = 1\n")
    here.stack.start_sidecar()
    here.faults({"kind": "latency", "seconds": 0.05})
    names = [f"c{number}" for number in range(60)]
    here.log_in(*names[:40])
    wait_until(lambda: here.hits() > 0, "they are on their way")
    here.log_in(*names[40:])
    assert end(here) == 0
    assert here.customers().keys() == set(names)
    assert left(here) == (0, 0)
    assert re.search(r"draining.*customers=", here.log())


def test_while_it_drains_it_says_so_and_takes_nothing_in_by_http(
    here: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever posts is told to come again; it is not ready any more, and does not reload."""
    here.settle("[ingest]\nwrite_key = 'w'\n", forward="drain_s = 60\n")
    here.stack.start_sidecar()
    here.log_in("zed")
    here.wait_for("zed")
    here.faults({"kind": "latency", "seconds": 3600})  # it drains until SAP is another one
    here.log_in("ann")
    wait_until(lambda: here.hits() == 1, "she is on her way")
    here.sidecar.signal(signal.SIGTERM)
    wait_until(lambda: here.get("/readyz").status_code == 503, "it is not ready")
    assert here.get("/livez").status_code == 200
    status = here.status()
    assert 0 < status["draining"]["leftSeconds"] <= 60
    posted = httpx.post(
        f"{here.url}/v1/identify",
        json={"userId": "7", "traits": {"email": "late@example.com"}},
        auth=("w", ""),
        trust_env=False,
    )
    assert (posted.status_code, posted.json()["code"]) == (503, "stopping")
    assert posted.headers["retry-after"] == "1"
    assert here.told("reload") == 1
    assert here.told("status") == 0
    assert "stopping: 1 customer still to deliver, at most " in capsys.readouterr().out
    here.log_in("zoe")  # by the journal all is taken in to the end
    here.renew_sap()
    assert here.sidecar.wait() == 0
    assert here.customers().keys() == {"ann", "zoe"}
    assert left(here) == (0, 0)


def test_a_second_signal_ends_it_at_once_and_loses_nothing(here: Town) -> None:
    """What SAP does not have is in the store, of which the log says how much it is."""
    here.settle(forward="drain_s = 3600\n")
    here.stack.start_sidecar()
    here.log_in("zed")
    here.wait_for("zed")
    here.faults({"kind": "latency", "seconds": 30})
    here.log_in("ann", "bob")
    wait_until(lambda: here.hits() == 2, "they are on their way")
    here.sidecar.signal(signal.SIGTERM)
    here.wait_for_log("draining")
    assert end(here, signal.SIGINT) == 0
    assert left(here) == (2, 0)
    here.faults()
    here.stack.start_sidecar()
    here.wait_for("ann", "bob")


def test_a_drain_does_not_wait_for_what_cannot_come(here: Town) -> None:
    """Where the next try is after the end, who waits stays in the store."""
    here.settle(forward="drain_s = 30\n")
    here.stack.start_sidecar()
    here.log_in("zed")
    here.wait_for("zed")
    here.faults({"kind": "blocked"})
    here.log_in("ann")
    wait_until(lambda: here.status()["gate"]["state"] == "setup", "it is paused")
    assert end(here) == 0  # the next try is in a minute
    assert left(here) == (1, 0)
    assert "at once" not in here.log()


def test_without_a_drain_the_journal_is_read_to_its_end_all_the_same(here: Town) -> None:
    """What a web process wrote a moment before is in the store, which may outlive the journal."""
    here.stack.start_sidecar()
    assert here.told("pause") == 0
    for name in ("ann", "bob", "cyd"):
        here.log_in(name)
    assert end(here) == 0
    assert left(here) == (3, 0)
    store = here.stack.directory / "store" / "frontdesk.db"
    with SQLiteStore.open(store) as opened:
        assert opened.counts(0).pending == 3


def test_a_later_store_ends_it_for_good(here: Town) -> None:
    """Exit 78, which no service manager answers by another start; the words say what to do."""
    store = here.stack.directory / "store" / "frontdesk.db"
    later = [*sql.MIGRATIONS, ["CREATE TABLE later (x)"]]
    with closing(SQLiteFile.open(store, later)) as file, file.transaction():
        file.connection.execute(sql.REMEMBER, ("program", json.dumps({"version": "7.1.0"})))
    before = store.read_bytes()
    command = [sys.executable, "-m", "frontdesk_sidecar", "run", "--config", str(here.stack.config)]
    log = here.stack.directory / "refused.log"
    assert Forked(command, log, os.environ).wait(30) == 78
    said = log.read_text()
    assert f"store {store}: frontdesk 7.1.0 made it schema" in said
    assert "Traceback" not in said
    assert store.read_bytes() == before


def test_many_hang_ups_are_few_reloads(here: Town) -> None:
    """Whoever asks while one is under way is served by the next, once."""
    here.stack.start_sidecar()
    for _ in range(20):
        here.hang_up()
    wait_until(lambda: here.status()["reload"] is not None, "it has read its settings anew")
    here.log_in("ann")
    here.wait_for("ann")
    assert end(here) == 0
    assert 1 <= here.log().count("reloaded") < 20


def test_a_silence_is_kept_by_new_settings_and_a_new_target(here: Town) -> None:
    """Whatever is asked begins SAP's cool-down anew, `$metadata` too."""
    here.stack.start_sidecar()
    here.log_in("known")
    here.wait_for("known")
    here.faults({"kind": "status", "status": 429, "headers": {"Retry-After": "600"}})
    here.log_in("early")
    wait_until(lambda: here.status()["gate"]["state"] == "throttled", "SAP asks for silence")
    hits = here.hits()
    here.settle('[sap.target.late]\nsites = ["late"]\n')
    assert here.told("reload") == 0
    looked = here.status()["targets"]
    assert [one["gate"]["state"] for one in looked] == ["throttled", "throttled"]
    wait_until(lambda: here.hits() == hits, "nothing was asked")
