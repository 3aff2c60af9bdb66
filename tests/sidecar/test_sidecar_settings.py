"""The sidecar's settings: from the file and the environment, with every problem at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from frontdesk import ConfigurationError
from frontdesk_sidecar.sap.destination import Auth
from frontdesk_sidecar.settings import Settings, load
from frontdesk_sidecar.settings_table import EXPECTED, REQUIRED, SETTINGS, Setting, read

MARK = "marked-hunter2"
GOOD = {
    "FRONTDESK_SAP__BASE_URL": "api.example.com",
    "FRONTDESK_SAP__CLIENT_ID": "frontdesk",
    "FRONTDESK_SAP__CLIENT_SECRET": MARK,
}


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    """Where the configuration file is."""
    return tmp_path / "frontdesk.toml"


def problems(path: Path | None = None, environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """What is wrong with the settings; the texts hold no secret."""
    with pytest.raises(ConfigurationError) as caught:
        load(None if path is None else str(path), {} if environ is None else environ)
    assert MARK not in str(caught.value)
    assert MARK not in repr(caught.value)
    return caught.value.problems


def secret(settings: Settings) -> str:
    """The client secret as a token request would see it."""
    return settings.default.destination.client_secret()


def test_three_settings_are_enough() -> None:
    """Everything else has a default."""
    settings = load(None, GOOD)
    assert settings.default.destination.entity_url == (
        "https://api.example.com/odata2webservices/InboundCustomer/Customers"
    )
    assert secret(settings) == MARK
    assert settings.journal == Path("/run/frontdesk/journal")
    assert settings.store_path == Path("/var/lib/frontdesk/frontdesk.db")
    assert (settings.http.host, settings.http.port, settings.http.key) == ("127.0.0.1", 8077, None)
    assert settings.log_level == "info"
    assert settings.default.mapping is None


def test_the_example_of_the_design_loads(tmp_path: Path, toml: Path) -> None:
    """As a user would copy it."""
    (tmp_path / "client_secret").write_text(f"{MARK}\n")
    toml.write_text(f"""
[capture]           # the middleware reads only this part
journal = "/run/frontdesk/journal"
presets = ["usual-routes"]
[[capture.rule]]
event = "Signed Up"
route = "POST /account/register"
traits.email = ["response.json.user.email", "request.form.email"]

