"""The file for a surprising object, as a whole; and what its writer does with odd values."""

from __future__ import annotations

import tomllib

import pytest

from edmx_support import item, metadata
from frontdesk_sidecar.init.proposal import propose
from frontdesk_sidecar.init.toml_text import Where, as_toml
from frontdesk_sidecar.mapping import compile_mapping
from frontdesk_sidecar.metadata import Navigation, Property

SURPRISING = metadata(
    [
        item(
            "ShopCustomer",
            Property("uid", nullable=False, is_unique=True, max_length=255),
            Property("name"),
            Property("loyaltyTier"),
            Property("dateOfBirth", "Edm.DateTime"),
            Property("loginDisabled", "Edm.Boolean"),
            Navigation("title", "Title", nullable=False),
            Navigation("sessionLanguage", "Language"),
            Navigation("groups", "PrincipalGroup", many=True),
        ),
        item("Title", Property("code", nullable=False, is_unique=True)),
        item("Language", Property("isocode", nullable=False, is_unique=True)),
        item("PrincipalGroup", Property("uid", nullable=False, is_unique=True)),
    ],
    ShopCustomers="ShopCustomer",
)
WHERE = Where("https://odata.example.com", "InboundCustomer", "frontdesk", "/run/secrets/sap")
GOLDEN = """\
# Written by `frontdesk init` from https://odata.example.com.
# Each key is also an environment variable, FRONTDESK_SECTION__KEY, which wins over this file.
# `frontdesk check` says whether all of it holds.

[capture]
# Where the web processes leave what they see: a directory in memory.
journal = "/run/frontdesk/journal"

[sap]
base_url = "https://odata.example.com"
integration_object = "InboundCustomer"
entity_set = "ShopCustomers"
client_id = "frontdesk"
client_secret_file = "/run/secrets/sap"

# What is sent, as ShopCustomer: attribute in SAP = JMESPath expression over the traits
# (https://jmespath.org), such as email, firstName, lastName, name, phone, title, birthday,
# gender, company, locale and userId. What has no value is left out, and stays in SAP as it is.
[sap.mapping]

# uid: String(255), key; in lower case, as SAP's own registration stores it
uid = "lower(trim(email))"

# name: String
name = "name || (firstName && lastName && join(' ', [firstName, lastName]))"

# loyaltyTier: String; sent once a capture rule gives the trait loyaltyTier
loyaltyTier = "loyaltyTier"

# dateOfBirth: DateTime
dateOfBirth = "odata_date(birthday)"

# loginDisabled: Boolean; not for a storefront to set

# title: reference to Title by code, required
# NEEDS YOUR DECISION: SAP requires it. Where no trait says it, 'mr' is sent and replaces what SAP
# has: put in what is right. Whatever is sent must be a code of Title in SAP.
title = "{code: default(title, 'mr')}"

# sessionLanguage: reference to Language by isocode; whatever is sent must be a isocode of
# Language in SAP: take it in if it always is
# sessionLanguage = "locale && {isocode: locale}"

# What is sent beside that with those who come by 'Signed Up'.
[sap.event_mapping."Signed Up"]

# groups: list of PrincipalGroup by uid; the group must exist in SAP; customergroup is that of
# every shop
groups = "[{uid: 'customergroup'}]"
"""


def test_the_file_for_a_surprising_object() -> None:
    """No contactEmail, a title that is required, an attribute of the project's own."""
    assert as_toml(WHERE, propose(SURPRISING, "ShopCustomers")) == GOLDEN


@pytest.mark.parametrize("odd", ['a"b', "a\\b", "ü€", "a\x7fb", "#", "'", "a=b"])
def test_odd_values_are_read_back_as_they_were(odd: str) -> None:
    """TOML has rules of its own."""
    where = Where("https://h", odd, odd, odd, (("ca_file", odd),), f"/{odd}", odd)
    read = tomllib.loads(as_toml(where, propose(SURPRISING, "ShopCustomers")))
    assert read["sap"]["client_id"] == odd
    assert read["sap"]["client_secret_file"] == odd
    assert read["sap"]["ca_file"] == odd
    assert read["capture"] == {"journal": f"/{odd}"}
    assert read["store"] == {"path": odd}


def test_a_long_expression_is_broken_between_its_alternatives() -> None:
    """It is the same one when it is read, and works."""
    languages = ["de", "en", "fr", "it"]
    proposal = propose(SURPRISING, "ShopCustomers", {"Language": languages})
    text = as_toml(WHERE, proposal)
    assert all(len(line) <= 100 for line in text.splitlines())
    read = tomllib.loads(text)["sap"]["mapping"]["sessionLanguage"]
    assert read.replace("\n", " ") == proposal.sent()["sessionLanguage"]
    sent = compile_mapping({"sessionLanguage": read}).apply({"locale": "fr-CA"})
    assert sent == {"sessionLanguage": {"isocode": "fr"}}
