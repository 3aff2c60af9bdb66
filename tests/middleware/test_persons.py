"""Persons in documents, forms and objects: what is read of them, and what is not."""

import dataclasses
import enum
import gc
import uuid
from collections import OrderedDict, UserDict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgi_support import JANE, SECRET
from frontdesk import documents, persons
from frontdesk.addresses import MAX_KEYS, own_address
from frontdesk.documents import (
    DOCUMENT_NAMES,
    person_below,
    person_claimed,
    person_in,
    person_of,
    plainly_named,
)
from frontdesk.forms import nested, typed_person
from frontdesk.persons import Person
from frontdesk.stored import MAX_OBJECTS, plain
from frontdesk.traits import clean

OTHER = "other@example.com"

Said = tuple[str | None, str | None, dict[str, object]]


def said(person: Person) -> Said:
    """A person as a row of a table."""
    return person.email, person.user_id, person.traits


#: document -> (email, user id, other traits); None: nobody can be told
DOCUMENTS: list[tuple[str, Any, Said]] = [
    ("flat", {"email": JANE, "id": 7, "firstName": "Jane"}, (JANE, "7", {"firstName": "Jane"})),
    ("snake", {"email": JANE, "first_name": "Jane"}, (JANE, None, {"firstName": "Jane"})),
    ("oidc", {"sub": "abc", "email": JANE, "given_name": "J"}, (JANE, "abc", {"firstName": "J"})),
    ("user", {"user": {"email": JANE, "uuid": "u"}}, (JANE, "u", {})),
    ("customer", {"customer": {"mail": JANE}}, (JANE, None, {})),
    ("me", {"data": {"me": {"email": JANE}}}, (JANE, None, {})),
    ("user data", {"userData": {"email": JANE}}, (JANE, None, {})),
    ("current user", {"current_user": {"email": JANE}}, (JANE, None, {})),
    ("envelope", {"data": {"user": {"email": JANE}}}, (JANE, None, {})),
    ("two envelopes", {"response": {"data": {"user": {"email": JANE}}}}, (JANE, None, {})),
    ("bare envelope", {"data": {"email": JANE, "name": "Jane"}}, (JANE, None, {"name": "Jane"})),
    ("below a session", {"session": {"user": {"email": JANE}}}, (JANE, None, {})),
    ("a session is no person", {"session": {"email": JANE}}, (None, None, {})),
    (
        "json api",
        {"data": {"type": "users", "id": "7", "attributes": {"email": JANE, "lastName": "Doe"}}},
        (JANE, "7", {"lastName": "Doe"}),
    ),
    (
        "profile without an address",
        {"user": {"email": JANE, "profile": {"id": 99, "first_name": "Jane", "phone": "123"}}},
        (JANE, None, {"firstName": "Jane", "phone": "123"}),
    ),
    (
        "profile of somebody else",
        {"user": {"email": JANE, "profile": {"email": OTHER, "first_name": "Otto"}}},
        (JANE, None, {}),
    ),
    (
        "a bare document's profile",
        {"id": 7, "email": JANE, "profile": {"title": "Dr", "city": "Ulm"}},
        (JANE, "7", {"title": "Dr", "address": {"city": "Ulm"}}),
    ),
    ("address below the user", {"user": {"id": 1, "account": {"email": JANE}}}, (JANE, "1", {})),
    ("user name that is an address", {"user": {"username": JANE}}, (JANE, None, {})),
    ("user name that is none", {"user": {"username": "jane", "id": 7}}, (None, "7", {})),
    ("user as a text", {"user": JANE, "token": SECRET}, (JANE, None, {})),
    ("address over user name", {"username": OTHER, "email": JANE}, (JANE, None, {})),
    ("an address of two logins", {"username": "jane", "login": JANE}, (JANE, None, {})),
    ("an id that is an address", {"user": {"id": JANE, "name": "J"}}, (JANE, None, {"name": "J"})),
    ("a bare id that is one", {"id": f"msg.{JANE}", "name": "J"}, (None, None, {})),
    ("uid that is an address", {"uid": JANE, "customerId": "c7"}, (JANE, "c7", {})),
    ("sub that is an address", {"sub": JANE, "id": 7}, (JANE, "7", {})),
    ("an at sign", {"user": {"id": "@jane:x", "email": JANE}}, (JANE, "@jane:x", {})),
    ("numbers as written", {"email": JANE, "phone": 123, "id": 0}, (JANE, "0", {"phone": "123"})),
    ("a huge number", {"email": JANE, "phone": 2**64, "id": -(2**64)}, (JANE, None, {})),
    ("numbers that are keys", {"email": JANE, "company": 5, "language": 3}, (JANE, None, {})),
    ("booleans are no traits", {"email": JANE, "name": True, "id": True}, (JANE, None, {})),
    ("lists are no traits", {"email": JANE, "name": ["Jane"]}, (JANE, None, {})),
    ("objects are no traits", {"email": JANE, "phone": {"a": "1"}}, (JANE, None, {})),
    (
        "first spelling wins",
        {"email": JANE, "name": "A", "fullName": "B"},
        (JANE, None, {"name": "A"}),
    ),
    (
        "no secrets",
        {"email": JANE, "password": SECRET, "token": SECRET, "access_token": SECRET},
        (JANE, None, {}),
    ),
    (
        "a shop of the user's",
        {"store": {"email": OTHER}, "user": {"email": JANE}},
        (JANE, None, {}),
    ),
    ("the user before the root", {"email": OTHER, "user": {"email": JANE}}, (JANE, None, {})),
    ("user first", {"customer": {"email": OTHER}, "user": {"email": JANE}}, (JANE, None, {})),
    ("sap cdc", {"UID": "u", "profile": {"email": JANE, "firstName": "J"}}, (
        JANE, "u", {"firstName": "J"})),
    ("a name without an address", {"name": "Jane", "id": 3}, (None, None, {})),
    ("nothing but an id", {"userId": 3, "token": SECRET, "name": "x"}, (None, "3", {})),
    ("an id in an envelope", {"data": {"customer_id": "c"}}, (None, "c", {})),
    ("the id of an order's customer", {"orderId": 9, "customerId": 3}, (None, None, {})),
    ("a token", {"access_token": SECRET, "token_type": "bearer"}, (None, None, {})),
    ("a list", [{"email": JANE}], (None, None, {})),
    ("a list of users", {"users": [{"email": JANE}]}, (None, None, {})),
    ("a user in a list", {"user": [{"email": JANE}]}, (None, None, {})),
    ("text", JANE, (None, None, {})),
    ("nothing", None, (None, None, {})),
    ("a number", 5, (None, None, {})),
    ("empty", {}, (None, None, {})),
    ("a bad address", {"user": {"email": "jane", "id": 7}}, (None, "7", {})),
    ("a null user", {"user": None, "email": JANE}, (JANE, None, {})),
    ("an empty user", {"user": {"roles": []}, "account": {"id": 4}}, (None, "4", {})),
    ("odd keys", {1: JANE, None: JANE, ("email",): JANE}, (None, None, {})),
    (
        "too deep",
        {"data": {"data": {"data": {"data": {"data": {"email": JANE}}}}}},
        (None, None, {}),
    ),
    ("an office", {"email": "support@shop.example", "phone": "0800"}, (None, None, {})),
    ("a customer's office", {"id": 7, "email": "info@acme.io"}, ("info@acme.io", "7", {})),
    ("an order", {"data": {"type": "order", "id": "9", "email": OTHER}}, (None, None, {})),
    ("a mail", {"email": OTHER, "subject": "Welcome"}, (None, None, {})),
    ("an attempt", {"object": "sign_in_attempt", "id": "s", "login": JANE}, (JANE, None, {})),
    # structured values
    ("company", {"email": JANE, "company": {"name": "Acme"}}, (JANE, None, {"company": "Acme"})),
    ("employer", {"email": JANE, "worksFor": {"name": "Acme"}}, (JANE, None, {"company": "Acme"})),
    ("locale", {"email": JANE, "language": {"isocode": "de"}}, (JANE, None, {"locale": "de"})),
    ("locale without a code", {"email": JANE, "language": {"x": 1}}, (JANE, None, {})),
    ("title", {"user": {"email": JANE, "title": {"code": "mrs"}}}, (JANE, None, {"title": "mrs"})),
    (
        "name in parts",
        {"user": {"email": JANE, "name": {"first": "Jane", "last": "Doe", "x": "y"}}},
        (JANE, None, {"firstName": "Jane", "lastName": "Doe"}),
    ),
    ("written out", {"user": {"email": {"address": JANE}, "phone": {"number": "1"}}},
     (JANE, None, {"phone": "1"})),
    ("another's as a name", {"email": JANE, "company": OTHER, "name": OTHER}, (JANE, None, {})),
    ("job title", {"user": {"email": JANE, "jobTitle": "Boss"}}, (JANE, None, {})),
    ("a page's title", {"email": JANE, "title": "Welcome"}, (JANE, None, {})),
    ("only one address", {"user": {"emails": [JANE]}}, (JANE, None, {})),
    (
        "scim",
        {"user": {"emails": [{"value": OTHER}, {"value": JANE, "primary": True}]}},
        (JANE, None, {}),
    ),
    ("several addresses", {"user": {"emails": [OTHER, JANE]}}, (None, None, {})),
    ("empty list", {"user": {"emails": [], "phones": [{}]}}, (None, None, {})),
    ("addresses of whomever", {"emails": [OTHER]}, (None, None, {})),
    (
        "clerk",
        {
            "user": {
                "id": "u",
                "email_addresses": [
                    {"id": "a", "email_address": OTHER},
                    {"id": "b", "email_address": JANE},
                ],
                "primary_email_address_id": "b",
                "phone_numbers": [{"id": "p", "phone_number": "123"}],
            }
        },
        (JANE, "u", {"phone": "123"}),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "expected"), [row[1:] for row in DOCUMENTS], ids=[row[0] for row in DOCUMENTS]
)
def test_documents(document: Any, expected: Said) -> None:
    """What one document says of its person."""
    assert said(person_in(document)) == expected