[sap]
base_url = "api.c123.d1.public.model-t.cc.commerce.ondemand.com"
integration_object = "InboundCustomer"
entity_set = "Customers"
client_id = "frontdesk"
client_secret_file = "{tmp_path}/client_secret"
[sap.mapping]       # OData attribute = JMESPath expression over the traits
uid  = "lower(trim(email))"
name = "name || join(' ', [firstName, lastName])"
""")
    settings = load(str(toml), {})
    assert settings.default.destination.base_url == (
        "https://api.c123.d1.public.model-t.cc.commerce.ondemand.com"
    )
    assert secret(settings) == MARK
    assert settings.default.mapping is not None
    assert settings.default.mapping.attributes == ("uid", "name")
    [rule] = settings.capture.rules
    assert (rule.method, rule.path) == ("POST", "/account/register")


def test_the_environment_names_the_file_and_wins_over_it(toml: Path) -> None:
    """An argument wins over `FRONTDESK_CONFIG`."""
    toml.write_text('[sap]\nclient_id = "from-file"\n[log]\nlevel = "error"\n')
    settings = load(None, {**GOOD, "FRONTDESK_CONFIG": str(toml), "FRONTDESK_LOG__LEVEL": "debug"})
    assert settings.log_level == "debug"
    assert settings.default.destination.client_id == "frontdesk"
    other = toml.with_name("other.toml")
    other.write_text('[log]\nlevel = "warning"\n')
    named = load(str(other), {**GOOD, "FRONTDESK_CONFIG": str(toml)})
    assert named.log_level == "warning"


# Every row of the table

_SAMPLES: Mapping[str, tuple[str, Any, str]] = {
    # kind: as text, as it is read, a wrong one
    "text": ("some-text", "some-text", " "),
    "secret": ("some-secret", "some-secret", ""),
    "level": ("warning", "warning", "loud"),
    "seconds": ("12.5", 12.5, "-1"),
    "count": ("7", 7, "0"),
    "number": ("7", 7, "-1"),
    "rate": ("0.5", 0.5, "0"),
    "grace": ("7.5", 7.5, "-1"),
    "batch": ("7", 7, "201"),
    "bytes": ("2000000", 2_000_000, "1000"),
    "port": ("0", 0, "65536"),
    "auth": ("basic", Auth.BASIC, "digest"),
    "switch": ("true", True, "maybe"),
    "form": ("json", "json", "xml"),
    "endpoint": ("http://127.0.0.1:4318", "http://127.0.0.1:4318", "http://user:pw@host"),
    "origins": ("https://shop.example", ("https://shop.example",), "shop.example/account"),
}
#: Files for TLS are read by tests of their own: any file would not do.
_TLS = ("ca_file", "client_cert_file", "client_key_file")


def sample(setting: Setting, tmp_path: Path) -> str:
    """A good value for a setting, as text."""
    if setting.key.endswith("_file"):
        file = tmp_path / "a-file"
        file.write_text("some-secret\n")
        return str(file)
    special = {
        "sap.base_url": "other.example.com",
        "sap.integration_object": "Other",
        "sap.entity_set": "Others",
        "sap.token_path": "/other/token",
        "sap.content_language": "de_CH",
        "http.host": "127.0.0.2",
        # not below or above what they are compared with
        "forward.probe_cap_s": "45",
        "forward.concurrency_min": "7",
    }
    return special.get(setting.name, _SAMPLES[setting.kind][0])


def effective(settings: Settings, name: str) -> Any:
    """What became of a setting."""
    destination = settings.default.destination
    known: dict[str, Callable[[], Any]] = {
        "sap.client_secret": lambda: destination.client_secret(),
        "sap.client_secret_file": lambda: destination.client_secret(),
        "sap.metadata_s": lambda: settings.default.metadata_s,
        "store.path": lambda: str(settings.store_path),
        "forward.stuck_s": lambda: settings.stuck_s,
        "forward.drain_s": lambda: settings.drain_s,
        "http.socket": lambda: str(settings.socket),
        "http.host": lambda: settings.http.host,
        "http.port": lambda: settings.http.port,
        "http.key": lambda: settings.http.key,
        "http.key_file": lambda: settings.http.key,
        "ingest.write_key": lambda: settings.ingest.keys.write()[0],
        "ingest.write_key_file": lambda: settings.ingest.keys.write()[0],
        "ingest.hmac_key": lambda: settings.ingest.keys.sign()[0],
        "ingest.hmac_key_file": lambda: settings.ingest.keys.sign()[0],
        "ingest.origins": lambda: settings.ingest.origins,
        "log.level": lambda: settings.log_level,
        "log.format": lambda: settings.log_format,
        "telemetry.otlp_endpoint": lambda: settings.otlp_endpoint,
    }
    section, _, key = name.partition(".")
    homes = {"sap": destination, "store": settings.store, "forward": settings.pace}
    return known[name]() if name in known else getattr(homes[section], key)


def environment_with(setting: Setting, value: str) -> dict[str, str]:
    """The good environment with one setting changed, and without what excludes it."""
    environ = {**GOOD, setting.variable: value}
    if setting.name == "sap.client_secret_file":
        del environ["FRONTDESK_SAP__CLIENT_SECRET"]
    return environ


@pytest.mark.parametrize(
    "setting", [one for one in SETTINGS if one.key not in _TLS], ids=lambda one: one.name
)
def test_every_setting_is_taken_from_the_environment(setting: Setting, tmp_path: Path) -> None:
    """Under the name that the table gives it, and it arrives where it works."""
    given = sample(setting, tmp_path)
    settings = load(None, environment_with(setting, given))
    expected: Any = "some-secret" if setting.key.endswith("_file") else read(setting.kind, given)
    if setting.name == "sap.base_url":
        expected = f"https://{given}"
    assert effective(settings, setting.name) == expected


@pytest.mark.parametrize(
    "setting", [one for one in SETTINGS if one.key not in _TLS], ids=lambda one: one.name
)
def test_every_setting_is_taken_from_the_file(setting: Setting, tmp_path: Path, toml: Path) -> None:
    """With a number as a number."""
    given = sample(setting, tmp_path)
    bare = ("seconds", "grace", "count", "port", "switch")
    written = given if setting.kind in bare else f'"{given}"'
    toml.write_text(f"[{setting.section}]\n{setting.key} = {written}\n")
    environ = environment_with(setting, given)
    del environ[setting.variable]
    settings = load(str(toml), environ)
    expected: Any = "some-secret" if setting.key.endswith("_file") else read(setting.kind, given)
    if setting.name == "sap.base_url":
        expected = f"https://{given}"
    assert effective(settings, setting.name) == expected


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda one: one.name)
def test_every_setting_says_what_it_takes(setting: Setting, toml: Path) -> None:
    """A wrong one is named with what was expected, from either source."""
    wrong = _SAMPLES[setting.kind][2]
    expected = f"{setting.name}: expected {EXPECTED[setting.kind]}"
    assert expected in problems(environ={**GOOD, setting.variable: wrong})
    toml.write_text(f"[{setting.section}]\n{setting.key} = [1]\n")
    environ = {name: value for name, value in GOOD.items() if name != setting.variable}
    assert expected in problems(toml, environ)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda one: one.name)
def test_the_table_is_whole(setting: Setting) -> None:
    """A help text, a kind that can be read, and a default of that kind."""
    assert setting.help
    assert not setting.help.endswith(".")
    assert setting.kind in EXPECTED
    if setting.default not in (None, REQUIRED):
        assert read(setting.kind, setting.default) == setting.default
    assert setting.variable == setting.variable.upper()


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("text", 5),
        ("text", True),
        ("level", "INFO"),
        ("level", ["info"]),
        ("seconds", 0),
        ("seconds", "nan"),
        ("seconds", "inf"),
        ("seconds", True),
        ("seconds", 40_000_000),
        ("seconds", "five"),
        ("seconds", []),
        ("count", 1.5),
        ("count", 257),
        ("count", "1e400"),
        ("count", False),
        ("port", -1),
        ("port", 65_536),
        ("port", {}),
    ],
)
def test_what_is_not_of_a_kind_is_not_read(kind: str, given: object) -> None:
    """TOML's types are told apart, and numbers have limits."""
    assert read(kind, given) is None


