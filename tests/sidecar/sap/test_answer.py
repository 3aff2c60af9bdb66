"""Reading the parts of an answer."""

import pytest

from frontdesk_sidecar.sap.answer import Answer, Grant, read_grant, retry_after_s

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("9" * 500, 900.0),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60.0),
        ("Tuesday, 14-Nov-23 22:14:20 GMT", 60.0),
        ("Tue Nov 14 22:14:20 2023", 60.0),
        ("Tue, 14 Nov 2023 22:12:20 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 900.0),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
        ("Tue, 99 Nov 2023 22:12:20 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str, expected: float | None) -> None:
    """Both forms of RFC 9110 count, in any of its date formats; nonsense does not."""
    assert retry_after_s(Answer(503, {"Retry-After": value}), now=NOW) == expected


def test_a_date_needs_a_clock() -> None:
    """Without the time of day a date says nothing, while seconds do."""
    answer = Answer(503, {"retry-after": "Tue, 14 Nov 2023 22:14:20 GMT"})
    assert retry_after_s(answer) is None
    assert retry_after_s(Answer(503, {"RETRY-AFTER": "7"})) == 7.0


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"access_token":"abc","token_type":"bearer","expires_in":43199}', Grant("abc", 43_199)),
        ('{"access_token":"abc","expires_in":"299"}', Grant("abc", 299)),
        ('{"access_token":"abc"}', Grant("abc", None)),
        ('{"access_token":"abc","expires_in":true}', Grant("abc", None)),
        ('{"access_token":"abc","expires_in":"NaN"}', Grant("abc", None)),
        ('{"access_token":"abc","expires_in":"soon"}', Grant("abc", None)),
        ('{"access_token":""}', None),
        ('{"access_token":"a\\r\\nX: y"}', None),
        ('{"access_token":"é"}', None),
        ('{"access_token":5}', None),
        ("[]", None),
        ("<html>", None),
    ],
)
def test_a_grant_needs_a_token_that_fits_a_header(body: str, expected: Grant | None) -> None:
    """The life may be missing or odd, the token may not."""
    assert read_grant(Answer(200, {}, body.encode())) == expected


def test_nothing_private_is_in_a_repr() -> None:
    """Headers, bodies and tokens are not shown by accident."""
    answer = Answer(200, {"location": "Customers('marked')"}, b'{"access_token":"marked"}')
    assert "marked" not in repr(answer)
    assert "marked" not in repr(read_grant(answer))
