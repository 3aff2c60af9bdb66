"""POST, PATCH, DELETE on customers."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlsplit

import pytest
from tests.conformance.conftest import EDM, error_of

if TYPE_CHECKING:
    from tests.conformance.conftest import Observe, Tenant


def test_create(tenant: Tenant) -> None:
    """201 with the entry in its envelope: null properties too, links deferred."""
    uid = tenant.new_uid()
    answer = tenant.upsert(uid)
    entry = answer.json()["d"]
    assert answer.status_code == 201
    assert entry["uid"] == uid
    assert entry["integrationKey"] == quote_plus(uid, safe="*")
    assert entry["__metadata"]["type"].startswith("HybrisCommerceOData.")
    declared = [one.get("Name") for one in tenant.entity_type().findall(f"{EDM}Property")]
    assert set(declared) <= entry.keys()
    for link in tenant.entity_type().findall(f"{EDM}NavigationProperty"):
        assert "__deferred" in entry[link.get("Name")]


def test_update_merges(tenant: Tenant, observe: Observe) -> None:
    """A repeat is a success; absent keeps, null clears."""
    uid, name = tenant.new_uid(), tenant.optional_text()
    assert tenant.upsert(uid, **{name: "Zoë"}).status_code == 201
    again = tenant.upsert(uid)
    assert again.status_code in {200, 201}
    observe("status of an update", again.status_code)
    observe("Location of a POST", again.headers.get("location") is not None)
    assert again.json()["d"][name] == "Zoë"
    assert tenant.upsert(uid, **{name: None}).json()["d"][name] is None
    assert tenant.entry(uid)[name] is None


def test_sent_key_is_ignored(tenant: Tenant) -> None:
    """An `integrationKey` in the body is recomputed."""
    uid = tenant.new_uid()
    entry = tenant.upsert(uid, integrationKey="dummy").json()["d"]
    assert entry["integrationKey"] == quote_plus(uid, safe="*")


@pytest.mark.parametrize("mark", ["+tag", "'s", "%41", "ä"])
def test_key_encoding(tenant: Tenant, mark: str) -> None:
    """A value is encoded in the key, and the key once more in the address."""
    uid = tenant.new_uid(mark)
    entry = tenant.upsert(uid).json()["d"]
    assert entry["integrationKey"] == quote_plus(uid, safe="*")
    assert tenant.entry(uid)["uid"] == uid
    path = urlsplit(entry["__metadata"]["uri"]).path
    answer = tenant.send("GET", path.partition(f"/{tenant.object_code}/")[2])
    assert answer.json()["d"]["uid"] == uid


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"nothingOfThatName": 1}, "invalid_property"),
        ({"uid": None}, "missing_key"),
        ({"uid": 1}, "odata_error"),
        ({"uid": ["a"]}, "odata_error"),
    ],
)
def test_refused_entries(tenant: Tenant, entry: dict[str, Any], code: str) -> None:
    """Each offence has its code, and nothing is stored."""
    uid = tenant.new_uid()
    answer = tenant.send("POST", tenant.entity_set, {"uid": uid, **tenant.needed, **entry})
    assert error_of(answer) == (400, code)
    assert tenant.send("GET", tenant.path_of(uid)).status_code == 404


def test_missing_key(tenant: Tenant) -> None:
    """A body without the key."""
    answer = tenant.send("POST", tenant.entity_set, {**tenant.needed, "integrationKey": "x"})
    assert error_of(answer) == (400, "missing_key")


def test_array_as_root(tenant: Tenant) -> None:
    """One entry a request."""
    answer = tenant.send("POST", tenant.entity_set, [{"uid": tenant.new_uid()}])
    assert error_of(answer) == (400, "odata_error")


def test_unknown_reference(tenant: Tenant) -> None:
    """A reference to what does not exist is refused."""
    links = {one.get("Name") for one in tenant.entity_type().findall(f"{EDM}NavigationProperty")}
    if "title" not in links:
        pytest.skip("the object has no title")
    answer = tenant.upsert(tenant.new_uid(), title={"code": f"no-{uuid.uuid4().hex[:8]}"})
    assert error_of(answer) == (400, "missing_nav_property")


def test_unknown_hook(tenant: Tenant) -> None:
    """A hook that is not there persists nothing."""
    uid = tenant.new_uid()
    entry = {"uid": uid, **tenant.needed}
    name = f"no-{uuid.uuid4().hex[:8]}"
    answer = tenant.send("POST", tenant.entity_set, entry, Pre_Persist_Hook=name)
    assert error_of(answer) == (400, "hook_not_found")
    assert name in answer.json()["error"]["message"]["value"]
    assert tenant.send("GET", tenant.path_of(uid)).status_code == 404


def test_patch(tenant: Tenant) -> None:
    """200 with the entry; another key is refused, nobody is a 404, no key a 405."""
    uid, name = tenant.new_uid(), tenant.optional_text()
    tenant.upsert(uid)
    answer = tenant.send("PATCH", tenant.path_of(uid), {name: "Patched"})
    assert (answer.status_code, answer.json()["d"][name]) == (200, "Patched")
    other = tenant.send("PATCH", tenant.path_of(uid), {"uid": tenant.new_uid()})
    assert error_of(other) == (400, "invalid_key")
    nobody = tenant.send("PATCH", tenant.path_of(tenant.new_uid()), {name: "x"})
    assert error_of(nobody) == (404, "not_found")
    assert tenant.send("PATCH", tenant.entity_set, {name: "x"}).status_code == 405


def test_put(tenant: Tenant, observe: Observe) -> None:
    """Not a verb of this API."""
    uid = tenant.new_uid()
    tenant.upsert(uid)
    status = tenant.send("PUT", tenant.path_of(uid), {"uid": uid}).status_code
    observe("status of a PUT", status)
    assert status in {405, 501}


def test_delete(tenant: Tenant) -> None:
    """200 without a body, then a 404; without a key a 405."""
    uid = tenant.new_uid()
    tenant.upsert(uid)
    answer = tenant.send("DELETE", tenant.path_of(uid))
    assert (answer.status_code, answer.content) == (200, b"")
    assert tenant.send("DELETE", tenant.path_of(uid)).status_code == 404
    assert tenant.send("DELETE", tenant.entity_set).status_code == 405
