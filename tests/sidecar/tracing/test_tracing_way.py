"""The whole way of a trace, in a real sidecar: journal, store, SAP, and a collector for OTLP."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from frontdesk.event import Identify
from frontdesk_sidecar.simulator import SimulatorConfig
from frontdesk_sidecar.simulator.server import running
from frontdesk_sidecar.tracing import Ending
from quick_start import Forked
from server_support import wait_until

trace_service = pytest.importorskip(
    "opentelemetry.proto.collector.trace.v1.trace_service_pb2",
    reason="the extra otel is not installed",
)
pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="as above")

ANN, CARL = f"{0xA:032x}", f"{0xC:032x}"
PARENT = "b7ad6b7169203331"
ENVIRON = {
    name: value for name, value in os.environ.items() if not name.startswith(("FRONTDESK", "OTEL"))
}
SPAN_KIND_CLIENT, STATUS_ERROR = 3, 2


@dataclass
class Collector:
    """What was exported, as bytes and parsed."""

    url: str = ""
    raw: list[bytes] = field(default_factory=list)
    spans: list[Any] = field(default_factory=list)
    services: set[str] = field(default_factory=set)

    def take(self, path: str, body: bytes) -> None:
        """One request of OTLP over HTTP, in protobuf."""
        assert path == "/v1/traces"
        request = trace_service.ExportTraceServiceRequest.FromString(body)
        self.raw.append(body)
        for resource in request.resource_spans:
            named = {one.key: one.value.string_value for one in resource.resource.attributes}
            self.services.add(named["service.name"])
            for scope in resource.scope_spans:
                self.spans += scope.spans

    def of(self, trace_id: str) -> list[Any]:
        """The spans of a trace in the order they began."""
        found = [one for one in self.spans if one.trace_id.hex() == trace_id]
        return sorted(found, key=lambda one: int(one.start_time_unix_nano))


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a free port."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.take(self.path, self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def sidecar(place: Path, sap: str, more: str = "") -> Iterator[Path]:
    """A sidecar until the block ends, and then its orderly end; gives its log."""
    config, log = place / "frontdesk.toml", place / "log"
    config.write_text(
        f'[capture]\njournal = "{place}/journal"\n'
        f'[sap]\nbase_url = "{sap}"\nclient_id = "frontdesk"\nclient_secret = "secret"\n'
        f'passport = true\n[store]\npath = "{place}/store/frontdesk.db"\n'
        f'[http]\nport = 0\n[log]\nlevel = "debug"\n'
        f"[forward]\nretry_base_s = 0.05\nrest_s = 0.05\n{more}"
    )
    command = [sys.executable, "-m", "frontdesk_sidecar", "run", "--config", str(config)]
    process = Forked(command, log, {**ENVIRON, "OTEL_BSP_SCHEDULE_DELAY": "50"})
    try:
        yield log
        process.terminate()
        assert process.wait(15) == 0
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def write(place: Path, **traces: str | None) -> None:
    """Logins by name, with their `traceparent`."""
    (place / "journal").mkdir(exist_ok=True)
    lines = [
        Identify(
            f"id-{name}",
            datetime.now(UTC),
            name,
            {"email": f"{name}@marked.example", "name": f"Marked {name}"},
            traceparent=trace,
        ).encode()
        for name, trace in traces.items()
    ]
    (place / "journal" / "00000000000000000001-1-x.ndjson").write_bytes(b"".join(lines))


def posts(sap: str) -> dict[str, list[dict[str, Any]]]:
    """The upserts that SAP got, by the customer's name, oldest first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in httpx.get(f"{sap}/_sim/requests", trust_env=False).json()["requests"]:
        if one["path"].endswith("/Customers"):
            found.setdefault(one["payload"]["uid"].partition("@")[0], []).append(one)
    return found


def attributes(span: Any) -> dict[str, Any]:
    """Those of a span."""
    return {one.key: one.value.string_value or int(one.value.int_value) for one in span.attributes}


