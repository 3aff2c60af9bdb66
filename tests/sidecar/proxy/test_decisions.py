"""The pure parts: whom to believe, what stands in the options, which rules an ingress gets."""

import argparse
import json
import os
import re
from pathlib import Path

import pytest
import trustme

from frontdesk import ConfigurationError, Rule
from frontdesk.event import LOGGED_IN, SIGNED_UP
from frontdesk_sidecar.proxy.address import Listener, Upstream, listener_of, upstream_of
from frontdesk_sidecar.proxy.fields import Field
from frontdesk_sidecar.proxy.forwarded import trust_of, with_forwarded
from frontdesk_sidecar.proxy.ingress import FORMATS, Route, render
from frontdesk_sidecar.proxy.loading import load_options
from frontdesk_sidecar.proxy.options import OPTIONS, REQUIRED, Option, read_options
from frontdesk_sidecar.proxy.parser import FORMATS as OFFERED
from frontdesk_sidecar.proxy.parser import add_proxy
from frontdesk_sidecar.proxy.trouble import Cause

# Forwarded


@pytest.mark.parametrize(
    ("words", "peer", "is_trusted"),
    [
        (["loopback"], "127.0.0.1", True),
        (["loopback"], "::1", True),
        (["loopback"], "::ffff:127.0.0.1", True),
        (["loopback"], "10.0.0.1", False),
        (["10.0.0.0/8", "fd00::/8"], "10.9.8.7", True),
        (["10.0.0.0/8", "fd00::/8"], "fd00::1%eth0", True),
        (["10.0.0.0/8"], None, False),
        (["unix"], None, True),
        (["unix"], "127.0.0.1", False),
        (["192.0.2.1"], "192.0.2.1", True),
        ([], "127.0.0.1", False),
        (["loopback"], "no address", False),
    ],
)
def test_who_is_trusted(words: list[str], peer: str | None, *, is_trusted: bool) -> None:
    """Networks of either version, mapped addresses, and the Unix socket by its own word."""
    assert trust_of(words).holds(peer) is is_trusted


CLAIMED: list[Field] = [
    (b"x-forwarded-for", b"203.0.113.7"),
    (b"a", b"1"),
    (b"x-forwarded-proto", b"https"),
    (b"x-forwarded-host", b"shop.example"),
    (b"x-forwarded-for", b"198.51.100.2"),
    (b"forwarded", b"for=203.0.113.7;proto=https"),
    (b"x-forwarded-port", b"443"),
    (b"x-real-ip", b"203.0.113.7"),
    (b"x_forwarded_proto", b"https"),
]


def test_what_somebody_trusted_says_is_continued() -> None:
    """In one line each, with the peer at the end; the rest stays where it is."""
    assert with_forwarded(
        CLAIMED, peer="10.0.0.1", is_trusted=True, scheme="http", host=b"inner"
    ) == [
        (b"a", b"1"),
        (b"x-forwarded-port", b"443"),
        (b"x-real-ip", b"203.0.113.7"),
        (b"x-forwarded-for", b"203.0.113.7, 198.51.100.2, 10.0.0.1"),
        (b"x-forwarded-proto", b"https"),
        (b"x-forwarded-host", b"shop.example"),
        (b"forwarded", b'for=203.0.113.7;proto=https, for=10.0.0.1;host="inner";proto=http'),
    ]


def test_what_somebody_else_claims_is_dropped() -> None:
    """And what is known is said instead."""
    assert with_forwarded(
        CLAIMED, peer="2001:db8::1", is_trusted=False, scheme="https", host=b"h", always=True
    ) == [
        (b"a", b"1"),
        (b"x-forwarded-for", b"2001:db8::1"),
        (b"x-forwarded-proto", b"https"),
        (b"x-forwarded-host", b"h"),
        (b"forwarded", b'for="[2001:db8::1]";host="h";proto=https'),
    ]


def test_a_peer_on_a_unix_socket() -> None:
    """It has no address: the chain is what the ingress says."""
    fields: list[Field] = [(b"x-forwarded-for", b"203.0.113.7")]
    found = with_forwarded(fields, peer=None, is_trusted=True, scheme="http", host=b"h")
    assert found[0] == (b"x-forwarded-for", b"203.0.113.7")
    found = with_forwarded([], peer=None, is_trusted=True, scheme="http", host=b"h", always=True)
    assert found == [
        (b"x-forwarded-proto", b"http"),
        (b"x-forwarded-host", b"h"),
        (b"forwarded", b'for=unknown;host="h";proto=http'),
    ]


# Addresses and options


def test_addresses() -> None:
    """As an operator writes them."""
    assert upstream_of("http://127.0.0.1:3000") == Upstream("127.0.0.1", 3000, is_tls=False)
    assert upstream_of("https://shop.example/base/").base == "/base"
    assert upstream_of("https://shop.example").authority == "shop.example"
    assert str(upstream_of("http://[::1]:8080")) == "http://[::1]:8080"
    assert upstream_of("unix:/run/shop.sock").socket == "/run/shop.sock"
    assert listener_of("[::]:80") == Listener("::", 80)
    assert listener_of(":80") == Listener("0.0.0.0", 80)
    assert listener_of("fd:3").fd == 3
    assert str(listener_of("unix:/run/p.sock")) == "unix:/run/p.sock"


