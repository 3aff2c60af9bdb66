"""What is known of attributes by their name: which trait answers them, and which are left alone.

Sources: the Segment spec's reserved traits; SAP Commerce's types Principal, User, Customer and
B2BCustomer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from frontdesk.traits import SPELLINGS
from frontdesk_sidecar.mapping import DEFAULT_MAPPING


@dataclass(frozen=True, slots=True)
class Rule:
    """How an attribute is answered.

    `needed` is written instead where SAP requires the attribute. Without `is_sent` it stands in
    the file as a comment; with `is_never` not even that, and not where SAP requires it either.
    """

    expression: str = ""
    note: str = ""
    needed: str = ""
    is_sent: bool = True
    is_never: bool = False


_ADDRESS: Final = "lower(trim(email))"
_NOT_OURS: Final = Rule(note="not for a storefront to set", is_sent=False)
_SECRET: Final = Rule(note="never sent", is_sent=False, is_never=True)

#: Text attributes, by name in lower case.
TEXTS: Final[Mapping[str, Rule]] = {
    "uid": Rule(_ADDRESS, "in lower case, as SAP's own registration stores it"),
    "originaluid": Rule("trim(email)", "the address as the customer spells it"),
    "name": Rule(DEFAULT_MAPPING["name"], needed=f"{DEFAULT_MAPPING['name']} || email"),
    "email": Rule("trim(email)"),
    "contactemail": Rule(
        _ADDRESS,
        "a standard Customer derives it from uid and cannot take it",
        needed=_ADDRESS,
        is_sent=False,
    ),
    "customerid": Rule(
        "userId",
        "SAP gives customers numbers of its own: take it in if yours belong here",
        needed=f"userId || {_ADDRESS}",
        is_sent=False,
    ),
    "description": _NOT_OURS,
    "displayname": _NOT_OURS,
}

#: Attributes of any type, by name in lower case.
LEFT_ALONE: Final[Mapping[str, Rule]] = {
    "logindisabled": _NOT_OURS,
    "deactivationdate": _NOT_OURS,
    "lastlogin": _NOT_OURS,
    "active": _NOT_OURS,
    "type": Rule(note="SAP's to say: a guest, or registered", is_sent=False),
    "integrationkey": Rule(note="SAP computes it", is_sent=False, is_never=True),
    "localizedattributes": Rule(
        note="values in several languages; sap.content_language names the one for all",
        is_sent=False,
    ),
    **dict.fromkeys(
        (
            *("password", "encodedpassword", "passwordencoding", "passwordquestion"),
            *("passwordanswer", "token", "ldapaccount", "secret"),
        ),
        _SECRET,
    ),
}

#: What expressions see beside the traits, and what no attribute is likely to mean by the name.
NO_TRAITS: Final = ("event", "site", "timestamp")
#: Traits that are a moment, and how they are sent.
MOMENTS: Final[Mapping[str, str]] = {
    "birthday": "odata_date(birthday)",
    "createdAt": "odata_datetime(createdAt)",
}
#: The group of every customer, in every SAP Commerce.
CUSTOMER_GROUP: Final = "customergroup"
GROUP_ITEMS: Final = ("PrincipalGroup", "UserGroup")
LANGUAGE_ITEM: Final = "Language"
TITLE_ITEM: Final = "Title"
#: What stands where only a person can know what belongs there.
CHANGE_ME: Final = "CHANGE-ME"
#: Values for attributes that SAP requires and no trait answers. None fits a Guid.
CONSTANTS: Final[Mapping[str, str]] = {
    "Edm.String": "unknown",
    "Edm.Boolean": "`false`",
    "Edm.DateTime": "odata_datetime(timestamp)",
    **dict.fromkeys(
        (
            *("Edm.Byte", "Edm.SByte", "Edm.Int16", "Edm.Int32", "Edm.Int64"),
            *("Edm.Single", "Edm.Double", "Edm.Decimal"),
        ),
        "`0`",
    ),
}


def trait_of(attribute: str) -> str:
    """The reserved trait that an attribute's name is a spelling of, or else its own name."""
    return SPELLINGS.get(attribute, attribute)


def is_reserved(attribute: str) -> bool:
    """Whether the name is that of a reserved trait."""
    return attribute in SPELLINGS
