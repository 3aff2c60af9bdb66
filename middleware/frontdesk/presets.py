"""Presets: rules as data, chosen by name.

`usual-routes` knows the login and registration routes that most apps have. It is on by default.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from frontdesk.event import LOGGED_IN, SIGNED_UP
from frontdesk.exceptions import ConfigurationError
from frontdesk.rules import Rule

_PREFIXES: Final = (
    "",
    "/api",
    "/api/v1",
    "/api/v2",
    "/v1",
    "/v2",
    "/auth",
    "/api/auth",
    "/api/v1/auth",
    "/api/v2/auth",
    "/v1/auth",
    "/auth/jwt",
    "/auth/cookie",
    "/account",
    "/accounts",
    "/api/account",
    "/api/accounts",
    "/user",
    "/users",
    "/api/user",
    "/api/users",
    "/api/v1/users",
    "/customer",
    "/customers",
    "/customer/account",
    "/api/customer",
    "/api/customers",
    "/members",
    "/shop",
    "/store",
)
_LOGIN: Final = ("login", "log-in", "signin", "sign-in", "sign_in", "authenticate")
_REGISTER: Final = (
    "register",
    "registration",
    "signup",
    "sign-up",
    "sign_up",
    "create-account",
    "create_account",
)


def _usual_routes() -> Iterator[Rule]:
    for prefix in _PREFIXES:
        for event, names in ((LOGGED_IN, _LOGIN), (SIGNED_UP, _REGISTER)):
            for name in names:
                yield Rule(event, f"POST {prefix}/{name}")
    # OAuth 2 password logins of API apps, FastAPI's documented way
    for path in ("/token", "/api/token", "/auth/token", "/api/v1/login/access-token"):
        yield Rule(LOGGED_IN, f"POST {path}")


PRESETS: Final[Mapping[str, tuple[Rule, ...]]] = {"usual-routes": tuple(_usual_routes())}
DEFAULT_PRESETS: Final[tuple[str, ...]] = ("usual-routes",)


def rules_of(names: Iterable[str]) -> list[Rule]:
    """The rules of the presets named; raises ConfigurationError for a name there is none of."""
    unknown = sorted(set(names) - PRESETS.keys())
    if unknown:
        known = ", ".join(sorted(PRESETS))
        raise ConfigurationError(f"presets: {name!r} is not one of: {known}" for name in unknown)
    return [rule for name in names for rule in PRESETS[name]]
