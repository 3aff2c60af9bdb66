"""Presets against exchanges as the frameworks and shops make them: whom each finds, and whom not.

The shapes are those that the preset files describe, with their sources.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from asgi_support import HTML, JANE, SECRET, exchange_of, scope_of
from frontdesk.event import LOGGED_IN, SIGNED_UP
from frontdesk.exchange import Exchange
from frontdesk.presets import AUTO, names, preset, rules_of
from frontdesk.routes import RouteTable
from frontdesk.rules import Finding


class Found(NamedTuple):
    """What must be found, and nothing besides."""

    event: str
    traits: Mapping[str, object]
    user_id: str


def found(event: str, user_id: object = JANE, **traits: object) -> Found:
    """Jane, with these traits besides her address."""
    return Found(event, {"email": JANE, **traits}, str(user_id))


def jwt(**claims: object) -> str:
    """A token as a server would have signed it."""
    parts = ({"alg": "RS256", "typ": "JWT"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b".".join((*encoded, b"c2lnbmF0dXJl")).decode()


def api(path: str, request: object, response: object, status: int = 200, **more: Any) -> Exchange:
    """JSON went in, JSON came out."""
    return exchange_of(path=path, request=request, response=response, status=status, **more)


def token(path: str, form: Mapping[str, str], response: object, status: int = 200) -> Exchange:
    """A form went in, JSON came out: OAuth 2."""
    return exchange_of(path=path, form=form, response=response, status=status)


def moved(path: str, form: Mapping[str, str], to: str, *cookies: str) -> Exchange:
    """A form went in, and the browser is sent on."""
    headers = [(b"location", to.encode()), *((b"set-cookie", one.encode()) for one in cookies)]
    return exchange_of(path=path, form=form, status=302, headers=headers, content_type=HTML)


def shown(path: str, form: Mapping[str, str], *cookies: str) -> Exchange:
    """A form went in, a page came out: the form again."""
    headers = [(b"set-cookie", one.encode()) for one in cookies]
    content = b"<form method=post>"
    return exchange_of(path=path, form=form, headers=headers, content=content, content_type=HTML)


def back(path: str, query: str, to: str, **scope: Any) -> Exchange:
    """A provider sent the shopper back, and the app sends them on."""
    return exchange_of(
        path=path,
        method="GET",
        query_string=query.encode(),
        status=302,
        headers=[(b"location", to.encode())],
        content_type=HTML,
        **scope,
    )


def asked(path: str, field: str, arguments: Mapping[str, Any], payload: object) -> Exchange:
    """A GraphQL mutation of one field, and its payload; an error comes with none."""
    declared = ", ".join(f"${name}: Any!" for name in arguments)
    given = ", ".join(f"{name}: ${name}" for name in arguments)
    document = f"mutation Shop({declared}) {{ {field}({given}) {{ anything }} }}"
    response: dict[str, object] = {"data": {field: payload}}
    if payload is None:
        response["errors"] = [{"message": "no", "path": [field]}]
    return api(path, {"query": document, "variables": arguments}, response)


TYPED = {"username": JANE, "password": SECRET}
MAILED = {"email": JANE, "password": SECRET}
GRANT = {"grant_type": "password", **TYPED}
RENEWAL = {"grant_type": "refresh_token", "refresh_token": SECRET}
MACHINE = {"grant_type": "client_credentials", "client_id": "shop", "client_secret": SECRET}
CODE = {
    "grant_type": "authorization_code",
    "code": SECRET,
    "redirect_uri": "https://shop.example/cb",
}
OPAQUE = {"access_token": SECRET, "token_type": "bearer", "expires_in": 3600}
WHO = {"sub": "u-7", "email": JANE, "given_name": "Jane", "family_name": "Doe"}
NAMES = {"firstName": "Jane", "lastName": "Doe"}
CSRF = "csrftoken=abc; Path=/"
SESSION = "sessionid=abc; HttpOnly; Path=/"
PENDING = {"id": "verify_email", "is_pending": True}
HEADLESS = "/_allauth/browser/v1/auth"


def allauth(status: int, *flows: object, **data: object) -> dict[str, object]:
    """An answer of allauth's headless API."""
    if flows:
        data["flows"] = [{"id": "login"}, {"id": "signup"}, *flows]
    return {"status": status, "data": data, "meta": {"is_authenticated": status == 200}}


def pages(path: str = "/accounts/login/") -> dict[str, tuple[Exchange, Found | str]]:
    """What Django's login view and what is made of it answer."""
    typed = {"csrfmiddlewaretoken": SECRET, **TYPED}
    return {
        "login": (moved(path, typed, "/accounts/profile/", CSRF, SESSION), found(LOGGED_IN)),
        "login by name": (
            moved(path, typed | {"username": "jane"}, "/accounts/profile/", CSRF, SESSION),
            "anonymous",
        ),
        "wrong password": (shown(path, typed, CSRF), "status"),
        "no CSRF token": (
            exchange_of(path=path, form=typed, status=403, content=b"no", content_type=HTML),
            "status",
        ),
        "to the language's page": (moved(path, typed, "/de/accounts/login/"), "condition"),
        "on to a page with a telling name": (
            moved(path, typed, "/checkout/confirm/", CSRF, SESSION),
            found(LOGGED_IN),
        ),
        "an API at the same path": (
            exchange_of(path=path, request=TYPED, response={"user": {"email": JANE, "id": 7}}),
            found(LOGGED_IN, 7),
        ),
    }


