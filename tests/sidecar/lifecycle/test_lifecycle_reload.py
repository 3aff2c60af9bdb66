"""New settings for a real sidecar that runs: all of them or none, and no attempt is lost."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from lifecycle_support import Town, town
from server_support import wait_until


@pytest.fixture(scope="module")
def running() -> Iterator[Town]:
    """One that runs for all tests: what a reload leaves behind, the next one meets."""
    with town() as here:
        here.stack.start_sidecar()
        yield here


@pytest.fixture
def here(running: Town) -> Town:
    """The same, with the usual settings in force."""
    running.faults()
    running.settle()
    assert running.told("reload") == 0
    return running


def test_a_signal_puts_new_settings_in_force(here: Town) -> None:
    """A mapping, a rate and a level; the log names what changed, and none of the values."""
    here.settle(
        "[sap.mapping]\nuid = \"email\"\nname = \"join('-', ['marked', firstName])\"\n",
        forward="resync_s = 77\n",
    )
    here.hang_up()
    here.wait_for_log("sap.mapping.uid, sap.mapping.name, forward.resync_s")
    here.log_in("mapped")
    here.wait_for("mapped")
    assert here.customers()["mapped"]["name"] == "marked-Mapped"
    status = here.status()["reload"]
    assert (status["applied"], status["problems"]) == (True, [])
    assert status["changed"] == ["sap.mapping.uid", "sap.mapping.name", "forward.resync_s"]
    assert "marked" not in here.log()


def test_wrong_settings_are_refused_whole(here: Town, capsys: pytest.CaptureFixture[str]) -> None:
    """Every problem is named, in the log, by the command and in the status; nothing changes."""
    here.settle(
        '[sap.mapping]\nuid = "email"\nname = "upper(firstName"\n',
        secret='client_secret_file = "/nowhere/marked"',
        forward="resync_s = -4141\n",
    )
    capsys.readouterr()
    assert here.told("reload") == 1
    said = capsys.readouterr().err
    problems = here.status()["reload"]["problems"]
    assert [one.partition(":")[0] for one in problems] == [
        *("sap.client_secret_file", "sap.mapping.name, column 16", "forward.resync_s")
    ]
    assert all(one in said for one in problems)
    [line] = [line for line in here.log().splitlines() if "reload_refused" in line][-1:]
    assert all(one in line for one in problems)
    assert "4141" not in said + here.log()
    assert b"frontdesk_reload_successful 0.0" in here.get("/metrics").content
    assert here.told("status") == 0
    assert "reload refused at 20" in capsys.readouterr().out
    here.log_in("meanwhile")
    here.wait_for("meanwhile")
    assert here.customers()["meanwhile"]["firstName"] == "Meanwhile"
    here.settle()
    assert here.told("reload") == 0
    assert b"frontdesk_reload_successful 1.0" in here.get("/metrics").content
    assert here.told("status") == 0
    assert "refused" not in capsys.readouterr().out


def test_what_a_process_has_opened_needs_another_start(
    here: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    """Then nothing else is taken over either: file and sidecar never differ unsaid."""
    here.settle(
        http="socket = '/nowhere/s'\n", journal="/nowhere/journal", forward="resync_s = 78\n"
    )
    here.hang_up()
    wait_until(lambda: not here.status()["reload"]["applied"], "it is refused")
    problems = here.status()["reload"]["problems"]
    assert [one.partition(":")[0] for one in problems] == ["http.socket", "capture.journal"]
    here.settle(forward="resync_s = 78\n")
    assert here.told("reload") == 0
    assert "changed: forward.resync_s" in capsys.readouterr().out


def test_a_file_that_is_none_is_refused(here: Town) -> None:
    """Half of one, as an editor leaves it, too."""
    here.stack.config.write_text('[sap]\nbase_url = "marked')
    here.hang_up()
    wait_until(lambda: not here.status()["reload"]["applied"], "it is refused")
    here.stack.config.unlink()
    here.hang_up()
    here.wait_for_log(f"{here.stack.config.name}: cannot be read: No such file or directory")


def test_an_attempt_under_way_is_finished_as_it_was_begun(here: Town) -> None:
    """Its customer is sent once; a newer login of the same one comes after it, by the new way."""
    here.faults({"kind": "latency", "seconds": 0.8, "times": 1, "match": "slow@example.com"})
    here.log_in("slow", firstName="Old", name="Old")
    wait_until(lambda: here.hits() == 1, "it is under way")
    here.settle('[sap.mapping]\nuid = "email"\nfirstName = "firstName"\nlastName = "\'new\'"\n')
    assert here.told("reload") == 0
    here.log_in("slow", firstName="New", name="New")
    here.log_in("other")
    here.wait_for("other")
    wait_until(
        lambda: here.customers().get("slow", {}).get("writes") == 2, "the newer one came too"
    )
    found = here.customers()["slow"]
    assert (found["firstName"], found["lastName"]) == ("New", "new")
    assert found["name"] == "Old"  # by the mapping with which the first was begun
    assert here.customers()["other"]["writes"] == 1


def test_other_credentials_are_tried_at_once(here: Town) -> None:
    """A secret that stood in the file itself was wrong: nobody waits for the next try."""
    here.settle(secret='client_secret = "marked-wrong"')
    assert here.told("reload") == 0
    here.log_in("patient")
    wait_until(lambda: here.status()["gate"]["state"] == "setup", "it is paused")
    here.settle()
    assert here.told("reload") == 0
    here.wait_for("patient")
    wait_until(lambda: here.status()["state"] == "fine", "all is well")
    assert "marked" not in here.log()


def test_a_target_that_goes_leaves_its_customers(here: Town) -> None:
    """As at a start without it: nobody sends them until the table is back, or a person says so."""
    elsewhere = '[sap.target.b2b]\nsites = ["b2b"]\n'
    here.settle(elsewhere)
    assert here.told("reload") == 0
    assert here.told("pause", "--target", "b2b") == 0
    here.log_in("business", site="b2b")
    wait_until(lambda: here.status()["customers"]["pending"] == 1, "it waits")
    here.settle()
    assert here.told("reload") == 0
    status = here.status()
    assert status["state"] == "fine"
    assert status["unknownTargets"] == {"b2b": {"customers": 1, "dead": 0}}
    shown = here.get("/metrics").text
    assert 'frontdesk_gate_shut{reason="hand",target="b2b"}' not in shown
    assert "frontdesk_degraded 0.0" in shown
    here.settle(elsewhere)
    assert here.told("reload") == 0
    assert here.status()["targets"][0]["gate"]["state"] == "hand"
    assert here.told("resume") == 0
    here.wait_for("business")
    here.settle()
    assert here.told("reload") == 0
    assert here.told("target", "drop", "b2b", "--yes") == 0
    assert "unknownTargets" not in here.status()


def test_a_pause_by_hand_stays(here: Town) -> None:
    """New settings are no reason to send."""
    assert here.told("pause") == 0
    assert here.told("reload") == 0
    here.log_in("waiting")
    wait_until(lambda: here.status()["customers"]["due"] == 1, "it waits")
    assert here.status()["gate"]["state"] == "hand"
    assert here.told("resume") == 0
    here.wait_for("waiting")


def test_keys_are_those_of_the_settings(here: Town) -> None:
    """For a connection that is open already, too; whoever looks has to show the new one."""
    with httpx.Client(base_url=here.url, trust_env=False) as client:
        assert client.get("/status").status_code == 200
        here.settle('[ingest]\nwrite_key = "marked-write"\n', http='key = "marked-first"\n')
        assert here.told("reload") == 0
        assert client.get("/status").status_code == 401
        body = {"userId": "7", "traits": {"email": "posted@example.com"}}
        posted = client.post("/v1/identify", json=body, auth=("marked-write", ""))
        assert posted.status_code == 200
        here.wait_for("posted")
        first = {"authorization": "Bearer marked-first"}
        with httpx.stream(
            "GET", f"{here.url}/dashboard/events", headers=first, trust_env=False
        ) as looking:
            assert looking.status_code == 200
            events = looking.iter_text()
            assert "hello" in next(events)
            here.settle(http='key = "marked-second"\n')
            assert here.told("reload") == 0
            for _ in events:
                pass  # until it ends
        assert client.get("/status", headers=first).status_code == 401
        second = {"authorization": "Bearer marked-second"}
        assert client.get("/status", headers=second).status_code == 200
        posted = client.post("/v1/identify", json=body, auth=("marked-write", ""))
        assert posted.status_code == 404
    assert "marked" not in here.log()


def test_without_a_sidecar_there_is_nothing_to_reload(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says so and fails."""
    with town() as nobody:
        assert nobody.told("reload") == 1
    assert "no sidecar runs here" in capsys.readouterr().err
