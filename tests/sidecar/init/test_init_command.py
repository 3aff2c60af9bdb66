"""`frontdesk init` as it is typed: from a file, and when something is wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from edmx_support import CUSTOMER, edmx, item, metadata
from frontdesk_sidecar import cli, settings
from frontdesk_sidecar.admin.terminal import Terminal
from frontdesk_sidecar.metadata import Property

SECRET = "Kn0wn-0nly-here"
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
        return out, err

    return read


def init(*arguments: str) -> int:
    """Run the command."""
    return cli.main(["init", *arguments])


def target(path: str = "frontdesk.toml", **environ: str) -> settings.Target:
    """What the sidecar loads."""
    return settings.load(path, environ).default


def test_several_sets_must_be_chosen_from(shown: Any) -> None:
    """And a set that is not there is none."""
    uid = Property("uid", is_unique=True)
    two = metadata([item("Buyer", uid), item("Seller", uid)], Buyers="Buyer", Sellers="Seller")
    Path("two.xml").write_bytes(edmx(two))
    assert init("--offline", "two.xml") == 2
    assert "--entity-set Buyers   by uid" in shown()[1]
    assert init("--offline", "two.xml", "--entity-set", "buyers") == 2
    assert "has no entity set buyers; names are case-sensitive" in shown()[1]
    assert init("--offline", "two.xml", "--entity-set", "Sellers") == 0
    assert 'entity_set = "Sellers"' in Path("frontdesk.toml").read_text()


@pytest.mark.parametrize("content", ["<html/>", "no XML", "", "<!DOCTYPE a []><a/>"])
def test_a_file_that_is_no_edmx_is_said_to_be_none(content: str, shown: Any) -> None:
    """With what to save."""
    Path("page.html").write_text(content)
    assert init("--offline", "page.html") == 1
    assert "Save what GET https://HOST/odata2webservices/OBJECT/$metadata answers." in shown()[1]
    assert init("--offline", "missing.xml") == 1
    assert "missing.xml cannot be read: No such file or directory" in shown()[1]


def test_a_file_that_is_there_is_not_replaced(shown: Any) -> None:
    """Unless somebody says so; and SAP is not even asked."""
    Path("customer.xml").write_bytes(edmx(CUSTOMER))
    Path("frontdesk.toml").write_text("mine")
    assert init("--offline", "customer.xml") == 1
    assert "--force replaces it" in shown()[1]
    assert Path("frontdesk.toml").read_text() == "mine"
    assert init("--offline", "customer.xml", "--force") == 0
    assert "[sap.mapping]" in Path("frontdesk.toml").read_text()
    assert init("--offline", "customer.xml", "-o", "no/where.toml") == 1
    assert "no is no directory" in shown()[1]


def test_a_dangling_link_is_not_written_through() -> None:
    """It points somewhere for a reason."""
    Path("customer.xml").write_bytes(edmx(CUSTOMER))
    Path("frontdesk.toml").symlink_to("elsewhere.toml")
    assert init("--offline", "customer.xml") == 1
    assert not Path("elsewhere.toml").exists()


def test_offline_needs_no_network_and_marks_what_it_makes_up(shown: Any) -> None:
    """What is given is not made up."""
    Path("customer.xml").write_bytes(edmx(CUSTOMER))
    assert init("--offline", "customer.xml", "--json") == 0
    document = json.loads(shown()[0])
    assert set(document["decisions"]) == {
        *("sap.base_url", "sap.client_id", "sap.integration_object", "tier", "title")
    }
    assert document["integration_object"] == "InboundCustomer"
    given = ("h.example.com", "--client-id", "me", "--object", "Shop")
    assert init(*given, "--offline", "customer.xml", "--json", "--force") == 0
    document = json.loads(shown()[0])
    assert set(document["decisions"]) == {"tier", "title"}
    found = {one["attribute"]: one for one in document["attributes"]}
    assert found["uid"]["key"]
    assert found["uid"]["mapped_from"] == "lower(trim(email))"
    assert found["groups"]["event"] == "Signed Up"
    assert found["title"]["reference"] == "Title"
    loaded = target(FRONTDESK_SAP__CLIENT_SECRET="s")
    assert loaded.destination.base_url == "https://h.example.com"


@pytest.mark.parametrize("host", ["http://shop.example.com", "a b", "https://u:p@h", "h/path"])
def test_a_host_that_is_none_is_78(host: str, shown: Any) -> None:
    """Which never repeats it: it may hold a password."""
    Path("customer.xml").write_bytes(edmx(CUSTOMER))
    assert init(host, "--offline", "customer.xml") == 78
    assert init(host, *ONLINE, "secret") == 78
    err = shown()[1]
    assert err.count("frontdesk: sap.base_url: ") == 2
    assert "u:p" not in err


def test_what_is_missing_is_78_with_the_option_that_gives_it(shown: Any) -> None:
    """All at once."""
    assert init() == 78
    err = shown()[1]
    assert "sap.base_url: is required: HOST" in err
    assert "sap.client_id: is required: --client-id ID" in err
    assert init("h.example.com", *ONLINE, "nowhere") == 78
    assert "client_secret_file: cannot be read: No such file" in shown()[1]
    assert init("h.example.com", "--client-id", "me") == 78
    assert "--client-secret-file FILE, or FRONTDESK_SAP__CLIENT_SECRET" in shown()[1]


def test_nothing_typed_is_no_secret(shown: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """And SAP is not asked."""
    monkeypatch.setattr(Terminal, "can_ask", True)
    monkeypatch.setattr("getpass.getpass", lambda _: "  ")
    assert init("h.example.com", "--client-id", "me") == 78
    assert "nothing was typed" in shown()[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--object", "no-name"),
        ("--client-id", " "),
        ("--client-id", "a\x1bb"),
        ("--attributes", "uid,,name"),
        ("--auth", "none"),
        ("a.example.com", "b.example.com"),
    ],
)
def test_a_wrong_usage_is_two(arguments: tuple[str, ...], shown: Any) -> None:
    """As of every command."""
    with pytest.raises(SystemExit) as ended:
        init(*arguments)
    assert ended.value.code == 2
    assert shown()[0] == ""


def test_what_sap_calls_things_stands_in_no_line_of_its_own() -> None:
    """A name with a line break must not become a setting."""
    hostile = edmx(CUSTOMER).replace(b'Type="Edm.DateTime"', b'Type="Edm.X&#10;[capture]&#10;"')
    Path("customer.xml").write_bytes(hostile)
    assert init("--offline", "customer.xml") == 0
    text = Path("frontdesk.toml").read_text()
    assert text.count("\n[capture]") == 1