CASES: Mapping[str, Mapping[str, tuple[Exchange, Found | str]]] = {
    "fastapi-users": {
        "bearer login": (
            token("/auth/jwt/login", TYPED, OPAQUE | {"access_token": jwt(sub="7", aud=["x"])}),
            found(LOGGED_IN, 7),
        ),
        "cookie login": (
            exchange_of(
                path="/auth/cookie/login",
                form=TYPED,
                status=204,
                headers=[(b"set-cookie", b"fastapiusersauth=abc; HttpOnly")],
            ),
            found(LOGGED_IN),
        ),
        "registration": (
            api(
                "/auth/register",
                MAILED | {"first_name": "Jane"},
                {"id": 7, "email": JANE, "is_active": True, "first_name": "Jane"},
                201,
            ),
            found(SIGNED_UP, 7, firstName="Jane"),
        ),
        "wrong password": (
            token("/auth/login", TYPED, {"detail": "LOGIN_BAD_CREDENTIALS"}, 400),
            "status",
        ),
        "not verified yet": (
            token("/auth/login", TYPED, {"detail": "LOGIN_USER_NOT_VERIFIED"}, 400),
            "status",
        ),
        "address taken": (
            api("/auth/register", MAILED, {"detail": "REGISTER_USER_ALREADY_EXISTS"}, 400),
            "status",
        ),
        "provider's callback": (
            exchange_of(
                path="/auth/google/callback",
                method="GET",
                query_string=b"code=1&state=2",
                response=OPAQUE | {"access_token": jwt(sub="7", aud=["x"])},
            ),
            "anonymous",
        ),
    },
    "django": {
        **pages(),
        "login below a language": (
            moved("/en-gb/accounts/login/", TYPED, "/en-gb/", CSRF, SESSION),
            found(LOGGED_IN),
        ),
    },
    "django-allauth": {
        "login": (
            moved("/accounts/login/", {"login": JANE, "password": SECRET}, "/", CSRF, SESSION),
            found(LOGGED_IN),
        ),
        "wrong password": (shown("/accounts/login/", {"login": JANE}, CSRF), "status"),
        "login, not verified": (
            moved("/accounts/login/", {"login": JANE}, "/accounts/confirm-email/", SESSION),
            "condition",
        ),
        "login, second factor": (
            moved("/accounts/login/", {"login": JANE}, "/accounts/2fa/authenticate/", SESSION),
            "condition",
        ),
        "login, code by mail": (
            moved("/accounts/login/", {"login": JANE}, "/accounts/login/code/confirm/", SESSION),
            "condition",
        ),
        "second factor": (
            moved("/accounts/2fa/authenticate/", {"code": "123456"}, "/", CSRF, SESSION),
            "anonymous",
        ),
        "wrong code": (shown("/accounts/2fa/authenticate/", {"code": "000000"}), "no_json"),
        "sign-up": (
            moved("/accounts/signup/", {"email": JANE, "first_name": "Jane"}, "/", CSRF, SESSION),
            found(SIGNED_UP, firstName="Jane"),
        ),
        "sign-up, not verified, perhaps by a stranger": (
            moved(
                "/accounts/signup/",
                {"email": JANE, "first_name": "Mallory"},
                "/accounts/confirm-email/",
                SESSION,
            ),
            found(SIGNED_UP),
        ),
        "sign-up refused": (shown("/accounts/signup/", {"email": JANE}, CSRF), "status"),
        "headless login": (
            api(f"{HEADLESS}/login", MAILED, allauth(200, user={"id": 3, "email": JANE})),
            found(LOGGED_IN, 3),
        ),
        "headless, wrong password": (
            api(f"{HEADLESS}/login", MAILED, {"status": 400, "errors": [{"code": "x"}]}, 400),
            "status",
        ),
        "headless, second factor is pending": (
            api(
                f"{HEADLESS}/login",
                MAILED,
                allauth(401, {"id": "mfa_authenticate", "is_pending": True}),
                401,
            ),
            "status",
        ),
        "headless second factor": (
            api(
                f"{HEADLESS}/2fa/authenticate",
                {"code": "123456"},
                allauth(200, user={"id": 3, "email": JANE}),
            ),
            found(LOGGED_IN, 3),
        ),
        "headless sign-up": (
            api(
                "/_allauth/app/v1/auth/signup",
                MAILED | {"first_name": "Jane"},
                allauth(200, user={"id": 3, "email": JANE, "display": "jane"}),
            ),
            found(SIGNED_UP, 3, firstName="Jane"),
        ),
        "headless sign-up, not verified, perhaps by a stranger": (
            api(
                f"{HEADLESS}/signup",
                MAILED | {"first_name": "Mallory"},
                allauth(401, PENDING),
                401,
            ),
            found(SIGNED_UP),
        ),
        "headless sign-up refused": (
            api(f"{HEADLESS}/signup", MAILED, {"status": 400, "errors": [{"code": "x"}]}, 400),
            "status",
        ),
        "headless, logged in already": (
            api(f"{HEADLESS}/signup", MAILED, {"status": 409}, 409),
            "status",
        ),
    },
    "django-oscar": {
        "login": (
            moved(
                "/accounts/login/",
                {"login-username": JANE, "login-password": SECRET, "login_submit": "Log In"},
                "/accounts/",
                CSRF,
                SESSION,
            ),
            found(LOGGED_IN),
        ),
        "registration beside it": (
            moved(
                "/en-gb/accounts/login/",
                {
                    "registration-email": JANE,
                    "registration-password1": SECRET,
                    "registration-first_name": "Jane",
                    "registration_submit": "Register",
                },
                "/accounts/",
                CSRF,
                SESSION,
            ),
            found(SIGNED_UP, firstName="Jane"),
        ),
        "registration": (
            moved("/accounts/register/", {"email": JANE, "password1": SECRET}, "/", CSRF, SESSION),
            found(SIGNED_UP),
        ),
        "wrong password": (
            shown("/accounts/login/", {"login-username": JANE, "login-password": SECRET}, CSRF),
            "status",
        ),
        "address taken": (
            shown("/accounts/login/", {"registration-email": JANE}, CSRF),
            "status",
        ),
    },
    "django-rest": {
        "key": (api("/dj-rest-auth/login/", MAILED, {"key": "0badc0de"}), found(LOGGED_IN)),
        "JWT": (
            api(
                "/dj-rest-auth/login/",
                TYPED,
                {"access": SECRET, "refresh": SECRET, "user": {"pk": 7, "email": JANE}},
            ),
            found(LOGGED_IN, 7),
        ),
        "second factor is asked for": (
            api("/dj-rest-auth/login/", MAILED, {"ephemeral_token": SECRET, "mfa_required": True}),
            "error_in_answer",
        ),
        "second factor": (
            api(
                "/dj-rest-auth/mfa/verify/",
                {"ephemeral_token": SECRET, "code": "123456"},
                {"access": SECRET, "refresh": "", "user": {"pk": 7, "email": JANE}},
            ),
            found(LOGGED_IN, 7),
        ),
        "registration, to be verified": (
            api(
                "/dj-rest-auth/registration/",
                {"email": JANE, "password1": SECRET},
                {"detail": "Verification e-mail sent."},
                201,
            ),
            found(SIGNED_UP),
        ),
        "wrong password": (
            api("/dj-rest-auth/login/", MAILED, {"non_field_errors": ["no"]}, 400),
            "status",
        ),
        "djoser token": (api("/auth/token/login/", MAILED, {"auth_token": "0b"}), found(LOGGED_IN)),
        "djoser registration": (
            api("/auth/users/", MAILED, {"id": 7, "email": JANE, "username": "jane"}, 201),
            found(SIGNED_UP, 7),
        ),
        "simplejwt": (
            api("/api/token/", TYPED, {"access": jwt(user_id=7), "refresh": jwt(user_id=7)}),
            found(LOGGED_IN, 7),
        ),
        "simplejwt, wrong password": (
            api("/api/token/", TYPED, {"detail": "No active account found"}, 401),
            "status",
        ),
    },
    "litestar": {
        "OAuth2 login": (
            token("/login", TYPED, OPAQUE | {"access_token": jwt(sub=JANE, extras={})}, 201),
            found(LOGGED_IN),
        ),
        "JWT cookie login": (
            api(
                "/login",
                MAILED,
                None,
                201,
                headers=[(b"set-cookie", b"token=abc; HttpOnly; Path=/; SameSite=lax")],
            ),
            found(LOGGED_IN),
        ),
        "login that answers the user": (
            api("/login", MAILED, {"id": 7, "name": "Jane Doe", "email": JANE}, 201),
            found(LOGGED_IN, 7, name="Jane Doe"),
        ),
        "registration": (
            api("/api/access/signup", MAILED | {"name": "Jane Doe"}, {"id": 7, "email": JANE}, 201),
            found(SIGNED_UP, 7, name="Jane Doe"),
        ),
        "wrong password": (
            api("/login", MAILED, {"status_code": 401, "detail": "Unauthorized"}, 401),
            "status",
        ),
        "second factor is asked for": (
            token("/api/access/login", TYPED, {"mfaRequired": True, "message": "verify"}),
            "error_in_answer",
        ),
        "second factor": (
            api(
                "/api/mfa/challenge/verify",
                {"code": "123456"},
                OPAQUE | {"access_token": jwt(sub=JANE, extras={"user_id": "7"})},
                201,
            ),
            found(LOGGED_IN),
        ),
    },
    "quart-auth": {
        "login": (moved("/login", MAILED, "/", "QUART_AUTH=abc; Secure; Path=/"), found(LOGGED_IN)),
        "login answered by a page": (
            shown("/login", MAILED, "QUART_AUTH=abc; Secure; Path=/"),
            found(LOGGED_IN),
        ),
        "bearer login": (api("/api/login", MAILED, {"token": SECRET}), found(LOGGED_IN)),
        "wrong password, sent home": (moved("/login", MAILED, "/", "session=flash"), "condition"),
        "wrong password": (shown("/login", MAILED), "condition"),
        "wrong password, JSON": (api("/api/login", MAILED, {"error": "no"}, 401), "status"),
        "logged out": (
            moved("/login", MAILED, "/", "QUART_AUTH=; Max-Age=0; Path=/"),
            "condition",
        ),
        "registration": (moved("/register", MAILED, "/login"), found(SIGNED_UP)),
    },
    "authlib": {
        "session": (
            back("/auth/callback", "code=1&state=2", "/", session={"user": WHO}),
            found(LOGGED_IN, "u-7", **NAMES),
        ),
        "Authlib's example": (
            back("/auth", "code=1&state=2", "/", session={"user": WHO}),
            found(LOGGED_IN, "u-7", **NAMES),
        ),
        "after the provider's name": (
            back("/login/oauth2/code/google", "code=1&state=2", "/", user={"email": JANE}),
            found(LOGGED_IN),
        ),
        "token for a script": (
            exchange_of(
                path="/api/auth/google/callback",
                method="GET",
                query_string=b"code=1&state=2",
                response=OPAQUE | {"access_token": jwt(**WHO)},
            ),
            found(LOGGED_IN, "u-7", **NAMES),
        ),
        "form_post": (
            exchange_of(
                path="/signin-oidc",
                form={"code": SECRET, "state": "2"},
                status=302,
                headers=[(b"location", b"/")],
                session={"user": WHO},
            ),
            found(LOGGED_IN, "u-7", **NAMES),
        ),
        "traits are not taken from the query": (
            back("/auth/callback", f"code=1&state=2&email={JANE}", "/"),
            "anonymous",
        ),
        "refused at the provider": (
            back("/auth/callback", "error=access_denied&state=2", "/", session={"user": WHO}),
            "no_callback",
        ),
        "nothing was brought back": (
            back("/auth/callback", "", "/", session={"user": WHO}),
            "no_callback",
        ),
        "back to the login page": (
            back("/auth/callback", "code=1&state=2", "/login", session={"user": WHO}),
            "redirected_back",
        ),
        "a page with an error": (
            back("/auth/callback", "code=1&state=2", "/?error=state", session={"user": WHO}),
            "redirected_back",
        ),
        "state does not match": (
            exchange_of(
                path="/auth/callback",
                method="GET",
                query_string=b"code=1&state=3",
                response={"detail": "mismatching_state"},
                status=400,
            ),
            "status",
        ),
        "who is logged in, asked at /auth": (
            exchange_of(path="/auth", method="GET", response={"user": WHO}),
            "no_callback",
        ),
    },
    "oauth-token": {
        "password": (token("/oauth/token", GRANT, OPAQUE), found(LOGGED_IN)),
        "code": (
            token("/oauth2/token", CODE, OPAQUE | {"id_token": jwt(**WHO)}),
            found(LOGGED_IN, "u-7", **NAMES),
        ),
        "code for an opaque token": (token("/connect/token", CODE, OPAQUE), "anonymous"),
        "refresh": (
            token("/oauth/token", RENEWAL, OPAQUE | {"id_token": jwt(**WHO)}),
            "other_grant",
        ),
        "machine": (token("/oauth/token", MACHINE, OPAQUE), "other_grant"),
        "wrong password": (token("/oauth/token", GRANT, {"error": "invalid_grant"}, 400), "status"),
    },
    "auth0": {
        "password": (
            api("/oauth/token", GRANT, OPAQUE | {"id_token": jwt(**WHO)}),
            found(LOGGED_IN, "u-7", **NAMES),
        ),
        "code": (
            api("/oauth/token", CODE, OPAQUE | {"id_token": jwt(**WHO)}),
            found(LOGGED_IN, "u-7", **NAMES),
        ),
        "second factor is asked for": (
            api("/oauth/token", GRANT, {"error": "mfa_required", "mfa_token": SECRET}, 403),
            "status",
        ),
        "second factor": (
            api(
                "/oauth/token",
                {
                    "grant_type": "http://auth0.com/oauth/grant-type/mfa-otp",
                    "mfa_token": SECRET,
                    "otp": "123456",
                },
                OPAQUE | {"id_token": jwt(**WHO)},
            ),
            found(LOGGED_IN, "u-7", **NAMES),
        ),
        "refresh": (api("/oauth/token", RENEWAL, OPAQUE), "other_grant"),
        "machine": (api("/oauth/token", MACHINE, OPAQUE), "other_grant"),
        "wrong password": (api("/oauth/token", GRANT, {"error": "invalid_grant"}, 403), "status"),
        "registration": (
            api(
                "/dbconnections/signup",
                {**MAILED, "connection": "Username-Password-Authentication", "given_name": "Jane"},
                {"_id": "58457fe6b27", "email_verified": False, "email": JANE},
            ),
            found(SIGNED_UP, "58457fe6b27", firstName="Jane"),
        ),
        "address taken": (
            api("/dbconnections/signup", MAILED, {"code": "invalid_signup"}, 400),
            "status",
        ),
    },
    "keycloak": {
        "password": (
            token(
                "/realms/shop/protocol/openid-connect/token",
                GRANT | {"username": "jane"},
                OPAQUE | {"access_token": jwt(**WHO, preferred_username="jane")},
            ),
            found(LOGGED_IN, "u-7", **NAMES),
        ),
        "code, before 17": (
            token(
                "/auth/realms/shop/protocol/openid-connect/token",
                CODE,
                OPAQUE | {"id_token": jwt(**WHO)},
            ),
            found(LOGGED_IN, "u-7", **NAMES),
        ),
        "refresh": (
            token(
                "/realms/shop/protocol/openid-connect/token",
                RENEWAL,
                OPAQUE | {"access_token": jwt(**WHO)},
            ),
            "other_grant",
        ),
        "machine": (
            token("/realms/shop/protocol/openid-connect/token", MACHINE, OPAQUE),
            "other_grant",
        ),
        "wrong password": (
            token(
                "/realms/shop/protocol/openid-connect/token",
                GRANT,
                {"error": "invalid_grant", "error_description": "Invalid user credentials"},
                401,
            ),
            "status",
        ),
        "registration": (
            moved(
                "/realms/shop/login-actions/registration",
                {"email": JANE, "firstName": "Jane", "lastName": "Doe", "password": SECRET},
                "https://shop.example/callback?state=1&session_state=2&code=3",
            ),
            found(SIGNED_UP, **NAMES),
        ),
        "registration, to be verified": (
            moved(
                "/realms/shop/login-actions/registration",
                {"email": JANE, "firstName": "Jane", "password": SECRET},
                "/realms/shop/login-actions/required-action?execution=VERIFY_EMAIL",
            ),
            found(SIGNED_UP, firstName="Jane"),
        ),
        "address taken": (
            shown("/realms/shop/login-actions/registration", {"email": JANE}),
            "no_json",
        ),
    },
    "sap-occ": {
        "login": (token("/authorizationserver/oauth/token", GRANT, OPAQUE), found(LOGGED_IN)),
        "refresh": (token("/authorizationserver/oauth/token", RENEWAL, OPAQUE), "other_grant"),
        "client token": (token("/authorizationserver/oauth/token", MACHINE, OPAQUE), "other_grant"),
        "wrong password": (
            token("/authorizationserver/oauth/token", GRANT, {"error": "invalid_grant"}, 400),
            "status",
        ),
        "one-time password": (
            token(
                "/authorizationserver/oauth/token",
                GRANT | {"username": "LGN[5f1d]", "password": "123456"},
                OPAQUE,
            ),
            "anonymous",
        ),
        "registration, perhaps by a stranger": (
            api(
                "/occ/v2/electronics-spa/users",
                {"uid": JANE, "firstName": "Mallory", "lastName": "X", "password": SECRET},
                {"uid": JANE, "name": "Mallory X", "firstName": "Mallory", "customerId": "new"},
                201,
            ),
            found(SIGNED_UP),
        ),
        "registration by a form": (
            exchange_of(
                path="/rest/v2/electronics/users",
                form={"login": JANE, "firstName": "Jane", "password": SECRET},
                status=201,
                content=b"<user/>",
                content_type=b"application/xml",
            ),
            found(SIGNED_UP),
        ),
        "a guest becomes a customer": (
            token(
                "/occ/v2/electronics-spa/users",
                {"guid": "0d1e", "password": SECRET},
                {"uid": JANE, "name": "guest"},
                201,
            ),
            found(SIGNED_UP),
        ),
        "registration refused": (
            api(
                "/occ/v2/electronics-spa/users",
                {"uid": JANE, "password": "1"},
                {"errors": [{"type": "ValidationError", "reason": "invalid"}]},
                400,
            ),
            "status",
        ),
    },
    "magento-rest": {
        "login": (
            api("/rest/V1/integration/customer/token", TYPED, "8mu1d2tm0pqojd2v"),
            found(LOGGED_IN),
        ),
        "wrong password, or not confirmed": (
            api("/rest/V1/integration/customer/token", TYPED, {"message": "incorrect"}, 401),
            "status",
        ),
        "registration": (
            api(
                "/rest/default/V1/customers",
                {"customer": {"email": JANE, "firstname": "Jane"}, "password": SECRET},
                {"id": 7, "group_id": 1, "email": JANE, "firstname": "Jane", "store_id": 1},
            ),
            found(SIGNED_UP, 7, firstName="Jane"),
        ),
        "address taken": (
            api("/rest/V1/customers", {"customer": {"email": JANE}}, {"message": "exists"}, 400),
            "status",
        ),
    },
    "magento": {
        "login in another store view": (
            api("/rest/de/V1/integration/customer/token", TYPED, "8mu1d2tm0pqojd2v"),
            found(LOGGED_IN),
        ),
        "put off": (
            api(
                "/rest/async/V1/customers",
                {"customer": {"email": JANE}, "password": SECRET},
                {"bulk_uuid": "0f", "errors": False},
                202,
            ),
            "status",
        ),
        "GraphQL login": (
            asked("/graphql", "generateCustomerToken", MAILED, {"token": SECRET}),
            found(LOGGED_IN),
        ),
        "GraphQL, wrong password": (
            asked("/graphql", "generateCustomerToken", MAILED, None),
            "error_in_answer",
        ),
        "GraphQL registration": (
            asked(
                "/graphql",
                "createCustomer",
                {"input": {**MAILED, "firstname": "Jane"}},
                {"customer": {"email": JANE, "firstname": "Jane"}},
            ),
            found(SIGNED_UP, firstName="Jane"),
        ),
    },
    "medusa": {
        "login, v1": (
            api("/store/auth", MAILED, {"customer": {"id": "cus_1", "email": JANE}}),
            found(LOGGED_IN, "cus_1"),
        ),
        "token, v1": (
            api("/store/auth/token", MAILED, {"access_token": jwt(customer_id="cus_1")}),
            found(LOGGED_IN, "cus_1"),
        ),
        "login, v2": (
            api(
                "/auth/customer/emailpass",
                MAILED,
                {"token": jwt(actor_id="cus_1", actor_type="customer")},
            ),
            found(LOGGED_IN),
        ),
        "a provider's page is next": (
            api("/auth/customer/emailpass", MAILED, {"location": "https://accounts.example/"}),
            "condition",
        ),
        "wrong password, v1": (
            exchange_of(path="/store/auth", request=MAILED, status=401, content=b"Unauthorized"),
            "status",
        ),
        "wrong password, v2": (
            api("/auth/customer/emailpass", MAILED, {"type": "unauthorized", "message": "x"}, 401),
            "status",
        ),
        "registration": (
            api(
                "/store/customers",
                {"email": JANE, "first_name": "Jane"},
                {"customer": {"id": "cus_1", "email": JANE, "first_name": "Jane"}},
            ),
            found(SIGNED_UP, "cus_1", firstName="Jane"),
        ),
        "address taken": (
            api("/store/customers", MAILED, {"type": "duplicate_error"}, 422),
            "status",
        ),
    },
    "saleor": {
        "login": (
            asked(
                "/graphql/",
                "tokenCreate",
                MAILED,
                {"token": jwt(email=JANE, user_id="VXNlcjo3"), "errors": []},
            ),
            found(LOGGED_IN, "VXNlcjo3"),
        ),
        "wrong password": (
            asked(
                "/graphql/",
                "tokenCreate",
                MAILED,
                {"token": None, "errors": [{"code": "INVALID_CREDENTIALS"}]},
            ),
            "error_in_answer",
        ),
        "wrong password, errors not selected": (
            asked("/graphql/", "tokenCreate", MAILED, {"token": None}),
            "error_in_answer",
        ),
        "external login": (
            asked(
                "/graphql/",
                "externalObtainAccessTokens",
                {"pluginId": "oidc", "input": "{}"},
                {"token": SECRET, "user": {"id": "VXNlcjo3", "email": JANE}, "errors": []},
            ),
            found(LOGGED_IN, "VXNlcjo3"),
        ),
        "registration, perhaps by a stranger": (
            asked(
                "/graphql/",
                "accountRegister",
                {"input": {**MAILED, "firstName": "Mallory"}},
                {"requiresConfirmation": True, "errors": []},
            ),
            found(SIGNED_UP),
        ),
        "registration refused": (
            asked(
                "/graphql/",
                "accountRegister",
                {"input": MAILED},
                {"requiresConfirmation": True, "errors": [{"code": "PASSWORD_TOO_SHORT"}]},
            ),
            "error_in_answer",
        ),
    },
    "shopify": {
        "login": (
            asked(
                "/api/2026-10/graphql.json",
                "customerAccessTokenCreate",
                {"input": MAILED},
                {"customerAccessToken": {"accessToken": SECRET}, "customerUserErrors": []},
            ),
            found(LOGGED_IN),
        ),
        "wrong password": (
            asked(
                "/graphql",
                "customerAccessTokenCreate",
                {"input": MAILED},
                {
                    "customerAccessToken": None,
                    "customerUserErrors": [{"code": "UNIDENTIFIED_CUSTOMER"}],
                },
            ),
            "error_in_answer",
        ),
        "registration": (
            asked(
                "/graphql",
                "customerCreate",
                {"input": {**MAILED, **NAMES}},
                {"customer": {"id": "gid://shopify/Customer/7"}, "customerUserErrors": []},
            ),
            found(SIGNED_UP, "gid://shopify/Customer/7", **NAMES),
        ),
        "registration refused": (
            asked(
                "/graphql",
                "customerCreate",
                {"input": MAILED},
                {"customer": None, "customerUserErrors": [{"code": "CUSTOMER_DISABLED"}]},
            ),
            "error_in_answer",
        ),
    },
    "commercetools": {
        "password flow": (token("/oauth/shop/customers/token", GRANT, OPAQUE), found(LOGGED_IN)),
        "refresh": (token("/oauth/shop/customers/token", RENEWAL, OPAQUE), "other_grant"),
        "wrong password": (
            token(
                "/oauth/shop/customers/token",
                GRANT,
                {"error": "invalid_customer_account_credentials"},
                400,
            ),
            "status",
        ),
        "login": (
            api(
                "/shop/in-store/key=de/me/login",
                MAILED,
                {"customer": {"id": "c-7", "email": JANE, **NAMES}},
            ),
            found(LOGGED_IN, "c-7", **NAMES),
        ),
        "registration": (
            api(
                "/shop/me/signup",
                {**MAILED, **NAMES},
                {"customer": {"id": "c-7", "email": JANE, **NAMES}},
                201,
            ),
            found(SIGNED_UP, "c-7", **NAMES),
        ),
        "address taken": (
            api("/shop/me/signup", MAILED, {"errors": [{"code": "DuplicateField"}]}, 400),
            "status",
        ),
        "GraphQL login": (
            asked(
                "/shop/graphql",
                "customerSignMeIn",
                {"draft": MAILED},
                {"customer": {"id": "c-7", "email": JANE}},
            ),
            found(LOGGED_IN, "c-7"),
        ),
        "GraphQL, wrong password": (
            asked("/shop/graphql", "customerSignMeIn", {"draft": MAILED}, None),
            "error_in_answer",
        ),
    },
    "vendure": {
        "login": (
            asked("/shop-api", "login", TYPED, {"id": "7", "identifier": JANE}),
            found(LOGGED_IN, 7),
        ),
        "wrong password": (
            asked("/shop-api", "login", TYPED, {"errorCode": "INVALID_CREDENTIALS_ERROR"}),
            "error_in_answer",
        ),
        "wrong password, errors not selected": (
            asked("/shop-api", "login", TYPED, {}),
            "error_in_answer",
        ),
        "another strategy": (
            asked(
                "/shop-api",
                "authenticate",
                {"input": {"google": {"token": SECRET}}},
                {"__typename": "CurrentUser", "id": "7", "identifier": JANE},
            ),
            found(LOGGED_IN, 7),
        ),
        "not verified": (
            asked(
                "/shop-api",
                "authenticate",
                {"input": {"native": TYPED}},
                {"__typename": "NotVerifiedError"},
            ),
            "error_in_answer",
        ),
        "registration, perhaps by a stranger": (
            asked(
                "/shop-api",
                "registerCustomerAccount",
                {"input": {"emailAddress": JANE, "firstName": "Mallory"}},
                {"success": True},
            ),
            found(SIGNED_UP),
        ),
        "registration refused": (
            asked(
                "/shop-api",
                "registerCustomerAccount",
                {"input": {"emailAddress": JANE}},
                {"errorCode": "MISSING_PASSWORD_ERROR"},
            ),
            "error_in_answer",
        ),
    },
    "graphql": {
        "WPGraphQL": (
            asked(
                "/graphql",
                "login",
                {"input": TYPED},
                {
                    "authToken": SECRET,
                    "user": {"databaseId": 7, "email": JANE, "firstName": "Jane"},
                },
            ),
            found(LOGGED_IN, firstName="Jane"),
        ),
        "WPGraphQL, cookies": (
            asked(
                "/graphql",
                "loginWithCookies",
                {"input": {"login": JANE, "password": SECRET}},
                {"status": "SUCCESS"},
            ),
            found(LOGGED_IN),
        ),
        "WPGraphQL, wrong password": (
            asked("/graphql", "login", {"input": TYPED}, None),
            "error_in_answer",
        ),
        "WooGraphQL registration": (
            asked(
                "/graphql",
                "registerCustomer",
                {"input": {**MAILED, **NAMES}},
                {"customer": {"databaseId": 7}},
            ),
            found(SIGNED_UP, **NAMES),
        ),
        "BigCommerce": (
            asked(
                "/graphql",
                "login",
                MAILED,
                {
                    "customerAccessToken": {"value": SECRET},
                    "customer": {"entityId": 7, "firstName": "Jane", "email": JANE},
                },
            ),
            found(LOGGED_IN, 7, firstName="Jane"),
        ),
        "own schema, a text": (
            asked("/api/graphql", "signIn", MAILED, SECRET),
            found(LOGGED_IN),
        ),
        "own schema, a refusal": (
            asked("/api/graphql", "signIn", MAILED, {"success": False, "token": None}),
            "error_in_answer",
        ),
        "own schema, second factor is asked for": (
            asked("/gql", "login", MAILED, {"mfaRequired": True, "user": {"email": JANE}}),
            "error_in_answer",
        ),
    },
}

