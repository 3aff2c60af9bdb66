"""SAP set up in ways that do not work, and in some that do: by what the simulator then says."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from frontdesk_sidecar.simulator import (
    INBOUND_CUSTOMER,
    Client,
    Hook,
    SimulatorConfig,
    Switches,
    User,
    shipped_config,
)

if TYPE_CHECKING:
    from tests.sidecar.check.conftest import Start

SECRET = "s3cr3t-Marked-Value-q9"
CREATE, VIEW, DELETE = "integrationcreategroup", "integrationviewgroup", "integrationdeletegroup"


def sap(**more: Any) -> SimulatorConfig:
    """A simulated SAP; `channel`, `groups` and `rights` are those of its object and its user."""
    if "channel" in more:
        more["definition"] = replace(INBOUND_CUSTOMER, channel=more.pop("channel"))
    if "groups" in more:
        groups, rights = frozenset(more.pop("groups")), more.pop("rights", None)
        user = User("integration", SECRET, groups, rights)
        more |= {"users": (user,), "client_user": "integration"}
    return SimulatorConfig(**{"client_secret": SECRET, **more})


@dataclass(frozen=True)
class Setup:
    """How SAP is set up, and the step that says what is wrong with it in these words."""

    name: str
    sap: SimulatorConfig
    step: str
    words: tuple[str, ...]
    settings: dict[str, str] = field(default_factory=dict)
    faults: tuple[dict[str, Any], ...] = ()
    status: str = "failed"


EVERYTHING = (CREATE, VIEW, DELETE)
_READ_ONLY = {"Customer": frozenset({"read"})}
SETUPS = (
    Setup(
        "no channel configuration",
        sap(channel=None),
        "object",
        ("does not expose InboundCustomer", "INSERT_UPDATE InboundChannelConfiguration"),
    ),
    Setup(
        "no channel configuration, answered by 401",
        sap(channel=None, switches=Switches(noChannelStatus=401)),
        "object",
        ("INSERT_UPDATE InboundChannelConfiguration", "; InboundCustomer ; OAUTH"),
    ),
    Setup(
        "the object is BASIC",
        sap(channel="BASIC"),
        "object",
        ("BASIC", "asks for name and password", "authentication type OAuth2"),
    ),
    Setup(
        "the object is OAUTH",
        sap(channel="OAUTH", groups=EVERYTHING),
        "object",
        ("takes no password here", "asks for a Bearer token", "authentication type Basic"),
        {"auth": "basic", "client_id": "integration"},
    ),
    Setup(
        "a wrong password",
        sap(channel="BASIC", groups=EVERYTHING),
        "object",
        ("correct the password of somebody",),
        {"auth": "basic", "client_id": "somebody"},
    ),
    Setup(
        "an ordinary client",
        sap(clients=(Client("plain", SECRET),)),
        "object",
        ("or the client has no user", "INSERT_UPDATE IntegrationClientCredentialsDetails; "),
        {"client_id": "plain"},
    ),
    Setup(
        "a user without a group",
        sap(groups=()),
        "object",
        ("lacks the group", "INSERT_UPDATE Employee", "client frontdesk"),
    ),
    Setup(
        "a user that may read alone",
        sap(groups=(VIEW,)),
        "rights",
        ("may not create", CREATE, "User > Employees"),
    ),
    Setup(
        "a type right that is missing",
        sap(groups=EVERYTHING, rights=_READ_ONLY, switches=Switches(accessRights=True)),
        "write-test",
        ("a right on a type", "$START_USERRIGHTS"),
    ),
    Setup(
        "a hook that is not there",
        sap(),
        "write-test",
        ("no bean", "sap.pre_persist_hook"),
        {"pre_persist_hook": "nowhere"},
    ),
    Setup(
        "a hook that fails",
        sap(hooks={"bad": Hook("fail")}),
        "write-test",
        ("pre_persist_error",),
        {"pre_persist_hook": "bad"},
    ),
    Setup(
        "a hook that drops customers",
        sap(hooks={"dropping": Hook("discard")}),
        "write-test",
        ("hook", "drops the customer"),
        {"pre_persist_hook": "dropping"},
    ),
    Setup(
        "a faulty definition",
        sap(definition=replace(INBOUND_CUSTOMER, broken="schema_generation_error")),
        "object",
        ("definition is faulty", "Modeling"),
    ),
    Setup(
        "an object that wants more",
        shipped_config("surprising", sap()),
        "mapping",
        ("is required for a new Customer and is not mapped", "refuse every customer"),
    ),
    Setup("maintenance", sap(), "object", ("maintenance mode",), faults=({"kind": "maintenance"},)),
    Setup("a login page", sap(), "object", ("redirects",), faults=({"kind": "login"},)),
    Setup("the IP filter", sap(), "object", ("IP filter",), faults=({"kind": "blocked"},)),
    Setup(
        "the IP filter at the token",
        sap(),
        "token",
        ("IP filter",),
        faults=({"kind": "blocked", "on": "token"},),
    ),
    Setup(
        "the firewall counts",
        sap(),
        "object",
        ("firewall",),
        faults=({"kind": "throttle", "threshold": 1, "on": "all"},),
    ),
    Setup(
        "SAP's proxy gives up",
        sap(),
        "object",
        ("http.504",),
        faults=({"kind": "timeout", "seconds": 0},),
    ),
    Setup(
        "a deadlock",
        sap(),
        "object",
        ("odata.internal_error",),
        faults=({"kind": "deadlock"},),
    ),
)


@pytest.mark.parametrize("setup", SETUPS, ids=lambda setup: setup.name)
def test_what_is_wrong_is_named(start: Start, setup: Setup) -> None:
    """By one step, and the ones before it are fine."""
    checking = start(setup.sap)
    checking.sap = dict(setup.settings)
    checking.faults(*setup.faults)
    code, results = checking.run(write_test=True)
    found = results[setup.step]
    said = json.dumps(found, ensure_ascii=False)
    assert (found["status"], [word for word in setup.words if word not in said]) == (
        setup.status,
        [],
    )
    assert [name for name, one in results.items() if one["status"] == "failed"] == [setup.step]
    assert code == 1
    assert found["todo"]
    assert "Marked-Value" not in checking.printed


@pytest.mark.parametrize(
    ("config", "settings"),
    [
        (sap(groups=EVERYTHING), {}),
        (sap(groups=(CREATE, DELETE)), {}),
        (sap(channel="BASIC", groups=EVERYTHING), {"auth": "basic", "client_id": "integration"}),
        (sap(mode="jdk21"), {"auth": "oauth_basic"}),
        (sap(hooks={"good": Hook()}), {"pre_persist_hook": "good", "content_language": "de"}),
        (sap(switches=Switches(updateStatus=200, location=False)), {}),
        (shipped_config("standard", sap()), {}),
    ],
    ids=["groups", "no reading", "basic", "jdk21", "hook", "update 200", "standard"],
)
def test_what_works_is_not_complained_of(
    start: Start, config: SimulatorConfig, settings: dict[str, str]
) -> None:
    """Nothing fails, and the test customer is gone again."""
    checking = start(config)
    checking.sap = settings
    code, results = checking.run(write_test=True)
    assert {name: one for name, one in results.items() if one["status"] == "failed"} == {}
    assert code == 0
    assert results["write-test"]["found"].startswith("created and changed")
    customers = httpx.get(f"{checking.base}/_sim/customers").json()
    assert [one for one in customers if "frontdesk-check" in one["uid"]] == []


def test_without_the_right_to_delete_the_customer_stays(start: Start) -> None:
    """That is said, with its name; and it is not counted as a failure."""
    checking = start(sap(groups=(CREATE, VIEW)))
    code, results = checking.run(write_test=True)
    (customer,) = httpx.get(f"{checking.base}/_sim/customers").json()
    assert (code, results["write-test"]["status"]) == (0, "ok")
    assert f"{customer['uid']} stays" in results["write-test"]["found"]
    assert customer["uid"] in results["write-test"]["details"][0]


def test_the_default_mapping_leaves_out_what_is_not_defined(start: Start) -> None:
    """It is told, as somebody may look for it."""
    checking = start(shipped_config("standard", sap()))
    _, results = checking.run()
    assert results["mapping"]["status"] == "ok"
    details = "\n".join(results["mapping"]["details"])
    assert "uid <- lower(trim(email)): Edm.String, key, ok" in details
    assert "contactEmail: in the default mapping, left out" in details


def test_monitoring_is_read_where_that_is_allowed(start: Start) -> None:
    """With the group for it."""
    groups = (*EVERYTHING, "integrationmonitoringgroup")
    checking = start(sap(groups=groups, switches=Switches(monitoring=True)))
    _, results = checking.run(write_test=True)
    assert results["arrival"]["status"] == "ok"
    assert "can read it" in results["arrival"]["found"]
