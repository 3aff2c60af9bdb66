"""The outcome table of the design, 5.5: each row of what can come back, and what it means.

Sections are those of the facts page about the Integration API.
"""

import html
import json
import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk_sidecar.sap.advice import advice_for
from frontdesk_sidecar.sap.odata import KNOWN_CODES
from frontdesk_sidecar.sap.outcome import (
    AMBIGUOUS_KEYS,
    MAX_TEXT_CHARS,
    Answer,
    Failure,
    Kind,
    Outcome,
    classify,
    classify_token,
    secret_unreadable,
)
from frontdesk_sidecar.sap.outcome_table import REASONS, Reason, find_reason
from frontdesk_sidecar.settings_table import SETTINGS

DELIVERED, THROTTLED, TRANSIENT = Kind.DELIVERED, Kind.THROTTLED, Kind.TRANSIENT
SETUP, REJECTED = Kind.SETUP, Kind.REJECTED

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT
DATE = "Tue, 14 Nov 2023 22:14:20 GMT"
PAGE = b"<!DOCTYPE html>\n<html><body><h1>Marked</h1> a page about marked@example.com</body></html>"
ENTITY = b'{"d":{"__metadata":{"type":"X.Customer"},"uid":"a@x.com","integrationKey":"a%40x.com"}}'
ATOM = b'<?xml version="1.0"?><entry xmlns="http://www.w3.org/2005/Atom"><id>x</id></entry>'
OCC = b'{"errors":[{"message":"Marked token","type":"InvalidTokenError"}]}'
OCC_DENIED = b'{"errors":[{"message":"Access is denied","type":"AccessDeniedError"}]}'
BARE = "http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"
AMBIGUOUS = (
    "ambiguous unique keys {uid=marked@example.com} for model CustomerModel (<unsaved>) - found 1"
    " item(s) using the same keys"
)
STALE = "There was an error encountered during the processing of the Integration Object. item 879"
HTML = {"Content-Type": "text/html;charset=UTF-8"}
JSON = {"Content-Type": "application/json;charset=utf-8", "DataServiceVersion": "1.0"}


def odata(
    code: str | None, message: str = "Marked.", inner: str | None = "marked%40x.com"
) -> bytes:
    """An error document in JSON, as SAP writes it (4.1)."""
    error = {"code": code, "message": {"lang": "en", "value": message}, "innererror": inner}
    return json.dumps({"error": error}).encode()


def xml(code: str, message: str = "Marked.") -> bytes:
    """An error document in XML (4.1)."""
    text = html.escape(message)
    return (
        f'<?xml version="1.0" encoding="utf-8"?><error xmlns="{BARE}"><code>{code}</code>'
        f'<message xml:lang="en">{text}</message></error>'
    ).encode()


def oauth(error: str) -> bytes:
    """An error of the token endpoint (1.2)."""
    return json.dumps({"error": error, "error_description": "Marked Bad credentials"}).encode()


Row = tuple[str, int, dict[str, str], bytes, Kind, str, bool, float | None, bool]


def row(
    name: str,
    status: int,
    headers: dict[str, str],
    body: bytes,
    kind: Kind,
    code: str,
    *,
    unknown: bool = False,
    wait: float | None = None,
    record: bool = False,
) -> Row:
    """One case; what is not said is not so."""
    return (name, status, headers, body, kind, code, unknown, wait, record)


