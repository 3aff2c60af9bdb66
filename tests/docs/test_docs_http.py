"""docs/openapi.yaml is what the sidecar serves, and docs/http-api.md is made of it."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeGuard

import httpx
import pytest
import yaml
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from starlette.routing import Mount, Route

from docs_support import DOCS, assert_generated, blocks
from frontdesk_sidecar.admin import http as admin
from frontdesk_sidecar.admin.operations import OPERATIONS
from frontdesk_sidecar.admin.people import PEOPLE
from frontdesk_sidecar.admin.strays import STRAYS
from frontdesk_sidecar.dashboard.files import HEADERS
from frontdesk_sidecar.demo.stack import Stack
from frontdesk_sidecar.endpoints import create_app
from frontdesk_sidecar.ingest import routes
from quick_start import QuickStack
from server_support import wait_until

PAGE = DOCS / "http-api.md"
DOCUMENT: dict[str, Any] = yaml.safe_load((DOCS / "openapi.yaml").read_text())
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
KEY = "docs-http-key"
WRITE_KEY = "docs-write-key"
POISON = "poison@example.com"


def resolved(one: Any) -> Any:
    """A part of the document, or what it refers to."""
    while "$ref" in one:
        found: Any = DOCUMENT
        for name in one["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        one = found
    return one


def documented() -> set[tuple[str, str]]:
    """Method and path of each operation."""
    return {
        (method, path)
        for path, item in DOCUMENT["paths"].items()
        for method in METHODS
        if method in resolved(item)
    }


def test_the_document_is_one() -> None:
    """Of OpenAPI 3.1."""
    validate(DOCUMENT)
    assert DOCUMENT["openapi"].startswith("3.1")


def test_its_operations_are_those_that_are_served() -> None:
    """Each route of the code is in the document, and the reverse."""
    assert documented() == {*_served(), *_administration(), *_door()}


def _served() -> Iterator[tuple[str, str]]:
    async def nothing(*_: object) -> None:
        raise AssertionError

    given: Any = object()
    app = create_app(ready=nothing, metrics=nothing, controls=given, dashboard=given, door=given)
    for route in app.routes:
        if isinstance(route, Mount):
            assert route.path == "/v1"
        elif isinstance(route, Route) and route.path != "/admin/{operation}":
            for method in route.methods or ():
                if method != "HEAD":  # comes with each GET
                    yield method.lower(), route.path
        else:
            assert isinstance(route, Route)
            assert route.methods == {"POST"}


def _administration() -> Iterator[tuple[str, str]]:
    """The tables of operations, and what the module compares a name with."""
    assert admin.__file__ is not None
    names = {*OPERATIONS, *PEOPLE, *STRAYS}
    for node in ast.walk(ast.parse(Path(admin.__file__).read_text())):
        if isinstance(node, ast.Compare) and getattr(node.left, "id", "") == "operation":
            for right in node.comparators:
                told = ast.literal_eval(right)
                names |= {told} if isinstance(told, str) else set(told)
    for name in names:
        yield "post", f"/admin/{name}"


def _is_table(one: object) -> TypeGuard[Mapping[str, object]]:
    """Whether it is operations by their names."""
    return isinstance(one, Mapping) and bool(one) and all(callable(value) for value in one.values())


def _door() -> Iterator[tuple[str, str]]:
    for name in routes._ROUTES:
        yield "post", f"/v1/{name}"
    yield "get", "/v1/projects/{writeKey}/settings"


@pytest.fixture(scope="module")
def sidecar() -> Iterator[Stack]:
    """A running one with keys, whose SAP refuses one customer."""
    settings = f'reject_tries = 1\n[ingest]\nwrite_key = "{WRITE_KEY}"\n'
    stack = QuickStack(settings=settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRONTDESK_HTTP__KEY", KEY)
        try:
            stack.start_sap()
            fault = {"kind": "status", "status": 400, "code": "invalid_attribute_value"}
            httpx.post(f"{stack.sap_url}/_sim/faults", json=[{**fault, "match": POISON}])
            stack.start_sidecar()
            yield stack
        finally:
            stack.close()


def client(stack: Stack) -> httpx.Client:
    """Somebody with the key."""
    headers = {"authorization": f"Bearer {KEY}"}
    return httpx.Client(base_url=stack.sidecar_url, headers=headers, trust_env=False)


#: What is asked, in this order: method, path, body or none, status.
ASKED: tuple[tuple[str, str, Any, int], ...] = (
    ("get", "/livez", None, 200),
    ("get", "/readyz", None, 200),
    ("get", "/metrics", None, 200),
    ("get", "/", None, 200),
    ("get", "/dashboard/nothing.js", None, 404),
    ("post", "/v1/identify", {"userId": "1", "traits": {"email": POISON}}, 200),
    ("post", "/v1/identify", {"userId": "1", "traits": {"email": "jane@localhost"}}, 200),
    ("post", "/v1/track", {"event": 1}, 400),
    ("post", "/v1/batch", {"batch": [{"type": "page"}, {"type": "hello"}]}, 400),
    ("post", "/v1/import", "{}\n", 200),
    ("get", f"/v1/projects/{WRITE_KEY}/settings", None, 200),
    ("get", "/v1/projects/another/settings", None, 404),
    ("post", "/admin/pause", {}, 200),
    ("get", "/status", None, 200),
    ("post", "/admin/resume", {}, 200),
    ("post", "/admin/status", {}, 200),
    ("post", "/admin/reload", {}, 200),
    ("get", "/status", None, 200),
    ("post", "/admin/dead.list", {}, 200),
    ("post", "/admin/dead.show", {"key": POISON}, 200),
    ("post", "/admin/dead.show", {"key": "nobody@example.com"}, 404),
    ("post", "/admin/customer.show", {"key": POISON}, 200),
    ("post", "/admin/customer.show", {}, 400),
    ("post", "/admin/customer.find", {"userId": "1"}, 200),
    ("post", "/admin/dead.export", {"limit": 1}, 200),
    ("post", "/admin/customer.show", {"id": 4711}, 200),
    ("post", "/admin/backfill.lines", {"lines": ["{}"]}, 200),
    ("post", "/admin/backfill.lines", {}, 400),
    ("post", "/admin/backfill.known", {}, 200),
    ("post", "/admin/dead.discard", {"reason": "nothing"}, 200),
    ("post", "/admin/dead.retry", {"key": POISON}, 200),
    ("post", "/admin/dead.retry", {}, 400),
    ("post", "/admin/target.drop", {"target": "gone"}, 200),
    ("post", "/admin/target.move", {"target": "gone", "to": "default"}, 200),
    ("post", "/admin/forget", {"key": POISON}, 200),
)


def test_real_answers_are_as_the_document_says(sidecar: Stack) -> None:
    """Statuses, media types and schemas; each operation of administration is asked."""
    with client(sidecar) as asking:
        for method, path, body, status in ASKED:
            if path == "/admin/dead.list":
                wait_until(lambda: _dead(asking), "the customer is a dead letter")
            answer = asking.request(method, path, **_given(path, body))
            assert answer.status_code == status, (path, answer.text)
            assert_as_documented(method, path, answer)
    asked = {(method, _template(method, path)) for method, path, *_ in ASKED}
    assert {one for one in documented() if one[1].startswith("/admin/")} <= asked


def _given(path: str, body: Any) -> dict[str, Any]:
    """How it is sent: what the door takes has a key of its own."""
    given: dict[str, Any] = {"auth": (WRITE_KEY, "")} if path.startswith("/v1/") else {}
    if isinstance(body, str):
        return {**given, "content": body}
    return given if body is None else {**given, "json": body}


def _dead(asking: httpx.Client) -> bool:
    return bool(asking.get("/status").json()["customers"]["dead"])


def test_who_has_no_key_is_told_so(sidecar: Stack) -> None:
    """As the document says."""
    with httpx.Client(base_url=sidecar.sidecar_url, trust_env=False) as nobody:
        for method, path in (("get", "/status"), ("get", "/metrics"), ("get", "/dashboard/events")):
            answer = nobody.request(method, path)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert_as_documented(method, path, answer)
        for path in ("/admin/pause", "/v1/identify"):
            answer = nobody.post(path, json={})
            assert answer.status_code == 401
            assert_as_documented("post", path, answer)
        for path in ("/livez", "/readyz", "/"):
            assert nobody.get(path).status_code == 200
    with client(sidecar) as asking:
        answer = asking.post("/admin/pause", content="{}")
        assert answer.status_code == 415
        assert_as_documented("post", "/admin/pause", answer)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_examples_are_answered(sidecar: Stack) -> None:
    """By the socket, and over TCP with the key."""
    [block] = [block for block in blocks(PAGE) if block.language == "sh"]
    text = block.text.replace("127.0.0.1:8077", sidecar.sidecar_url.removeprefix("http://"))
    text = text.replace("/var/lib/frontdesk", str(sidecar.directory / "store"))
    for command in text.splitlines():
        done = subprocess.run(
            ["bash", "-euc", command],
            env={**os.environ, "KEY": KEY, "NO_PROXY": "*"},
            capture_output=True,
            check=True,
        )
        assert "error" not in json.loads(done.stdout), command


def test_the_sdks_example_is_taken(sidecar: Stack) -> None:
    """That of docs/segment.md for Python: the customer is known afterwards."""
    [block] = [block for block in blocks(DOCS / "segment.md") if block.language == "py"]
    text = block.text.replace("http://127.0.0.1:8077", sidecar.sidecar_url)
    names: dict[str, Any] = {}
    exec(text.replace("WRITE_KEY", WRITE_KEY), names)  # noqa: S102 - our own example
    names["analytics"].flush()
    names["analytics"].join()
    with client(sidecar) as asking:
        found = asking.post("/admin/customer.show", json={"key": "jane.doe@example.com"}).json()
    assert [one["event"] for one in found["customers"]] == ["Identified"]


def test_the_stream_of_the_page_is_one(sidecar: Stack) -> None:
    """It begins with what the document says."""
    with client(sidecar) as asking, asking.stream("get", "/dashboard/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert HEADERS.items() <= stream.headers.items()
        lines = stream.iter_lines()
        assert next(lines) == "event: hello"
        assert json.loads(next(lines).removeprefix("data: "))["mayAct"] is True
        assert [next(lines), next(lines)] == ["", "event: snapshot"]
        told = json.loads(next(lines).removeprefix("data: "))
        assert_fits(told["status"], {"$ref": "#/components/schemas/Status"})


def assert_as_documented(method: str, path: str, answer: httpx.Response) -> None:
    """The answer's status, media type and content are those of the document."""
    item = resolved(DOCUMENT["paths"][_template(method, path)])
    found = item[method]["responses"]
    response = resolved(found.get(str(answer.status_code)) or found["default"])
    kind = answer.headers.get("content-type", "").partition(";")[0]
    assert kind in response["content"], (path, answer.status_code, kind)
    content = answer.json() if kind == "application/json" else answer.text
    assert_fits(content, response["content"][kind]["schema"])


