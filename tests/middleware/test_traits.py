"""Traits: spellings, normal form, e-mail addresses, masking."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.traits import (
    ID_SPELLINGS,
    LOGIN_SPELLINGS,
    MAX_VALUE_CHARS,
    SPELLINGS,
    USER_ID_SPELLINGS,
    canonical,
    clean,
    customer_key,
    email,
    mask,
    masked,
    ranked,
    scalar,
)


@pytest.mark.parametrize(
    ("spelling", "trait"),
    [
        ("email", "email"),
        ("EMAIL", "email"),
        ("Email", "email"),
        ("e-mail", "email"),
        ("emailAddress", "email"),
        ("email_address", "email"),
        ("firstName", "firstName"),
        ("first_name", "firstName"),
        ("first-name", "firstName"),
        ("FIRST_NAME", "firstName"),
        ("firstname", "firstName"),
        ("given_name", "firstName"),
        ("givenName", "firstName"),
        ("family_name", "lastName"),
        ("surname", "lastName"),
        ("display_name", "name"),
        ("phone_number", "phone"),
        ("titleCode", "title"),
        ("date_of_birth", "birthday"),
        ("preferred_language", "locale"),
        ("picture", "avatar"),
        ("date_joined", "createdAt"),
        ("emailAddress1", "emailAddress1"),
        ("billing_email", "billing_email"),
        ("support_email", "support_email"),
        ("honorificPrefix", "title"),
        ("jobTitle", "jobTitle"),
        ("telephone", "phone"),
        ("mobilePhone", "phone"),
        ("phoneHome", "phone"),
        ("dob", "birthday"),
        ("birthDate", "birthday"),
        ("sex", "gender"),
        ("worksFor", "company"),
        ("companyName", "company"),
        ("preferredLocale", "locale"),
        ("languageCode", "locale"),
        ("user_display_name", "name"),
        ("creationDate", "createdAt"),
        ("avatar_url", "avatar"),
        ("loyaltyTier", "loyaltyTier"),
        ("password", "password"),
    ],
)
def test_canonical_names(spelling: str, trait: str) -> None:
    """A spelling means its reserved trait; any other name means itself."""
    assert canonical(spelling) == trait


@pytest.mark.parametrize(
    "name", ["sub", "customerId", "customer_id", "localId", "objectId", "nameid", "_auth_user_id"]
)
def test_user_ids(name: str) -> None:
    """Names under which an app, a token or a session has its user's id."""
    assert name in USER_ID_SPELLINGS
    assert name not in ID_SPELLINGS | LOGIN_SPELLINGS


@pytest.mark.parametrize(
    "name",
    ["username", "identifier", "preferred_username", "upn", "_username", "j_username", "log"],
)
def test_logins(name: str) -> None:
    """Names under which is typed, or told, what somebody logs in with."""
    assert name in LOGIN_SPELLINGS


def test_ranked_spellings() -> None:
    """Spellings know the place of their name."""
    ranks = ranked("first name", "me")
    assert ranks["first_name"] == ranks["firstName"] == 0
    assert ranks["me"] == 1


def test_spellings_do_not_overlap() -> None:
    """No spelling is a trait, an id and a login name at once."""
    assert not ID_SPELLINGS & LOGIN_SPELLINGS
    assert SPELLINGS.keys().isdisjoint(ID_SPELLINGS | LOGIN_SPELLINGS)


@pytest.mark.parametrize("name", ["password", "passwd", "token", "access_token", "secret", "pin"])
def test_no_secret_has_a_spelling(name: str) -> None:
    """What an app calls a secret is no spelling of anything."""
    assert name not in SPELLINGS.keys() | ID_SPELLINGS | LOGIN_SPELLINGS


@pytest.mark.parametrize(
    ("value", "cleaned"),
    [
        ("Jane", "Jane"),
        ("  Jane \t", "Jane"),
        ("Jane\nDoe", "Jane Doe"),
        ("Jane\r\n\x00Doe", "Jane Doe"),
        ("Jane\u2028Doe", "Jane Doe"),
        ("\ud800Jane", "Jane"),
        ("Zoë Łódź 王", "Zoë Łódź 王"),
        ("", None),
        (" \n\x00", None),
        ("Jan\ufffd", None),
        ("x" * MAX_VALUE_CHARS, "x" * MAX_VALUE_CHARS),
        ("x" * (MAX_VALUE_CHARS + 1), None),
    ],
    ids=range(12),
)
def test_clean(value: str, cleaned: str | None) -> None:
    """Texts are trimmed and freed of control characters; worthless ones are left out."""
    assert clean(value) == cleaned


