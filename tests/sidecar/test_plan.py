"""What becomes of a customer on the way to a target."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edmx_support import CUSTOMER, item, metadata
from frontdesk_sidecar.customer import Customer
from frontdesk_sidecar.mapping import DEFAULT_MAPPING, compile_mapping
from frontdesk_sidecar.metadata import Property
from frontdesk_sidecar.plan import Plan, make_plan
from frontdesk_sidecar.sap.outcome import Kind, Outcome

JANE = Customer(
    "jane@example.com",
    user_id="user-1",
    event="Logged In",
    route="POST /login",
    site="toys",
    traits={"email": "Jane@Example.com ", "firstName": "Jane", "lastName": "Doe", "tier": "gold"},
    timestamp="2026-11-20T12:00:00.000Z",
)
MINUTE = 60_000_000


def test_the_default_mapping_adapts() -> None:
    """What the object does not define is left out, and named."""
    simple = metadata(
        [item("Customer", Property("uid", is_unique=True), Property("name"))], Customers="Customer"
    )
    plan = make_plan(None, simple, "Customers")
    assert plan.left_out == ("contactEmail", "firstName", "lastName")
    assert plan.unfit == ""
    assert plan.payload(JANE, None) == {"uid": "jane@example.com", "name": "Jane Doe"}


@pytest.mark.parametrize("known", [None, CUSTOMER], ids=["no metadata", "another entity set"])
def test_as_long_as_the_object_is_not_known(known: object) -> None:
    """The default mapping gives what every customer has, a mapping of one's own all it says."""
    assert make_plan(None, known, "Others").payload(JANE, None) == {  # type: ignore[arg-type] # a customer is all it asks
        "uid": "jane@example.com",
        "name": "Jane Doe",
    }
    own = compile_mapping({"uid": "email", "anything": "[firstName]"})
    payload = make_plan(own, known, "Others").payload(JANE, None)  # type: ignore[arg-type] # a customer is all it asks
    assert payload == {"uid": "Jane@Example.com ", "anything": ["Jane"]}


def test_a_mapping_of_ones_own_that_does_not_fit_is_everybodys_fault() -> None:
    """Nobody is refused for it; the text names the attributes."""
    plan = make_plan(compile_mapping({"uid": "email", "phone": "phone"}), CUSTOMER, "Customers")
    outcome = plan.payload(JANE, None)
    assert isinstance(outcome, Outcome)
    assert (outcome.kind, outcome.code) == (Kind.SETUP, "mapping.unfit")
    assert "phone is not defined for Customer" in outcome.text
    assert "tier is required" in outcome.text
    assert "frontdesk check" in outcome.advice


def test_values_are_made_to_fit() -> None:
    """And one that cannot be is this customer's, with the attribute's name and not the value."""
    mapping = compile_mapping(
        {"uid": "lower(email)", "tier": "tier", "title": "{code: 'mr'}", "visits": "visits"}
    )
    plan = make_plan(mapping, CUSTOMER, "Customers")
    some = replace(JANE, traits={**JANE.traits, "visits": "7"})
    assert plan.payload(some, None) == {
        "uid": "jane@example.com ",
        "tier": "gold",
        "title": {"code": "mr"},
        "visits": 7,
    }
    outcome = plan.payload(replace(JANE, traits={**JANE.traits, "visits": "marked"}), None)
    assert isinstance(outcome, Outcome)
    assert (outcome.kind, outcome.code) == (Kind.REJECTED, "mapping.value")
    assert outcome.text == "visits: is a text that makes no Edm.Int32"
    broken = Plan(compile_mapping({"uid": "lower(visits)"}))
    outcome = broken.payload(replace(JANE, traits={"visits": 5}), None)
    assert isinstance(outcome, Outcome)
    assert (outcome.kind, outcome.code) == (Kind.REJECTED, "mapping")


def test_what_expressions_see() -> None:
    """The traits, and what belongs to the message; a trait of the same name does not hide it."""
    plan = Plan(compile_mapping({name: name for name in ("userId", "event", "site", "timestamp")}))
    payload = plan.payload(replace(JANE, traits={"site": "from a form"}), None)
    assert payload == {
        "userId": "user-1",
        "event": "Logged In",
        "site": "toys",
        "timestamp": "2026-11-20T12:00:00.000Z",
    }


@pytest.mark.parametrize(
    ("event", "signed_up_at", "sent_at", "is_sent"),
    [
        ("Signed Up", 100 * MINUTE, None, True),
        ("Logged In", 100 * MINUTE, None, True),
        ("Logged In", 100 * MINUTE, 50 * MINUTE, True),
        ("Logged In", 100 * MINUTE, 100 * MINUTE, True),
        ("Logged In", 100 * MINUTE, 102 * MINUTE, False),
        ("Signed Up", 100 * MINUTE, 102 * MINUTE, False),
        ("Logged In", None, None, False),
        ("Identified", None, 5, False),
    ],
)
def test_attributes_of_a_sign_up(
    event: str, signed_up_at: int | None, sent_at: int | None, is_sent: bool
) -> None:
    """They are sent until the sign-up was delivered, also when a login came right after it."""
    plan = Plan(compile_mapping({"uid": "email"}, {"Signed Up": {"groups": "[{uid: 'g'}]"}}))
    payload = plan.payload(replace(JANE, event=event, signed_up_at=signed_up_at), sent_at)
    assert isinstance(payload, dict)
    assert ("groups" in payload) is is_sent


def test_attributes_of_another_event() -> None:
    """They are sent with that event as the last one."""
    plan = Plan(compile_mapping({"uid": "email"}, {"Logged In": {"lastLogin": "timestamp"}}))
    assert "lastLogin" in plan.payload(JANE, 5 * MINUTE)  # type: ignore[operator] # there is a payload
    assert "lastLogin" not in plan.payload(replace(JANE, event="Signed Up"), None)  # type: ignore[operator] # there is a payload


def test_the_default_mapping_compiles() -> None:
    """All of it."""
    assert compile_mapping(DEFAULT_MAPPING).attributes == tuple(DEFAULT_MAPPING)
