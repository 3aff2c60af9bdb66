"""`frontdesk check` as a person and a script meet it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest
import uvicorn

from frontdesk_sidecar import cli
from frontdesk_sidecar.check import judge_arrival, judge_common, judge_mapping, report
from frontdesk_sidecar.check.parser import STEPS
from frontdesk_sidecar.check.result import Result, Status, Where
from frontdesk_sidecar.check.steps import NAMES, with_needs
from frontdesk_sidecar.mapping import compile_mapping
from frontdesk_sidecar.metadata import Item, Metadata, Navigation, Property
from frontdesk_sidecar.plan import Plan, make_plan
from frontdesk_sidecar.sap.answer import Answer, Failure
from frontdesk_sidecar.sap.outcome import Kind, Outcome
from frontdesk_sidecar.simulator import SimulatorConfig
from server_support import wait_until

if TYPE_CHECKING:
    from tests.sidecar.check.conftest import Checking, Start

SECRET = "s3cr3t-Marked-Value-q9"
WHERE = Where("https://sap.example", "InboundCustomer", "Customers", "frontdesk")


def test_everything_in_order(shop: Checking) -> None:
    """A line for each step, in the order of the chain, and one to end with."""
    code, text = shop.text()
    lines = text.splitlines()
    steps = [line.split()[1] for line in lines[:-1] if not line.startswith(" ")]
    assert (code, tuple(steps)) == (0, NAMES)
    assert "ok  rights         refused for its content alone" in text
    assert "failed" not in lines[-1]
    assert " ok, " in lines[-1]
    assert "\x1b" not in text
    assert httpx.get(f"{shop.base}/_sim/customers").json() == []


def test_what_is_fine_is_told_in_full_when_asked(shop: Checking) -> None:
    """The mapping attribute by attribute."""
    _, text = shop.text(verbose=True)
    assert "      found  uid <- lower(trim(email)): Edm.String, key, ok\n" in text
    assert "      tried  GET /odata2webservices/InboundCustomer/$metadata\n" in text


def test_what_is_wrong_comes_with_what_to_do(shop: Checking) -> None:
    """And the end says where to begin."""
    shop.sap = {"client_id": "nobody"}
    code, text = shop.text()
    assert code == 1
    assert "\nx   token          HTTP 401, application/json [token.invalid_client]\n" in text
    assert "\n      means  The client is unknown" in text
    assert "\n      do     Backoffice > System > OAuth > OAuth Clients" in text
    assert "\n             ; nobody ; <new secret>\n" in text
    assert "\n-   object         not tried: token failed\n" in text
    assert text.splitlines()[-1].endswith("begin with token")


def test_the_test_customer_goes_there_and_back(shop: Checking) -> None:
    """Created, changed, read back, deleted; only when it is asked for."""
    _, results = shop.run()
    assert results["write-test"]["found"] == "only with --write-test"
    code, results = shop.run(write_test=True)
    assert (code, results["write-test"]["status"]) == (0, "ok")
    assert results["write-test"]["found"] == "created and changed, read back, deleted"
    assert httpx.get(f"{shop.base}/_sim/customers").json() == []
    commits = httpx.get(f"{shop.base}/_sim/commits").json()["commits"]
    assert {one["uid"].partition("-check-")[0] for one in commits} == {"frontdesk"}
    assert {one["uid"].partition("@")[2] for one in commits} == {"example.invalid"}


def test_only_some_steps(shop: Checking) -> None:
    """What they stand on is done silently, and told when it fails."""
    _, results = shop.run(only=("mapping", "clock"))
    assert tuple(results) == ("mapping", "clock")
    assert {one["status"] for one in results.values()} == {"ok"}
    shop.sap = {"client_id": "nobody"}
    code, results = shop.run(only=("mapping",))
    assert (code, tuple(results)) == (1, ("token", "mapping"))
    assert results["mapping"]["found"] == "not tried: token failed"


def test_the_steps_have_one_list_of_names() -> None:
    """The command line knows them without importing what takes them."""
    assert set(STEPS) == set(NAMES)
    assert with_needs(()) == set(NAMES)
    assert with_needs(("dns",)) == {"configuration", "dns"}
    assert {"token", "tls", "connect", "secret", "metadata"} <= with_needs(("rights",))


def test_settings_that_cannot_be_used(checking: Checking) -> None:
    """Every problem is listed, and nothing else is looked at."""
    checking.base = "ftp://Marked-Value.example"
    checking.sap = {"client_secret_file": str(checking.folder / "none"), "colour": "Marked-Value"}
    code, document = checking.document()
    first, *rest = document["results"]
    assert (code, document["exitCode"]) == (78, 78)
    assert first["found"] == "3 problems"
    assert [problem.partition(":")[0] for problem in first["details"]] == [
        "sap.colour",
        "sap.client_secret_file",
        "sap.base_url",
    ]
    assert any("sap.client_secret_file" in line for line in first["todo"])
    assert {one["status"] for one in rest} == {"skipped"}
    assert "Marked-Value" not in checking.printed


def test_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """The same exit code, by the command line."""
    assert cli.main(["check", "--config", "/nowhere/frontdesk.toml"]) == 78
    assert "/nowhere/frontdesk.toml" in capsys.readouterr().out


def test_as_a_process(shop: Checking) -> None:
    """One JSON document on standard output, nothing beside it."""
    command = [sys.executable, "-m", "frontdesk_sidecar", "check", "--json", "--only", "token"]
    ended = subprocess.run(
        [*command, "--config", str(shop.config())],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("\n") == 1
    assert '"step":"token","status":"ok"' in ended.stdout


def test_several_targets_are_each_walked(shop: Checking) -> None:
    """One may be broken while the other is fine."""
    shop.more = '[sap.target.b2b]\nsites = ["b2b"]\nintegration_object = "InboundShopper"\n'
    code, document = shop.document()
    objects = {
        one["target"]: one["status"] for one in document["results"] if one["step"] == "object"
    }
    assert (code, objects) == (1, {"b2b": "failed", "default": "ok"})
    _, text = shop.text()
    assert f"target b2b: {shop.base}/odata2webservices/InboundShopper/Customers" in text
    assert text.splitlines()[-1].endswith("begin with object of target b2b")


def test_nothing_secret_comes_out(start: Start) -> None:
    """Whatever SAP says, and however much is told: no secret, token or customer's value."""
    for mode in ("classic", "jdk21"):
        shop = start(SimulatorConfig(client_secret=SECRET, mode=mode))
        (shop.folder / "header").write_text("Marked-Value-header")
        shop.more = (
            f'[sap.headers]\n"X-Gateway-Key" = {{file = "{shop.folder / "header"}"}}\n'
            '"X-Other" = "Marked-Value-inline"\n'
        )
        seen = _tokens_of(shop)
        shop.text(verbose=True, write_test=True)
        printed = shop.printed
        message = f"no {SECRET} nor {seen[0]} nor Marked-Value-header for jane.doe@example.com"
        error = {"code": "forbidden", "message": message}
        shop.faults({"kind": "status", "on": "odata", "status": 403, **error})
        shop.text(verbose=True, write_test=True)
        printed += shop.printed
        shop.document(verbose=True, write_test=True)
        printed += shop.printed
        described = {"error": "invalid_client", "error_description": message}
        shop.faults({"kind": "status", "on": "token", "status": 401, "body": described})
        shop.text(verbose=True)
        printed += shop.printed
        for private in ("Marked-Value", "jane.doe", *seen):
            assert private not in printed