# Secrets


def test_a_secret_file_is_read_anew_each_time(tmp_path: Path) -> None:
    """A rotated secret is seen without a restart; the line break at its end is not part of it."""
    file = tmp_path / "secret"
    file.write_text("first\n")
    environ = {**GOOD, "FRONTDESK_SAP__CLIENT_SECRET_FILE": str(file)}
    del environ["FRONTDESK_SAP__CLIENT_SECRET"]
    settings = load(None, environ)
    assert secret(settings) == "first"
    file.write_text("second\r\n")
    assert secret(settings) == "second"


def test_a_secret_may_stand_in_the_file(toml: Path) -> None:
    """Not recommended, and it works."""
    toml.write_text(f'[sap]\nclient_secret = "{MARK}"\n')
    environ = {name: value for name, value in GOOD.items() if not name.endswith("SECRET")}
    assert secret(load(str(toml), environ)) == MARK


def test_no_secret_is_a_problem() -> None:
    """The file is named first: it is the better place."""
    environ = {name: value for name, value in GOOD.items() if not name.endswith("SECRET")}
    assert problems(environ=environ) == (
        "sap.client_secret_file: is required, or sap.client_secret",
    )


@pytest.mark.parametrize("name", ["sap.client_secret", "http.key"])
def test_a_secret_twice_is_a_problem(name: str, tmp_path: Path) -> None:
    """Nobody would know which one counts."""
    file = tmp_path / "secret"
    file.write_text(MARK)
    variable = "FRONTDESK_" + name.upper().replace(".", "__")
    environ = {**GOOD, variable: MARK, f"{variable}_FILE": str(file)}
    assert problems(environ=environ) == (f"{name}: give it or {name}_file, not both",)