#: what a preset must leave alone: method, path
NO_LOGINS: Mapping[str, list[tuple[str, str]]] = {
    "fastapi-users": [
        ("POST", "/auth/jwt/logout"),
        ("POST", "/auth/forgot-password"),
        ("POST", "/auth/reset-password"),
        ("POST", "/auth/verify"),
        ("GET", "/users/me"),
        ("GET", "/auth/associate/google/callback"),
    ],
    "django": [
        ("POST", "/admin/login/"),
        ("POST", "/accounts/logout/"),
        ("GET", "/accounts/login/"),
    ],
    "django-allauth": [
        ("POST", "/accounts/logout/"),
        ("POST", "/accounts/password/reset/"),
        ("POST", "/accounts/reauthenticate/"),
        ("POST", "/accounts/confirm-email/abc/"),
        ("GET", f"{HEADLESS}/session"),
        ("POST", f"{HEADLESS}/password/reset"),
        ("POST", "/_allauth/app/v1/tokens/refresh"),
    ],
    "django-oscar": [("POST", "/dashboard/login/"), ("POST", "/checkout/")],
    "django-rest": [("POST", "/api/token/refresh/"), ("POST", "/dj-rest-auth/logout/")],
    "litestar": [("POST", "/api/access/refresh"), ("POST", "/api/access/forgot-password")],
    "quart-auth": [("POST", "/logout"), ("GET", "/login")],
    "authlib": [("GET", "/login"), ("GET", "/auth/google"), ("POST", "/callback")],
    "auth0": [("POST", "/u/login"), ("POST", "/co/authenticate"), ("POST", "/oauth/revoke")],
    "keycloak": [
        ("POST", "/realms/shop/login-actions/authenticate"),
        ("POST", "/realms/shop/protocol/openid-connect/logout"),
    ],
    "sap-occ": [
        ("POST", "/occ/v2/shop/users/current/carts"),
        ("POST", "/occ/v2/shop/orgUsers"),
        ("POST", "/occ/v2/shop/forgottenpasswordtokens"),
        ("POST", "/authorizationserver/oauth/revoke"),
    ],
    "magento-rest": [
        ("POST", "/rest/V1/integration/admin/token"),
        ("POST", "/rest/V1/guest-carts"),
        ("PUT", "/rest/V1/customers/7"),
    ],
    "medusa": [
        ("POST", "/auth/user/emailpass"),
        ("POST", "/auth/customer/emailpass/register"),
        ("POST", "/auth/token/refresh"),
        ("POST", "/auth/session"),
        ("POST", "/admin/customers"),
    ],
    "commercetools": [
        ("POST", "/admin/login"),
        ("POST", "/oauth/token"),
        ("POST", "/shop/me/password"),
    ],
    "vendure": [("POST", "/admin-api")],
}

