"""Claims of a token that the answer has just issued: where they are found, and where not."""

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_support import JANE, SECRET, exchange_of
from frontdesk.claims import MAX_TOKENS, claims, issued
from frontdesk.persons import Person
from frontdesk.tokens import MAX_TOKEN_BYTES, MAX_UNPACKED_BYTES, jwt_claims, session_content

OTHER = "other@example.com"
TODAY = "Sat, 21 Nov 2026 04:40:23 GMT"


def b64(document: object, *, standard: bool = False) -> str:
    """A document in base64: for a URL without padding, or with both alphabet and padding."""
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    if standard:
        return base64.b64encode(content).decode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def jwt(**found: Any) -> str:
    """A token with these claims, signed with nothing of worth."""
    return f"{b64({'alg': 'HS256', 'typ': 'JWT'})}.{b64(found)}.c2lnbmF0dXJl"


def packed(document: object) -> str:
    """A deflated session as Flask writes it."""
    return "." + b64(zlib.compress(json.dumps(document).encode())) + ".aSBj.c2ln"


def cookie(value: str, name: str = "session", attributes: str = "; Path=/; HttpOnly") -> Any:
    """An answer without a body that sets a cookie."""
    line = f"{name}={value}{attributes}"
    return {"status": 204, "headers": [(b"Set-Cookie", line.encode())]}


HERS = {"sub": "7", "email": JANE}
TOKEN = jwt(**HERS)
BARE = {"sub": "7"}

