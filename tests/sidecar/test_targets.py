"""`[sap]` and its targets, from the file to what runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from frontdesk import ConfigurationError
from frontdesk_sidecar.sap.destination import Auth
from frontdesk_sidecar.settings import Settings, load

GOOD = """
[sap]
base_url = "api.example.com"
client_id = "frontdesk"
client_secret = "s3cret"
"""
B2B = """
[sap.target.b2b]
sites = ["b2b", "wholesale"]
integration_object = "InboundB2BCustomer"
entity_set = "B2BCustomers"
client_secret_file = "{secret}"
[sap.target.b2b.mapping]
uid = "lower(email)"
email = "email"
"""


def read(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> Settings:
    """The settings of a file with this text."""
    path = tmp_path / "frontdesk.toml"
    path.write_text(text)
    return load(str(path), environ or {})


def problems(tmp_path: Path, text: str) -> tuple[str, ...]:
    """What is wrong with it."""
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, text)
    return tuple(caught.value.problems)


def test_a_target_has_what_sap_has_but_for_its_own(tmp_path: Path) -> None:
    """It comes before the default one, which takes the rest."""
    secret = tmp_path / "secret"
    secret.write_text("other\n")
    settings = read(
        tmp_path,
        GOOD + '[sap.mapping]\nuid = "email"\n' + B2B.format(secret=secret),
        {"FRONTDESK_SAP__ENTITY_SET": "Shoppers", "FRONTDESK_SAP__TOTAL_TIMEOUT_S": "9"},
    )
    b2b, default = settings.targets
    assert default is settings.default
    assert (b2b.name, default.name) == ("b2b", "default")
    assert b2b.destination.entity_url.endswith("/InboundB2BCustomer/B2BCustomers")
    assert default.destination.entity_url.endswith("/InboundCustomer/Shoppers")
    assert b2b.destination.base_url == default.destination.base_url
    assert b2b.destination.total_timeout_s == 9
    assert (b2b.destination.client_secret(), default.destination.client_secret()) == (
        "other",
        "s3cret",
    )
    assert b2b.mapping is not None
    assert b2b.mapping.attributes == ("uid", "email")
    assert default.mapping is not None
    assert default.mapping.attributes == ("uid",)
    assert b2b.takes("wholesale", "Logged In")
    assert not b2b.takes("toys", "Logged In")
    assert not b2b.takes(None, "Logged In")
    assert default.takes(None, "Signed Up")
    assert b2b.secret_file == secret


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[sap.target]\nb2b = 1\n", "sap.target: expected a table of tables"),
        ("[sap.target.b2b]\n", "sap.target.b2b: needs sites or events"),
        ("[sap.target.B2B]\nsites = ['x']\n", "sap.target.B2B: expected a name of lower-case"),
        ("[sap.target.default]\nsites = ['x']\n", "sap.target.default: expected a name"),
        ("[sap.target.b2b]\nsites = 'x'\n", "sap.target.b2b.sites: expected a list of texts"),
        ("[sap.target.b2b]\nevents = ['x']\n", "sap.target.b2b.events: expected some of"),
        ("[sap.target.b2b]\nsites = ['x']\nrate = 5\n", "sap.target.b2b.rate: is not a setting"),
        (
            "[sap.target.b2b]\nsites = ['x']\ntotal_timeout_s = 60\n",
            "sap.target.b2b.total_timeout_s: expected less than 60",
        ),
        (
            "[sap.target.b2b]\nsites = ['x']\nmapping.uid = 'lowr(email)'\n",
            "sap.target.b2b.mapping.uid, column 1: there is no function lowr()",
        ),
        ("[sap.headers]\nHost = 'x'\n", "sap.headers.Host: is no header that can be added"),
        ("[sap.headers]\nX-Key = 5\n", "sap.headers.X-Key: expected text, or"),
        ('[sap.headers]\nX-Key = "a\\nb"\n', "sap.headers.X-Key: holds what a header cannot"),
        ('[sap.headers]\nX-Key = {file = "/no/such"}\n', "sap.headers.X-Key: cannot be read"),
        ("[sap.event_mapping.'Signed Up']\nuid = 'email'\n", "sap.mapping: is needed beside"),
        (
            "[sap.mapping]\nuid = 'email'\n[sap.event_mapping.Born]\nuid = 'email'\n",
            "sap.event_mapping: expected some of",
        ),
        (
            "[sap.mapping]\nuid = 'email'\n[sap.event_mapping.'Signed Up']\nx = 'a b'\n",
            'sap.mapping.on "Signed Up": x, column 3: not understood',
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, problem: str | None) -> None:
    """By the target's own table, and never with a value."""
    if problem is None:
        read(tmp_path, GOOD + text)
        return
    found = problems(tmp_path, GOOD + text)
    assert [one for one in found if one.startswith(problem)], found
    assert "s3cret" not in str(found)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("client_cert_file = '/no/such'", "sap.client_cert_file: cannot be used: No such file"),
        ("client_key_file = '/no/such'", "sap.client_key_file: is for client_cert_file"),
        ("content_language = 'e n'", "sap.content_language: expected a language"),
        ("pre_persist_hook = 'a b'", "sap.pre_persist_hook: expected the id of a bean"),
        ("auth = 'digest'", "sap.auth: expected oauth, oauth_basic or basic"),
        ("passport = 'maybe'", "sap.passport: expected true or false"),
    ],
)
def test_ways_to_ask(tmp_path: Path, line: str, problem: str) -> None:
    """Each setting says what it takes."""
    (found,) = problems(tmp_path, GOOD + line + "\n")
    assert found.startswith(problem)


def test_all_ways_to_ask(tmp_path: Path) -> None:
    """Each arrives in the destination; header values from files are read when they are needed."""
    key = tmp_path / "key"
    key.write_text("one\n")
    settings = read(
        tmp_path,
        GOOD
        + "auth = 'basic'\ncontent_language = 'de'\npre_persist_hook = 'before'\n"
        + "post_persist_hook = 'after'\npassport = true\n"
        + f"[sap.headers]\nX-Api-Key = {{file = '{key}'}}\nX-Team = 'shop'\n",
    )
    destination = settings.default.destination
    assert destination.auth is Auth.BASIC
    assert destination.change_headers == {
        "Content-Language": "de",
        "Pre-Persist-Hook": "before",
        "Post-Persist-Hook": "after",
    }
    key.write_text("two\n")
    assert {name: value() for name, value in destination.headers.items()} == {
        "X-Api-Key": "two",
        "X-Team": "shop",
    }
    assert "two" not in repr(destination)
    assert destination.passport