def assert_fits(content: Any, schema: Mapping[str, Any]) -> None:
    """The content is of the schema, and has nothing that the schema does not name."""
    whole = {**closed(dict(schema)), "components": closed(DOCUMENT["components"])}
    problems = sorted(OAS31Validator(whole).iter_errors(content), key=str)
    assert not problems, problems[0]


def closed(part: Any) -> Any:
    """The same with objects that allow no more than they name."""
    if isinstance(part, list):
        return [closed(one) for one in part]
    if not isinstance(part, dict):
        return part
    told = {name: closed(one) for name, one in part.items()}
    if isinstance(told.get("properties"), dict) and "type" in told:
        told.setdefault("additionalProperties", False)
    return told


def _template(method: str, path: str) -> str:
    """The path of the document that a path is of; exact ones first."""
    for one in sorted(DOCUMENT["paths"], key=lambda name: "{" in name):
        if method in resolved(DOCUMENT["paths"][one]):
            pattern = re.sub(r"\\{.*?\\}", "[^/]+", re.escape(one))
            if re.fullmatch(pattern, path):
                return str(one)
    raise AssertionError(path)


def http_reference() -> str:
    """The operations, by their tags; then what they take and give."""
    lines: list[str] = []
    for tag in DOCUMENT["tags"]:
        lines += [f"## {tag['name']}", "", tag["description"], ""]
        lines += ["| | | takes | gives |", "|---|---|---|---|"]
        for path, item in DOCUMENT["paths"].items():
            for method, operation in resolved(item).items():
                if operation["tags"] == [tag["name"]]:
                    lines.append(_row(method, path, operation))
        lines.append("")
    lines += ["## Documents", ""]
    for name, schema in DOCUMENT["components"]["schemas"].items():
        if "properties" in schema:
            lines += [f"### {name}", ""]
            lines += [schema["description"], ""] if "description" in schema else []
            lines += ["| field | | |", "|---|---|---|", *_fields(schema), ""]
    return "\n".join(lines)


