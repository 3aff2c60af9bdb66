"""Definition files as a whole, and the objects that come with the simulator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from frontdesk_sidecar.simulator import (
    DefinitionError,
    SimulatorConfig,
    load_config,
    parse_config,
    shipped_config,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    Connect = Callable[[SimulatorConfig], AbstractAsyncContextManager[httpx.AsyncClient]]

OBJECT: dict[str, Any] = {"object": "InboundX", "items": [{"code": "Thing", "enum": ["a"]}]}


def test_one_object_or_many(tmp_path: Path) -> None:
    """One at the top, a list of them, or a list within the whole."""
    other = {**OBJECT, "object": "InboundY", "authentication": None}
    for document in ([OBJECT, other], {"objects": [OBJECT, other]}):
        path = tmp_path / "system.json"
        path.write_text(json.dumps(document))
        found = load_config(path, SimulatorConfig())
        assert [one.code for one in found.served] == ["InboundX", "InboundY"]
        assert [one.channel for one in found.served] == ["OAUTH", None]
    assert parse_config(OBJECT, SimulatorConfig()).definition.code == "InboundX"


def test_everything_around() -> None:
    """Languages, principals, case, users, clients, limit and switches."""
    found = parse_config(
        {
            **OBJECT,
            "languages": ["DE", "en"],
            "principals": ["boss"],
            "caseSensitive": False,
            "users": [
                {
                    "uid": "u",
                    "password": "hidden",
                    "groups": ["integrationviewgroup"],
                    "rights": {"Thing": ["read"]},
                }
            ],
            "clients": [{"id": "c", "secret": "s", "user": "u"}],
            "clientUser": "u",
            "batchLimit": 5,
            "webhook": "https://example.com/x",
            "switches": {"location": False},
        },
        SimulatorConfig(client_secret="kept"),
    )
    assert (found.language, sorted(found.languages)) == ("de", ["de", "en"])
    assert (found.case_sensitive, found.batch_limit) == (False, 5)
    assert found.principals == {"boss", "u"}
    assert found.by_uid["u"].verbs == {"GET", "HEAD"}
    assert found.by_uid["u"].rights == {"Thing": frozenset({"read"})}
    assert (found.run_as, found.client_secret) == ("u", "kept")
    assert found.webhook == "https://example.com/x"
    assert not found.switches.location
    assert "hidden" not in repr(found)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"colour": 1}, "definition.colour: unknown field"),
        ({"objects": []}, "definition.objects: expected a list of objects"),
        ({"authentication": "NTLM"}, "authentication: expected null or one of OAUTH"),
        ({"broken": "yes"}, "broken: expected one of schema_generation_error"),
        ({"languages": [1]}, r"languages\[0\]: expected str"),
        ({"users": [{"uid": "admin"}]}, r"users\[0\]\.uid: .*admin cannot be"),
        ({"users": [{"uid": "u", "groups": ["x"]}]}, r"users\[0\]\.groups: unknown x"),
        ({"users": [{"uid": "u", "rights": {"T": ["all"]}}]}, r"users\[0\]\.rights: expected"),
        ({"users": [{"uid": "u", "rights": {"T": "all"}}]}, r"users\[0\]\.rights: expected"),
        ({"clients": [{"id": "c"}]}, r"clients\[0\]\.secret: a client needs it"),
        ({"clients": [{"id": "c", "secret": "s", "user": "x"}]}, "c: there is no user x"),
        ({"clientUser": "x"}, "clientUser: there is no user x"),
        ({"hooks": {"h": {"does": "sing"}}}, r"hooks\.h\.does: expected one of nothing"),
        ({"hooks": {"h": 1}}, r"hooks\.h: expected a JSON object"),
        ({"switches": {"colour": 1}}, r"switches\.colour: unknown switch"),
        ({"webhook": "ftp://x"}, "webhook: expected an http"),
        (
            {
                "items": [
                    {
                        "code": "Thing",
                        "attributes": [
                            {"name": "code", "unique": True},
                            {"name": "kind", "reference": "Kind"},
                        ],
                        "presets": [{"code": "a", "kind": {"code": "missing"}}],
                    },
                    {"code": "Kind", "enum": []},
                ]
            },
            r"presets: Item referenced by attribute \[kind\]",
        ),
    ],
)
def test_wrong_files(change: dict[str, Any], text: str) -> None:
    """Refused with the name of the field, before anything listens."""
    with pytest.raises(DefinitionError, match=text):
        parse_config({**OBJECT, **change}, SimulatorConfig())


def test_repeated_objects() -> None:
    """Two objects cannot have one code."""
    with pytest.raises(DefinitionError, match="named twice: InboundX"):
        parse_config([OBJECT, OBJECT], SimulatorConfig())


def test_unknown_shipped_object() -> None:
    """A misspelt one is refused."""
    with pytest.raises(DefinitionError, match="flat, standard, surprising"):
        shipped_config("odd", SimulatorConfig())


async def test_standard_object(connect: Connect) -> None:
    """The core attributes, and none of those that only projects have."""
    async with connect(shipped_config("standard", SimulatorConfig())) as sap:
        sets = (await sap.get("")).json()["d"]["EntitySets"]
        assert {"Customers", "Titles", "Languages", "PrincipalGroups", "Addresses"} <= set(sets)
        for absent in ("contactEmail", "firstName", "lastName"):
            answer = await sap.post("Customers", json={"uid": "a", absent: "x"})
            assert answer.json()["error"]["code"] == "invalid_property"
        titles = (await sap.get("Titles?$orderby=code")).json()["d"]["results"]
        assert [one["code"] for one in titles] == ["dr", "mr", "mrs", "ms"]


async def test_principals_without_case(connect: Connect) -> None:
    """Where case is nothing, a user's uid is taken in every spelling."""
    users = [{"uid": "Technical", "groups": ["integrationviewgroup"]}]
    items = [{"code": "Thing", "attributes": [{"name": "uid", "unique": True}]}]
    document = {**OBJECT, "items": items, "users": users, "caseSensitive": False}
    async with connect(parse_config(document, SimulatorConfig())) as sap:
        for uid, status in (("TECHNICAL", 500), ("Admin", 500), ("other", 201)):
            assert (await sap.post("Things", json={"uid": uid})).status_code == status