#: name, the answer, the claims that are found in it
FOUND: list[tuple[str, dict[str, Any], Mapping[str, Any]]] = [
    ("an access token", {"response": {"access_token": TOKEN}}, HERS),
    ("camel case", {"response": {"accessToken": TOKEN}}, HERS),
    ("cognito", {"response": {"AuthenticationResult": {"IdToken": TOKEN, "ExpiresIn": 1}}}, HERS),
    ("simplejwt", {"response": {"refresh": jwt(email=OTHER), "access": TOKEN}}, HERS),
    ("strapi", {"response": {"jwt": TOKEN}}, HERS),
    ("a token's object", {"response": {"tokens": {"access": {"token": TOKEN}}}}, HERS),
    ("two levels", {"response": {"data": {"session": {"access_token": TOKEN}}}}, HERS),
    ("of a user", {"response": {"user": {"id": 7, "token": TOKEN}}}, HERS),
    ("allauth", {"response": {"meta": {"access_token": TOKEN}}}, HERS),
    ("with its type", {"response": {"token": f"Bearer {TOKEN}"}}, HERS),
    ("a text", {"response": TOKEN}, HERS),
    ("the id token first", {"response": {"access_token": jwt(email=OTHER), "id_token": TOKEN}},
     HERS),
    ("deeper, yet an id token", {"response": {
        "token": jwt(email=OTHER), "data": {"idToken": TOKEN}}}, HERS),
    ("the first with an address", {"response": {"id_token": jwt(**BARE), "access_token": TOKEN}},
     HERS),
    ("none with an address", {"response": {"token": jwt(**BARE), "access_token": jwt(sub="8")}},
     BARE),
    ("a cookie", cookie(TOKEN), HERS),
    ("a quoted cookie", cookie(f'"Bearer {TOKEN}"'), HERS),
    ("an encoded cookie", cookie(f"Bearer%20{TOKEN}"), HERS),
    ("a cookie to stay", cookie(TOKEN, attributes=f"; Max-Age=3600; Expires={TODAY}"), HERS),
    ("the body before a cookie", cookie(jwt(email=OTHER)) | {
        "status": 200, "response": {"token": TOKEN}}, HERS),
    ("a cookie with an address", cookie(TOKEN) | {
        "status": 200, "response": {"token": jwt(**BARE)}}, HERS),
    ("a header", {"status": 204, "headers": [(b"Authorization", f"Bearer {TOKEN}".encode())]},
     HERS),
    ("another header", {"status": 204, "headers": [(b"x-auth-token", TOKEN.encode())]}, HERS),
    ("flask", cookie(f"{b64({'user': HERS})}.aSBj.c2ln"), {"user": HERS}),
    ("flask, deflated", cookie(packed({"user": HERS})), {"user": HERS}),
    ("flask-login", cookie(f"{b64({'_user_id': '7', '_fresh': True})}.aSBj.c2ln"),
     {"_user_id": "7", "_fresh": True}),
    ("starlette", cookie(f"{b64({'user': JANE}, standard=True)}.aSBj.c2ln"), {"user": JANE}),
    ("express", cookie(b64({"user": HERS}, standard=True)), {"user": HERS}),
    ("auth0's namespace", {"response": {"id_token": jwt(**{"https://shop.example/email": JANE})}},
     {"https://shop.example/email": JANE, "email": JANE}),
    ("a namespace does not replace", {"response": {"token": jwt(**HERS, **{"urn:x/email": OTHER})}},
     {**HERS, "urn:x/email": OTHER}),
    ("cognito's user name", {"response": {"IdToken": jwt(**{"cognito:username": "jane"})}},
     {"cognito:username": "jane", "username": "jane"}),
    ("xml's namespace", {"response": {"token": jwt(**{
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress": JANE})}},
     {"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress": JANE,
      "emailaddress": JANE}),
    ("an actor's namespace", {"response": {"token": jwt(
        **BARE, **{"https://x.io/act/email": OTHER})}},
     {**BARE, "https://x.io/act/email": OTHER}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "expected"), [row[1:] for row in FOUND], ids=[row[0] for row in FOUND]
)
def test_found(answer: dict[str, Any], expected: Mapping[str, Any]) -> None:
    """The claims that an answer has issued."""
    assert claims(exchange_of(**answer)) == expected


#: name, an answer without claims
NOT_FOUND: list[tuple[str, dict[str, Any]]] = [
    ("nothing", {"status": 204}),
    ("no token", {"response": {"user": {"email": JANE}}}),
    ("an opaque token", {"response": {"token": "abc", "key": "a.b.c"}}),
    ("an opaque text", {"response": "xkq3v8"}),
    ("a refresh token", {"response": {"refresh_token": TOKEN, "refresh": TOKEN}}),
    ("another name", {"response": {"invitation": TOKEN, "message": TOKEN}}),
    ("too deep", {"response": {"data": {"data": {"data": {"token": TOKEN}}}}}),
    ("another envelope", {"response": {"order": {"token": TOKEN}}}),
    ("a list", {"response": [{"token": TOKEN}]}),
    ("encrypted", {"response": {"token": f"{TOKEN}.eyJh.eyJi"}}),
    ("two parts", {"response": {"token": TOKEN.rpartition(".")[0]}}),
    ("no header", {"response": {"token": f"{b64({'typ': 'JWT'})}.{b64(HERS)}.c2ln"}}),
    ("a list of claims", {"response": {"token": f"{b64({'alg': 'x'})}.{b64([HERS])}.c2ln"}}),
    ("claims that are none", {"response": {"token": f"{b64({'alg': 'x'})}.e30x.c2ln"}}),
    ("empty claims", {"response": {"token": f"{b64({'alg': 'x'})}.e30.c2ln"}}),
    ("no base64", {"response": {"token": f"{b64({'alg': 'x'})}.e€.c2ln"}}),
    ("too long", {"response": {"token": jwt(email=JANE, x="x" * MAX_TOKEN_BYTES)}}),
    ("a machine's", {"response": {"access_token": jwt(sub="app", gty="client-credentials")}}),
    ("a machine's grant", {"response": {"token": jwt(sub="a", grant_type="client_credentials")}}),
    ("one to refresh with", {"response": {"token": jwt(**HERS, typ="Refresh")}}),
    ("one by its use", {"response": {"token": jwt(**HERS, token_use="refresh")}}),
    ("one by its type", {"response": {"access": jwt(user_id=7, token_type="refresh")}}),
    ("a guest's", {"response": {"access_token": jwt(sub="x", role="anon")}}),
    ("a marked guest's", {"response": {"access_token": jwt(sub="x", is_anonymous=True)}}),
    ("firebase's guest", {"response": {"idToken": jwt(
        sub="x", firebase={"sign_in_provider": "anonymous"})}}),
    ("a deleted cookie", cookie(TOKEN, attributes="; Max-Age=0")),
    ("a cookie of the past", cookie(
        TOKEN, attributes="; expires=Thu, 01-Jan-1970 00:00:00 GMT; path=/")),
    ("an age below nothing", cookie(TOKEN, attributes="; path=/; max-age=-1")),
    ("an emptied cookie", cookie('""')),
    ("a csrf cookie", cookie(TOKEN, "XSRF-TOKEN")),
    ("a cart's cookie", cookie(TOKEN, "cart_token")),
    ("a refresh cookie", cookie(TOKEN, "refresh_token")),
    ("a long cookie", cookie(jwt(email=JANE, x="x" * MAX_TOKEN_BYTES))),
    ("a session without a person", cookie(f"{b64({'csrf': SECRET})}.aSBj.c2ln")),
    ("a broken session", cookie("eyJ4.aSBj.c2ln")),
    ("a broken deflated session", cookie(".eJxx.aSBj.c2ln")),
    ("a session that is a bomb", cookie(packed({"email": JANE, "x": "x" * MAX_UNPACKED_BYTES}))),
    ("basic credentials", {"status": 204, "headers": [(b"authorization", b"Basic ZTplLmUuZQ==")]}),
    ("a request's token", {"request_headers": [(b"authorization", f"Bearer {TOKEN}".encode())],
                           "status": 204}),
    ("html", {"content": TOKEN.encode(), "content_type": b"text/html"}),
]  # fmt: skip


@pytest.mark.parametrize("answer", [row[1] for row in NOT_FOUND], ids=[row[0] for row in NOT_FOUND])
def test_not_found(answer: dict[str, Any]) -> None:
    """Answers that have issued no user's token."""
    assert claims(exchange_of(**answer)) == {}


@pytest.mark.parametrize(
    ("typed", "found", "is_believed"),
    [
        (Person(), {"email": JANE}, True),
        (Person(JANE), {"email": JANE.upper()}, True),
        (Person(JANE), {"email": OTHER}, False),
        (Person(JANE), {"sub": "7"}, True),
        (Person(login="jane"), {"email": JANE}, True),
        (Person(login="jane"), {"email": JANE, "username": "Jane"}, True),
        (Person(login="jane"), {"email": OTHER, "username": "joe"}, False),
        (Person(login=JANE), {"email": JANE, "username": "jane"}, True),
    ],
    ids=range(8),
)
def test_a_cookie_may_be_of_the_one_before(
    typed: Person, found: dict[str, Any], is_believed: bool
) -> None:
    """A cookie may carry on what it held before; the body's token was made for this answer."""
    assert (issued(exchange_of(**cookie(jwt(**found))), typed) is not None) == is_believed
    answered = issued(exchange_of(response={"token": jwt(**found)}), typed)
    assert answered is not None
    assert answered.in_answer


def test_only_so_many_tokens_are_read() -> None:
    """An answer full of tokens costs what a few cost."""
    lines = [(b"set-cookie", f"c{n}={jwt(sub=str(n))}".encode()) for n in range(MAX_TOKENS)]
    last = (b"set-cookie", f"session={TOKEN}".encode())
    assert claims(exchange_of(status=204, headers=[*lines, last])) == {"sub": "0"}
    assert claims(exchange_of(status=204, headers=[*lines[1:], last])) == HERS


@given(st.text(alphabet=st.characters(), max_size=60))
def test_any_text_may_be_asked(text: str) -> None:
    """Reading what only looks like a token never raises."""
    for value in (text, f"eyJ{text}", f"{b64({'alg': 'x'})}.{text}.x", f".eJ{text}", f"e.{text}"):
        for found in (jwt_claims(value), session_content(value)):
            assert found is None or (isinstance(found, dict) and found)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["sub", "email", "act", "user", "typ", "x/y"]), inner)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=5), st.booleans())
def test_any_claims_may_be_read(found: dict[str, Any], is_padded: bool) -> None:
    """Whatever JSON holds is read back, with and without padding, in both alphabets."""
    token = f"{b64({'alg': 'x'})}.{b64(found, standard=is_padded)}.x"
    read = jwt_claims(token)
    assert read is None or found.items() <= read.items()
    claims(exchange_of(response={"token": token}))
    claims(exchange_of(**cookie(b64(found, standard=is_padded))))
