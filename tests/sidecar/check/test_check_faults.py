"""Each thing that goes wrong between here and SAP is named by a step, with what to do.

Every row drives a real simulator on a real port into one fault.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from frontdesk_sidecar.simulator import SimulatorConfig

if TYPE_CHECKING:
    from tests.sidecar.check.conftest import Start

SECRET = "s3cr3t-Marked-Value-q9"
PAGE = "<!DOCTYPE html><html><body>Log in</body></html>"
#: Requests to the object in their order: service document, $metadata, then the record without a
#: key; with hooks configured once more with these; then $batch, and the test customer.
METADATA, RIGHTS = 2, 3


def on_token(status: int, **more: Any) -> dict[str, Any]:
    """The token endpoint answers so."""
    return {"kind": "status", "on": "token", "status": status, **more}


def on_object(status: int, **more: Any) -> dict[str, Any]:
    """Everything below /odata2webservices answers so."""
    return {"kind": "status", "on": "odata", "status": status, **more}


def at(number: int, status: int, **more: Any) -> dict[str, Any]:
    """One request to the object is answered so."""
    return on_object(status, every=number, times=1, **more)


@dataclass(frozen=True)
class Row:
    """A fault, the step that finds it, and words of what is said of it."""

    name: str
    step: str
    words: tuple[str, ...]
    faults: tuple[dict[str, Any], ...] = ()
    sap: dict[str, str] = field(default_factory=dict)
    more: str = ""
    status: str = "failed"
    simulator: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


TOKEN = (
    Row(
        "unknown client, older stack",
        "token",
        ("invalid_client", "unknown", "extension oauth2", "maxAuthenticationAttempts", "nobody"),
        sap={"client_id": "nobody"},
    ),
    Row(
        "wrong secret, newer stack",
        "token",
        ("invalid_client", "2211-jdk21", "oauth_basic", "UPDATE IntegrationClientCredentials"),
        sap={"client_secret": "another-Marked-Value-q9"},
        simulator={"mode": "jdk21"},
    ),
    Row(
        "401 without a word",
        "token",
        ("token.http.401", "OAuth Clients"),
        (on_token(401),),
    ),
    Row("IP filter at the token", "token", ("IP filter", "Cloud Portal"), (on_token(403),)),
    Row(
        "the authorization server forbids",
        "token",
        ("refuses the client", "authorities"),
        (on_token(403, body={"error": "access_denied"}),),
    ),
    Row(
        "no authorization server on this host",
        "token",
        ("serves no /authorizationserver", "sap.base_url", "sap.token_path", "manifest.json"),
        (on_token(404),),
    ),
    Row(
        "an address of a token endpoint that is none",
        "token",
        ("serves no /authorizationserver", "/oauth/none"),
        sap={"token_path": "/oauth/none"},
    ),
    Row(
        "redirect to a login",
        "token",
        ("redirects", "/backoffice", "sap.base_url"),
        (on_token(302, body=PAGE, headers={"Location": "/backoffice/login?x=1"}),),
    ),
    Row(
        "redirect to another host",
        "token",
        ("it redirects to https://login.example.com",),
        (on_token(302, body=PAGE, headers={"Location": "https://login.example.com/?token=1"}),),
    ),
    Row("a login page for a token", "token", ("login page",), (on_token(200, body=PAGE),)),
    Row("maintenance at the token", "token", ("maintenance mode",), (on_token(503),)),
    Row("too many requests at the token", "token", ("firewall", "WAF"), (on_token(429),)),
    Row(
        "the token endpoint fails",
        "token",
        ("token.http.500", "authorization server"),
        (on_token(500),),
    ),
    Row(
        "another grant type",
        "token",
        ("grant type", "INSERT_UPDATE IntegrationClientCredentialsDetails"),
        (on_token(400, body={"error": "unauthorized_client"}),),
    ),
    Row(
        "the form body is lost",
        "token",
        ("form body", "Content-Type"),
        (on_token(400, body={"error": "invalid_request"}),),
    ),
    Row("cut off at the token", "token", ("disconnected",), ({"kind": "drop", "on": "token"},)),
    Row(
        "no token in time",
        "token",
        ("timeout",),
        ({"kind": "latency", "on": "token", "seconds": 60},),
        options={"step_s": 1.0},
    ),
)
OBJECT = (
    Row(
        "no such object, or no channel configuration",
        "object",
        (
            *("does not expose InboundShopper", "INSERT_UPDATE InboundChannelConfiguration"),
            *("; InboundShopper ; OAUTH", "Integration UI Tool", "sap.integration_object"),
        ),
        sap={"integration_object": "InboundShopper"},
    ),
    Row(
        "another aspect",
        "object",
        ("no odata2webservices on this host", "backoffice", "manifest.json", "sap.base_url"),
        (on_object(404),),
    ),
    Row(
        "the object wants a password",
        "object",
        ("BASIC", "asks for name and password", 'sap.auth = "basic"', "; InboundCustomer ; OAUTH"),
        (on_object(401, headers={"WWW-Authenticate": 'Basic realm="hybris"'}),),
    ),
    Row(
        "an ordinary client",
        "object",
        ("IntegrationClientCredentialsDetails", "ROLE_INTEGRATIONCREATEGROUP"),
        (on_object(401),),
    ),
    Row(
        "the object wants a token",
        "object",
        ("takes no password here", "; InboundCustomer ; BASIC", 'sap.auth = "oauth"'),
        (on_object(401, headers={"WWW-Authenticate": 'Bearer realm="hybris"'}),),
        sap={"auth": "basic"},
    ),
    Row(
        "no group at all",
        "object",
        ("integrationcreategroup", "INSERT_UPDATE Employee", "frontdesk"),
        (on_object(403, code="forbidden", message="User is not authorized for the operation."),),
    ),
    Row("IP filter at the object", "object", ("IP filter",), (on_object(403),)),
    Row(
        "redirect of the object",
        "object",
        ("redirects", "sap.base_url"),
        (on_object(302, body=PAGE),),
    ),
    Row("a web page for the object", "object", ("web page",), (on_object(200, body=PAGE),)),
    Row("something else answers", "object", ("Something else",), (on_object(200, body={"a": 1}),)),
    Row("maintenance", "object", ("maintenance mode", "active side"), (on_object(503),)),
    Row("too many requests", "object", ("firewall", "forward.rate"), (on_object(429),)),
    Row("SAP's proxy gives up", "object", ("http.504", "60 s"), (on_object(504),)),
    Row(
        "a faulty definition",
        "object",
        ("definition is faulty", "Modeling"),
        (on_object(400, code="schema_generation_error", message="Cannot generate"),),
    ),
    Row(
        "an object of POJO classes",
        "object",
        ("POJO",),
        (on_object(405, code="inaccessible_integration_object", message="no"),),
    ),
    Row("the connection is cut", "object", ("disconnected",), ({"kind": "drop"},)),
    Row(
        "the set in lower case",
        "entity-set",
        ('sap.entity_set = "Customers"', "case-sensitive"),
        sap={"entity_set": "customers"},
    ),
    Row(
        "a set that is none",
        "entity-set",
        ("there are Customers", "404 not_found"),
        sap={"entity_set": "Orders"},
    ),
    Row(
        "$metadata is a page",
        "metadata",
        ("web page", "sap.base_url"),
        (at(METADATA, 200, body=PAGE),),
    ),
    Row(
        "$metadata is no EDMX",
        "metadata",
        ("is XML, but no EDMX", "Modeling"),
        (at(METADATA, 200, body="<a/>", contentType="application/xml"),),
    ),
    Row(
        "$metadata is not for us",
        "metadata",
        ("integrationcreategroup",),
        (at(METADATA, 403, code="forbidden", message="not authorized"),),
    ),
    Row(
        "a mapping that does not fit",
        "mapping",
        ("nam <- name: not defined, wrong", "name is defined", "refuse every customer"),
        more='[sap.mapping]\nuid = "lower(email)"\nnam = "name"',
    ),
    Row(
        "a mapping without the key",
        "mapping",
        ("is in the key of Customer and is not mapped", "lower(trim(email))"),
        more='[sap.mapping]\nname = "name"',
    ),
    Row(
        "a computed attribute",
        "mapping",
        ("computed by SAP", "integrationKey"),
        more='[sap.mapping]\nuid = "lower(email)"\nintegrationKey = "email"',
        status="warning",
    ),
)
POSTS = (
    Row(
        "not in integrationcreategroup",
        "rights",
        ("may not create", "; <integration user> ; integrationcreategroup", "User > Employees"),
        (at(RIGHTS, 403, code="forbidden", message="User is not authorized for the operation."),),
    ),
    Row(
        "no right on a type",
        "rights",
        ("a right on a type", "$START_USERRIGHTS", "accessrights.enabled"),
        (
            at(
                *(RIGHTS, 403),
                code="forbidden",
                message="The user lacks [create] privileges for accessing the [Customer] type.",
            ),
        ),
    ),
    Row("a firewall against posts", "rights", ("firewall",), (at(RIGHTS, 403),)),
    Row(
        "posts are not let through",
        "rights",
        ("odata.method_not_allowed",),
        (at(RIGHTS, 405, code="method_not_allowed", message="no"),),
    ),
    Row("the set is gone", "rights", ("http.404",), (at(RIGHTS, 404),)),
    Row("a page for a post", "rights", ("http.400", "proxy"), (at(RIGHTS, 400, body=PAGE),)),
    Row(
        "SAP takes what has no key",
        "rights",
        ("SAP took it", "delete it", "unique"),
        (at(RIGHTS, 201, body={"d": {"uid": None}}),),
        status="warning",
    ),
    Row(
        "a language that SAP has not",
        "rights",
        ("sap.content_language", "Languages"),
        sap={"content_language": "tlh"},
    ),
    Row(
        "no such hook",
        "hooks",
        ("no bean", "sap.pre_persist_hook", "deploy"),
        (
            at(
                *(RIGHTS + 1, 400),
                code="hook_not_found",
                message="PrePersistHook [nowhere] does not exist. Payload will not be persisted.",
            ),
        ),
        sap={"pre_persist_hook": "nowhere"},
    ),
    Row(
        "a smaller limit of $batch",
        "batch",
        ("odata2services.batch.limit", "forward.batch_size", "50"),
        simulator={"batch_limit": 50},
        status="warning",
    ),
    Row(
        "no $batch",
        "batch",
        ("does not work here", "forward.batch_size = 1"),
        simulator={"batch_enabled": False},
        status="warning",
    ),
    Row("$batch fails", "batch", ("http.502",), (at(RIGHTS + 1, 502),)),
)
_CREATE = RIGHTS + 2
WRITES = (
    Row(
        "a right on a type, at the test customer",
        "write-test",
        ("$START_USERRIGHTS", "create the test customer"),
        (
            at(
                *(_CREATE, 403),
                code="forbidden",
                message="The user lacks [create] privileges for accessing the [Customer] type.",
            ),
        ),
    ),
    Row(
        "it may create and not change",
        "write-test",
        ("change the test customer", "stays in SAP"),
        (at(_CREATE + 1, 403, code="forbidden", message="lacks [change] privileges"),),
    ),
    Row(
        "a required attribute",
        "write-test",
        ("missing_property", "is required", "Map the attribute"),
        (
            at(
                *(_CREATE, 400),
                code="missing_property",
                message="Property [name] is required for EntityType [Customer].",
            ),
        ),
    ),
    Row(
        "a hook that fails",
        "write-test",
        ("pre_persist_error", "hook"),
        (at(_CREATE, 400, code="pre_persist_error", message="Exception occurred"),),
    ),
    Row(
        "a hook that is not there, at the test customer",
        "write-test",
        ("no bean",),
        (at(_CREATE, 400, code="hook_not_found", message="does not exist"),),
    ),
    Row(
        "records that do not appear",
        "write-test",
        ("then it was not there", "pre-persist hook", "employeegroup", "Monitoring > Inbound"),
        (at(_CREATE + 2, 200, body={"d": {"results": []}}),),
    ),
    Row(
        "records that cannot be read",
        "write-test",
        ("not read back", "integrationviewgroup"),
        (at(_CREATE + 2, 403, code="forbidden", message="no"),),
        status="warning",
    ),
    Row(
        "values that SAP changes",
        "write-test",
        ("other values in name", "interceptor"),
        (at(_CREATE + 2, 200, body={"d": {"results": [{"name": "Other"}]}}),),
        status="warning",
    ),
    Row(
        "no right to delete",
        "write-test",
        ("@example.invalid stays", "integrationdeletegroup"),
        (at(_CREATE + 3, 403, code="forbidden", message="no"),),
        status="ok",
    ),
)


@pytest.mark.parametrize("row", [*TOKEN, *OBJECT, *POSTS, *WRITES], ids=lambda row: row.name)
def test_a_fault_is_named_by_its_step(start: Start, row: Row) -> None:
    """It fails or warns, in these words; the steps before it are fine."""
    checking = start(SimulatorConfig(client_secret=SECRET, **row.simulator))
    checking.sap, checking.more = dict(row.sap), row.more
    if row.faults:
        checking.faults(*row.faults)
    options = {"write_test": row in WRITES, **row.options}
    code, results = checking.run(**options)
    found = results[row.step]
    said = json.dumps(found, ensure_ascii=False).replace('\\"', '"')
    assert (found["status"], [word for word in row.words if word not in said]) == (row.status, [])
    bad = [name for name, one in results.items() if one["status"] == "failed"]
    assert bad == ([row.step] if row.status == "failed" else [])
    assert code == (1 if bad else 0)
    if row.status != "ok":
        assert found["tried"]
        assert found["means"]
        assert all(found["todo"])
        assert found["todo"]
    assert "Marked-Value" not in checking.printed


def test_what_stands_on_a_failed_step_is_not_tried(start: Start) -> None:
    """With the first cause, however far down."""
    checking = start(SimulatorConfig(client_secret=SECRET))
    checking.faults(on_token(401))
    _, results = checking.run()
    later = ("object", "metadata", "entity-set", "mapping", "rights", "hooks", "batch", "arrival")
    assert {results[name]["found"] for name in later} == {"not tried: token failed"}
    assert {results[name]["status"] for name in later} == {"skipped"}
    assert results["clock"]["status"] == "ok"


def test_writing_alone_may_be_allowed(start: Start) -> None:
    """integrationcreategroup reads $metadata, and not the service document."""
    checking = start(SimulatorConfig(client_secret=SECRET))
    checking.faults(at(1, 403, code="forbidden", message="not authorized"))
    code, results = checking.run()
    assert results["object"]["status"] == "ok"
    assert "integrationviewgroup" in results["object"]["details"][0]
    assert results["entity-set"]["status"] == "ok"
    assert code == 0


def test_hooks_that_are_not_asked_for_are_not_judged(start: Start) -> None:
    """The simulated SAP, too, may refuse the record before it looks for a hook."""
    checking = start(SimulatorConfig(client_secret=SECRET))
    checking.sap = {"post_persist_hook": "nowhere"}
    checking.faults(at(RIGHTS + 1, 400, code="missing_key", message="Key [uid] is required"))
    _, results = checking.run()
    assert results["hooks"]["status"] == "skipped"
    assert "--write-test tells" in results["hooks"]["found"]