#: what a GraphQL preset must leave alone
NO_MUTATIONS = [
    ("saleor", "tokenRefresh"),
    ("saleor", "confirmAccount"),
    ("saleor", "customerCreate"),
    ("shopify", "customerAccessTokenRenew"),
    ("shopify", "customerResetByUrl"),
    ("graphql", "refreshJwtAuthToken"),
    ("graphql", "logout"),
    ("graphql", "resetUserPassword"),
    ("graphql", "createUser"),
    ("magento", "generateCustomerTokenAsAdmin"),
]

TABLES = {name: RouteTable(rules_of([name])) for name in names()}


def judged(preset: str, exchange: Exchange) -> Finding | str | list[Finding | str]:
    """What a preset alone makes of an exchange."""
    group = TABLES[preset].find(exchange.scope)
    assert group is not None
    result = group.judge(exchange)
    return result[0] if isinstance(result, list) and len(result) == 1 else result


@pytest.mark.parametrize(
    ("preset", "name"), [(preset, name) for preset, cases in CASES.items() for name in cases]
)
def test_an_exchange(preset: str, name: str) -> None:
    """A success gives the event, the address and the traits; whatever else gives its reason."""
    exchange, expected = CASES[preset][name]
    result = judged(preset, exchange)
    if isinstance(result, Finding):
        assert Found(result.event, result.traits, result.user_id) == expected
    else:
        assert result == expected


