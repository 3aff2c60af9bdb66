"""What an answer means."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk_sidecar.sap.advice import ADVICE
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

MARKED = "Marked-Jané O'Value"
HTML = b"<html><body>Marked maintenance page</body></html>"
ENTITY = b'{"d":{"uid":"a@x.com","integrationKey":"a%40x.com"}}'
AMBIGUOUS = "ambiguous unique keys {uid=a@x.com} for model CustomerModel (<unsaved>) - found 1"


def odata(code: str, message: str = "a message", innererror: str = "marked") -> bytes:
    """An OData error body."""
    error = {
        "code": code,
        "message": {"lang": "en", "value": message},
        "innererror": innererror,
    }
    return json.dumps({"error": error}).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (200, ENTITY, Kind.DELIVERED, "http.200"),
        (201, ENTITY, Kind.DELIVERED, "http.201"),
        (201, b'{"d":{"integrationKey":"k"}}', Kind.DELIVERED, "http.201"),
        (201, b'{"d":{"uid":"a"}}', Kind.DELIVERED, "http.201"),
        (201, b"", Kind.TRANSIENT, "answer.no_entity"),
        (201, b'{"d":{"uid":null}}', Kind.TRANSIENT, "answer.no_entity"),
        (201, b'{"d":{"results":[]}}', Kind.TRANSIENT, "answer.no_entity"),
        (201, b'{"d":"uid"}', Kind.TRANSIENT, "answer.no_entity"),
        (201, b'{"uid":"a"}', Kind.TRANSIENT, "answer.no_entity"),
        (200, HTML, Kind.TRANSIENT, "answer.page"),
        (202, ENTITY, Kind.TRANSIENT, "http.202"),
        (204, b"", Kind.TRANSIENT, "http.204"),
        (302, HTML, Kind.TRANSIENT, "redirected"),
        (307, b"", Kind.TRANSIENT, "redirected"),
        (400, odata("missing_key"), Kind.REJECTED, "odata.missing_key"),
        (400, odata("invalid_property"), Kind.REJECTED, "odata.invalid_property"),
        (400, odata("project_code_7"), Kind.REJECTED, "odata.project_code_7"),
        (400, odata("marked@x.com"), Kind.REJECTED, "http.400"),
        (400, odata(""), Kind.REJECTED, "http.400"),
        (400, HTML, Kind.REJECTED, "http.400"),
        (400, odata("hook_not_found"), Kind.SETUP, "odata.hook_not_found"),
        (400, odata("schema_generation_error"), Kind.SETUP, "odata.schema_generation_error"),
        (400, odata("internal_error", AMBIGUOUS), Kind.TRANSIENT, AMBIGUOUS_KEYS),
        (401, b"", Kind.SETUP, "http.401"),
        (403, HTML, Kind.SETUP, "http.403"),
        (403, odata("forbidden"), Kind.SETUP, "odata.forbidden"),
        (404, odata("not_found"), Kind.SETUP, "odata.not_found"),
        (404, HTML, Kind.SETUP, "http.404"),
        (405, odata("method_not_allowed"), Kind.SETUP, "odata.method_not_allowed"),
        (408, b"", Kind.TRANSIENT, "http.408"),
        (409, b"", Kind.REJECTED, "http.409"),
        (413, HTML, Kind.REJECTED, "http.413"),
        (415, odata(""), Kind.REJECTED, "http.415"),
        (422, b"", Kind.REJECTED, "http.422"),
        (425, b"", Kind.TRANSIENT, "http.425"),
        (429, HTML, Kind.THROTTLED, "http.429"),
        (500, odata("internal_error"), Kind.TRANSIENT, "odata.internal_error"),
        (500, odata("internal_error", AMBIGUOUS), Kind.TRANSIENT, AMBIGUOUS_KEYS),
        (502, HTML, Kind.TRANSIENT, "http.502"),
        (503, HTML, Kind.TRANSIENT, "http.503"),
        (504, b"", Kind.TRANSIENT, "http.504"),
        (0, b"", Kind.TRANSIENT, "http.unknown"),
        (999, odata("x"), Kind.TRANSIENT, "http.unknown"),
    ],
)
def test_every_answer_has_a_meaning(status: int, body: bytes, kind: Kind, code: str) -> None:
    """Success is a positive list; what blames the record, the setup or nobody is told apart."""
    outcome = classify(Answer(status, {"content-type": "text/html"}, body))
    assert (outcome.kind, outcome.code) == (kind, code)
    assert "marked" not in repr(outcome).lower()


@pytest.mark.parametrize(
    ("status", "header", "kind", "wait"),
    [
        (429, "7", Kind.THROTTLED, 7.0),
        (429, "rubbish", Kind.THROTTLED, None),
        (503, "30", Kind.THROTTLED, 30.0),
        (503, "Tue, 14 Nov 2023 22:14:20 GMT", Kind.THROTTLED, 60.0),
        (503, "rubbish", Kind.TRANSIENT, None),
        (500, "30", Kind.TRANSIENT, None),
    ],
)
def test_a_wait_that_sap_asks_for(status: int, header: str, kind: Kind, wait: float | None) -> None:
    """Retry-After turns 503 into throttling and says for how long."""
    answer = Answer(status, {"Retry-After": header})
    for outcome in (classify(answer, now=1.7e9), classify_token(answer, now=1.7e9)):
        assert (outcome.kind, outcome.retry_after_s) == (kind, wait)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (Failure.CONNECT, Kind.TRANSIENT),
        (Failure.REFUSED, Kind.TRANSIENT),
        (Failure.CONNECT_TIMEOUT, Kind.TRANSIENT),
        (Failure.TLS, Kind.SETUP),
        (Failure.DNS, Kind.SETUP),
        (Failure.TIMEOUT, Kind.TRANSIENT),
        (Failure.DISCONNECTED, Kind.TRANSIENT),
        (Failure.PROTOCOL, Kind.TRANSIENT),
        (Failure.TOO_LARGE, Kind.TRANSIENT),
    ],
)
def test_every_failure_has_a_meaning(failure: Failure, kind: Kind) -> None:
    """What never became an answer is coded by its name, at either endpoint."""
    outcome, of_token = classify(failure), classify_token(failure)
    assert (outcome.kind, outcome.code) == (kind, failure.value)
    assert (of_token.kind, of_token.code) == (kind, f"token.{failure}")
    assert outcome.text == of_token.text != ""
    assert outcome.advice == of_token.advice


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (200, b'{"access_token":"t","expires_in":1}', Kind.DELIVERED, "token.ok"),
        (200, HTML, Kind.SETUP, "token.unreadable"),
        (201, b'{"access_token":"t"}', Kind.TRANSIENT, "token.http.201"),
        (302, b"", Kind.TRANSIENT, "token.redirected"),
        (400, b'{"error":"unsupported_grant_type"}', Kind.SETUP, "token.unsupported_grant_type"),
        (400, b'{"error":"marked_client"}', Kind.SETUP, "token.http.400"),
        (400, b'{"error":["x"]}', Kind.SETUP, "token.http.400"),
        (401, b'{"error":"invalid_client"}', Kind.SETUP, "token.invalid_client"),
        (403, HTML, Kind.SETUP, "token.http.403"),
        (404, HTML, Kind.SETUP, "token.http.404"),
        (408, b"", Kind.TRANSIENT, "token.http.408"),
        (409, b"", Kind.SETUP, "token.http.409"),
        (425, b"", Kind.TRANSIENT, "token.http.425"),
        (429, b"", Kind.THROTTLED, "token.http.429"),
        (500, HTML, Kind.TRANSIENT, "token.http.500"),
        (503, HTML, Kind.TRANSIENT, "token.http.503"),
    ],
)
def test_every_token_answer_has_a_meaning(status: int, body: bytes, kind: Kind, code: str) -> None:
    """A refused client stops everything; an ailing endpoint does not."""
    outcome = classify_token(Answer(status, {}, body))
    assert (outcome.kind, outcome.code) == (kind, code)
    assert "marked" not in repr(outcome).lower()
    assert outcome.advice or kind is not Kind.SETUP


def test_no_secret_is_a_matter_of_setup() -> None:
    """Without a client secret no request is made, and ops are told."""
    outcome = secret_unreadable()
    assert (outcome.kind, outcome.code) == (Kind.SETUP, "token.secret_unreadable")
    assert outcome.advice


@pytest.mark.parametrize(
    ("message", "private", "text"),
    [
        ("Property [name] is required.", (), "Property [name] is required."),
        ("uid a@x.com taken", (), "uid ••• taken"),
        ("key Marked-Jan%C3%A9+O%27Value", (MARKED,), "key •••"),
        ("", (), "HTTP 400, application/json"),
        ("Ｍarked-Jané O'Value", (MARKED,), "HTTP 400, application/json"),
        ("a\nb\x07c", (), "a b c"),
        ("x" * 400, (), "x" * 299 + "…"),
    ],
)
def test_texts_are_safe(message: str, private: tuple[str, ...], text: str) -> None:
    """SAP's message is shown without values, on one line, and not without end."""
    headers = {"Content-Type": "application/json;charset=utf-8"}
    outcome = classify(Answer(400, headers, odata("odata_error", message)), private=private)
    assert outcome.text == text