def _row(method: str, path: str, operation: Mapping[str, Any]) -> str:
    gives = ", ".join(operation["responses"]).replace("default", "[failures](#failures)")
    return f"| `{method.upper()} {path}` | {operation['summary']} | {_takes(operation)} | {gives} |"


def _takes(operation: Mapping[str, Any]) -> str:
    if "requestBody" not in operation:
        return ""
    content = resolved(operation["requestBody"])["content"]
    told = []
    for kind, one in content.items():
        if "$ref" in one["schema"]:
            told.append(_kind(one["schema"]))
        elif kind == "application/json":
            told += [f"`{name}`" for name in one["schema"].get("properties", ())] or ["`{}`"]
        else:
            told.append(f"`{kind}`")
    return ", ".join(told)


def _fields(schema: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for name, one in schema["properties"].items():
        about = one.get("description") or (
            resolved(one).get("description", "") if "$ref" in one else ""
        )
        yield f"| `{before}{name}` | {_kind(one)} | {about} |"
        inner = one.get("items", one)
        if "properties" in inner:
            yield from _fields(inner, f"{before}{name}{'[]' if 'items' in one else ''}.")


def _kind(one: Mapping[str, Any]) -> str:
    if "$ref" in one:
        name = one["$ref"].rpartition("/")[2]
        return (
            f"[{name}](#{name.lower()})" if "properties" in resolved(one) else _kind(resolved(one))
        )
    if "anyOf" in one:
        parts = ("null" if part == {"type": "null"} else _kind(part) for part in one["anyOf"])
        return " or ".join(parts)
    if "const" in one:
        return f"`{json.dumps(one['const'])}`"
    if "enum" in one:
        return ", ".join(f"`{value}`" for value in one["enum"])
    if one.get("type") == "array":
        return f"list of {_kind(one['items'])}"
    kinds = one["type"] if isinstance(one["type"], list) else [one["type"]]
    told = "time" if one.get("format") == "date-time" else str(kinds[0])
    if isinstance(one.get("additionalProperties"), dict) and "properties" not in one:
        told = f"object of {_kind(one['additionalProperties'])}"
    return f"{told} or null" if "null" in kinds else told


def test_the_page_is_made_of_the_document() -> None:
    """UPDATE_DOCS=1 writes it."""
    assert_generated(PAGE, "operations", http_reference())