TYPED: list[tuple[str, Any, str | None]] = [
    ("one of two", {"user": {"email": OTHER}, "customer": {"email": JANE}}, JANE),
    ("an account", {"account": {"email": JANE}}, JANE),
    ("an account of another", {"account": {"email": OTHER}}, None),
    ("a profile of another", {"profile": {"email": OTHER}, "user": {"id": 1}}, None),
    ("another at the root", {"email": OTHER}, OTHER),
    ("a list", [{"email": OTHER}, {"email": JANE}], JANE),
    ("a list without them", [{"email": OTHER}], None),
    ("an envelope's list", {"data": [{"email": OTHER}, {"email": JANE.upper()}]}, JANE.upper()),
    ("a list of one", {"data": [{"id": 1, "email": OTHER}]}, None),
    ("rows", {"user": [{"email": JANE}]}, JANE),
    ("json api's included", {"data": {"id": "s"}, "included": [
        {"type": "users", "id": "1", "attributes": {"email": JANE}}]}, JANE),
    ("a list of orders", {"data": [{"email": JANE, "orderNumber": 5}]}, None),
    ("a list of texts", {"data": [JANE]}, None),
    ("deep lists", {"data": [[{"email": JANE}]]}, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "expected"), [row[1:] for row in TYPED], ids=[row[0] for row in TYPED]
)
def test_the_typed_address_tells_who_of_several(document: Any, expected: str | None) -> None:
    """Of several persons it is the one who was typed; of a list nobody else."""
    assert person_in(document, JANE).email == expected