@pytest.mark.parametrize(
    ("headers", "body", "text"),
    [
        ({"content-type": "TEXT/HTML; charset=utf-8"}, HTML, "HTTP 502, text/html"),
        ({"content-type": "marked/jane"}, HTML, "HTTP 502, another media type"),
        ({}, HTML, "HTTP 502, another media type"),
        ({"content-type": "text/html"}, b"", "HTTP 502, no body"),
    ],
)
def test_other_bodies_give_their_media_type_alone(
    headers: dict[str, str], body: bytes, text: str
) -> None:
    """Nothing of a page that is not OData is repeated."""
    assert classify(Answer(502, headers, body)).text == text


def test_a_code_that_is_a_customers_value_is_not_shown() -> None:
    """A project's own code is shown, but not when it is what was sent."""
    answer = Answer(400, {}, odata("hunter2"))
    assert classify(answer).code == "odata.hunter2"
    assert classify(answer, private=["Hunter2"]).code == "http.400"


@given(
    status=st.integers(min_value=-1, max_value=1000) | st.integers(),
    headers=st.dictionaries(st.text(max_size=20), st.text(max_size=60), max_size=3),
    body=st.binary(max_size=300)
    | st.builds(odata, st.text(), st.text().map(lambda text: f"{text}{MARKED}"), st.text()),
    private=st.lists(st.text(max_size=20), max_size=3),
)
def test_classifying_never_raises_and_never_repeats(
    status: int, headers: dict[str, str], body: bytes, private: list[str]
) -> None:
    """Whatever comes back, the outcome is whole, short and free of the payload's values."""
    answer = Answer(status, headers, body)
    for outcome in (classify(answer, private=[*private, MARKED]), classify_token(answer)):
        assert isinstance(outcome, Outcome)
        assert outcome.code
        assert len(outcome.text) <= MAX_TEXT_CHARS
        assert MARKED not in repr(outcome)
        assert not any(value in outcome.text.split() for value in private if len(value) >= 8)


@given(status=st.sampled_from([400, 403, 500]), value=st.text(min_size=6, max_size=40))
def test_no_value_comes_back(status: int, value: str) -> None:
    """A value that SAP repeats in any of its fields is gone, unless it is one of our own words."""
    body = odata(value, f"refused: {value}!", value)
    outcome = classify(Answer(status, {}, body), private=[value])
    own = f"HTTP {status}, another media type refused: ••• ! … odata http {KNOWN_CODES}"
    assert value not in outcome.text + outcome.code or value.strip() in own


def test_advice_is_made_of_sentences() -> None:
    """Advice is short enough for a log line and ends like a sentence."""
    assert all(text.endswith(".") and len(text) <= 330 for text in ADVICE.values())
    assert {code.removeprefix("odata.") for code in ADVICE if code.startswith("odata.")} <= {
        *KNOWN_CODES,
        "ambiguous_keys",
        "*",
    }
