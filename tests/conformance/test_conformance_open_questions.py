"""What no source tells: nothing is demanded here, a tenant's answers stand in the summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.conformance.conftest import EDM

if TYPE_CHECKING:
    from tests.conformance.conftest import Observe, Tenant


def names(tenant: Tenant, tag: str) -> set[str]:
    return {one.get("Name", "") for one in tenant.entity_type().findall(f"{EDM}{tag}")}


def test_read_only_attribute(tenant: Tenant, observe: Observe) -> None:
    """A POST of the getter-only `contactEmail`."""
    if "contactEmail" not in names(tenant, "Property"):
        pytest.skip("the object has no contactEmail")
    uid = tenant.new_uid()
    answer = tenant.upsert(uid, contactEmail="other@example.invalid")
    observe("status of a POST with contactEmail", answer.status_code)
    assert answer.status_code in {200, 201, 400}
    if answer.status_code == 400:
        observe("code of a POST with contactEmail", answer.json()["error"]["code"])
    else:
        is_derived = answer.json()["d"]["contactEmail"] == uid
        observe("contactEmail is derived from the uid", is_derived)


def test_bodies_of_a_401(tenant: Tenant, observe: Observe) -> None:
    """With a bad token and without any."""
    for authorization in ("", "Bearer unknown"):
        answer = tenant.http.get(tenant.service, headers={"Authorization": authorization})
        name = f"401 with {authorization or 'nothing'}"
        observe(f"{name}: type", answer.headers.get("content-type"))
        observe(f"{name}: challenge", answer.headers.get("www-authenticate"))
        assert answer.status_code == 401


def test_what_a_create_adds(tenant: Tenant, observe: Observe) -> None:
    """Case of the uid, group, customer id, original uid."""
    uid = tenant.new_uid("MiXed")
    created = tenant.upsert(uid)
    assert created.status_code == 201
    entry: dict[str, Any] = created.json()["d"]
    tenant.made.add(entry["uid"])
    observe("uid keeps its case", entry["uid"] == uid)
    for name in ("customerID", "originalUid"):
        if name in entry:
            observe(f"{name} is set by a create", entry[name] is not None)
    if "groups" in names(tenant, "NavigationProperty"):
        path = f"{tenant.path_of(entry['uid'])}?$expand=groups"
        groups = tenant.send("GET", path).json()["d"]["groups"]["results"]
        observe("groups of a create", ",".join(one["uid"] for one in groups))


def test_case_of_the_look_up(tenant: Tenant, observe: Observe) -> None:
    """Whether another spelling of a uid is the same customer."""
    uid = tenant.new_uid()
    tenant.upsert(uid)
    other = tenant.send("GET", tenant.path_of(uid.upper()))
    observe("uids differ by case", other.status_code == 404)
    assert other.status_code in {200, 404}


def test_select(tenant: Tenant, observe: Observe) -> None:
    """`$select` may be refused, ignored or applied."""
    uid = tenant.new_uid()
    tenant.upsert(uid)
    answer = tenant.send("GET", f"{tenant.path_of(uid)}?$select=uid")
    is_success = answer.status_code == 200
    found = len(answer.json()["d"]) == 2 if is_success else answer.status_code
    observe("$select is applied, or its status", found)
    assert answer.status_code in {200, 400, 501}


def test_types(tenant: Tenant, observe: Observe) -> None:
    """Which Edm types the object uses: `Edm.Int64` and `Edm.Decimal` would be news."""
    properties = tenant.entity_type().findall(f"{EDM}Property")
    kinds = sorted({one.get("Type", "") for one in properties})
    observe("Edm types", ",".join(kinds))
    assert "Edm.String" in kinds


def test_clock(tenant: Tenant, observe: Observe) -> None:
    """Whether answers are dated, and what the token endpoint adds."""
    answer = tenant.ask_token()
    observe("Date of a token answer", answer.headers.get("date") is not None)
    assert answer.status_code == 200
