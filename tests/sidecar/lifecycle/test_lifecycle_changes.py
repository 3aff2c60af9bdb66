"""What is told of other settings: every name, and no value."""

from __future__ import annotations

from pathlib import Path

import pytest

from frontdesk_sidecar.lifecycle.changes import FIXED, compare
from frontdesk_sidecar.settings import Settings, load
from frontdesk_sidecar.settings_table import SETTINGS, Setting

USUAL = """
[capture]
journal = "/run/one"
[sap]
base_url = "sap.example.com"
client_id = "frontdesk"
client_secret = "marked-secret"
"""
#: Another value of each kind than any default.
OTHER = {
    "text": "other",
    "secret": "marked-other",
    "origins": '["https://shop.example"]',
    "level": "debug",
    "form": "json",
    "auth": "basic",
    "switch": "true",
    "seconds": "41.5",
    "grace": "41.5",
    "rate": "41.5",
    "count": "5",
    "number": "41",
    "batch": "41",
    "port": "4141",
    "bytes": "4194304",
    "endpoint": "http://127.0.0.1:4318",
}
#: What must be of a form of its own; files are made with what they need.
OWN = {
    "sap.base_url": "other.example.com",
    "sap.token_path": "/other",
    "sap.content_language": "de",
    "store.path": "/var/other.db",
    "http.host": "127.0.0.2",
    "http.socket": "/run/other.sock",
    "forward.concurrency_min": "2",
    "forward.stuck_s": "141.5",
    "forward.retry_base_s": "3.5",
    "forward.probe_s": "3.5",
}
#: Of a file it is said that it is another, or what it holds where it is read at once.
TOLD_AS = {
    "http.key_file": "http.key",
    "ingest.write_key_file": "ingest.write_key",
    "ingest.hmac_key_file": "ingest.hmac_key",
}
#: Real certificates are needed for these; see the tests of the settings.
APART = {"sap.ca_file", "sap.client_cert_file", "sap.client_key_file"}


def settings(text: str, place: Path, environ: dict[str, str] | None = None) -> Settings:
    """Settings of this file."""
    file = place / "frontdesk.toml"
    file.write_text(text, encoding="utf-8")
    return load(str(file), environ or {})


@pytest.mark.parametrize(
    "setting", [one for one in SETTINGS if one.name not in APART], ids=lambda one: one.name
)
def test_every_setting_is_told_by_its_name(setting: Setting, tmp_path: Path) -> None:
    """By that alone, so that a person knows what was taken over."""
    value = OWN.get(setting.name, OTHER[setting.kind])
    text = USUAL
    if setting.key.endswith("_file"):
        file = tmp_path / "a_file"
        file.write_text("marked-other\n")
        value = str(file)
    if setting.name == "sap.client_secret_file":
        text = text.replace('client_secret = "marked-secret"\n', "")
    environ = {setting.variable: value}
    if setting.kind == "origins":
        environ, text = {}, f"{text}[ingest]\norigins = {value}\n"
    changes = compare(settings(USUAL, tmp_path), settings(text, tmp_path, environ))
    name = TOLD_AS.get(setting.name, setting.name)
    others = {"http.socket"} if name == "store.path" else set()
    others |= {"sap.client_secret"} if name == "sap.client_secret_file" else set()
    assert set(changes.names) - others == {name}
    assert set(changes.fixed) == {one for one in changes.names if one in FIXED}
    assert "marked" not in repr(changes)


def test_the_same_settings_are_no_change(tmp_path: Path) -> None:
    """Also where they hold what cannot be compared as it is, such as mappings and headers."""
    text = USUAL + (
        '[sap.mapping]\nuid = "email"\n[sap.event_mapping."Signed Up"]\nname = "name"\n'
        '[sap.headers]\nx-key = "marked"\n[[capture.rule]]\nevent = "Logged In"\n'
        'route = "POST /in"\n[sap.target.b2b]\nsites = ["b2b"]\nclient_secret = "marked-2"\n'
        '[ingest]\nwrite_key = "marked-3"\n'
    )
    assert compare(settings(text, tmp_path), settings(text, tmp_path)).names == ()


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ('[sap.mapping]\nuid = "email"\n', ["sap.mapping.uid"]),
        ('[sap.headers]\nx-key = "marked"\n', ["sap.headers.x-key"]),
        ('[sap.target.b2b]\nsites = ["b2b"]\n', ["sap.target.b2b"]),
        ('[[capture.rule]]\nevent = "Logged In"\nroute = "POST /in"\n', ["capture.rule"]),
        (
            '[sap.mapping]\nuid = "email"\n[sap.event_mapping."Signed Up"]\nname = "name"\n',
            ["sap.mapping.uid", "sap.event_mapping.Signed Up.name"],
        ),
    ],
)
def test_tables_are_told_by_what_stands_in_them(
    more: str, names: list[str], tmp_path: Path
) -> None:
    """Whether they come or go; a target is one name."""
    one, other = settings(USUAL, tmp_path), settings(USUAL + more, tmp_path)
    for changes in (compare(one, other), compare(other, one)):
        assert sorted(set(changes.names) - {"sap.target"}) == sorted(names)
        assert changes.fixed == ()
        assert "marked" not in repr(changes)


def test_a_target_s_own_settings_and_the_order_of_targets(tmp_path: Path) -> None:
    """The first that takes a message has it, so the order says something."""
    one, other = (
        f'[sap.target.{name}]\nsites = ["{name}"]\nclient_id = "{name}"\n' for name in ("b", "c")
    )
    before = settings(USUAL + one + other, tmp_path)
    assert compare(before, settings(USUAL + other + one, tmp_path)).names == ("sap.target",)
    changed = settings(USUAL + one.replace('client_id = "b"', 'client_id = "x"') + other, tmp_path)
    assert compare(before, changed).names == ("sap.target.b.client_id",)