UPSERTS = [
    # 0.3 and 2.5: success is 201, on update too; 200 is taken as well
    row("created or updated", 201, JSON, ENTITY, DELIVERED, "http.201"),
    row("updated", 200, JSON, ENTITY, DELIVERED, "http.200"),
    # 2.2 and 6.1: what claims success and is not the Integration API's
    row("login page with 200", 200, HTML, PAGE, TRANSIENT, "answer.page"),
    row("error with 200", 200, JSON, odata("missing_key"), TRANSIENT, "answer.error"),
    row("XML error with 201", 201, {}, xml("missing_key"), TRANSIENT, "answer.error"),
    row("cut off with 200", 200, JSON, ENTITY[:30], TRANSIENT, "answer.truncated", unknown=True),
    row("cut off with 201", 201, JSON, ENTITY[:-1], TRANSIENT, "answer.truncated", unknown=True),
    row("other JSON", 201, JSON, b'{"uid":"a"}', TRANSIENT, "answer.no_entity", unknown=True),
    row("a list", 200, JSON, b'{"d":{"results":[]}}', TRANSIENT, "answer.no_entity", unknown=True),
    row("no body", 201, JSON, b"", TRANSIENT, "answer.no_entity", unknown=True),
    row("text", 200, {}, b"OK", TRANSIENT, "answer.no_entity", unknown=True),
    row("Atom, as without Accept", 201, {}, ATOM, TRANSIENT, "answer.xml", unknown=True),
    row("interim", 103, {}, b"", TRANSIENT, "http.103", unknown=True),
    row("accepted, as of a batch", 202, JSON, ENTITY, TRANSIENT, "http.202", unknown=True),
    row("accepted, a page", 202, HTML, PAGE, TRANSIENT, "http.202", unknown=True),
    row("no content, as of PATCH", 204, {}, b"", TRANSIENT, "http.204", unknown=True),
    row("partial", 206, JSON, ENTITY, TRANSIENT, "http.206", unknown=True),
    # 6.1: site redirects
    row("to the backoffice", 302, {"Location": "/backoffice/"}, PAGE, TRANSIENT, "redirected"),
    row("to a login", 302, {"Location": "/login?u=marked"}, b"", TRANSIENT, "redirected"),
    row("to https", 301, {"Location": "https://x/marked"}, b"", TRANSIENT, "redirected"),
    row("moved", 308, {}, b"", TRANSIENT, "redirected"),
    # 4.2: 400
    *(
        row(code, 400, JSON, odata(code), REJECTED, f"odata.{code}", record=True)
        for code in (
            "missing_key",
            "missing_property",
            "missing_nav_property",
            "invalid_property",
            "invalid_attribute_value",
            "invalid_language",
            "invalid_key",
            "odata_error",
            "runtime_error",
            "deletion_failure",
            "pre_persist_error",  # 5.1
            "post_persist_error",  # 5.1
        )
    ),
    *(
        row(code, 400, JSON, odata(code), SETUP, f"odata.{code}")
        for code in (
            "hook_not_found",  # 5.1
            "invalid_key_definition",
            "invalid_property_definition",
            "misconfigured_attribute",
            "schema_generation_error",  # 4.3
        )
    ),
    row(
        "no $metadata",
        500,
        JSON,
        odata("schema_generation_error"),
        SETUP,
        "odata.schema_generation_error",
    ),
    # 3.2
    row(
        "too many parts",
        400,
        JSON,
        odata("batch_limit_exceeded", inner=None),
        REJECTED,
        "odata.batch_limit_exceeded",
    ),
    # 4.1: Olingo's errors have no code, and are XML by default (2.2)
    row("no code", 400, JSON, odata(None, inner=None), REJECTED, "http.400"),
    row("no code but a key", 400, JSON, odata(""), REJECTED, "http.400", record=True),
    row("XML without a code", 400, {}, xml(""), REJECTED, "http.400"),
    row("XML", 400, {}, xml("missing_property"), REJECTED, "odata.missing_property", record=True),
    row("a project's own", 400, JSON, odata("own_1"), REJECTED, "odata.own_1", record=True),
    row("no word", 400, JSON, odata("a b@x.com", inner=None), REJECTED, "http.400"),
    row("a number", 400, JSON, odata("4930123456", inner=None), REJECTED, "http.400"),
    row("a proxy's page", 400, HTML, PAGE, REJECTED, "http.400"),
    row("OCC's errors", 400, JSON, OCC, REJECTED, "http.400"),
    # 1.4: 401 is never OData
    row("no body", 401, {}, b"", SETUP, "http.401"),
    row("servlet page", 401, HTML, PAGE, SETUP, "http.401"),
    row("OCC style", 401, JSON, OCC, SETUP, "http.401"),
    row("RFC 6750", 401, {"WWW-Authenticate": "Bearer"}, oauth("invalid_token"), SETUP, "http.401"),
    row("OData all the same", 401, JSON, odata("missing_key"), SETUP, "http.401"),
    # 4.2 and 6.1: 403
    row("IP filter", 403, HTML, PAGE, SETUP, "http.403"),
    row("Spring", 403, JSON, OCC_DENIED, SETUP, "http.403"),
    row("group", 403, JSON, odata("forbidden"), SETUP, "odata.forbidden"),
    row(
        "type right",
        403,
        JSON,
        odata("forbidden", "The user lacks [create] privileges for accessing the [Customer] type."),
        SETUP,
        "odata.forbidden",
    ),
    # 0.3 and 4.2: 404 by SAP and by whoever else
    row("unknown set", 404, JSON, odata("not_found"), SETUP, "odata.not_found"),
    row("unknown set, XML", 404, {}, xml("not_found"), SETUP, "odata.not_found"),
    row("malformed key", 404, JSON, odata("invalid_key"), REJECTED, "odata.invalid_key"),
    row("host without the service", 404, HTML, PAGE, SETUP, "http.404"),
    row("OCC's 404", 404, JSON, OCC, SETUP, "http.404"),
    row("nothing", 404, {}, b"", SETUP, "http.404"),
    # 4.2: 405
    row("method", 405, JSON, odata("method_not_allowed"), SETUP, "odata.method_not_allowed"),
    row(
        "POJO",
        405,
        JSON,
        odata("inaccessible_integration_object"),
        SETUP,
        "odata.inaccessible_integration_object",
    ),
    row("method, elsewhere", 405, HTML, PAGE, SETUP, "http.405"),
    # 4.3 and 6.1: statuses that only somebody in between gives (RFC 9110, section 15.5)
    row("other 4xx", 402, {}, b"", TRANSIENT, "http.402"),
    row("not JSON", 406, HTML, PAGE, SETUP, "http.406"),
    row("proxy login", 407, HTML, PAGE, SETUP, "http.407"),
    row("slow request", 408, HTML, PAGE, TRANSIENT, "http.408"),
    row("conflict", 409, {}, b"", REJECTED, "http.409"),
    row("conflict, named", 409, JSON, odata("dup"), REJECTED, "odata.dup", record=True),
    row("gone", 410, HTML, PAGE, SETUP, "http.410"),
    row("length", 411, HTML, PAGE, SETUP, "http.411"),
    row("precondition", 412, {}, b"", REJECTED, "http.412"),
    row("too large", 413, HTML, PAGE, REJECTED, "http.413"),
    row("long address", 414, HTML, PAGE, REJECTED, "http.414"),
    row("media type", 415, JSON, odata("", inner=None), REJECTED, "http.415"),  # 2.2
    row("media type, named", 415, JSON, odata("unknown_error"), REJECTED, "odata.unknown_error"),
    row("other 4xx, a page", 418, HTML, PAGE, TRANSIENT, "http.418"),
    row("misdirected", 421, HTML, PAGE, SETUP, "http.421"),
    row("not accepted", 422, {}, b"", REJECTED, "http.422"),
    row("locked", 423, {}, b"", TRANSIENT, "http.423"),
    row("too early", 425, {}, b"", TRANSIENT, "http.425"),
    row("upgrade", 426, {}, b"", SETUP, "http.426"),
    row("precondition wanted", 428, {}, b"", SETUP, "http.428"),
    row("headers", 431, HTML, PAGE, REJECTED, "http.431"),
    # 6.1: rate limit of the firewall
    row("WAF", 429, HTML, PAGE, THROTTLED, "http.429"),
    row("WAF, seconds", 429, HTML | {"Retry-After": "6"}, PAGE, THROTTLED, "http.429", wait=6.0),
    row("WAF, date", 429, {"retry-after": DATE}, b"", THROTTLED, "http.429", wait=60.0),
    row("WAF, OData", 429, JSON, odata("missing_key"), THROTTLED, "http.429"),
    # 4.2, 6.2: 500
    row(
        "stale data",
        500,
        JSON,
        odata("internal_error", STALE),
        TRANSIENT,
        "odata.internal_error",
        record=True,
    ),
    row("XML", 500, {}, xml("internal_error"), TRANSIENT, "odata.internal_error", record=True),
    row("own code", 500, JSON, odata("own", inner=None), TRANSIENT, "odata.own"),
    row("no code", 500, JSON, odata("", inner=None), TRANSIENT, "http.500"),
    row("page", 500, HTML, PAGE, TRANSIENT, "http.500"),
    # 2.5, 6.2: ambiguous keys, with either status and either form
    *(
        row(f"ambiguous {form}", status, {}, body, TRANSIENT, AMBIGUOUS_KEYS, record=True)
        for status in (400, 500)
        for form, body in (
            ("JSON", odata("internal_error", AMBIGUOUS)),
            ("XML", xml("internal_error", AMBIGUOUS)),
        )
    ),
    # 6.1: proxy limit, maintenance
    row("not done", 501, HTML, PAGE, SETUP, "http.501"),
    row("proxy", 502, HTML, PAGE, TRANSIENT, "http.502", unknown=True),
    row("maintenance", 503, HTML, PAGE, TRANSIENT, "http.503"),
    row("for a time", 503, HTML | {"Retry-After": "30"}, PAGE, THROTTLED, "http.503", wait=30.0),
    row("until", 503, {"Retry-After": DATE}, b"", THROTTLED, "http.503", wait=60.0),
    row("rubbish", 503, {"Retry-After": "soon"}, PAGE, TRANSIENT, "http.503"),
    row("proxy limit of 60 s", 504, HTML, PAGE, TRANSIENT, "http.504", unknown=True),
    row("version", 505, {}, b"", SETUP, "http.505"),
    row("network login", 511, HTML, PAGE, SETUP, "http.511"),
    row("delivery network", 524, HTML, PAGE, TRANSIENT, "http.524", unknown=True),
    row("no status", 0, {}, b"", TRANSIENT, "http.unknown", unknown=True),
]

