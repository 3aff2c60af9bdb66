"""What the conformance suite runs against: simulators started here, or a real tenant.

A tenant is named by `FRONTDESK_CONFORMANCE_URL` (scheme and host), `_CLIENT_ID`, `_CLIENT_SECRET`,
`_OBJECT` (default `InboundCustomer`) and `_ENTITY_SET` (default `Customers`);
`FRONTDESK_CONFORMANCE_ATTRIBUTES` is a JSON object of what a customer must have there besides
`uid`, such as `{"title": {"code": "mr"}}`. Customers made there have uids that begin with
`frontdesk-conformance-`, and are deleted at the end as far as that is allowed. The suite is
plain httpx: it shares no code with the client nor with the simulator.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus
from xml.etree import ElementTree as ET

import httpx
import pytest

from frontdesk_sidecar.simulator import SimulatorConfig, running, shipped_config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from frontdesk_sidecar.simulator.config import TokenMode

PREFIX = "FRONTDESK_CONFORMANCE_"
EDM = "{http://schemas.microsoft.com/ado/2008/09/edm}"
OBSERVED: list[str] = []
Observe = Callable[[str, object], None]
TARGETS = ["tenant"] if f"{PREFIX}URL" in os.environ else ["classic", "jdk21", "flat", "surprising"]
_OBJECTS = {"classic": "standard", "jdk21": "standard"}


@dataclass
class Tenant:
    """One target: where it is, how to sign in, and which customers were made there."""

    url: str
    client_id: str
    client_secret: str
    object_code: str = "InboundCustomer"
    entity_set: str = "Customers"
    needed: dict[str, Any] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60))

    @property
    def token_url(self) -> str:
        """The token endpoint."""
        return f"{self.url}/authorizationserver/oauth/token"

    @property
    def service(self) -> str:
        """The object's address."""
        return f"{self.url}/odata2webservices/{self.object_code}"

    def ask_token(self, **changes: str) -> httpx.Response:
        """A token request in the form body."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }
        given = {name: one for name, one in {**form, **changes}.items() if one}
        return self.http.post(self.token_url, data=given, headers={"Accept": "application/json"})

    def sign_in(self) -> None:
        """Every request from now on carries a token."""
        token = self.ask_token().json()["access_token"]
        self.http.headers["Authorization"] = f"Bearer {token}"

    def send(self, method: str, path: str, entry: object = None, **headers: str) -> httpx.Response:
        """A request below the object; without a right to it the test is skipped."""
        given = {
            "Accept": "application/json",
            **{k.replace("_", "-"): v for k, v in headers.items()},
        }
        url = f"{self.service}/{path}"
        answer = self.http.request(method, url, json=entry, headers=given)
        if answer.status_code == 401:
            self.sign_in()
            answer = self.http.request(method, url, json=entry, headers=given)
        if answer.status_code == 403:
            pytest.skip(f"the user has no right to {method} here")
        return answer

    def upsert(self, uid: str, **entry: Any) -> httpx.Response:
        """A customer with what one must have here."""
        self.made.add(uid)
        return self.send("POST", self.entity_set, {"uid": uid, **self.needed, **entry})

    def new_uid(self, mark: str = "") -> str:
        """A uid that nobody has; `mark` comes before the `@`."""
        return f"frontdesk-conformance-{uuid.uuid4().hex[:12]}{mark}@example.invalid"

    def path_of(self, uid: str) -> str:
        """The address of a customer: the key's value encoded, and encoded once more."""
        key = quote_plus(uid, safe="*").replace("'", "%27")
        return f"{self.entity_set}('{quote(key, safe='')}')"

    def entry(self, uid: str) -> dict[str, Any]:
        """The customer as it is read back."""
        answer = self.send("GET", self.path_of(uid))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["d"]
        return found

    def schema(self) -> ET.Element:
        """The schema of `$metadata`."""
        answer = self.send("GET", "$metadata", Accept="application/xml")
        assert answer.status_code == 200, answer.text
        found = ET.fromstring(answer.content).find(f".//{EDM}Schema")  # noqa: S314 - the tenant's own
        assert found is not None
        return found

    def entity_type(self) -> ET.Element:
        """The entity type behind the entity set."""
        schema = self.schema()
        [entity_set] = [
            one for one in schema.iter(f"{EDM}EntitySet") if one.get("Name") == self.entity_set
        ]
        name = entity_set.get("EntityType", "").rpartition(".")[2]
        [found] = [one for one in schema.findall(f"{EDM}EntityType") if one.get("Name") == name]
        return found

    def optional_text(self) -> str:
        """A text that may be null: `name`, or another that the object has."""
        names = [
            one.get("Name", "")
            for one in self.entity_type().findall(f"{EDM}Property")
            if one.get("Type") == "Edm.String" and one.get("Nullable") == "true"
        ]
        names = [name for name in names if name != "integrationKey"]
        if not names:
            pytest.skip("the object has no text that may be null")
        return "name" if "name" in names else names[0]


def error_of(answer: httpx.Response) -> tuple[int, str | None]:
    """Status and code of an OData error."""
    return answer.status_code, answer.json()["error"]["code"]


@pytest.fixture
def observe(request: pytest.FixtureRequest) -> Observe:
    """Notes what a target answers to a question that no source answers."""
    target = request.node.callspec.params["tenant"]

    def note(question: str, answer: object) -> None:
        OBSERVED.append(f"{target}: {question}: {answer}")

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tells what a real tenant answered."""
    if OBSERVED and TARGETS == ["tenant"]:
        terminalreporter.section("what the tenant answers where no source tells")
        for line in OBSERVED:
            terminalreporter.write_line(line)


@pytest.fixture(scope="module", params=TARGETS)
def tenant(request: pytest.FixtureRequest) -> Iterator[Tenant]:
    """Signed in at the target; what was made there is deleted afterwards."""
    if request.param == "tenant":
        yield from _used(_tenant())
        return
    name = _OBJECTS.get(request.param, request.param)
    mode: TokenMode = "jdk21" if request.param == "jdk21" else "classic"
    config = shipped_config(name, SimulatorConfig(mode=mode))
    with running(config) as url:
        needed = {"title": {"code": "mr"}, "name": "Test"} if name == "surprising" else {}
        yield from _used(Tenant(url, config.client_id, config.client_secret, needed=needed))


def _tenant() -> Tenant:
    return Tenant(
        os.environ[f"{PREFIX}URL"].rstrip("/"),
        os.environ[f"{PREFIX}CLIENT_ID"],
        os.environ[f"{PREFIX}CLIENT_SECRET"],
        os.environ.get(f"{PREFIX}OBJECT", "InboundCustomer"),
        os.environ.get(f"{PREFIX}ENTITY_SET", "Customers"),
        json.loads(os.environ.get(f"{PREFIX}ATTRIBUTES", "{}")),
    )


def _used(tenant: Tenant) -> Iterator[Tenant]:
    with tenant.http:
        tenant.sign_in()
        yield tenant
        tenant.sign_in()
        for uid in tenant.made:
            answer = tenant.http.delete(
                f"{tenant.service}/{tenant.path_of(uid)}", headers={"Accept": "application/json"}
            )
            if answer.status_code in {403, 405}:
                return
