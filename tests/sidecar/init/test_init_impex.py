"""The ImpEx for the SAP side: what is in it, and that docs/sap-side.md shows it as it is."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from edmx_support import CUSTOMER, edmx, item, metadata
from frontdesk_sidecar import cli
from frontdesk_sidecar.init.impex import as_impex
from frontdesk_sidecar.init.impex_model import Unknown, of_attributes, of_metadata
from frontdesk_sidecar.metadata import Navigation, Property

PAGE = Path(__file__).parents[3] / "docs" / "sap-side.md"


def rows(text: str, type_: str) -> list[list[str]]:
    """The cells below the header of one type."""
    found = re.search(rf"^INSERT_UPDATE {type_};.*\n((?:;.*\n)+)", text, re.MULTILINE)
    assert found is not None
    return [[cell.strip() for cell in row.split(";")[1:]] for row in found[1].splitlines()]


def test_each_row_has_a_cell_for_each_column() -> None:
    """Otherwise the import shifts values."""
    text = as_impex(of_attributes("InboundCustomer", "Customer", ()), "frontdesk")
    header = ""
    for line in text.splitlines():
        if line.startswith("INSERT_UPDATE"):
            header = line
        elif line.startswith(";"):
            assert line.count(";") == header.count(";"), line


def test_only_what_is_wanted_is_in_the_object() -> None:
    """And the key, and what is referred to with its key."""
    text = as_impex(
        of_attributes(
            "Shop", "Customer", ("name", "title", "loyaltyTier:String", "tier:x.Tier(id)", "a:Enum")
        ),
        "me",
    )
    items = rows(text, "IntegrationObjectItem")
    assert [row[1] for row in items] == ["Customer", "Title", "Tier", "Enum"]
    assert [row[3] for row in items] == ["true", "", "", ""]
    attributes = {(row[0], row[1]): row[2:] for row in rows(text, "IntegrationObjectItemAttribute")}
    assert attributes == {
        ("Shop:Customer", "name"): ["Customer:name", "", "", ""],
        ("Shop:Customer", "title"): ["Customer:title", "Shop:Title", "", ""],
        ("Shop:Customer", "loyaltyTier"): ["Customer:loyaltyTier", "", "", ""],
        ("Shop:Customer", "tier"): ["Customer:tier", "Shop:Tier", "", ""],
        ("Shop:Customer", "a"): ["Customer:a", "Shop:Enum", "", ""],
        ("Shop:Customer", "uid"): ["Customer:uid", "", "true", ""],
        ("Shop:Title", "code"): ["Title:code", "", "true", ""],
        ("Shop:Tier", "id"): ["Tier:id", "", "true", ""],
        ("Shop:Enum", "code"): ["Enum:code", "", "true", ""],
    }
    assert rows(text, "InboundChannelConfiguration") == [["Shop", "OAUTH"]]
    [client] = rows(text, "IntegrationClientCredentialsDetails")
    assert client[0] == "me"
    assert client[3] == "<secret>"


def test_rights_are_for_every_type_and_never_to_remove() -> None:
    """Write on the customers, read on what they refer to."""
    text = as_impex(of_attributes("Shop", "B2BCustomer", ()), "me")
    block = text.partition("$START_USERRIGHTS\n")[2].partition("$END_USERRIGHTS")[0]
    cells = [[cell.strip() for cell in row.split(";")] for row in block.splitlines()[2:]]
    assert {row[4]: "".join(row[5:]) for row in cells} == {
        "B2BCustomer": "+++-",
        "Title": "+---",
        "B2BUnit": "+---",
        "PrincipalGroup": "+---",
    }


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ("contactEmail", "derives it from uid"),
        ("firstName", "firstName:String"),
        ("password", "not for an interface"),
        ("loyaltyTier", "write your own as loyaltyTier:String"),
        ("a; b", "write your own"),
        ("a:B;C", "write your own"),
    ],
)
def test_what_cannot_be_had_says_why(wanted: str, reason: str) -> None:
    """And what to write."""
    with pytest.raises(Unknown, match=re.escape(reason)):
        of_attributes("Shop", "Customer", (wanted,))


def test_an_object_that_is_there_can_be_made_elsewhere() -> None:
    """From its EDMX: all of it, or the attributes wanted."""
    customer = CUSTOMER.items["Customer"]
    text = as_impex(of_metadata("Shop", CUSTOMER, customer), "me")
    items = {row[1] for row in rows(text, "IntegrationObjectItem")}
    assert items == {"Customer", "Title", "PrincipalGroup", "Address", "Country"}
    attributes = rows(text, "IntegrationObjectItemAttribute")
    assert [
        "Shop:Customer",
        "address",
        "Customer:address",
        "Shop:Address",
        "",
        "true",
    ] in attributes
    assert "localizedAttributes" not in text
    assert "Address        ; +    ; +      ; +      ; -" in text
    text = as_impex(of_metadata("Shop", CUSTOMER, customer, ("name", "title")), "me")
    named = [row[1] for row in rows(text, "IntegrationObjectItemAttribute")]
    assert named == ["uid", "name", "title", "code", "name"]
    with pytest.raises(Unknown, match="tilte: not in Customer, which has uid, name"):
        of_metadata("Shop", CUSTOMER, customer, ("tilte",))


def test_a_name_that_is_more_than_one_is_refused() -> None:
    """A line break in an EDMX must not become a statement."""
    hostile = item("Customer", Property("uid\nREMOVE Customer", is_unique=True))
    with pytest.raises(Unknown):
        of_metadata("Shop", metadata([hostile], Customers="Customer"), hostile)
    values = item("String", Property("value"))
    described = metadata([item("Customer", Navigation("tags", "String", many=True)), values])
    model = of_metadata("Shop", described, described.items["Customer"])
    assert [one.code for one in model.items] == ["Customer"]


def test_the_command_prints_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And writes nothing; what cannot be had is a wrong usage."""
    monkeypatch.chdir(tmp_path)
    assert cli.main(["init", "--impex"]) == 0
    model = of_attributes("InboundCustomer", "Customer", ())
    assert capsys.readouterr().out == as_impex(model, "frontdesk")
    Path("c.xml").write_bytes(edmx(CUSTOMER))
    own = ("--offline", "c.xml", "--object", "Shop", "--attributes", "uid, tier")
    assert cli.main(["init", "--impex", *own]) == 0
    assert "; Shop:Customer ; tier ; Customer:tier" in capsys.readouterr().out
    assert cli.main(["init", "--impex", "--attributes", "uid,contactEmail"]) == 2
    assert "frontdesk: init: contactEmail: SAP derives it" in capsys.readouterr().err
    assert cli.main(["init", "--impex", "--client-id", "a;b"]) == 2
    assert os.listdir() == ["c.xml"]


def test_the_page_shows_what_the_command_prints() -> None:
    """docs/sap-side.md; UPDATE_DOCS=1 writes it."""
    model = of_attributes("InboundCustomer", "Customer", ())
    text = PAGE.read_text()
    begin, end = "<!-- impex -->\n```impex\n", "```\n<!-- /impex -->"
    before, _, rest = text.partition(begin)
    shown, _, after = rest.partition(end)
    if os.environ.get("UPDATE_DOCS"):
        PAGE.write_text(f"{before}{begin}{as_impex(model, 'frontdesk')}{end}{after}")
    else:
        assert shown == as_impex(model, "frontdesk")