@pytest.mark.parametrize(
    ("preset", "method", "path"),
    [(preset, *route) for preset, routes in NO_LOGINS.items() for route in routes],
)
def test_a_route_that_is_no_login(preset: str, method: str, path: str) -> None:
    """Logouts, resets, renewals, verifications, staff, guests."""
    assert TABLES[preset].find(scope_of(path, method)) is None


@pytest.mark.parametrize(("preset", "field"), NO_MUTATIONS)
def test_a_mutation_that_is_no_login(preset: str, field: str) -> None:
    """The same by GraphQL, whatever the answer."""
    assert judged(preset, asked("/graphql", field, MAILED, {"user": {"email": JANE}})) == []


def test_every_preset_has_a_success_and_a_failure() -> None:
    """A preset without a recorded exchange is a guess; `usual-routes` has tests of its own."""
    assert {*CASES, "usual-routes"} == set(names())
    for cases in CASES.values():
        results = [expected for _, expected in cases.values()]
        assert any(isinstance(one, Found) for one in results)
        assert any(isinstance(one, str) for one in results)


@pytest.mark.parametrize("special", ["django-allauth", "django-oscar"])
def test_a_special_preset_is_asked_before_its_frameworks(special: str) -> None:
    """Django's own preset knows neither Oscar's two forms nor what allauth still asks for."""
    loaded = {*preset(special).modules, *preset("django").modules}
    table = RouteTable(rules_of([AUTO], loaded))
    for exchange, expected in CASES[special].values():
        group = table.find(exchange.scope)
        assert group is not None
        result = group.judge(exchange)
        assert isinstance(result, Finding) == isinstance(expected, Found)
        assert not isinstance(result, Finding) or result.event == expected[0]


def test_what_auto_chooses_costs_one_look_up() -> None:
    """A preset that nobody named has no template, whatever the app has loaded."""
    for one in map(preset, names()):
        if one.is_automatic or one.modules:
            assert not [rule.path for rule in one.rules if "{" in rule.path]
