"""The mapping that is proposed: what is known by name, what must be decided, and that it fits."""

from __future__ import annotations

import string
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edmx_support import CUSTOMER, edmx, item, metadata
from frontdesk.event import SIGNED_UP
from frontdesk_sidecar.init.line import Line
from frontdesk_sidecar.init.proposal import propose
from frontdesk_sidecar.init.toml_text import Where, as_toml
from frontdesk_sidecar.mapping import compile_mapping
from frontdesk_sidecar.metadata import Metadata, Navigation, Property, read_edmx
from frontdesk_sidecar.metadata.coercion import coerce
from frontdesk_sidecar.metadata.fit import Level, fit

UID = Property("uid", nullable=False, is_unique=True)
TITLE = item("Title", Property("code", nullable=False, is_unique=True))
LANGUAGE = item("Language", Property("isocode", nullable=False, is_unique=True))
GROUP = item("PrincipalGroup", Property("uid", nullable=False, is_unique=True))
CATALOG = item("Catalog", Property("id", nullable=False, is_unique=True))
VERSION = item(
    "CatalogVersion",
    Property("version", nullable=False, is_unique=True),
    Navigation("catalog", "Catalog", nullable=False, is_unique=True),
)
TEXTS = item("String", Property("value"))
PAIRS = item("String2StringMapType", Property("key"), Property("value"))
OTHERS = (TITLE, LANGUAGE, GROUP, CATALOG, VERSION, TEXTS, PAIRS)
TRAITS = {"email": "  Jane.Doe@Example.com ", "firstName": "Jane", "lastName": "Doe"}


def lines(*attributes: Property | Navigation, **codes: list[str]) -> dict[str, Line]:
    """What is proposed for a customer with a uid and these attributes."""
    described = metadata([item("Customer", UID, *attributes), *OTHERS], Customers="Customer")
    return {line.name: line for line in propose(described, "Customers", codes).lines}


def line(to: Property | Navigation, **codes: list[str]) -> Line:
    """What is proposed for one attribute."""
    return lines(to, **codes)[to.name]


def value(proposed: Line, **traits: object) -> object:
    """What a line sends for these traits; None when nothing."""
    mapping = compile_mapping({proposed.name: proposed.expression})
    return mapping.apply({**TRAITS, **traits}).get(proposed.name)


def test_the_key_is_the_address_in_lower_case() -> None:
    """As SAP's own registration stores it."""
    assert value(lines()["uid"]) == "jane.doe@example.com"
    assert value(line(Property("originalUid"))) == "Jane.Doe@Example.com"


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("name", "Jane Doe"),
        ("firstName", "Jane"),
        ("lastName", "Doe"),
        ("first_name", "Jane"),
        ("email", "Jane.Doe@Example.com"),
        ("fullName", "Jane Doe"),
    ],
)
def test_a_reserved_trait_is_found_by_any_spelling(name: str, sent: str) -> None:
    """An attribute of the project's own may be called as it likes."""
    proposed = line(Property(name))
    assert (proposed.is_sent, proposed.decision) == (True, "")
    assert value(proposed) == sent


def test_dates_are_sent_as_dates() -> None:
    """By type, not by name alone; other moments as moments."""
    assert value(line(Property("birthDate", "Edm.DateTime")), birthday="2001-02-03") is not None
    assert line(Property("birthday")).expression == "birthday"
    assert line(Property("since", "Edm.DateTime")).expression == "odata_datetime(since)"
    assert not line(Property("phone", "Edm.DateTime")).is_sent


def test_an_own_attribute_is_given_the_trait_of_its_name() -> None:
    """Nothing is sent as long as there is no such trait."""
    proposed = line(Property("loyaltyTier"))
    assert proposed.is_sent
    assert "capture rule" in proposed.note
    assert value(proposed) is None
    assert value(proposed, loyaltyTier="gold") == "gold"


@pytest.mark.parametrize(
    "to",
    [
        Property("contactEmail"),
        Property("loginDisabled", "Edm.Boolean"),
        Property("deactivationDate", "Edm.DateTime"),
        Property("customerID"),
        Property("password"),
        Property("description"),
        Property("event"),
        Property("name", "Edm.Int32"),
        Property("größe"),
        Navigation("localizedAttributes", "Title", many=True),
        Navigation("title", "Title"),
        Navigation("sessionLanguage", "Language"),
        Navigation("version", "CatalogVersion"),
        Navigation("lost", "Nowhere"),
    ],
)
def test_what_is_not_sure_is_left_out(to: Property | Navigation) -> None:
    """With the reason beside it, if there is one."""
    assert not line(to).is_sent
    assert not line(to).decision


def test_a_secret_is_not_even_proposed_where_sap_requires_it() -> None:
    """A constant password for everybody would be a hole."""
    proposed = line(Property("password", nullable=False))
    assert proposed.expression == ""
    assert "Take it out of the object" in proposed.decision