def test_somebody_in_a_list_is_read_whole() -> None:
    """The element with the typed address gives its other fields too."""
    row = {"id": 7, "email": JANE, "first_name": "Jane"}
    assert said(person_in({"data": [row]}, JANE)) == (JANE, "7", {"firstName": "Jane"})


ADDRESSES: list[tuple[str, dict[str, Any], dict[str, str], str | None]] = [
    (
        "segment",
        {"address": {"street": "1 Main St", "city": "Ulm", "postalCode": "89073", "state": "BW",
                     "country": "DE"}},
        {"street": "1 Main St", "city": "Ulm", "postalCode": "89073", "state": "BW",
         "country": "DE"},
        None,
    ),
    (
        "oidc",
        {"address": {"formatted": "x", "street_address": "1 Main St\nBack", "locality": "Ulm",
                     "region": "BW", "postal_code": "89073", "country": "DE"}},
        {"street": "1 Main St Back", "city": "Ulm", "postalCode": "89073", "state": "BW",
         "country": "DE"},
        None,
    ),
    (
        "schema.org",
        {"address": {"@type": "PostalAddress", "streetAddress": "1 Main St",
                     "addressLocality": "Ulm", "addressRegion": "BW", "postalCode": "89073",
                     "addressCountry": {"name": "Germany"}}},
        {"street": "1 Main St", "city": "Ulm", "postalCode": "89073", "state": "BW",
         "country": "Germany"},
        None,
    ),
    (
        "sap occ",
        {"defaultAddress": {"line1": "Main St", "line2": "1", "town": "Ulm", "postalCode": "89073",
                            "region": {"isocode": "DE-BW"}, "country": {"isocode": "DE"},
                            "phone": "0731", "firstName": "Gift", "email": OTHER}},
        {"street": "Main St, 1", "city": "Ulm", "postalCode": "89073", "state": "DE-BW",
         "country": "DE"},
        "0731",
    ),
    (
        "shopify",
        {"default_address": {"address1": "1 Main St", "address2": None, "city": "Ottawa",
                             "zip": "K1A", "province": "Ontario", "province_code": "ON",
                             "country": "Canada", "country_code": "CA", "phone": "613"}},
        {"street": "1 Main St", "city": "Ottawa", "postalCode": "K1A", "state": "ON",
         "country": "CA"},
        "613",
    ),
    (
        "magento",
        {"addresses": [
            {"city": "Ulm", "street": ["x"], "default_billing": True},
            {"city": "Austin", "street": ["1 Main St", "Apt 2"], "postcode": 73301,
             "region": {"region_code": "TX", "region": "Texas", "region_id": 57},
             "country_id": "US", "telephone": "512", "default_shipping": True}]},
        {"street": "1 Main St, Apt 2", "city": "Austin", "postalCode": "73301", "state": "TX",
         "country": "US"},
        "512",
    ),
    (
        "commercetools",
        {"addresses": [{"id": "a", "city": "Rome"},
                       {"id": "b", "streetName": "Main St", "streetNumber": "1", "city": "Ulm"}],
         "defaultShippingAddressId": "b"},
        {"street": "Main St 1", "city": "Ulm"},
        None,
    ),
    (
        "saleor",
        {"defaultShippingAddress": {"streetAddress1": "1 Main St", "city": "Ulm",
                                    "country": {"code": "DE", "country": "Germany"}}},
        {"street": "1 Main St", "city": "Ulm", "country": "DE"},
        None,
    ),
    ("only one", {"addresses": [{"city": "Ulm"}]}, {"city": "Ulm"}, None),
    ("a list under address", {"address": [{"city": "Ulm"}]}, {"city": "Ulm"}, None),
    ("several without a default", {"addresses": [{"city": "Ulm"}, {"city": "Rome"}]}, {}, None),
    ("flat", {"street": "1 Main St", "city": "Ulm", "zip": 89073, "state": "BW"},
     {"street": "1 Main St", "city": "Ulm", "postalCode": "89073", "state": "BW"}, None),
    ("flat text", {"address": "1 Main St", "city": "Ulm"},
     {"street": "1 Main St", "city": "Ulm"}, None),
    ("a country alone", {"country": "DE"}, {"country": "DE"}, None),
    ("a state alone", {"state": "active"}, {}, None),
    ("a state beside a country", {"state": "active", "country": "DE"}, {"country": "DE"}, None),
    ("keys of tables", {"country": 49, "city": 7, "address": 12}, {}, None),
    ("a network's address", {"address": "10.0.0.1"}, {}, None),
    ("a mail address", {"address": f"Jane {JANE}"}, {}, None),
    ("a second line alone", {"line2": "Apt 2"}, {}, None),
    ("billing", {"billing": {"city": "Ulm"}, "billingAddress": {"city": "Ulm"},
                 "default_billing_address": {"city": "Ulm"}}, {}, None),
    ("for bills", {"address": {"type": "billing", "city": "Ulm"},
                   "addresses": [{"addressType": "BILLING", "city": "Ulm"}]}, {}, None),
    ("shipping", {"shipping": {"city": "Ulm"}, "shippingAddress": {"city": "Ulm"}}, {}, None),
    ("company's", {"company": {"name": "Acme", "address": {"city": "Ulm"}}}, {}, None),
    ("store's", {"store": {"address": {"city": "Ulm"}}, "order": {"address": {"city": "Ulm"}}},
     {}, None),
    ("odd values", {"address": {"city": ["Ulm"], "street": [1, None], "country": {"name": 5},
                                "zip": 4.5}}, {"city": "Ulm"}, None),
    ("an odd list", {"addresses": [None]}, {}, None),
    ("too long", {"address": {"city": "x" * 2000}}, {}, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("person", "address", "phone"),
    [row[1:] for row in ADDRESSES],
    ids=[row[0] for row in ADDRESSES],
)
def test_addresses(person: dict[str, Any], address: dict[str, str], phone: str | None) -> None:
    """A person's own address under Segment's names, and the phone that stands in it."""
    assert own_address(person) == (address, phone)
    found = person_in({"user": {"email": JANE, **person}})
    wanted = ({"address": address} if address else {}) | ({"phone": phone} if phone else {})
    assert {name: found.traits[name] for name in found.traits if name != "company"} == wanted


def test_a_person_s_own_phone_comes_first() -> None:
    """An address fills in a phone where there is none."""
    person = {"email": JANE, "phone": "1", "address": {"city": "Ulm", "phone": "2"}}
    assert person_of(person).traits["phone"] == "1"


CLAIMS: list[tuple[str, dict[str, Any], Said]] = [
    ("oidc", {"sub": "7", "email": JANE, "title": "Dr"}, (JANE, "7", {"title": "Dr"})),
    ("a user in them", {"sub": "7", "user": {"email": JANE}}, (JANE, "7", {})),
    ("a user against the root", {"sub": "7", "email": OTHER, "user": {"email": JANE}},
     (JANE, None, {})),
    ("ids", {"data": {"user": {"id": 1}}}, (None, "1", {})),
    ("azure b2c", {"oid": "x", "emails": [JANE]}, (JANE, None, {})),
    ("an actor", {"sub": "7", "act": {"sub": OTHER, "email": OTHER}}, (None, "7", {})),
    ("supabase", {"sub": "u", "email": JANE, "user_metadata": {"full_name": "Jane"}},
     (JANE, "u", {"name": "Jane"})),
    ("medusa", {"actor_id": "a", "app_metadata": {"customer_id": "c"}}, (None, "c", {})),
    ("login", {"upn": JANE}, (JANE, None, {})),
]  # fmt: skip


@pytest.mark.parametrize(
    ("claims", "expected"), [row[1:] for row in CLAIMS], ids=[row[0] for row in CLAIMS]
)
def test_claims(claims: dict[str, Any], expected: Said) -> None:
    """Whom a token's claims name."""
    assert said(person_claimed(claims)) == expected


FORMS: list[tuple[str, Mapping[str, str], dict[str, Any]]] = [
    ("plain", {"email": JANE, "e-mail": "x", "first-name": "J"},
     {"email": JANE, "e-mail": "x", "first-name": "J"}),
    ("rails", {"user[email]": JANE, "user[address][city]": "Ulm", "commit": "Go"},
     {"user": {"email": JANE, "address": {"city": "Ulm"}}, "commit": "Go"}),
    ("asp.net", {"Input.Email": JANE, "Input.Password": "x"},
     {"Input": {"Email": JANE, "Password": "x"}}),
    ("jsf", {"loginForm:email": JANE}, {"loginForm": {"email": JANE}}),
    ("web forms", {"ctl00$Main$Email": JANE}, {"ctl00": {"Main": {"Email": JANE}}}),
    ("django", {"login-username": JANE, "login-password": "x", "wizard-step": "1"},
     {"login": {"username": JANE, "password": "x"}, "wizard-step": "1"}),
    ("a list", {"emails[]": JANE}, {"emails": JANE}),
    ("what stands first stays", {"user": "x", "user[email]": JANE, "user.email": OTHER},
     {"user": "x"}),
    ("the same twice", {"user[email]": JANE, "user.email": OTHER}, {"user": {"email": JANE}}),
    ("too deep", {"a[b][c][d][e]": "x"}, {"a[b][c][d][e]": "x"}),
    ("nothing", {"[]": "x", "": "y", "-": "z"}, {"[]": "x", "": "y", "-": "z"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("form", "document"), [row[1:] for row in FORMS], ids=[row[0] for row in FORMS]
)
def test_nested_names(form: Mapping[str, str], document: dict[str, Any]) -> None:
    """Fields named as if in a document make that document."""
    assert nested(form) == document


REQUESTS: list[tuple[str, Any, str | None, str | None]] = [
    ("plain", {"email": JANE, "password": SECRET}, JANE, None),
    ("a login name", {"username": "Jane", "password": SECRET}, None, "jane"),
    ("an address as user", {"user": JANE, "password": SECRET}, JANE, JANE),
    ("identifier", {"identifier": JANE, "password": SECRET}, JANE, JANE),
    ("symfony", {"_username": JANE, "_password": SECRET}, JANE, JANE),
    ("wordpress", {"log": JANE, "pwd": SECRET}, JANE, JANE),
    ("a group with a password", {"registration_form": {"email": JANE, "plainPassword": "x"}}, JANE,
     None),
    ("graphql's input", {"input": {"email": JANE, "password": SECRET}}, JANE, None),
    ("graphql's variables", {"query": "x", "variables": {"input": {"login": JANE, "pass": "x"}}},
     JANE, JANE),
    ("a login name in a group", {"form": {"login": "Jane", "passwd": "x"}}, None, "jane"),
    ("an office that was typed", {"email": "info@acme.example"}, "info@acme.example", None),
    ("a friend", {"friend": {"email": OTHER}, "password": SECRET}, None, None),
    ("a billing contact", {"billing": {"email": OTHER}, "login": {"email": JANE, "password": "x"}},
     JANE, None),
    ("no password beside it", {"newsletter": {"email": OTHER}}, None, None),
    ("a list", [{"email": JANE}], None, None),
    ("nothing", None, None, None),
    ("text", JANE, None, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "address", "login"), [row[1:] for row in REQUESTS], ids=[row[0] for row in REQUESTS]
)
def test_who_was_typed(typed: Any, address: str | None, login: str | None) -> None:
    """A person in the request, whoever stands beside a password, or the request's own fields."""
    person = typed_person(typed)
    assert (person.email, person.login) == (address, login)


def forbidden(*_: object, **__: object) -> Any:
    """What must not be run."""
    raise AssertionError("app code was run")


class Stored:
    """An app's user none of whose code must be run."""

    def __init__(self, **fields: Any) -> None:
        object.__getattribute__(self, "__dict__").update(fields, password_hash=SECRET)

    name = property(forbidden)
    __str__ = __repr__ = __eq__ = __hash__ = __bool__ = __len__ = __iter__ = __getattr__ = forbidden
    __getattribute__ = forbidden


class Slotted:
    """An app's user without a `__dict__`."""

    __slots__ = ("email", "first_name", "unset")

    def __init__(self) -> None:
        self.email = JANE
        self.first_name = "Jane"


class OneSlot:
    """`__slots__` may be a single text."""

    __slots__ = "email"

    def __init__(self) -> None:
        self.email = JANE


class Lazy(dict[str, Any]):
    """A mapping that loads when it is asked."""

    items = keys = values = get = copy = __iter__ = __getitem__ = __contains__ = __len__ = forbidden


class Masked:
    """A class that puts something in place of `__dict__`."""

    __dict__ = property(forbidden)


class Enumeration(enum.Enum):
    """A trait as a member of an enumeration."""

    FEMALE = "female"


class Text(str):
    """A text with a mind of its own."""

    __slots__ = ()
    __str__ = __eq__ = __hash__ = strip = forbidden


@dataclasses.dataclass(slots=True)
class Data:
    """A dataclass with values that JSON has no form for."""

    email: str
    id: uuid.UUID
    birthday: date
    created_at: datetime
    gender: Enumeration
    phone: float = 1.5


KEY = uuid.UUID(int=7)
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)

OBJECTS: list[tuple[str, Any, Said]] = [
    ("a mapping proxy", MappingProxyType({"email": JANE}), (JANE, None, {})),
    ("a proxy of a lazy mapping", MappingProxyType(Lazy(email=JANE)), (JANE, None, {})),
    ("a lazy mapping", Lazy(email=JANE), (JANE, None, {})),
    ("an ordered mapping", OrderedDict(email=JANE), (JANE, None, {})),
    ("a mapping around one", UserDict(email=JANE), (None, None, {})),
    ("an object", Stored(email=JANE, id=7), (JANE, "7", {})),
    ("a text of its own", Stored(email=Text(JANE)), (JANE, None, {})),
    ("slots", Slotted(), (JANE, None, {"firstName": "Jane"})),
    ("one slot", OneSlot(), (JANE, None, {})),
    ("a bare object", object(), (None, None, {})),
    ("a masked object", Masked(), (None, None, {})),
    ("a class", Slotted, (None, None, {})),
    ("a text", JANE, (JANE, None, {})),
    ("a number", 7, (None, None, {})),
    ("bytes", b"x", (None, None, {})),
    ("django's session", Stored(_session_cache={"_auth_user_id": "7"}), (None, "7", {})),
    ("peewee", Stored(__data__={"email": JANE}), (JANE, None, {})),
    ("a profile", Stored(email=JANE, profile=Stored(phone="1")), (JANE, None, {"phone": "1"})),
    ("addresses", Stored(email=JANE, addresses=(Stored(city="Ulm"),)),
     (JANE, None, {"address": {"city": "Ulm"}})),
    (
        "values",
        Data(JANE, KEY, date(2000, 2, 29), NOON, Enumeration.FEMALE),
        (
            JANE,
            str(KEY),
            {"birthday": "2000-02-29", "createdAt": NOON.isoformat(), "gender": "female"},
        ),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("holder", "expected"), [row[1:] for row in OBJECTS], ids=[row[0] for row in OBJECTS]
)
def test_objects(holder: Any, expected: Said) -> None:
    """What an app's object stores is read; none of its code is run."""
    assert said(person_of(plain(holder, DOCUMENT_NAMES))) == expected


def test_a_lazy_object_of_django_s() -> None:
    """Nobody until Django has looked the user up, which is not done for our sake."""
    lazy = pytest.importorskip("django.utils.functional").SimpleLazyObject
    assert said(person_of(plain(lazy(forbidden), DOCUMENT_NAMES))) == (None, None, {})
    user = lazy(lambda: SimpleNamespace(email=JANE, id=7))
    assert user.id == 7
    assert said(person_of(plain(user, DOCUMENT_NAMES))) == (JANE, "7", {})


def test_a_proxy_of_werkzeug_s() -> None:
    """A proxy stores nothing, and is not asked to forward."""
    proxy = pytest.importorskip("werkzeug.local").LocalProxy(forbidden)
    assert said(person_of(plain(proxy, DOCUMENT_NAMES))) == (None, None, {})


def test_a_struct_of_msgspec_s() -> None:
    """A user as Litestar's apps write them has slots."""
    struct = pytest.importorskip("msgspec").defstruct("User", ["email", ("phone", str, "1")])
    assert said(person_of(plain(struct(JANE), DOCUMENT_NAMES))) == (JANE, None, {"phone": "1"})


def test_a_model_of_pydantic_s() -> None:
    """What a model's fields hold is in its `__dict__`."""
    model = pytest.importorskip("pydantic").create_model("User", email=(str, ...), id=(int, 7))
    assert said(person_of(plain(model(email=JANE), DOCUMENT_NAMES))) == (JANE, "7", {})


def test_a_model_of_sqlalchemy_s() -> None:
    """What a commit has let expire is not there, and is not loaded for our sake."""
    sql = pytest.importorskip("sqlalchemy")
    orm = pytest.importorskip("sqlalchemy.orm")
    columns = {"id": sql.Column(sql.Integer, primary_key=True), "email": sql.Column(sql.String)}
    base = orm.declarative_base()
    model = type("User", (base,), {"__tablename__": "users", **columns})
    engine = sql.create_engine("sqlite://")
    base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        user = model(id=7, email=JANE)
        session.add(user)
        session.flush()
        assert said(person_of(plain(user, DOCUMENT_NAMES))) == (JANE, "7", {})
        session.commit()
        assert said(person_of(plain(user, DOCUMENT_NAMES))) == (None, None, {})
    engine.dispose()


def test_a_slot_without_a_value() -> None:
    """A slot that was declared and never set is not there."""
    assert plain(Slotted(), {"email", "unset"}) == {"email": JANE}


def test_huge_numbers_are_left_out() -> None:
    """Their text would cost seconds, or raise."""
    assert plain([10**5000, 2**63, -(2**63), True], ()) == [None, None, -(2**63), True]


def test_circles_of_objects_end() -> None:
    """Objects that refer to each other are visited a bounded number of times."""
    circle: dict[Any, Any] = {}
    circle.update(dict.fromkeys(DOCUMENT_NAMES, circle))

    def count(value: Any) -> int:
        return 1 + sum(map(count, value.values())) if isinstance(value, dict) else 0

    assert count(plain(circle, DOCUMENT_NAMES)) == MAX_OBJECTS
    person_in(plain({"user": circle}, DOCUMENT_NAMES))


def test_a_person_is_not_printed() -> None:
    """What is known of a person does not show when an object holding it is printed."""
    shown = repr(Person(JANE, "user-77", {"email": JANE, "phone": "555-0100"}))
    assert JANE not in shown
    assert "555-0100" not in shown


@pytest.mark.parametrize("place", [MAX_KEYS - 1, MAX_KEYS])
def test_only_so_many_keys_are_looked_at(place: int) -> None:
    """An object with thousands of fields costs what one with some hundred costs."""
    fields: dict[str, Any] = {f"field{number}": number for number in range(place)}
    fields |= {"email": JANE} | {f"more{number}": 1 for number in range(10_000)}
    expected = JANE if place < MAX_KEYS else None
    assert person_in(fields).email == expected
    assert person_of(fields).email == expected
    assert person_in({"user": fields}).email == expected
    assert person_of(plain(fields, DOCUMENT_NAMES)).email == expected


def test_plainly_named_is_the_general_way() -> None:
    """The shortcut for the usual answer gives up where the general way might say something else."""
    assert plainly_named({"user": {"email": OTHER}, "customer": {"email": JANE}}) is None
    assert plainly_named({"user": {"id": 7}}) is None
    assert plainly_named({"user": []}) is None
    assert plainly_named([]) is None
    assert plainly_named({"id": 7}) is None


KEYS = st.sampled_from(
    sorted(
        {"user", "customer", "data", "result", "session", "profile", "account", "attributes"}
        | {"email", "name", "id", "uid", "addresses", "address", "emails", "type", "username"}
        | {"city", "country", "company", "language", "user_id", "first_name", "title", "x", "y"}
    )
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(alphabet=st.characters(), max_size=8)
    | st.sampled_from([JANE, OTHER, "users", "7"])
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=30,
)


def texts(value: Any) -> Iterator[str]:
    """Every text in a document, as it is and trimmed, and as it may travel."""
    if isinstance(value, str):
        yield value.strip()
        yield clean(value) or ""
    elif isinstance(value, int | float):
        yield str(value)
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)


@given(JSON, st.sampled_from([None, JANE]))
def test_any_document_may_be_read(document: Any, typed: str | None) -> None:
    """Reading never raises, and says nothing that is not written."""
    written = set(texts(document))
    for person in (
        person_in(document, typed),
        person_of(document),
        person_below(document),
        typed_person(document),
    ):
        assert person.email is None or person.email in written
        assert person.user_id is None or person.user_id in written


@given(JSON)
def test_the_shortcut_says_what_the_general_way_says(document: Any) -> None:
    """Whoever is named plainly is who the document speaks of."""
    for wrapped in (document, {"user": document}):
        person = plainly_named(wrapped)
        if person is not None:
            assert said(person) == said(person_in(wrapped))


@given(JSON)
def test_plain_data_stays_as_it_is(document: Any) -> None:
    """A session of plain data says the same before and after it was copied."""
    assert person_of(plain(document, DOCUMENT_NAMES)).email == person_of(document).email


@settings(max_examples=20)
@given(st.integers(1, 12))
def test_reading_is_bounded(levels: int) -> None:
    """A tree of persons in persons is read no deeper than a few levels: not all of its nodes."""
    names = ("user", "customer", "data", "profile", "account")
    tree: Any = {"id": 1}
    for _ in range(levels):
        tree = dict.fromkeys(names, tree) | {"id": 1}
    reads = 0
    plainly = persons.read

    def counting(*args: Any) -> Person:
        nonlocal reads
        reads += 1
        return plainly(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(persons, "read", counting)
        patch.setattr(documents, "read", counting)
        person_in(tree, JANE)
    assert reads < 1000


def test_depth_costs_no_stack() -> None:
    """A document that is nested a hundred thousand times is not followed to its end."""
    deep: Any = {"email": JANE}
    for _ in range(100_000):
        deep = {"data": deep, "user": {"profile": {}}, "session": {}}
    assert person_in(deep, JANE).email is None
    assert typed_person(deep).email is None
    person_of(plain(deep, DOCUMENT_NAMES))
    while deep:  # taken apart, or the interpreter would do it recursively
        deep = deep.get("data")
    gc.collect()
