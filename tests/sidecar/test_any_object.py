"""Any object, any mapping, any traits: what is sent is taken, or was foretold."""

from __future__ import annotations

import json
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from frontdesk_sidecar.customer import Customer
from frontdesk_sidecar.mapping import AttributeMapping, compile_mapping
from frontdesk_sidecar.metadata import read_edmx
from frontdesk_sidecar.metadata.fit import Level
from frontdesk_sidecar.plan import Plan, make_plan
from frontdesk_sidecar.sap.odata import integration_key, key_predicate
from frontdesk_sidecar.sap.outcome import Outcome
from frontdesk_sidecar.simulator import SimulatorConfig, create_app
from frontdesk_sidecar.simulator.definition import parse_definition

SERVICE = "/odata2webservices/InboundCustomer"
TYPES = ["String", "Boolean", "Short", "Integer", "Long", "Double", "Date"]
TRAITS = ("a", "b", "c")
UIDS = st.sampled_from(
    [
        *("jane@x.com", "o'brien@x.com", "a+b@x.com", "100%@x.com", "a|b@x.com", "a b@x.com"),
        *("zoë@x.com", "\U0001f600@x.com", "''@x.com", "a%2Bb@x.com", "(x)@x.com", "a&b=c@x.com"),
    ]
)
VALUES = (
    st.sampled_from(["1", "0", "-3", "true", "2020-02-29", "2020-02-29T10:00:00+01:00", "one", "x"])
    | st.integers(-(2**40), 2**40)
    | st.floats(-1e6, 1e6)
    | st.booleans()
    | st.text(max_size=12)
    | st.none()
    | st.lists(st.text(max_size=3), max_size=2)
    | st.dictionaries(st.sampled_from(["code", "x"]), st.text(max_size=3), max_size=1)
)


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    """An object: simple attributes, references and collections of two kinds of items.

    Nothing that SAP checks without describing it, such as lengths.
    """
    attributes: list[dict[str, Any]] = [{"name": "uid", "unique": True}]
    for number in range(draw(st.integers(0, 4))):
        one: dict[str, Any] = {"name": f"s{number}", "type": draw(st.sampled_from(TYPES))}
        if draw(st.integers(0, 4)) == 0:
            one["required"] = True
        attributes.append(one)
    for number in range(draw(st.integers(0, 3))):
        one = {"name": f"r{number}", "reference": draw(st.sampled_from(["Fixed", "Made"]))}
        one["collection"] = draw(st.booleans())
        if one["reference"] == "Made":
            one["autoCreate"] = True
        elif draw(st.integers(0, 4)) == 0:
            one["required"] = True
        attributes.append(one)
    code = {"name": "code", "unique": True}
    return {
        "object": "InboundCustomer",
        "items": [
            {"code": "Customer", "attributes": attributes},
            {"code": "Fixed", "attributes": [code], "presets": [{"code": "one"}, {"code": "x"}]},
            {"code": "Made", "attributes": [code, {"name": "label"}]},
        ],
    }


TRAIT = st.sampled_from(TRAITS)
SIMPLE = st.one_of(
    TRAIT,
    st.builds("'{}'".format, st.sampled_from(["one", "x", "1", "true", "2020-02-29"])),
    st.builds("`{}`".format, st.sampled_from(["1", "1.5", "true", "null"])),
    st.builds("{} || clear()".format, TRAIT),
    st.builds("odata_date(to_string({}))".format, TRAIT),
    st.builds("default({}, 'one')".format, TRAIT),
)
ONE = st.one_of(
    st.just("{code: 'x'}"),
    st.builds("{{code: {}}}".format, TRAIT),
    st.builds("{{code: {}, label: {}}}".format, TRAIT, TRAIT),
    st.builds("{} && {{code: to_string({})}} || clear()".format, TRAIT, TRAIT),
)
MANY = st.one_of(
    st.just("[{code: 'one'}]"), st.builds("[{{code: {}}}, {{code: 'one'}}]".format, TRAIT)
)
ANY = st.one_of(SIMPLE, ONE, MANY, st.sampled_from(["`[]`", "`{}`", "@", "keys(@)", "length(@)"]))