@pytest.mark.parametrize(
    ("to", "sent"),
    [
        (Property("tier", nullable=False), "unknown"),
        (Property("tier", nullable=False, max_length=3), "unk"),
        (Property("name", nullable=False), "  Jane.Doe@Example.com "),
        (Property("customerID", nullable=False), "jane.doe@example.com"),
        (Property("club", "Edm.Boolean", nullable=False), False),
        (Property("loginDisabled", "Edm.Boolean", nullable=False), False),
        (Property("points", "Edm.Int32", nullable=False), 0),
        (Navigation("title", "Title", nullable=False), {"code": "mr"}),
        (Navigation("country", "Title", nullable=False), {"code": "mr"}),
        (Navigation("sessionLanguage", "Language", nullable=False), {"isocode": "en"}),
    ],
)
def test_what_sap_requires_is_sent_and_must_be_decided(
    to: Property | Navigation, sent: object
) -> None:
    """A customer without the trait would be refused; a guess about people is not ours to make."""
    proposed = line(to)
    assert proposed.is_sent
    assert proposed.decision
    assert value(proposed, firstName=None) == sent


@pytest.mark.parametrize(
    "to",
    [
        Property("id", "Edm.Guid", nullable=False),
        Navigation("version", "CatalogVersion", nullable=False),
        Navigation("home", "Title", nullable=False, creates=True),
        Navigation("lost", "Nowhere", nullable=False),
        Property("größe", nullable=False),
    ],
)
def test_what_nobody_can_guess_must_be_decided(to: Property | Navigation) -> None:
    """Nothing is made up; a structure is written out as a comment."""
    assert line(to).decision


def test_an_address_that_sap_requires_needs_no_decision() -> None:
    """Every customer has one."""
    assert line(Property("email", nullable=False)).decision == ""


def test_a_structure_is_written_out() -> None:
    """To be filled in, however deep the keys are."""
    proposed = line(Navigation("version", "CatalogVersion"))
    assert proposed.expression == "{version: 'CHANGE-ME', catalog: {id: 'CHANGE-ME'}}"


def test_a_new_customer_gets_the_group_of_customers() -> None:
    """Once, when it signs up; collections are added to in SAP."""
    proposed = line(Navigation("groups", "PrincipalGroup", many=True))
    assert proposed.event == SIGNED_UP
    assert value(proposed) == [{"uid": "customergroup"}]
    needed = line(Navigation("groups", "PrincipalGroup", many=True, nullable=False))
    assert (needed.is_sent, needed.event, needed.decision) == (True, None, "")
    missing = line(Navigation("groups", "PrincipalGroup", many=True), PrincipalGroup=["b2bgroup"])
    assert not missing.is_sent


def test_only_codes_that_sap_has_are_sent_where_it_tells_them() -> None:
    """An unknown one would have the customer refused."""
    optional = line(Navigation("title", "Title"), Title=["mr", "ms", "it's"])
    assert optional.is_sent
    assert value(optional, title="ms") == {"code": "ms"}
    assert value(optional, title="Prof.") is None
    assert value(optional) is None
    needed = line(Navigation("title", "Title", nullable=False), Title=["ms", "mr"])
    assert value(needed, title="mr") == {"code": "mr"}
    assert value(needed, title="Prof.") == {"code": "ms"}
    assert "SAP has: ms, mr." in needed.decision


def test_too_many_codes_are_nothing_to_choose_from() -> None:
    """Some of them would be none: what is not in the list would be left out without a word."""
    proposed = line(Navigation("title", "Title"), Title=[f"t{n}" for n in range(40)])
    assert not proposed.is_sent


def test_simple_values_are_wrapped_and_pairs_are_written_out() -> None:
    """SAP wants an item for each; a trait that is no list gives nothing."""
    proposed = line(Navigation("nicknames", "String", many=True))
    assert proposed.is_sent
    assert value(proposed, nicknames=["JJ", "Jay"]) == [{"value": "JJ"}, {"value": "Jay"}]
    assert value(proposed, nicknames="JJ") is None
    assert value(proposed) is None
    pairs = line(Navigation("preferences", "String2StringMapType", many=True))
    assert (pairs.is_sent, pairs.expression) == (
        False,
        "[{key: 'CHANGE-ME', value: 'CHANGE-ME'}]",
    )
    for target in ("String", "String2StringMapType"):
        assert line(Navigation("all", target, many=True, nullable=False)).decision


def test_a_language_is_known_by_its_beginning() -> None:
    """Browsers say `en-US` where SAP has `en`."""
    proposed = line(Navigation("sessionLanguage", "Language"), Language=["en", "de", "de_CH"])
    assert value(proposed, locale="en-US") == {"isocode": "en"}
    assert value(proposed, locale="de_CH") == {"isocode": "de_CH"}
    assert value(proposed, locale="de-AT") == {"isocode": "de"}
    assert value(proposed, locale="fr") is None
    assert value(proposed) is None