TOKENS = [
    # 1.1 to 1.3
    row("token", 200, JSON, b'{"access_token":"t","expires_in":9}', DELIVERED, "token.ok"),
    row("page", 200, HTML, PAGE, SETUP, "token.unreadable"),
    row("no token", 200, JSON, b'{"token_type":"bearer"}', SETUP, "token.unreadable"),
    row("cut off", 200, JSON, b'{"access_token":"t', SETUP, "token.unreadable"),
    row("no body", 200, JSON, b"", SETUP, "token.unreadable"),
    row("XML", 200, {}, b"<oauth><access_token>t</access_token></oauth>", SETUP, "token.xml"),
    row("not 200", 201, JSON, b'{"access_token":"t"}', TRANSIENT, "token.http.201"),
    row("plain http", 302, {"Location": "https://x"}, b"", TRANSIENT, "token.redirected"),
    row("client", 401, JSON, oauth("invalid_client"), SETUP, "token.invalid_client"),
    *(
        row(error, 400, JSON, oauth(error), SETUP, f"token.{error}")
        for error in (
            "invalid_request",
            "invalid_grant",
            "invalid_scope",
            "unauthorized_client",
            "unsupported_grant_type",
        )
    ),
    row("other error", 400, JSON, oauth("marked"), SETUP, "token.http.400"),
    row("OCC style", 401, JSON, OCC, SETUP, "token.http.401"),
    # 6.1
    row("page", 401, HTML, PAGE, SETUP, "token.http.401"),
    row("IP filter", 403, HTML, PAGE, SETUP, "token.http.403"),
    row("no such service", 404, HTML, PAGE, SETUP, "token.http.404"),
    row("method", 405, HTML, PAGE, SETUP, "token.http.405"),
    row("slow", 408, {}, b"", TRANSIENT, "token.http.408"),
    row("gone", 410, {}, b"", SETUP, "token.http.410"),
    row("early", 425, {}, b"", TRANSIENT, "token.http.425"),
    row("WAF", 429, HTML | {"Retry-After": "6"}, PAGE, THROTTLED, "token.http.429", wait=6.0),
    row("server", 500, JSON, oauth("invalid_client"), TRANSIENT, "token.http.500"),
    row("not done", 501, {}, b"", TRANSIENT, "token.http.501"),
    row("maintenance", 503, HTML, PAGE, TRANSIENT, "token.http.503"),
    row("until", 503, {"Retry-After": DATE}, b"", THROTTLED, "token.http.503", wait=60.0),
    row("proxy limit", 504, HTML, PAGE, TRANSIENT, "token.http.504"),
    row("no status", 999, {}, b"", TRANSIENT, "token.http.unknown"),
]


