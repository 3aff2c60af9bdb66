"""Channels, Basic and Bearer, groups, type rights."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from frontdesk_sidecar.simulator import (
    Client,
    SimulatorConfig,
    User,
    create_app,
    parse_config,
    shipped_config,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    Connect = Callable[[SimulatorConfig], AbstractAsyncContextManager[httpx.AsyncClient]]

HOST = "http://sap.test"
JSON = {"Accept": "application/json"}
KEY = [{"name": "uid", "unique": True}]
ITEM = [{"code": "Customer", "attributes": [*KEY, {"name": "title", "reference": "Title"}]}]
TITLE = [
    {
        "code": "Title",
        "presets": [{"code": "mr"}],
        "attributes": [{"name": "code", "unique": True}, {"name": "note"}],
    }
]
GROUPS = ("integrationcreategroup", "integrationviewgroup", "integrationdeletegroup")


def config(**around: Any) -> SimulatorConfig:
    """Three objects, one for each way to be exposed, and a user for each group."""
    objects = [
        {"object": name, "authentication": channel, "items": ITEM + TITLE}
        for name, channel in (("InOauth", "OAUTH"), ("InBasic", "BASIC"), ("InNone", None))
    ]
    users = [{"uid": group, "password": "nimda", "groups": [group]} for group in GROUPS]
    users.append({"uid": "nobody", "password": "nimda", "groups": []})
    users.append({"uid": "service", "password": "nimda", "groups": ["integrationservicegroup"]})
    clients = [{"id": one["uid"], "secret": "s", "user": one["uid"]} for one in users]
    clients.append({"id": "ordinary", "secret": "s"})
    document = {"objects": objects, "users": users, "clients": clients, **around}
    return parse_config(document, SimulatorConfig())


@pytest.fixture
async def shop() -> AsyncIterator[httpx.AsyncClient]:
    """Not signed in."""
    transport = httpx.ASGITransport(create_app(config()))
    async with httpx.AsyncClient(transport=transport, headers=JSON, base_url=HOST) as client:
        yield client


def basic(user: str, password: str = "nimda") -> dict[str, str]:
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


async def bearer(shop: httpx.AsyncClient, client: str, secret: str = "s") -> dict[str, str]:
    form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
    answer = await shop.post(f"{HOST}/authorizationserver/oauth/token", data=form)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def test_each_channel_wants_its_own(shop: httpx.AsyncClient) -> None:
    """Basic on an OAUTH object is a 401, and so is Bearer on a BASIC one."""
    token = await bearer(shop, "frontdesk", "secret")
    password = basic("integrationviewgroup")
    for name, headers, status, challenge in (
        ("InOauth", token, 200, None),
        ("InOauth", password, 401, 'Bearer realm="hybris"'),
        ("InOauth", {}, 401, 'Bearer realm="hybris"'),
        ("InBasic", password, 200, None),
        ("InBasic", token, 401, 'Basic realm="hybris"'),
        ("InBasic", basic("integrationviewgroup", "x"), 401, 'Basic realm="hybris"'),
        ("InBasic", basic("stranger"), 401, 'Basic realm="hybris"'),
        ("InBasic", {"Authorization": "Basic !"}, 401, 'Basic realm="hybris"'),
        ("InBasic", basic("frontdeskIntegrationUser", ""), 401, 'Basic realm="hybris"'),
    ):
        answer = await shop.get(f"/odata2webservices/{name}/Customers", headers=headers)
        assert (answer.status_code, answer.headers.get("www-authenticate")) == (status, challenge)


@pytest.mark.parametrize(("status", "code"), [(404, "not_found"), (403, "forbidden"), (401, None)])
async def test_without_a_channel(shop: httpx.AsyncClient, status: int, code: str | None) -> None:
    """An object without a channel configuration cannot be reached; how it says so is a switch."""
    await shop.post("/_sim/switches", json={"noChannelStatus": status})
    headers = await bearer(shop, "frontdesk", "secret")
    answer = await shop.get("/odata2webservices/InNone/Customers", headers=headers)
    assert answer.status_code == status
    if code is not None:
        assert answer.json()["error"]["code"] == code


async def test_legacy_authentication(shop: httpx.AsyncClient) -> None:
    """The old property exposes such an object to Basic."""
    path, headers = "/odata2webservices/InNone/Customers", basic("integrationviewgroup")
    assert (await shop.get(path, headers=headers)).status_code == 404
    await shop.post("/_sim/switches", json={"legacyAuthentication": True})
    assert (await shop.get(path, headers=headers)).status_code == 200


async def test_ordinary_client(shop: httpx.AsyncClient) -> None:
    """A token of a client without a run-as user is good and worth nothing here."""
    headers = await bearer(shop, "ordinary")
    answer = await shop.get("/odata2webservices/InOauth/Customers", headers=headers)
    assert answer.status_code == 403
    assert "Credentials provided" in answer.json()["error"]["message"]["value"]


@pytest.mark.parametrize(
    ("body", "kind"), [("html", "text/html"), ("json", "application/json"), ("empty", None)]
)
async def test_body_of_a_401(shop: httpx.AsyncClient, body: str, kind: str | None) -> None:
    """What a 401 carries is a switch, for nobody has shown it."""
    await shop.post("/_sim/switches", json={"unauthorizedBody": body})
    answer = await shop.get("/odata2webservices/InOauth/Customers")
    found = answer.headers.get("content-type")
    assert answer.status_code == 401
    assert (found and found.partition(";")[0]) == kind
    if body == "json":
        assert answer.json()["errors"][0]["type"] == "InvalidTokenError"


ALLOWED = {
    "frontdesk": {"POST", "PATCH", "GET", "DELETE", "metadata"},
    "integrationcreategroup": {"POST", "PATCH", "metadata"},
    "integrationviewgroup": {"GET", "metadata"},
    "integrationdeletegroup": {"DELETE"},
    "nobody": set(),
    "service": set(),
}


@pytest.mark.parametrize("client", ALLOWED)
async def test_groups(shop: httpx.AsyncClient, client: str) -> None:
    """Each group allows its verbs, and `$metadata` to those who write or read."""
    admin = await bearer(shop, "frontdesk", "secret")
    mine = await bearer(shop, client, "secret" if client == "frontdesk" else "s")
    base = "/odata2webservices/InOauth"
    await shop.post(f"{base}/Customers", json={"uid": "a"}, headers=admin)
    answers = {
        "POST": await shop.post(f"{base}/Customers", json={"uid": "a"}, headers=mine),
        "PATCH": await shop.patch(f"{base}/Customers('a')", json={}, headers=mine),
        "GET": await shop.get(f"{base}/Customers", headers=mine),
        "metadata": await shop.get(f"{base}/$metadata", headers=mine),
        "DELETE": await shop.delete(f"{base}/Customers('a')", headers=mine),
    }
    refused = {verb for verb, answer in answers.items() if answer.status_code == 403}
    assert refused == answers.keys() - ALLOWED[client]
    for verb in refused:
        assert answers[verb].json()["error"]["code"] == "forbidden"


async def test_group_check_comes_before_the_media_type(shop: httpx.AsyncClient) -> None:
    """And behind the look-up of the object."""
    mine = await bearer(shop, "integrationviewgroup")
    wrong = {**mine, "Content-Type": "text/plain"}
    answer = await shop.post("/odata2webservices/InOauth/Nothing", content=b"x", headers=wrong)
    assert answer.status_code == 403
    answer = await shop.post("/odata2webservices/InUnknown/X", content=b"x", headers=wrong)
    assert answer.status_code == 404


async def test_groups_in_a_batch(connect: Connect) -> None:
    """Each change is checked by itself."""
    viewer = User("viewer", groups=frozenset({"integrationviewgroup"}))
    settings = SimulatorConfig(users=(viewer,), client_user="viewer")
    async with connect(settings) as sap:
        body = (
            b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n"
            b"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
            b"POST Customers HTTP/1.1\r\nContent-Type: application/json\r\n\r\n"
            b'{"uid": "a"}\r\n--c--\r\n--b\r\nContent-Type: application/http\r\n'
            b"Content-Transfer-Encoding: binary\r\n\r\nGET Customers/$count HTTP/1.1\r\n\r\n"
            b"\r\n--b--"
        )
        headers = {"Content-Type": "multipart/mixed; boundary=b"}
        text = (await sap.post("$batch", content=body, headers=headers)).text
        assert "HTTP/1.1 403 Forbidden" in text
        assert "HTTP/1.1 200 OK" in text


RIGHTS: dict[str, list[str]] = {"Customer": ["read", "create"], "Title": ["read"]}


@pytest.mark.parametrize(
    ("rights", "entry", "lacks"),
    [
        (RIGHTS, {"uid": "new", "title": {"code": "mr"}}, None),
        (RIGHTS, {"uid": "old"}, "[change] privileges for accessing the [Customer]"),
        ({**RIGHTS, "Title": []}, {"uid": "new", "title": {"code": "mr"}}, "[read]"),
        (RIGHTS, {"uid": "new", "title": {"code": "mr", "note": "x"}}, "[change]"),
        ({}, {"uid": "new"}, "[create] privileges"),
    ],
)
async def test_type_rights(
    connect: Connect, rights: dict[str, list[str]], entry: dict[str, Any], lacks: str | None
) -> None:
    """With the property on, every type that is touched needs its right."""
    user = User("u", rights={code: frozenset(one) for code, one in rights.items()})
    settings = replace(
        config(switches={"accessRights": True}),
        users=(user,),
        clients=(Client("admin", "s", "frontdeskIntegrationUser"),),
        client_user="u",
    )
    async with connect(settings) as sap:
        admin = await bearer(sap, "admin")
        assert (await sap.post("Customers", json={"uid": "old"}, headers=admin)).status_code == 201
        answer = await sap.post("Customers", json=entry)
        assert answer.status_code == (201 if lacks is None else 403)
        if lacks is not None:
            assert lacks in answer.json()["error"]["message"]["value"]
        assert (await sap.delete("Customers('old')")).status_code == 403
        off = {"accessRights": False}
        await sap.post(f"{HOST}/_sim/switches", json=off)
        assert (await sap.post("Customers", json=entry)).status_code == 201


async def test_type_rights_on_reading(connect: Connect) -> None:
    """Reading needs `read`, also of what is expanded or reached by a link."""
    user = User("u", rights={"Customer": frozenset({"read", "create"})})
    settings = replace(
        shipped_config("standard", SimulatorConfig()), users=(user,), client_user="u"
    )
    async with connect(settings) as sap:
        await sap.post("Customers", json={"uid": "a", "title": {"code": "mr"}})
        await sap.post(f"{HOST}/_sim/switches", json={"accessRights": True})
        for path, status in (
            ("Customers", 200),
            ("Customers?$expand=title", 403),
            ("Customers('a')?$expand=title", 403),
            ("Customers('a')/title", 403),
            ("Titles", 403),
        ):
            assert (await sap.get(path)).status_code == status


async def test_objects_share_their_data(shop: httpx.AsyncClient) -> None:
    """Two objects over one type are two views of the same items."""
    token, password = await bearer(shop, "frontdesk", "secret"), basic("integrationviewgroup")
    await shop.post("/odata2webservices/InOauth/Customers", json={"uid": "a"}, headers=token)
    seen = await shop.get("/odata2webservices/InBasic/Customers('a')", headers=password)
    assert seen.json()["d"]["uid"] == "a"
    assert len((await shop.get("/_sim/customers?object=InBasic")).json()) == 1
    assert (await shop.get("/_sim/customers?object=Nothing")).status_code == 404


async def test_description_of_the_system(shop: httpx.AsyncClient) -> None:
    """`IntegrationService` lists objects, items and channels to the service group."""
    mine = await bearer(shop, "service")
    base = "/odata2webservices/IntegrationService"
    query = "$expand=items/attributes,items/type,integrationType"
    objects = (await shop.get(f"{base}/IntegrationObjects?{query}", headers=mine)).json()
    listed = {one["code"]: one for one in objects["d"]["results"]}
    assert {"InOauth", "InBasic", "InNone"} == set(listed)
    items = {one["code"]: one for one in listed["InOauth"]["items"]["results"]}
    assert (items["Customer"]["root"], items["Title"]["root"]) == (True, False)
    names = [one["attributeName"] for one in items["Customer"]["attributes"]["results"]]
    assert names == ["uid", "title"]
    query = "$expand=integrationObject,authenticationType"
    found = (await shop.get(f"{base}/InboundChannelConfigurations?{query}", headers=mine)).json()
    assert {
        one["integrationObject"]["code"]: one["authenticationType"]["code"]
        for one in found["d"]["results"]
    } == {"InOauth": "OAUTH", "InBasic": "BASIC"}
    viewer = await bearer(shop, "integrationviewgroup")
    assert (await shop.get(f"{base}/IntegrationObjects", headers=viewer)).status_code == 403
    assert (await shop.get(f"{base}/IntegrationObjects", headers=basic("service"))).is_success
    admin = await bearer(shop, "frontdesk", "secret")
    refused = await shop.post(f"{base}/IntegrationObjects", json={"code": "X"}, headers=admin)
    assert refused.status_code == 405
