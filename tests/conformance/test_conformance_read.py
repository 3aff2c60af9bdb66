"""GET: filters, pages, counts, expanded links."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.conformance.conftest import EDM, error_of

if TYPE_CHECKING:
    from tests.conformance.conftest import Tenant


def found(tenant: Tenant, query: str) -> list[str]:
    answer = tenant.send("GET", f"{tenant.entity_set}?{query}")
    assert answer.status_code == 200, answer.text
    return [one["uid"] for one in answer.json()["d"]["results"]]


def test_filter_by_uid(tenant: Tenant) -> None:
    """The reliable way to find somebody; nobody is an empty list."""
    uid = tenant.new_uid()
    assert found(tenant, f"$filter=uid eq '{uid}'") == []
    tenant.upsert(uid)
    assert found(tenant, f"$filter=uid eq '{uid}'") == [uid]


def test_and_or(tenant: Tenant) -> None:
    """Comparisons can be joined."""
    first, second = tenant.new_uid(), tenant.new_uid()
    for uid in (first, second):
        tenant.upsert(uid)
    query = f"$filter=uid eq '{first}' or uid eq '{second}'"
    assert sorted(found(tenant, query)) == sorted([first, second])
    assert found(tenant, f"$filter=uid eq '{first}' and uid ne '{first}'") == []


def test_pages(tenant: Tenant) -> None:
    """`$top` cuts, `$inlinecount` counts in a string, `$count` is a plain number."""
    for _ in range(2):
        tenant.upsert(tenant.new_uid())
    answer = tenant.send("GET", f"{tenant.entity_set}?$top=1&$inlinecount=allpages")
    content = answer.json()["d"]
    assert len(content["results"]) == 1
    assert int(content["__count"]) >= 2
    assert isinstance(content["__count"], str)
    count = tenant.send("GET", f"{tenant.entity_set}/$count", Accept="*/*")
    assert int(count.text) >= 2


def test_order(tenant: Tenant) -> None:
    """By an attribute of its own, either way."""
    first, second = sorted([tenant.new_uid(), tenant.new_uid()])
    for uid in (second, first):
        tenant.upsert(uid)
    query = f"$filter=uid eq '{first}' or uid eq '{second}'"
    assert found(tenant, f"{query}&$orderby=uid") == [first, second]
    assert found(tenant, f"{query}&$orderby=uid desc") == [second, first]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("$filter=integrationKey eq 'a'", "integration_key_not_supported"),
        ("$orderby=integrationKey", "order_by_integration_key_not_supported"),
    ],
)
def test_refused_queries(tenant: Tenant, query: str, code: str) -> None:
    """The integration key can be neither searched nor sorted by."""
    assert error_of(tenant.send("GET", f"{tenant.entity_set}?{query}")) == (400, code)


def test_unknown_property(tenant: Tenant) -> None:
    """A filter by what is not there."""
    answer = tenant.send("GET", f"{tenant.entity_set}?$filter=nothingOfThatName eq 'a'")
    assert answer.status_code in {400, 404}
    assert "nothingOfThatName" in answer.json()["error"]["message"]["value"]


def test_expand(tenant: Tenant) -> None:
    """A reference is written inline, null without one."""
    links = {one.get("Name") for one in tenant.entity_type().findall(f"{EDM}NavigationProperty")}
    if "title" not in links:
        pytest.skip("the object has no title")
    uid = tenant.new_uid()
    tenant.upsert(uid)
    title = tenant.send("GET", f"{tenant.path_of(uid)}?$expand=title").json()["d"]["title"]
    expected = tenant.needed.get("title")
    assert title == expected if expected is None else title["code"] == expected["code"]


def test_nobody(tenant: Tenant) -> None:
    """404 with the code."""
    answer = tenant.send("GET", tenant.path_of(tenant.new_uid()))
    assert error_of(answer) == (404, "not_found")