def checked(outcome: Outcome) -> None:
    """What is so for every outcome."""
    reason = find_reason(outcome.code)
    assert reason is not None, outcome.code
    assert outcome.kind in (reason.kind, *reason.also)
    assert len(outcome.text) <= MAX_TEXT_CHARS
    if outcome.kind is DELIVERED:
        assert (outcome.text, outcome.advice) == ("", "")
    else:
        assert outcome.text
        assert outcome.advice == reason.advice == advice_for(outcome.code) != ""


@pytest.mark.parametrize("case", UPSERTS, ids=lambda case: f"{case[1]} {case[0]}")
def test_answers_to_an_upsert(case: Row) -> None:
    """Each has its reason, and says nothing of what came with it."""
    _, status, headers, body, kind, code, unknown, wait, record = case
    private = ["marked@example.com", "Marked"]
    outcome = classify(Answer(status, headers, body), private=private, now=NOW)
    checked(outcome)
    found = (outcome.kind, outcome.code, outcome.is_unknown, outcome.retry_after_s)
    assert found == (kind, code, unknown, wait)
    assert outcome.is_about_record is record
    assert "marked" not in repr(outcome).lower()


@pytest.mark.parametrize("case", TOKENS, ids=lambda case: f"{case[1]} {case[0]}")
def test_answers_of_the_token_endpoint(case: Row) -> None:
    """Each has its reason; nothing is left open, for a token is asked for again."""
    _, status, headers, body, kind, code, unknown, wait, _ = case
    outcome = classify_token(Answer(status, headers, body), now=NOW)
    checked(outcome)
    found = (outcome.kind, outcome.code, outcome.is_unknown, outcome.retry_after_s)
    assert found == (kind, code, unknown, wait)
    assert "marked" not in repr(outcome).lower()


