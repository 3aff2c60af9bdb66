"""What stands between a mapping and an object, before the first customer."""

from __future__ import annotations

import pytest

from edmx_support import CUSTOMER
from frontdesk_sidecar.mapping import compile_mapping
from frontdesk_sidecar.metadata.fit import Finding, Level, fit, undefined

ROOT = CUSTOMER.items["Customer"]
GOOD = {
    "uid": "lower(email)",
    "tier": "default(tier, 'basic')",
    "title": "{code: default(salutation, 'mr')}",
}


def findings(**changes: str) -> list[Finding]:
    """What is found of a good mapping with changes."""
    return fit(compile_mapping({**GOOD, **changes}), ROOT, CUSTOMER)


def errors(**changes: str) -> dict[str, str]:
    """The errors alone, attribute to text."""
    return {one.attribute: one.text for one in findings(**changes) if one.level is Level.ERROR}


def test_a_mapping_that_fits() -> None:
    """No error; what SAP does not create is worth a notice."""
    assert errors() == {}
    assert [(one.attribute, one.level) for one in findings()] == [("title", Level.NOTICE)]


@pytest.mark.parametrize(
    ("attribute", "expression", "where", "text"),
    [
        ("firstName", "firstName", "firstName", "is not defined for Customer"),
        ("Name", "name", "Name", "is not defined for Customer"),
        ("name", "{a: b}", "name", "is a simple attribute of type Edm.String"),
        ("name", "x || [a]", "name", "is a simple attribute of type Edm.String"),
        ("loginDisabled", "'maybe'", "loginDisabled", "is a text that makes no Edm.Boolean"),
        ("visits", "visits || `1.5`", "visits", "is a number that makes no Edm.Int32"),
        ("title", "'mr'", "title", "refers to Title, and is given something else"),
        ("title", "[{code: 'mr'}]", "title", "refers to Title, and is given something else"),
        ("title", "{name: 'Mr'}", "title", "lacks code, which is in the key of Title"),
        ("title", "{kode: 'mr', code: 'mr'}", "title.kode", "is not defined for Title"),
        ("groups", "{uid: 'g'}", "groups", "refers to PrincipalGroup, and is given something else"),
        ("groups", "[{id: 'g'}]", "groups.id", "is not defined for PrincipalGroup"),
        (
            "address",
            "{publicKey: 'k', country: {iso: 'CH'}}",
            "address.country.iso",
            "is not defined for Country",
        ),
    ],
)
def test_what_does_not_fit(attribute: str, expression: str, where: str, text: str) -> None:
    """Through `||`, `default()` and into the depths; with a remedy each."""
    assert errors(**{attribute: expression})[where].startswith(text)
    assert all(one.remedy for one in findings(**{attribute: expression}))


@pytest.mark.parametrize("missing", ["uid", "tier", "title"])
def test_what_is_missing(missing: str) -> None:
    """Keys and required attributes, with an example that would fit."""
    mapping = {name: one for name, one in GOOD.items() if name != missing}
    (found,) = [
        one for one in fit(compile_mapping(mapping), ROOT, CUSTOMER) if one.level is Level.ERROR
    ]
    assert found.attribute == missing
    assert "is not mapped" in found.text
    assert f"{missing} = " in found.remedy


def test_a_required_attribute_of_one_event() -> None:
    """It may be enough; it is said."""
    mapping = {name: one for name, one in GOOD.items() if name != "tier"}
    found = fit(compile_mapping(mapping, {"Signed Up": {"tier": "'new'"}}), ROOT, CUSTOMER)
    assert [one.attribute for one in found if one.level is Level.WARNING] == ["tier"]


def test_attributes_of_an_event_are_looked_at_as_well() -> None:
    """They are sent as well."""
    found = fit(compile_mapping(GOOD, {"Signed Up": {"phone": "phone"}}), ROOT, CUSTOMER)
    assert [one.attribute for one in found if one.level is Level.ERROR] == ["phone"]


def test_near_names_and_known_mistakes() -> None:
    """The remedy knows the spelling, and what documentation of others gets wrong."""
    (spelt,) = [one for one in findings(Tier="'x'") if one.attribute == "Tier"]
    assert spelt.remedy.startswith("tier is defined; names are case-sensitive.")
    (mail,) = [one for one in findings(contactEmail="email") if one.attribute == "contactEmail"]
    assert "derived from uid" in mail.remedy
    assert "Defined are: uid, name," in mail.remedy


def test_a_trait_for_a_reference_is_a_warning() -> None:
    """It may hold such an object, but hardly does."""
    levels = {one.attribute: one.level for one in findings(address="address")}
    assert levels["address"] is Level.WARNING


def test_the_integration_key_is_saps() -> None:
    """SAP ignores what is sent."""
    levels = {one.attribute: one.level for one in findings(integrationKey="email")}
    assert levels["integrationKey"] is Level.WARNING


def test_undefined() -> None:
    """What the default mapping leaves out."""
    mapping = compile_mapping({**GOOD, "contactEmail": "email", "firstName": "firstName"})
    assert undefined(mapping, ROOT) == ["contactEmail", "firstName"]