@pytest.mark.parametrize("name", ["sap.client_secret_file", "http.key_file"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b" \n", "is empty"),
        (b"\xff" + MARK.encode(), "is not UTF-8"),
        (None, "No such file or directory"),
    ],
)
def test_a_secret_file_that_cannot_be_used_is_a_problem(
    tmp_path: Path, name: str, content: bytes | None, reason: str
) -> None:
    """With the reason, found at the start and not with the first customer."""
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    environ = {**GOOD, "FRONTDESK_" + name.upper().replace(".", "__"): str(file)}
    if name.startswith("sap"):
        del environ["FRONTDESK_SAP__CLIENT_SECRET"]
    assert problems(environ=environ) == (f"{name}: cannot be read: {reason}",)


def test_no_secret_shows(tmp_path: Path) -> None:
    """Neither inline nor from files, in the `repr` of the settings."""
    file = tmp_path / "secret"
    file.write_text(MARK)
    for environ in (
        {**GOOD, "FRONTDESK_HTTP__KEY": MARK},
        {**GOOD, "FRONTDESK_HTTP__KEY_FILE": str(file)},
    ):
        settings = load(None, environ)
        assert settings.http.key == MARK
        assert MARK not in repr(settings)
        assert MARK not in str(settings)


# What is not known


def test_unknown_keys_sections_and_variables_are_problems(toml: Path) -> None:
    """A misspelt setting must not be ignored in silence; no value is repeated."""
    toml.write_text(f"""
top = "{MARK}"
[sap]
base_ulr = "{MARK}"
[sapp]
x = "{MARK}"
[capture]
jurnal = "{MARK}"
[http.deeper]
x = 1
""")
    environ = {
        **GOOD,
        "FRONTDESK_SAP__CLIENT_SECERT": MARK,
        "FRONTDESK_CAPTURE__JURNALS": MARK,
        "FRONTDESK_PORT": "tcp://10.0.0.7:8077",  # Kubernetes, for a service `frontdesk`
        "FRONTDESK_SERVICE_HOST": "10.0.0.7",
        "FRONTDESK_APP": "shop.main:app",
        "FRONTDESKS": MARK,
        "HOME": "/home/ops",
    }
    assert sorted(problems(toml, environ)) == [
        "FRONTDESK_SAP__CLIENT_SECERT: is not a setting",
        "capture.jurnal: is not a setting",
        "capture.jurnals: is not a setting",
        "http.deeper: is not a setting",
        "sap.base_ulr: is not a setting",
        "sapp: is not a section",
        "top: is not a section",
    ]


@pytest.mark.parametrize("section", ["sap", "http", "capture", "log", "forward", "store"])
def test_a_section_that_is_none_is_a_problem(toml: Path, section: str) -> None:
    """Said once, without a traceback."""
    toml.write_text(f'{section} = "{MARK}"\n')
    found = problems(toml, GOOD)
    assert any(problem.startswith(f"{section}:") for problem in found)


def test_all_problems_are_told_at_once(toml: Path) -> None:
    """From the capture part to the mapping."""
    toml.write_text(f"""
[capture]
presets = ["nobody"]
[sap]
base_url = "http://{MARK}.example.com"
[sap.mapping]
uid = "lower(email"
name = "shout(name)"
"1st" = "name"
[http]
host = "0.0.0.0"
port = "eighty"
[log]
level = 5
""")
    found = problems(toml, {})
    for start in (
        "capture.presets",
        "http.port: expected a port",
        "log.level: expected debug,",
        "sap.client_id: is required",
        "sap.client_secret_file: is required",
        "sap.mapping.uid, column 12: ",
        "sap.mapping.name, column 1: there is no function shout()",
        "sap.mapping.1st: not an OData property name",
        "http.key: is needed when http.host is not a loopback address",
    ):
        assert any(problem.startswith(start) for problem in found), (start, found)