@pytest.mark.parametrize(
    ("failure", "kind", "unknown"),
    [
        (Failure.CONNECT, TRANSIENT, False),
        (Failure.REFUSED, TRANSIENT, False),
        (Failure.CONNECT_TIMEOUT, TRANSIENT, False),
        (Failure.TLS, SETUP, False),
        (Failure.DNS, SETUP, False),
        (Failure.TIMEOUT, TRANSIENT, True),
        (Failure.DISCONNECTED, TRANSIENT, True),
        (Failure.PROTOCOL, TRANSIENT, True),
        (Failure.TOO_LARGE, TRANSIENT, True),
    ],
)
def test_what_never_became_an_answer(failure: Failure, kind: Kind, unknown: bool) -> None:
    """6.1: time limits, address filters and TLS of the ingress."""
    for prefix, outcome in (("", classify(failure)), ("token.", classify_token(failure))):
        checked(outcome)
        assert (outcome.kind, outcome.code) == (kind, f"{prefix}{failure}")
        assert outcome.is_unknown is (unknown and not prefix)


def test_the_404_of_sap_and_of_somebody_else_are_told_apart() -> None:
    """0.3: the service is on the backoffice aspect only, unless a project adds it elsewhere."""
    by_sap = classify(Answer(404, JSON, odata("not_found")))
    by_others = classify(Answer(404, HTML, PAGE))
    assert "entity_set" in by_sap.advice
    assert "serves odata2webservices" in by_others.advice
    assert by_sap.code != by_others.code