WRONG: dict[str, list[object]] = {
    "upstream": ["", "shop:3000", "ftp://a", "http://u:p@a", "http://a?b", "http://a/b c", 7],
    "listen": ["8078", "a:b", "a:70000"],
    "workers": [0, 65, 1.5, True],
    "trust": ["everybody", "10.0.0.0/40", ["a"]],
    "prefix": ["frontdesk", "/a/", "/a b"],
    "via": ["a b", 'a"'],
    "drain_s": [-1, "soon"],
    "access_log": ["perhaps", 1],
    "socket_mode": ["9", "88888", 600],
    "host": ["a b", "a/b"],
    "tls_key_file": ["/key.pem"],
    "other": ["x"],
}


@pytest.mark.parametrize("key", WRONG)
def test_options_that_are_wrong(key: str) -> None:
    """Each is named with what was expected, never with its value."""
    for value in WRONG[key]:
        problems: list[str] = []
        assert read_options({"upstream": "http://a", key: value}, problems) is None
        assert len(problems) == 1
        assert problems[0].startswith(f"proxy.{key}: ")


def test_every_problem_at_once(tmp_path: Path) -> None:
    """From the file, the environment and the command line; the later wins."""
    config = tmp_path / "frontdesk.toml"
    config.write_text('[proxy]\nupstream = "http://a:1"\nworkers = 2\nvia = "edge"\n')
    environ = {"FRONTDESK_CONFIG": str(config), "FRONTDESK_PROXY__WORKERS": "3"}
    options = load_options(None, {"via": ""}, environ)
    assert (str(options.upstream), options.workers, options.via) == ("http://a:1", 3, "")
    environ |= {"FRONTDESK_PROXY__LISTEN": "nowhere", "FRONTDESK_PROXY__FAST": "1"}
    with pytest.raises(ConfigurationError) as caught:
        load_options(None, {"idle_timeout_s": "0", "upstream_ca_file": "/none"}, environ)
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "FRONTDESK_PROXY__FAST",
        "proxy.listen",
        "proxy.idle_timeout_s",
    ]