def test_nothing_given_names_what_is_required() -> None:
    """The shortest way to a first configuration."""
    assert problems(environ={}) == (
        "sap.base_url: is required",
        "sap.client_id: is required",
        "sap.client_secret_file: is required, or sap.client_secret",
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (f'[sap]\nclient_secret = "{MARK}'.encode(), "is not TOML"),
        (f"[sap]\nclient_secret = {MARK}\n".encode(), "is not TOML"),
        (f"[sap]\nx = '{MARK}'\nx = '{MARK}'\n".encode(), "is not TOML"),
        (b"\xff" + MARK.encode(), "is not UTF-8"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_problem(
    toml: Path, content: bytes | None, reason: str
) -> None:
    """With its name, and the line where it stops being TOML, but nothing that stands there."""
    if content is not None:
        toml.write_bytes(content)
    [problem] = problems(toml, GOOD)
    assert problem.startswith(f"{toml}: {reason}")


@pytest.mark.parametrize("table", ['mapping = "uid"', "mapping = { uid = 5 }", "mapping = [1]"])
def test_a_mapping_of_another_shape_is_a_problem(toml: Path, table: str) -> None:
    """It takes texts by attribute."""
    toml.write_text(f"[sap]\n{table}\n")
    assert problems(toml, GOOD) == ("sap.mapping: expected a table of attributes to expressions",)


# Safety


@pytest.mark.parametrize("host", ["0.0.0.0", "10.1.2.3", "::", "frontdesk.internal"])
def test_http_beyond_loopback_needs_a_key(host: str) -> None:
    """Nothing answers strangers without one."""
    environ = {**GOOD, "FRONTDESK_HTTP__HOST": host}
    assert problems(environ=environ) == (
        "http.key: is needed when http.host is not a loopback address",
    )
    assert load(None, {**environ, "FRONTDESK_HTTP__KEY": MARK}).http.host == host


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.10", "::1"])
def test_http_on_loopback_needs_none(host: str) -> None:
    """Who is on this machine may look."""
    assert load(None, {**GOOD, "FRONTDESK_HTTP__HOST": host}).http.key is None


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://api.example.com", "plain http is for loopback hosts only; use https"),
        (f"https://user:{MARK}@api.example.com", "credentials do not belong into it"),
        (f"https://api.example.com/{MARK}", "leave out the path, it is added"),
        (f"ftp://{MARK}", "the scheme must be https"),
    ],
)
def test_a_base_url_that_is_not_safe_is_refused(url: str, reason: str) -> None:
    """Without repeating it: people put passwords there."""
    [problem] = problems(environ={**GOOD, "FRONTDESK_SAP__BASE_URL": url})
    assert problem.startswith("sap.base_url: ")
    assert problem.endswith(reason)


def test_plain_http_is_taken_for_loopback() -> None:
    """For the simulator."""
    environ = {**GOOD, "FRONTDESK_SAP__BASE_URL": "http://127.0.0.1:8090"}
    assert load(None, environ).default.destination.is_loopback


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("INTEGRATION_OBJECT", "a/b", "sap.integration_object: expected letters"),
        ("ENTITY_SET", "a b", "sap.entity_set: expected letters"),
        ("TOKEN_PATH", "oauth", "sap.token_path: expected a path"),
    ],
)
def test_what_becomes_a_part_of_an_address_is_checked(
    variable: str, value: str, problem: str
) -> None:
    """Under its own name."""
    [found] = problems(environ={**GOOD, f"FRONTDESK_SAP__{variable}": value})
    assert found.startswith(problem)