def test_reasons_are_complete() -> None:
    """Every code that comes of any status, body and failure has a row, and every row a code."""
    bodies = [b"", PAGE, ENTITY, ENTITY[:9], ATOM, b"{}", OCC, odata("own_code"), xml("")]
    bodies += [odata(code) for code in KNOWN_CODES] + [odata("internal_error", AMBIGUOUS)]
    bodies += [case[3] for case in TOKENS]
    headers: list[dict[str, str]] = [{}, {"Retry-After": "5"}]
    answers = [
        Answer(status, header, body)
        for status in (*range(-1, 601), 10**30)
        for header in (headers if status in (429, 503) else headers[:1])
        for body in (bodies if status in (200, 201, 400, 403, 404, 405, 500) else bodies[:9])
    ]
    outcomes = [
        outcome for answer in answers for outcome in (classify(answer), classify_token(answer))
    ]
    outcomes += [outcome for one in Failure for outcome in (classify(one), classify_token(one))]
    outcomes.append(secret_unreadable())
    rows: set[Reason] = set()
    for outcome in outcomes:
        checked(outcome)
        if (reason := find_reason(outcome.code)) is not None:
            rows.add(reason)
    # Found before or instead of an answer, by the forwarder and the client of SAP.
    elsewhere = {"batch.unreadable", "internal", "mapping", "unchanged"}
    elsewhere |= {"mapping.unfit", "mapping.value", "token.silence"}
    oauth_only = {case[5] for case in TOKENS}
    missing = {reason.code for reason in REASONS} - {reason.code for reason in rows}
    assert missing - elsewhere - oauth_only == set()


def test_reasons_can_be_made_a_page_of() -> None:
    """Codes are unique; texts are whole sentences, and name settings that exist."""
    codes = [reason.code for reason in REASONS]
    assert len(codes) == len(set(codes))
    assert {code.removeprefix("odata.") for code in codes if code.startswith("odata.")} == {
        *KNOWN_CODES,
        "ambiguous_keys",
        "*",
    }
    settings = {setting.name for setting in SETTINGS} | {"sap.mapping"}
    for reason in REASONS:
        good = reason.kind in (DELIVERED, Kind.UNCHANGED)
        assert bool(reason.todo) is not good
        assert all(text.endswith(".") for text in (reason.means, reason.todo or "."))
        assert set(re.findall(r"\b(?:sap|forward)\.[a-z_]+", reason.advice)) <= settings


@pytest.mark.parametrize("code", ["", "x", "http.", "http.12", "http.٣٣٣", "odata.", "token.x"])
def test_a_code_of_nobody_has_no_reason(code: str) -> None:
    """The table is closed."""
    assert find_reason(code) is None
    assert advice_for(code) == ""


MARKED = ["marked.jane+1@münchen.example", "Zyx Wvuts-O'Rilly", "Zyxstraße 12", "+49 30 1234567"]
BITS = ("jane", "nchen", "zyx", "wvuts", "rilly", "1234567")