def test_what_does_not_fit_in_spite_of_all_is_left_out() -> None:
    """A number for a key where a text was thought of."""
    number = item("Rank", Property("code", "Edm.Int32", nullable=False, is_unique=True))
    described = metadata(
        [item("Customer", UID, Navigation("rank", "Rank", nullable=False)), number],
        Customers="Customer",
    )
    proposed = {one.name: one for one in propose(described, "Customers").lines}["rank"]
    assert not proposed.is_sent
    assert "makes no Edm.Int32" in proposed.decision


TYPES = st.sampled_from(
    (
        *("Edm.String", "Edm.Boolean", "Edm.Byte", "Edm.Int16", "Edm.Int32", "Edm.Int64"),
        *("Edm.Double", "Edm.Decimal", "Edm.DateTime", "Edm.Guid", "Edm.Time", "Edm.Binary"),
    )
)
NAMES = st.one_of(
    st.sampled_from(
        (
            *("uid", "name", "email", "title", "locale", "groups", "customerID", "contactEmail"),
            *("password", "birthday", "sessionLanguage", "firstName", "event", "true", "null"),
            *("value", "key", "code", "type"),
        )
    ),
    st.text(string.ascii_letters + string.digits + "_äß-", min_size=1, max_size=12).filter(
        lambda name: not name[0].isdigit() and name[0] != "-" and name != "integrationKey"
    ),
)
ITEM_NAMES = ("Customer", "Title", "Language", "PrincipalGroup", "Thing", "Other", "String")
PROPERTIES = st.builds(
    Property,
    NAMES,
    TYPES,
    nullable=st.booleans(),
    is_unique=st.booleans(),
    is_localized=st.booleans(),
    max_length=st.none() | st.integers(0, 300),
)
NAVIGATIONS = st.builds(
    Navigation,
    NAMES,
    st.sampled_from((*ITEM_NAMES, "Nowhere")),
    many=st.booleans(),
    nullable=st.booleans(),
    is_unique=st.booleans(),
    creates=st.booleans(),
)
ATTRIBUTES = st.lists(PROPERTIES | NAVIGATIONS, max_size=8, unique_by=lambda one: one.name)
CODES = st.dictionaries(
    st.sampled_from(ITEM_NAMES), st.lists(st.text(max_size=8), max_size=14), max_size=4
)


@st.composite
def objects(draw: Any) -> Metadata:
    """Any object, a customer first."""
    items = [item(name, *draw(ATTRIBUTES)) for name in ITEM_NAMES]
    return metadata(items, Customers="Customer")


@given(objects(), CODES)
def test_a_proposal_fits_whatever_the_object_is(
    described: Metadata, codes: dict[str, list[str]]
) -> None:
    """But for what is said to need a decision; and the file that says so loads."""
    proposal = propose(described, "Customers", codes)
    undecided = {one.name for one in proposal.undecided}
    on = {event: proposal.sent(event) for event in proposal.events}
    mapping = compile_mapping(proposal.sent(), on)
    wrong = [one for one in fit(mapping, proposal.item, described) if one.level is Level.ERROR]
    assert {one.attribute.partition(".")[0] for one in wrong} <= undecided
    assert {one.name for one in proposal.lines} == set(proposal.item.attributes)
    _loads(as_toml(Where("h.example.com", "InboundCustomer", "frontdesk"), proposal), proposal)


@given(objects(), CODES)
def test_a_customer_of_whom_only_the_address_is_known_makes_a_fitting_payload(
    described: Metadata, codes: dict[str, list[str]]
) -> None:
    """Constants and defaults are of the types that the object has."""
    proposal = propose(described, "Customers", codes)
    scope = {"email": "jane@example.com", "timestamp": "2026-01-01T00:00:00Z"}
    payload = compile_mapping(proposal.sent()).apply(scope)
    longest = {one.name: one.max_length for one in proposal.item.properties.values()}
    short = [name for name in payload if isinstance(longest.get(name), int)]
    coerce({k: v for k, v in payload.items() if k not in short}, proposal.item, described)


def _loads(text: str, proposal: Any) -> None:
    import tempfile
    from pathlib import Path

    from frontdesk_sidecar import settings

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frontdesk.toml"
        path.write_text(text, encoding="utf-8")
        target = settings.load(str(path), {"FRONTDESK_SAP__CLIENT_SECRET": "s"}).default
    assert target.mapping is not None
    assert set(target.mapping.compiled) == set(proposal.sent())


def test_the_example_of_the_tests_is_read_as_it_is_written() -> None:
    """The EDMX and the model are two forms of one object."""
    read = read_edmx(edmx(CUSTOMER))
    one, other = propose(read, "Customers"), propose(CUSTOMER, "Customers")
    assert one.lines == other.lines
    assert replace(one, lines=()).item.attributes == other.item.attributes