@pytest.mark.parametrize("suffix", ["", "-wal", "-journal", ".ballast", ".suspect", ".key"])
def test_a_socket_that_is_a_file_of_the_store_is_a_problem(tmp_path: Path, suffix: str) -> None:
    """By whatever way it is written."""
    var = tmp_path / "var"
    (tmp_path / "link").symlink_to(var)
    environ = {
        **GOOD,
        "FRONTDESK_STORE__PATH": str(var / "fd.db"),
        "FRONTDESK_HTTP__SOCKET": f"{tmp_path}/x/../link/fd.db{suffix}",
    }
    [problem] = problems(environ=environ)
    assert problem == "http.socket: expected a path that is not store.path nor a file beside it"
    environ["FRONTDESK_HTTP__SOCKET"] = str(var / "fd.db.sock")
    assert load(None, environ).socket == var / "fd.db.sock"


@pytest.mark.parametrize("key", ["schlüssel", "two words", "line\nbreak", "nul\x00", "\x7f"])
def test_a_key_that_no_header_carries_is_a_problem(tmp_path: Path, key: str) -> None:
    """Wherever it comes from; the problem does not show it."""
    expected = "expected visible ASCII characters without spaces: it is sent in a header"
    assert problems(environ={**GOOD, "FRONTDESK_HTTP__KEY": key}) == (f"http.key: {expected}",)
    file = tmp_path / "key"
    file.write_text(f"{key}\n", encoding="utf-8")
    found = problems(environ={**GOOD, "FRONTDESK_HTTP__KEY_FILE": str(file)})
    assert found == (f"http.key_file: {expected}",)


def test_a_rate_that_looks_stuck_is_a_problem() -> None:
    """Between two requests `/livez` would fail; the problem names both settings."""
    slow = {**GOOD, "FRONTDESK_FORWARD__RATE": "0.005"}
    [problem] = problems(environ=slow)
    assert problem.startswith("forward.rate: expected at least 0.0556 with forward.stuck_s 180:")
    assert load(None, {**slow, "FRONTDESK_FORWARD__STUCK_S": "2000"}).pace.rate == 0.005


def test_a_back_off_that_cannot_be_is_a_problem() -> None:
    """The first wait is not longer than the longest: the first failure would end the sidecar."""
    environ = {**GOOD, "FRONTDESK_FORWARD__RETRY_BASE_S": "600"}
    [problem] = problems(environ=environ)
    assert problem.startswith("forward.retry_")


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bundle_of_authorities_that_cannot_be_used_is_a_problem(
    tmp_path: Path, content: str | None
) -> None:
    """Found with the settings, not as a traceback when the client is made."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    [problem] = problems(environ={**GOOD, "FRONTDESK_SAP__CA_FILE": str(file)})
    assert problem.startswith("sap.ca_file: ")


def test_a_timeout_beyond_that_of_saps_proxy_is_a_problem() -> None:
    """Nobody would answer any more, and a lease would be waited out for nothing."""
    assert problems(environ={**GOOD, "FRONTDESK_SAP__TOTAL_TIMEOUT_S": "60"}) == (
        "sap.total_timeout_s: expected less than 60",
    )


def test_a_lease_outlives_an_attempt() -> None:
    """Otherwise a second one could begin while the first is under way."""
    settings = load(None, {**GOOD, "FRONTDESK_SAP__TOTAL_TIMEOUT_S": "55"})
    assert settings.pace.lease_s > 2 * settings.default.destination.total_timeout_s


# Through the command line


def test_the_command_line_tells_every_problem_and_exits_78(toml: Path) -> None:
    """One a line on standard error, and nothing that was given."""
    toml.write_text(f'[sap]\nclient_secret = "{MARK}"\n[lgo]\nlevel = "{MARK}"\n')
    environ = {name: value for name, value in os.environ.items() if "FRONTDESK" not in name}
    ended = subprocess.run(
        [sys.executable, "-m", "frontdesk_sidecar", "run", "--config", str(toml)],
        env={**environ, "FRONTDESK_LOG__LEVEL": MARK},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 78
    assert ended.stdout == ""
    assert ended.stderr.splitlines() == [
        "frontdesk: lgo: is not a section",
        "frontdesk: sap.base_url: is required",
        "frontdesk: sap.client_id: is required",
        "frontdesk: log.level: expected debug, info, warning or error",
    ]