def expression(attribute: dict[str, Any]) -> st.SearchStrategy[str]:
    """Mostly one that could fit the attribute."""
    fitting = SIMPLE if "reference" not in attribute else MANY if attribute["collection"] else ONE
    return st.integers(0, 11).flatmap(lambda chance: fitting if chance else ANY)


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, Any], AttributeMapping, str, dict[str, object]]:
    """An object, a mapping for some of its attributes (and sometimes others), and a customer."""
    definition = draw(definitions())
    _, *attributes = definition["items"][0]["attributes"]
    chosen = [one for one in attributes if one.get("required") or draw(st.booleans())]
    mapping = {"uid": "email"} | {one["name"]: draw(expression(one)) for one in chosen}
    if not draw(st.integers(0, 19)):
        mapping["unknown"] = draw(ANY)
    uid = draw(UIDS)
    traits: dict[str, object] = {name: draw(VALUES) for name in TRAITS}
    return definition, compile_mapping(mapping), uid, traits


def plan_for(definition: dict[str, Any], mapping: AttributeMapping, edmx: bytes) -> Plan:
    """The plan that a sidecar would make of what the service says of itself."""
    return make_plan(mapping, read_edmx(edmx), "Customers")


def nulls(value: object) -> int:
    """How many there are at any depth."""
    if isinstance(value, dict | list):
        return sum(map(nulls, value.values() if isinstance(value, dict) else value))
    return int(value is None)


async def sent(
    definition: dict[str, Any], mapping: AttributeMapping, uid: str, traits: dict[str, object]
) -> str:
    """Plan, send, and say what became of it."""
    app = create_app(SimulatorConfig(definition=parse_definition(definition)))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://sap.test") as http:
        form = {"grant_type": "client_credentials", "client_id": "frontdesk"}
        token = await http.post(
            "/authorizationserver/oauth/token", data=form | {"client_secret": "secret"}
        )
        http.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
        http.headers["Accept"] = "application/json"
        edmx = await http.get(f"{SERVICE}/$metadata")
        plan = plan_for(definition, mapping, edmx.content)
        customer = Customer(uid, uid, "Logged In", None, None, {**traits, "email": uid})
        payload = plan.payload(customer, None)
        if isinstance(payload, Outcome):
            return f"foretold: {payload.code}"
        if "clear" not in str(mapping.compiled):
            assert nulls(payload) == 0
        answer = await http.post(f"{SERVICE}/Customers", content=json.dumps(payload), headers=JSON)
        if answer.status_code != 201:
            assert is_foretold(plan, payload, answer), (payload, answer.text)
            return f"noticed: {answer.json()['error']['code']}"
        read = await http.get(f"{SERVICE}/Customers{key_predicate(integration_key([uid]))}")
        assert read.json()["d"]["uid"] == uid
        return "taken"


JSON = {"Content-Type": "application/json"}


def is_foretold(plan: Plan, payload: dict[str, object], answer: httpx.Response) -> bool:
    """Something required that this customer lacks, or a target that is not there: a notice."""
    error = answer.json()["error"]
    assert plan.item is not None
    lacking = set(plan.item.required) - {
        name for name, value in payload.items() if value is not None
    }
    noticed = {one.attribute for one in plan.findings if one.level is Level.NOTICE}
    text = error["message"]["value"]
    if error["code"] == "missing_property":
        return any(f"[{name}]" in text for name in lacking)
    if error["code"] == "missing_nav_property":
        return any(f"[{name}]" in text for name in lacking | noticed | warned(plan))
    return False


def warned(plan: Plan) -> set[str]:
    """References that are given a trait as it is."""
    return {one.attribute for one in plan.findings if one.level is Level.WARNING}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_what_is_sent_is_taken_or_was_foretold(
    case: tuple[dict[str, Any], AttributeMapping, str, dict[str, object]],
) -> None:
    """Against a service that was written from SAP's documents, without any code of ours."""
    event(anyio.run(sent, *case))


@pytest.mark.parametrize("uid", ["o'brien@x.com", "a+b%2B|c@x.com", "zoë \U0001f600@x.com"])
def test_keys_survive_both_ways(uid: str) -> None:
    """Quotes, pluses, percent signs, pipes, and what is not ASCII."""
    definition: dict[str, Any] = {
        "object": "InboundCustomer",
        "items": [
            {"code": "Customer", "attributes": [{"name": "uid", "unique": True}, {"name": "s0"}]}
        ],
    }
    mapping = compile_mapping({"uid": "email", "s0": "a"})
    traits: dict[str, object] = {"a": uid}
    assert anyio.run(sent, definition, mapping, uid, traits) == "taken"