#: A value for each option, as it is written on a command line, that is not its default.
GIVEN = {
    "upstream": "https://shop.example:8443",
    "listen": "[::1]:81",
    "socket_mode": "600",
    "workers": "2",
    "upstream_name": "inner.example",
    "host": "upstream",
    "trust": "10.0.0.0/8,unix",
    "forwarded": "true",
    "via": "edge",
    "connect_timeout_s": "1.5",
    "connect_tries": "1",
    "answer_timeout_s": "2",
    "idle_timeout_s": "3",
    "keepalive_s": "0",
    "connections": "7",
    "queue_timeout_s": "4",
    "clients": "8",
    "head_timeout_s": "5",
    "client_keepalive_s": "6",
    "websockets": "9",
    "websocket_bytes": "2048",
    "drain_s": "0",
    "prefix": "/-/edge",
    "key": "s3cret",
    "access_log": "true",
    "log_level": "error",
    "log_format": "json",
}
FILES = {one.key for one in OPTIONS if one.key.endswith("_file")}


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The above, with files."""
    place = tmp_path_factory.mktemp("values")
    issued, paths = trustme.CA().issue_cert("localhost"), {}
    for name in FILES:
        paths[name] = str(place / name)
        issued.private_key_and_cert_chain_pem.write_to_path(paths[name])
    return GIVEN | paths


@pytest.mark.parametrize("option", OPTIONS, ids=lambda one: one.key)
def test_every_option_is_read_from_everywhere(
    tmp_path: Path, values: dict[str, str], option: Option
) -> None:
    """The file, the environment and the command line give the same, which is not the default."""
    key = option.key
    # Only where the option is about it TLS is spoken: all authorities are read for it.
    needed = {"upstream": values["upstream"] if "upstream" in key else "http://shop.example"}
    needed |= {"tls_cert_file": values["tls_cert_file"]} if key == "tls_key_file" else {}
    needed |= {"upstream_cert_file": values["upstream_cert_file"]} if "key_file" in key else {}
    from_environment = load_options(None, needed, {option.variable: values[key]})
    config = tmp_path / "frontdesk.toml"
    config.write_text(f"[proxy]\n{key} = '{values[key]}'\n")
    assert load_options(str(config), needed, {}) == from_environment
    without = {"upstream": "http://a"} if key == "upstream" else needed
    assert from_environment != load_options(None, without, {})
    parser = argparse.ArgumentParser()
    add_proxy(parser.add_subparsers(), lambda commands, name, *_: commands.add_parser(name))
    if key == "key":
        assert "proxy_key" not in vars(parser.parse_args(["proxy"]))
        return
    words = [option.flag] if option.kind.is_switch else [option.flag, values[key]]
    given = vars(parser.parse_args(["proxy", *words]))[f"proxy_{key}"]
    assert load_options(None, needed | {key: given}, {}) == from_environment


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    """They are tried before anything listens."""
    key = tmp_path / "key"
    key.write_text("s3cret\n")
    given = {"upstream": "https://a", "key_file": str(key)}
    assert load_options(None, given, {}).key == "s3cret"
    for name in ("upstream_ca_file", "tls_cert_file", "key_file"):
        with pytest.raises(ConfigurationError) as caught:
            load_options(None, given | {name: "/none"}, {})
        assert "No such file" in caught.value.problems[0]


def test_every_option_is_explained() -> None:
    """Once, in one line of help."""
    assert len({one.key for one in OPTIONS}) == len(OPTIONS)
    assert all(one.help and "\n" not in one.help for one in OPTIONS)


# What an ingress gets

RULES = [
    Rule(LOGGED_IN, "POST /login"),
    Rule(SIGNED_UP, "POST /{locale}/club.v1/join"),
    Rule(LOGGED_IN, "GET /oauth/callback"),
]
THERE = ["POST /login", "POST /login/", "POST /en/club.v1/join", "GET /oauth/callback"]
NOT_THERE = ["GET /login", "POST /login/x", "POST /en/us/club.v1/join", "POST /en/clubXv1/join"]


def test_the_formats_are_those_that_are_offered() -> None:
    """The command knows them without importing what makes them."""
    assert tuple(sorted(FORMATS)) == OFFERED


def test_patterns_match_what_rules_do() -> None:
    """An open segment is one segment; other characters stand for themselves."""
    pattern = Route("POST", "/{locale}/club.v1/join").pattern
    for line in THERE + NOT_THERE:
        path = line.split()[1]
        assert bool(re.fullmatch(pattern, path)) == (line in THERE and "club" in path)


def test_nginx_and_paths() -> None:
    """The method is a part of the key."""
    text = render("nginx", RULES)
    assert '"POST:/login" frontdesk;' in text
    assert '"POST:/login/" frontdesk;' in text
    assert r'"~^POST:/[^/]+/club\.v1/join/?$" frontdesk;' in text
    assert render("paths", RULES).splitlines() == [
        "GET /oauth/callback",
        "POST /login",
        "POST /{locale}/club.v1/join",
    ]


def test_azure_front_door() -> None:
    """Within its limits: ten values to a condition, a hundred rules to a set, by default too."""
    from frontdesk.settings import Capture

    document = json.loads(render("azure-front-door", Capture().all_rules()))
    assert len(document["rules"]) <= 100
    for rule in document["rules"]:
        assert all(len(one["parameters"]["matchValues"]) <= 10 for one in rule["conditions"])
    document = json.loads(render("azure-front-door", RULES))
    found = [
        (rule["conditions"][0]["parameters"]["matchValues"][0], one["operator"], one["matchValues"])
        for rule in document["rules"]
        for one in [rule["conditions"][1]["parameters"]]
    ]
    assert found == [
        ("GET", "Equal", ["oauth/callback", "oauth/callback/"]),
        ("POST", "Equal", ["login", "login/"]),
        ("POST", "RegEx", [r"^[^/]+/club\.v1/join/?$"]),
    ]


def test_traefik_envoy_and_kubernetes() -> None:
    """Each in its own words."""
    traefik = render("traefik", RULES)
    assert "Method(`POST`) && (Path(`/login`) || Path(`/login/`) || PathRegexp(`^/[^/]+" in traefik
    envoy = render("envoy", RULES)
    assert envoy.count("route: { cluster: frontdesk }") == 5
    assert envoy.count('path: "/login') == 2
    assert r'safe_regex: { regex: "/[^/]+/club\\.v1/join/?" }' in envoy
    kubernetes = render("kubernetes", RULES)
    assert '- path: "/login/"\n        pathType: Exact' in kubernetes
    assert 'use-regex: "true"' in kubernetes
    assert "use-regex" not in render("kubernetes", RULES[:1])


# The document

DOCUMENT = Path(__file__).parents[3] / "docs" / "proxy.md"


def options_table() -> str:
    """The document's table of settings, from the code's."""
    rows = ["| key | default | |", "|---|---|---|"]
    for one in OPTIONS:
        shown = "" if one.default is None else f"`{str(one.default).lower()}`"
        default = "required" if one.default is REQUIRED else shown
        rows.append(f"| `{one.key}` | {default} | {one.help} |")
    return "\n".join(rows)


def test_the_settings_of_the_document_are_true() -> None:
    """docs/proxy.md's table is what the code reads; UPDATE_DOCS=1 writes it."""
    text = DOCUMENT.read_text()
    before, begin, rest = text.partition("<!-- options -->\n")
    table, end, after = rest.partition("<!-- /options -->")
    if os.environ.get("UPDATE_DOCS"):
        DOCUMENT.write_text(f"{before}{begin}{options_table()}\n{end}{after}")
    else:
        assert table.strip() == options_table()


def test_the_pages_of_the_document_are_all() -> None:
    """Every cause that a client may read."""
    text = DOCUMENT.read_text()
    for cause in Cause:
        assert f"`{cause.error}`" in text
        assert str(cause.status) in text