@given(st.text(alphabet=st.characters(), max_size=40))
def test_clean_text_travels(value: str) -> None:
    """Whatever is kept is one line and has a UTF-8 form."""
    cleaned = clean(value)
    if cleaned is not None:
        assert cleaned == cleaned.strip() != ""
        assert len(cleaned.encode().splitlines()) == 1
        assert len(cleaned.splitlines()) == 1
        assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ("  Jane ", "Jane"),
        (True, True),
        (False, False),
        (0, 0),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (2**63, None),
        (1.5, 1.5),
        (math.nan, None),
        (math.inf, None),
        (-math.inf, None),
        (None, None),
        ([], None),
        ({}, None),
        (b"Jane", None),
    ],
    ids=range(15),
)
def test_scalar(value: object, plain: object) -> None:
    """Only what JSON can hold as one value is a trait."""
    assert scalar(value) == plain


def test_scalar_of_a_string_subclass() -> None:
    """A template's marked-up string travels as plain text."""

    class Markup(str):
        __slots__ = ()

    assert type(scalar(Markup("Jane"))) is str


@pytest.mark.parametrize(
    "address",
    [
        "jane@example.com",
        "Jane.Doe+shop@mail.example.co.uk",
        "o'neil@example.com",
        "jané@exämple.com",
        "a@b.cc",
        "x" * 64 + "@example.com",
    ],
)
def test_addresses(address: str) -> None:
    """Usable addresses are kept as they are typed, without blanks around."""
    assert email(f"  {address} ") == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "jane",
        "jane@",
        "@example.com",
        "jane@example",
        "jane@localhost",
        "jane@example.c",
        "jane@@example.com",
        "jane@exa mple.com",
        "jane doe@example.com",
        "jane@example..com",
        "jane@.example.com",
        "jane@example.com\x00",
        "jane\x00@example.com",
        "jane@example.com, joe@example.com",
        '"jane doe"@example.com',
        "jane@[127.0.0.1]",
        "Jane <jane@example.com>",
        "jane" + chr(0xD800) + "@example.com",
        "jane\ufffd@example.com",
        "jane\u200b@example.com",
        "x" * 65 + "@example.com",
        "jane@" + "x" * 250 + ".com",
        b"jane@example.com",
        None,
        5,
        ["jane@example.com"],
    ],
    ids=range(27),
)
def test_no_addresses(text: object) -> None:
    """What no mail could be sent to is no address."""
    assert email(text) is None


@given(st.text(alphabet=st.characters(), max_size=300))
def test_any_text_may_be_asked(text: str) -> None:
    """Asking never raises, and an address found is one."""
    for asked in (text, f"{text}@{text}.com"):
        found = email(asked)
        assert found is None or ("@" in found and found == asked.strip() and found.isprintable())


def test_hopeless_address_is_refused_at_once() -> None:
    """A long text full of dots and ats costs no backtracking."""
    assert email("a@" + "a." * 120 + "@") is None


@pytest.mark.parametrize(
    ("traits", "key"),
    [
        ({"email": " Jane.Doe@Example.COM "}, "jane.doe@example.com"),
        ({"email": "jane"}, None),
        ({"email": None}, None),
        ({}, None),
        ({"name": "Jane"}, None),
    ],
    ids=range(5),
)
def test_customer_key(traits: dict[str, object], key: str | None) -> None:
    """The key is the address, trimmed and in lower case."""
    assert customer_key(traits) == key


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("jane.doe@example.com", "j•••@e•••.com"),
        ("jane@localhost", "j•••@•••"),
        ("Jane", "J•••"),
        ("@example.com", "@•••"),
        ("jane@", "j•••"),
        ("", "•••"),
        ("M", "•••"),
        ("Li", "•••"),
        ("Kim", "K•••"),
        ("li@qq.com", "•••@•••.com"),
        (42, "•••"),
        (None, "•••"),
        ({"street": "Main Street"}, "•••"),
    ],
    ids=range(13),
)
def test_mask(value: object, shown: str) -> None:
    """A masked value lets a person recognise it and nobody reconstruct it."""
    assert mask(value) == shown


def test_masked_traits() -> None:
    """Every trait is masked, none is left out."""
    assert masked({"email": "jane@example.com", "age": 42}) == {
        "email": "j•••@e•••.com",
        "age": "•••",
    }