@pytest.mark.parametrize("code", ["schema_generation_error", "misconfigured_attribute"])
async def test_broken_object(connect: Connect, code: str) -> None:
    """A faulty definition answers everything with its error; `$metadata` with an XML one."""
    async with connect(parse_config({**OBJECT, "broken": code}, SimulatorConfig())) as sap:
        answer = await sap.get("$metadata", headers={"accept": "*/*"})
        assert answer.status_code == 400
        assert f"<code>{code}</code>" in answer.text
        assert (await sap.post("Things", json={})).json()["error"]["code"] == code


async def test_object_over_classes(connect: Connect) -> None:
    """Of one built from classes only `$metadata` can be read."""
    async with connect(parse_config({**OBJECT, "pojo": True}, SimulatorConfig())) as sap:
        assert (await sap.get("$metadata")).status_code == 200
        answer = await sap.get("Things")
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (405, "inaccessible_integration_object")


async def test_protected_item(connect: Connect) -> None:
    """An item that is protected cannot be deleted."""
    items = [{"code": "Thing", "enum": ["a"], "protected": True}]
    async with connect(parse_config({**OBJECT, "items": items}, SimulatorConfig())) as sap:
        answer = await sap.delete("Things('a')")
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (400, "deletion_failure")
        assert (await sap.get("Things('a')")).status_code == 200


async def test_optional_key(connect: Connect) -> None:
    """A nullable simple attribute of the key may be absent: its segment is empty."""
    attributes = [
        {"name": "code", "unique": True},
        {"name": "site", "unique": True, "nullable": True},
    ]
    items = [{"code": "Thing", "attributes": attributes}]
    async with connect(parse_config({**OBJECT, "items": items}, SimulatorConfig())) as sap:
        made = (await sap.post("Things", json={"code": "a"})).json()["d"]
        assert made["integrationKey"] == "a|"
        assert (await sap.get("Things('a%7C')")).json()["d"]["site"] is None
        assert (await sap.post("Things", json={"site": "x"})).json()["error"][
            "code"
        ] == "missing_key"
