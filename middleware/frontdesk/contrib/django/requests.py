"""What a Django request says of itself: which route, whose entrance, and the exchange it is."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlencode

from django.apps import apps
from django.core.handlers.wsgi import get_path_info
from django.urls import Resolver404, resolve

from frontdesk.exchange import FORM, Exchange

#: Entrances of staff: the admin site whatever its name, and who may log in as somebody else.
_STAFF_APPS: Final = frozenset(("admin", "hijack"))
#: Wagtail's and django-loginas' routes are in no namespace.
_STAFF_ROUTES: Final = frozenset(("wagtailadmin_login", "loginas-user-login"))
#: packages whose every login and registration gives a signal
_TOLD: Final = ("allauth.", "oscar.apps.customer.")
_PARAMETER: Final = re.compile(r"<(?:[^<>:]+:)?([A-Za-z_]\w*)>")
#: what only a regular expression has
_PATTERN: Final = re.compile(r"[\\^$*+?()\[\]|]")
_BETWEEN_WORDS: Final = re.compile(r"[/^$()?|]+")


def match_of(request: Any) -> Any:
    """The request's ResolverMatch; before any was made, as in middleware, what it will be."""
    match = request.resolver_match
    if match is None:
        try:
            match = resolve(request.path_info, getattr(request, "urlconf", None))
        except Resolver404:
            return None
    return match


def match_of_scope(scope: Any) -> Any:
    """The same for an ASGI scope or a WSGI environ, of which no request was made yet."""
    if "PATH_INFO" in scope:
        path = get_path_info(scope)
    else:
        path = scope["path"].removeprefix(scope.get("root_path", "")) or "/"
    try:
        return resolve(path)
    except Resolver404:
        return None


def is_login_view(match: Any) -> bool:
    """True for Django's LoginView and what derives from it: nobody registers there."""
    return any(
        (kind.__module__, kind.__name__) == ("django.contrib.auth.views", "LoginView")
        for kind in _kinds(match)
    )


def is_told_by_signals(match: Any) -> bool:
    """True for a view of which every login and registration is told by a signal.

    What else it answers, such as allauth's answer to a registration that only looks like one, is
    none, whatever it looks like.
    """
    modules = (match.func, *_kinds(match)) if match is not None else ()
    return is_login_view(match) or any(one.__module__.startswith(_TOLD) for one in modules)


def is_for_staff(match: Any) -> bool:
    """True for a route by which no customer comes in."""
    if match is None:
        return False
    if not _STAFF_APPS.isdisjoint(match.app_names) or match.url_name in _STAFF_ROUTES:
        return True
    return "dashboard" in match.app_names and _is_oscar(apps.app_configs.get("dashboard"))


def route_of(request: Any, match: Any) -> str:
    """`POST /{locale}/login/`, without a query, and without what stood for a parameter.

    Where a regular expression made the route, those segments of the path are kept that stand in
    it word for word: a path can hold a one-time token.
    """
    if match is None:
        return f"{request.method} {request.path_info}"
    route = _PARAMETER.sub(r"{\1}", match.route)
    if not _PATTERN.search(route):
        return f"{request.method} /{route}"
    words = {"", *_BETWEEN_WORDS.split(match.route.replace("\\.", ".").replace("\\-", "-"))}
    names = {str(value): name for name, value in match.captured_kwargs.items()}
    parts = request.path_info.split("/")
    named = (part if part in words else f"{{{names.get(part, '')}}}" for part in parts)
    return f"{request.method} {'/'.join(named)}"


def _kinds(match: Any) -> tuple[type, ...]:
    """The classes of a match's view."""
    return getattr(getattr(match, "func", None), "view_class", object).__mro__


def exchange_of(request: Any, user: Any) -> Exchange:
    """The request as rules see one, for a consent that stands in it.

    The body is there as far as Django has read it; nothing is read on its behalf.
    """
    scope: dict[str, Any] = {"type": "http", "method": "", "path": "", "user": user}
    if request is None:
        return Exchange(scope)
    body, kind = _body(request)
    headers = [(b"content-type", kind)] + [
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in request.headers.items()
        if name.lower() not in ("content-type", "content-length", "content-encoding")
    ]
    query = request.META.get("QUERY_STRING", "")
    session = getattr(request, "session", None)
    scope |= {
        "method": request.method,
        "path": request.path,
        "query_string": query.encode("latin-1", "replace"),
        "headers": headers,
        "session": {} if session is None else dict(session.items()),
    }
    exchange = Exchange(scope)
    exchange.request.feed({"body": body})
    return exchange


def _body(request: Any) -> tuple[bytes, bytes]:
    stored = getattr(request, "_request", request).__dict__  # a request of REST framework's
    if stored.get("_post"):
        return urlencode(list(stored["_post"].items())).encode(), FORM
    return stored.get("_body", b""), request.META.get("CONTENT_TYPE", "").encode("latin-1")


def _is_oscar(config: Any) -> bool:
    """Whether an app is Oscar's, or a fork of it."""
    return any(kind.__module__ == "oscar.apps.dashboard.apps" for kind in type(config).__mro__)
