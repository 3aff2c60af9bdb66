"""`frontdesk init` against a stand-in for SAP: what it finds, writes and complains about."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edmx_support import CUSTOMER, edmx, item, metadata
from frontdesk_sidecar import cli, settings
from frontdesk_sidecar.admin.terminal import Terminal
from frontdesk_sidecar.metadata import Metadata, Navigation, Property
from frontdesk_sidecar.metadata.fit import Level
from frontdesk_sidecar.plan import make_plan
from server_support import free_port, serving

SECRET = "Kn0wn-0nly-here"
TOKEN = "t0ken-of-the-stand-in"

#: No contactEmail, a title that is required, an attribute of the project's own.
SURPRISING = metadata(
    [
        item(
            "ShopCustomer",
            Property("uid", nullable=False, is_unique=True, max_length=255),
            Property("originalUid"),
            Property("name"),
            Property("loyaltyTier"),
            Property("dateOfBirth", "Edm.DateTime"),
            Property("loginDisabled", "Edm.Boolean"),
            Navigation("title", "Title", nullable=False),
            Navigation("sessionLanguage", "Language"),
            Navigation("groups", "PrincipalGroup", many=True),
            alias="ShopCustomer_uid",
        ),
        item("Title", Property("code", nullable=False, is_unique=True)),
        item("Language", Property("isocode", nullable=False, is_unique=True)),
        item("PrincipalGroup", Property("uid", nullable=False, is_unique=True)),
    ],
    ShopCustomers="ShopCustomer",
    Titles="Title",
    Languages="Language",
    PrincipalGroups="PrincipalGroup",
)


@dataclass
class StandIn:
    """`listed` are the objects that the meta API tells of, None when it may not be asked."""

    objects: Mapping[str, Metadata]
    listed: list[str] | None = None
    existing: Mapping[str, list[dict[str, str]]] = field(default_factory=dict)
    page: bool = False
    asked: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        """Serve it; gives the address."""
        app = Starlette(
            routes=[
                Route("/authorizationserver/oauth/token", self._token, methods=["POST"]),
                Route("/odata2webservices/{object}/{rest:path}", self._odata),
            ]
        )
        with serving(app) as url:
            yield url

    async def _token(self, request: Request) -> Response:
        body = (await request.body()).decode()
        if f"client_secret={SECRET}" not in body:
            return JSONResponse({"error": "invalid_client"}, 401)
        return JSONResponse({"access_token": TOKEN, "token_type": "bearer", "expires_in": 300})

    async def _odata(self, request: Request) -> Response:
        name, rest = request.path_params["object"], request.path_params["rest"]
        self.asked.append(f"{name}/{rest}")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Response(status_code=401)
        if name == "IntegrationService":
            return self._listing(rest)
        if name not in self.objects:
            return _refused(404, "not_found")
        if rest == "$metadata":
            if self.page:
                return Response("<html>log in</html>", media_type="text/html")
            return Response(edmx(self.objects[name]), media_type="application/xml")
        if rest in self.existing:
            return JSONResponse({"d": {"results": self.existing[rest]}})
        return _refused(403, "forbidden")

    def _listing(self, which: str) -> Response:
        if self.listed is None:
            return _refused(403, "forbidden")
        entries: list[dict[str, Any]] = [
            {"integrationKey": name, "authenticationType": {"__deferred": {}}}
            for name in self.listed
        ]
        return JSONResponse({"d": {"results": entries if which.startswith("Inbound") else []}})


def _refused(status: int, code: str) -> Response:
    message = {"lang": "en", "value": "There is no such thing."}
    return JSONResponse({"error": {"code": code, "message": message}}, status)


ONLINE = ("--client-id", "frontdesk", "--client-secret-file")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings from outside, and a folder of its own."""
    for name in os.environ:
        if name.startswith("FRONTDESK"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_text(f"{SECRET}\n")


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Any:
    """Everything printed so far; never a secret."""

    def read() -> tuple[str, str]:
        out, err = capsys.readouterr()
        for text in (out, err):
            assert SECRET not in text
            assert TOKEN not in text
        return out, err

    return read


def init(*arguments: str) -> int:
    """Run the command."""
    return cli.main(["init", *arguments])


def target(path: str = "frontdesk.toml", **environ: str) -> settings.Target:
    """What the sidecar loads."""
    return settings.load(path, environ).default


def test_a_surprising_object_gets_a_file_that_fits(shown: Any) -> None:
    """Which the sidecar loads, and of which `fit` has nothing to say but notices."""
    sap = StandIn(
        {"InboundCustomer": SURPRISING},
        existing={"Titles": [{"code": "mx"}, {"code": "dr"}], "Languages": [{"isocode": "en"}]},
    )
    with sap.running() as url:
        assert init(url, *ONLINE, "secret") == 0
    out, err = shown()
    assert err == ""
    assert "entity set ShopCustomers, item ShopCustomer" in out
    assert "(not InboundB2BCustomer: There is no such thing.)" in out
    assert "title  SAP requires it." in out
    assert "SAP has: mx, dr." in out
    assert out.endswith(
        "Next:\n  frontdesk check --config frontdesk.toml\n"
        "  frontdesk run --config frontdesk.toml\n"
    )
    loaded = target()
    assert loaded.destination.base_url == url
    assert loaded.destination.entity_set == "ShopCustomers"
    assert loaded.destination.client_secret() == SECRET
    plan = make_plan(loaded.mapping, SURPRISING, "ShopCustomers")
    assert [one for one in plan.findings if one.level is not Level.NOTICE] == []
    assert stat.S_IMODE(os.stat("frontdesk.toml").st_mode) == 0o644
    assert sorted(os.listdir()) == ["frontdesk.toml", "secret"]
    assert SECRET not in Path("frontdesk.toml").read_text()


def test_what_sap_lists_is_used(shown: Any) -> None:
    """And the usual names are not tried."""
    sap = StandIn({"ShopIn": SURPRISING}, listed=["InboundProduct", "ShopIn"])
    with sap.running() as url:
        assert init(url, *ONLINE, "secret") == 0
    assert target().destination.integration_object == "ShopIn"
    assert "InboundCustomer/$metadata" not in sap.asked
    assert "(not InboundProduct: " in shown()[0]


def test_several_objects_must_be_chosen_from(shown: Any) -> None:
    """Nothing is written; with --object it goes on."""
    sap = StandIn({"InboundCustomer": CUSTOMER, "InboundB2BCustomer": SURPRISING})
    with sap.running() as url:
        assert init(url, *ONLINE, "secret") == 2
        out, err = shown()
        assert out == ""
        assert "several objects may hold customers: choose one" in err
        assert "--object InboundB2BCustomer" in err
        assert not Path("frontdesk.toml").exists()
        assert init(url, *ONLINE, "secret", "--object", "InboundCustomer") == 0
        assert init(url, *ONLINE, "secret", "--entity-set", "ShopCustomers", "--force") == 0
    assert target().destination.integration_object == "InboundB2BCustomer"


def test_an_object_without_customers_is_said_to_be_one(shown: Any) -> None:
    """With the sets that it has."""
    products = metadata([item("Product", Property("code", is_unique=True))], Products="Product")
    Path("products.xml").write_bytes(edmx(products))
    assert init("--offline", "products.xml") == 2
    assert "--entity-set Products   by code" in shown()[1]
    with StandIn({"InboundCustomer": products}).running() as url:
        assert init(url, *ONLINE, "secret") == 2
    assert "no customers in InboundCustomer" in shown()[1]


def test_a_token_that_is_refused_is_one_reason(shown: Any) -> None:
    """Said once, with what helps; and nothing is written."""
    Path("wrong").write_text("wrong\n")
    with StandIn({"InboundCustomer": SURPRISING}).running() as url:
        assert init(url, *ONLINE, "wrong") == 1
    out, err = shown()
    assert out == ""
    assert err.count("The authorization server does not accept the client and its secret.") == 1
    assert "the secret was changed in SAP" in " ".join(err.split())
    assert not Path("frontdesk.toml").exists()


def test_a_host_that_is_not_there_is_one_reason(shown: Any) -> None:
    """By the same words as everywhere."""
    assert init(f"http://127.0.0.1:{free_port()}", *ONLINE, "secret") == 1
    assert "SAP's host refused the connection" in " ".join(shown()[1].split())


def test_an_object_that_is_not_there_is_said_to_be_missing(shown: Any) -> None:
    """With the two ways on."""
    with StandIn({}).running() as url:
        assert init(url, *ONLINE, "secret", "--object", "Typo") == 1
    err = shown()[1]
    assert "Typo: There is no such thing." in err
    assert "does not know the object or the set" in err
    assert "frontdesk init --impex" in err


def test_a_page_in_its_place_is_said_to_be_one(shown: Any) -> None:
    """A login page answers 200."""
    with StandIn({"InboundCustomer": SURPRISING}, page=True).running() as url:
        assert init(url, *ONLINE, "secret", "--object", "InboundCustomer") == 1
    assert "often the backoffice endpoint" in shown()[1]


def test_the_environment_gives_the_secret(shown: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the file says where it comes from, and does not hold it."""
    monkeypatch.setenv("FRONTDESK_SAP__CLIENT_SECRET", SECRET)
    with StandIn({"InboundCustomer": SURPRISING}).running() as url:
        assert init(url, "--client-id", "frontdesk") == 0
        text = Path("frontdesk.toml").read_text()
        assert '# client_secret_file = "' in text
        assert SECRET not in text
        assert "FRONTDESK_SAP__CLIENT_SECRET=…" in shown()[0]
        monkeypatch.setenv("FRONTDESK_SAP__CLIENT_ID", "another")
        monkeypatch.setenv("FRONTDESK_SAP__BASE_URL", "https://another.example.com")
        assert init(url, "--client-id", "frontdesk", "--force") == 78
    err = shown()[1]
    assert "FRONTDESK_SAP__BASE_URL names another host" in err
    assert "FRONTDESK_SAP__CLIENT_ID names another client" in err


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_person_types_the_secret_unseen(
    is_kept: bool, shown: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is kept only if that is wanted, for its owner alone."""
    monkeypatch.setattr(Terminal, "can_ask", True)
    monkeypatch.setattr(Terminal, "confirmed", lambda *_: is_kept)
    monkeypatch.setattr("getpass.getpass", lambda _: SECRET)
    with StandIn({"InboundCustomer": SURPRISING}).running() as url:
        assert init(url, "--client-id", "frontdesk") == 0
        shown()
        kept = Path("frontdesk.secret")
        assert kept.exists() == is_kept
        if is_kept:
            assert stat.S_IMODE(kept.stat().st_mode) == 0o600
            assert target().destination.client_secret() == SECRET
            assert init(url, "--client-id", "frontdesk", "--force") == 1
            assert "frontdesk.secret cannot be written: File exists" in shown()[1]


def test_other_options_travel_into_the_file() -> None:
    """The way to SAP that was just shown to work."""
    sap = StandIn({"InboundCustomer": SURPRISING})
    with sap.running() as url:
        assert init(url, *ONLINE, "secret", "--auth", "oauth") == 0
    assert target().destination.auth == "oauth"
    with sap.running() as url:
        assert init(url, *ONLINE, "secret", "--auth", "basic", "--force") == 1


def test_the_impex_of_what_is_there_can_be_printed(shown: Any) -> None:
    """To make the same object in another system; nothing is written."""
    with StandIn({"InboundCustomer": SURPRISING}).running() as url:
        assert init(url, *ONLINE, "secret", "--impex") == 0
    assert "; InboundCustomer ; ShopCustomer   ; ShopCustomer   ; true ;" in shown()[0]
    assert os.listdir() == ["secret"]