def test_every_attempt_is_exported_and_sap_is_told_of_it(tmp_path: Path) -> None:
    """A span each, within the request's; nothing of a person in any of it."""
    with running(SimulatorConfig()) as sap, collecting() as collector:
        fault = {"kind": "status", "status": 502, "match": "ann@marked.example", "times": 1}
        httpx.post(f"{sap}/_sim/faults", json=[fault], trust_env=False).raise_for_status()
        write(tmp_path, ann=f"00-{ANN}-{PARENT}-01")
        with sidecar(tmp_path, sap, f'[telemetry]\notlp_endpoint = "{collector.url}"\n') as log:
            wait_until(lambda: len(posts(sap).get("ann", ())) == 2, "ann was sent twice")
            write_more = tmp_path / "journal" / "00000000000000000002-1-x.ndjson"
            other = tmp_path / "other"
            other.mkdir()
            write(other, bob=None, carl=f"00-{CARL}-{PARENT}-00")
            (other / "journal" / "00000000000000000001-1-x.ndjson").rename(write_more)
            wait_until(lambda: {"bob", "carl"} <= set(posts(sap)), "the others were sent")
            wait_until(lambda: len(collector.spans) == 3, "all was exported")
        sent = posts(sap)
        first, second = collector.of(ANN)
        assert [one.parent_span_id.hex() for one in (first, second)] == [PARENT, PARENT]
        for span, post in zip((first, second), sent["ann"], strict=True):
            assert post["traceparent"] == f"00-{ANN}-{span.span_id.hex()}-01"
            told = attributes(span)
            assert told["frontdesk.message_id"] == post["integrationMessageId"]
            assert told["http.response.status_code"] == post["status"]
            assert (told["frontdesk.target"], told["server.address"]) == ("default", "127.0.0.1")
            assert span.kind == SPAN_KIND_CLIENT
            assert 0 < span.end_time_unix_nano - span.start_time_unix_nano < 10e9
            assert post["sap-passport"]
        assert first.status.code == STATUS_ERROR
        assert attributes(first)["error.type"] == "http.502"
        assert attributes(second)["frontdesk.outcome"] == "delivered"
        # A request without a trace begins one; one that is not recorded is handed on.
        [own] = [one for one in collector.spans if one.trace_id.hex() != ANN]
        assert own.parent_span_id == b""
        of_bob = f"00-{own.trace_id.hex()}-{own.span_id.hex()}-0[13]"
        assert re.fullmatch(of_bob, sent["bob"][0]["traceparent"])
        assert re.fullmatch(f"00-{CARL}-[0-9a-f]{{16}}-00", sent["carl"][0]["traceparent"])
        assert PARENT not in sent["carl"][0]["traceparent"]
        assert collector.services == {"frontdesk"}
        for personal in (b"arked", b"ann", b"bob@", b"secret"):
            assert personal not in b"".join(collector.raw)
        assert "arked" not in log.read_text().replace("m•••.example", "")


def test_without_a_collector_the_trace_is_handed_on(tmp_path: Path) -> None:
    """Each attempt with a span id of its own; where there is no trace there is no header."""
    with running(SimulatorConfig()) as sap:
        write(tmp_path, ann=f"00-{ANN}-{PARENT}-01", bob=None)
        with sidecar(tmp_path, sap) as log:
            wait_until(lambda: {"ann", "bob"} <= set(posts(sap)), "both were sent")
        sent = posts(sap)
        assert re.fullmatch(f"00-{ANN}-[0-9a-f]{{16}}-01", sent["ann"][0]["traceparent"])
        assert PARENT not in sent["ann"][0]["traceparent"]
        assert sent["bob"][0]["traceparent"] is None
        for line in log.read_text().splitlines():
            assert json.loads(line)["event"]


def test_a_collector_that_is_not_there_is_in_nobodys_way(tmp_path: Path) -> None:
    """Customers arrive, and the end is not waited for."""
    with running(SimulatorConfig()) as sap:
        write(tmp_path, ann=f"00-{ANN}-{PARENT}-01")
        with sidecar(tmp_path, sap, '[telemetry]\notlp_endpoint = "http://127.0.0.1:9"\n') as log:
            wait_until(lambda: "ann" in posts(sap), "ann was sent")
            wait_until(lambda: "opentelemetry" in log.read_text(), "it was told")
        told = [json.loads(line) for line in log.read_text().splitlines()]
        [line] = [one for one in told if one["logger"].startswith("opentelemetry")]
        assert (line["event"], line["level"]) == ("library", line["level"])


def test_an_answer_without_end_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector, or what stands in front of it, must not fill the memory."""
    from frontdesk_sidecar.tracing.export import MOST_ANSWER_BYTES, Exporting

    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    sent, hung_up = [0], threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    sent[0] += self.wfile.write(b"x" * MOST_ANSWER_BYTES)
            except OSError:
                hung_up.set()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            exporting = Exporting(f"http://127.0.0.1:{server.server_port}", dict)
            exporting.begin(None, "default").end(Ending("delivered", "http.201", "id"))
            assert hung_up.wait(10.0)
            exporting.close()
        finally:
            server.shutdown()
            thread.join()
    assert sent[0] < 1000 * MOST_ANSWER_BYTES
