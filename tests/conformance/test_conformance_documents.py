"""`$metadata`, the service document, addresses that lead nowhere, notations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.conformance.conftest import EDM, error_of

if TYPE_CHECKING:
    from tests.conformance.conftest import Tenant

SAP = "{http://schemas.sap.com/commerce}"


def test_schema(tenant: Tenant) -> None:
    """One schema of that namespace, whose types have Commerce's keys and facets."""
    assert tenant.schema().get("Namespace") == "HybrisCommerceOData"
    entity_type = tenant.entity_type()
    reference = entity_type.find(f"{EDM}Key/{EDM}PropertyRef")
    assert reference is not None
    assert reference.get("Name") == "integrationKey"
    properties = {one.get("Name", ""): one for one in entity_type.findall(f"{EDM}Property")}
    key = properties["integrationKey"]
    assert (key.get("Type"), key.get("Nullable")) == ("Edm.String", "false")
    assert key.get(f"{SAP}Alias", "").endswith("_uid")
    assert properties["uid"].get(f"{SAP}IsUnique") == "true"
    assert all(one.get("Nullable") in {"true", "false"} for one in properties.values())


def test_links_of_the_schema(tenant: Tenant) -> None:
    """Each navigation has an association, and that an association set."""
    schema = tenant.schema()
    associations = {one.get("Name") for one in schema.findall(f"{EDM}Association")}
    sets = {
        one.get("Association", "").rpartition(".")[2] for one in schema.iter(f"{EDM}AssociationSet")
    }
    code = tenant.entity_type().get("Name")
    for one in tenant.entity_type().findall(f"{EDM}NavigationProperty"):
        name = f"FK_{code}_{one.get('Name')}"
        assert one.get("Relationship") == f"HybrisCommerceOData.{name}"
        assert name in associations
        assert name in sets


def test_service_document(tenant: Tenant) -> None:
    """The entity sets, in JSON when that is asked for."""
    answer = tenant.send("GET", "")
    assert answer.status_code == 200
    assert tenant.entity_set in answer.json()["d"]["EntitySets"]


def test_unknown_entity_set(tenant: Tenant) -> None:
    """404; names are case-sensitive."""
    for name in ("NothingOfThatName", tenant.entity_set.lower()):
        answer = tenant.send("GET", name)
        assert answer.status_code == 404
        assert name in answer.json()["error"]["message"]["value"]


@pytest.mark.parametrize("accept", ["*/*", "application/json;odata=verbose"])
def test_errors_in_xml(tenant: Tenant, accept: str) -> None:
    """Who does not ask for exactly JSON gets an error in XML."""
    answer = tenant.send("GET", "NothingOfThatName", Accept=accept)
    assert answer.status_code == 404
    assert "xml" in answer.headers["content-type"]
    assert b"<error" in answer.content


def test_media_type(tenant: Tenant) -> None:
    """What is neither JSON nor Atom is a 415."""
    answer = tenant.send("POST", tenant.entity_set, Content_Type="text/plain")
    assert answer.status_code == 415


def test_unknown_language(tenant: Tenant) -> None:
    """400 with its own code."""
    answer = tenant.send(
        "POST", tenant.entity_set, {"uid": tenant.new_uid()}, Content_Language="tlh"
    )
    assert error_of(answer) == (400, "invalid_language")