def _tokens_of(shop: Checking) -> list[str]:
    form = {"grant_type": "client_credentials", "client_id": "frontdesk", "client_secret": SECRET}
    answer = httpx.post(f"{shop.base}/authorizationserver/oauth/token", data=form)
    return [answer.json()["access_token"]]


def test_it_ends_in_time(shop: Checking) -> None:
    """Steps that nobody waits for any more are not taken."""
    shop.faults({"kind": "latency", "on": "odata", "seconds": 60})
    code, results = shop.run(total_s=1.5, step_s=20.0)
    assert (code, results["object"]["status"]) == (1, "failed")
    assert "not finished" in results["object"]["found"]
    assert results["arrival"]["found"] == "not tried: 2 s are over"
    assert results["metadata"]["found"] == "not tried: object failed"


def test_a_sidecar_that_runs_is_asked(shop: Checking) -> None:
    """What waits in it, what is paused, and what to do: as `frontdesk status` says."""
    document: dict[str, Any] = {"running": True, "gate": {"state": "hand"}, "customers": {}}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = orjson.dumps(document)
        await receive()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    socket_path = shop.folder / "store" / "frontdesk.db.sock"
    with _listening(app, socket_path):
        code, results = shop.run(only=("sidecar",))
        assert (code, results["sidecar"]["status"]) == (0, "warning")
        assert "paused by hand" in results["sidecar"]["found"]
        assert results["sidecar"]["todo"] == ["frontdesk resume"]
        document["gate"] = {"state": "setup", "code": "http.404"}
        code, results = shop.run(only=("sidecar",))
        assert (code, results["sidecar"]["status"]) == (1, "failed")