def spelt(value: str) -> list[str]:
    """A value in the ways that others write it."""
    key = quote_plus(value, safe="*")
    escaped = "".join(char if char.isalnum() else f"\\u{ord(char):04x}" for char in value)
    entities = "".join(char if char.isalnum() else f"&#{ord(char)};" for char in value)
    return [
        value,
        value.upper(),
        value.swapcase(),
        quote(value, safe=""),
        quote(quote(value, safe=""), safe=""),
        key,
        quote(key, safe=""),
        quote(key, safe="").lower(),
        html.escape(value),
        html.escape(html.escape(value)),
        entities,
        escaped,
        value.replace("münchen", "xn--mnchen-3ya"),
        value.replace("'", "''"),
        f"'{value}'",
        f'"{value}"',
        value.replace("@", "'@'").replace(" ", "' '"),
        value.replace("@", '"@"').replace(" ", '" "'),
        value.replace("@", "] [").replace(" ", "] ["),
        f"x{value}y",
    ]


ECHOES = [spelling for value in MARKED for spelling in spelt(value)]
FRAMES = [
    "<value>",
    "Item with <value> exists.",
    "An error occurred, with error message <value>",
    "[Customer] with integration key [<value>] was not found.",
    "ambiguous unique keys {uid=<value>} for model CustomerModel (<unsaved>)",
    "The literal '<value>' is not formatted properly.",
    "Property [<value>] is required for EntityType [Customer].",
    'no "<value>" (but) < <value>> or {<value>}',
]


@pytest.mark.parametrize("frame", FRAMES)
def test_no_echo_of_a_value_comes_through(frame: str) -> None:
    """4.1 and 2.4: SAP repeats keys encoded once or twice; hooks and proxies as they please."""
    for echo in ECHOES:
        message = frame.replace("<value>", echo)
        for body in (odata(echo, message, echo), odata("odata_error", message), xml("", message)):
            outcome = classify(Answer(400, {"x": echo}, body), private=MARKED)
            checked(outcome)
            shown = f"{outcome.text} {outcome.code} {outcome.advice}".casefold()
            assert not [bit for bit in BITS if bit in shown], (echo, outcome.text)


messages = st.lists(
    st.sampled_from(ECHOES)
    | st.text(alphabet="[]{}()<>'\"=,:. @&;%\\|abc1", max_size=8)
    | st.sampled_from(["Property ", "EntityType ", "key ", " is required for ", "\n"]),
    max_size=6,
).map("".join)
bodies = (
    st.binary(max_size=300)
    | st.builds(odata, st.sampled_from(sorted(KNOWN_CODES)) | messages, messages, messages)
    | st.builds(xml, st.sampled_from(sorted(KNOWN_CODES)), messages)
    | st.sampled_from([case[3] for case in (*UPSERTS, *TOKENS)])
    | st.tuples(st.sampled_from(UPSERTS), st.integers(0, 99)).map(lambda cut: cut[0][3][: cut[1]])
)
answers = st.builds(
    Answer,
    st.integers(99, 600) | st.sampled_from([200, 201, 400, 500]) | st.integers(),
    st.dictionaries(
        st.sampled_from(["Retry-After", "content-type", "Location"]) | st.text(max_size=9),
        st.sampled_from(["5", DATE, "text/html", "application/json"]) | st.text(max_size=40),
        max_size=3,
    ),
    bodies,
)


@given(answers | st.sampled_from(Failure), st.none() | st.just(NOW) | st.floats(0, 1e11))
def test_the_table_is_total(reply: Answer | Failure, now: float | None) -> None:
    """Anything has a reason, a short text and advice, and nothing of the customer in them."""
    for outcome in (classify(reply, private=MARKED, now=now), classify_token(reply, now=now)):
        checked(outcome)
        assert outcome.retry_after_s is None or 0 <= outcome.retry_after_s <= 900
        shown = f"{outcome.text} {outcome.code} {outcome.advice}".casefold()
        assert not [value for value in MARKED if value.casefold() in shown]