@contextlib.contextmanager
def _listening(app: Any, path: Path) -> Iterator[None]:
    config = uvicorn.Config(app, uds=str(path), log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, "it listens")
        yield
    finally:
        server.should_exit = True
        thread.join(20)


def test_what_a_sidecar_says() -> None:
    """Its first lines; nothing when none runs."""
    fine = judge_arrival.sidecar({}, ["fine: all sent", "", "customers 3"], "fine")
    assert (fine.status, fine.found, fine.details) == (Status.OK, "fine: all sent", ())
    assert judge_arrival.sidecar(None, (), "").status is Status.SKIPPED
    assert judge_arrival.sidecar_refused("another key").status is Status.WARNING


def test_the_monitoring_of_sap() -> None:
    """It is read where that is allowed; where not, it is told where to look."""

    kept = judge_arrival.arrival(WHERE, Answer(200, {}, b'{"d":{"results":[{"a":1}]}}'))
    empty = judge_arrival.arrival(WHERE, Answer(200, {}, b'{"d":{"results":[]}}'))
    refused = judge_arrival.arrival(WHERE, Answer(403))
    silent = judge_arrival.arrival(WHERE, Failure.TIMEOUT)
    assert [one.status for one in (kept, empty)] == [Status.OK] * 2
    assert "monitoring is off" in empty.found
    assert [one.status for one in (refused, silent)] == [Status.SKIPPED] * 2
    assert "Monitoring > Inbound" in refused.details[0]


def test_a_code_that_no_step_knows_has_the_words_of_the_table() -> None:
    """And one that nobody knows says so."""
    known = Outcome(Kind.TRANSIENT, "http.502", "HTTP 502, no body")
    result = judge_common.failure("object", WHERE, "tried", known, {})
    assert (result.found, bool(result.means)) == ("HTTP 502, no body [http.502]", True)
    result = judge_common.failure("object", WHERE, "tried", Outcome(Kind.SETUP, "new"), {})
    assert (result.found, result.todo) == ("no text [new]", ())


def test_attributes_of_every_kind() -> None:
    """References, required ones, those of one event, and what the default mapping leaves out."""
    item = Item(
        "Customer",
        {
            "uid": Property("uid", nullable=False, is_unique=True),
            "name": Property("name", nullable=False, is_localized=True, max_length=255),
        },
        {"title": Navigation("title", "Title"), "groups": Navigation("groups", "Group", many=True)},
    )
    title = Item("Title", {"code": Property("code", nullable=False, is_unique=True)}, {})
    metadata = Metadata(
        {"Customer": item, "Title": title, "Group": title}, {"Customers": "Customer"}
    )
    mapping = compile_mapping(
        {"uid": "lower(email)", "name": "name", "title": "title", "groups": "[{code: 'x'}]"},
        {"Signed Up": {"title": "{code: 'mr'}"}},
    )
    result = judge_mapping.mapping(
        WHERE, make_plan(mapping, metadata, "Customers"), is_default=False
    )
    assert result.status is Status.WARNING
    text = "\n".join(result.details)
    assert "name <- name: Edm.String, language-dependent, at most 255, required, ok" in text
    assert "title <- title: refers to Title, doubtful" in text
    assert "title <- {code: 'mr'} (on Signed Up): refers to Title" in text
    assert "groups <- [{code: 'x'}]: refers to many Group, ok" in text
    assert "note: groups must name a Title" in text
    default = judge_mapping.mapping(WHERE, make_plan(None, metadata, "Customers"), is_default=True)
    assert default.status is Status.OK
    assert "contactEmail: in the default mapping, left out" in "\n".join(default.details)
    unknown = judge_mapping.mapping(WHERE, Plan(mapping), is_default=False)
    assert unknown.status is Status.SKIPPED


def test_the_summary_and_the_exit_code() -> None:
    """78 is for the configuration alone."""
    failed = Result("dns", Status.FAILED, "", "no", target="b2b")
    assert report.summary([], 0.0) == ("nothing was checked in 0.0 s", "fine")
    assert report.summary([Result("a", Status.WARNING, "", "")], 1.0) == (
        "1 warning in 1.0 s",
        "attention",
    )
    assert report.summary([failed], 1.0)[0] == "1 failed in 1.0 s; begin with dns of target b2b"
    symptom = Result("sidecar", Status.FAILED, "", "paused")
    assert report.summary([symptom, failed], 1.0)[0].endswith("begin with dns of target b2b")
    assert report.summary([symptom], 1.0)[0].endswith("begin with sidecar")
    assert report.exit_code([failed]) == 1
    assert report.exit_code([Result("configuration", Status.FAILED, "", "")]) == 78
