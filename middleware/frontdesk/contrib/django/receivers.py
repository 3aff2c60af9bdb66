"""What the signals call: a login or a registration becomes a message."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connections, transaction
from django.utils import timezone

from frontdesk.contrib.django.requests import (
    exchange_of,
    is_for_staff,
    is_login_view,
    is_told_by_signals,
    match_of,
    match_of_scope,
    route_of,
)
from frontdesk.contrib.django.users import person_of_user, unwrapped
from frontdesk.desk import Desk, desk_of
from frontdesk.event import LOGGED_IN, SIGNED_UP
from frontdesk.notes import MARK, Notes, notes_of
from frontdesk.rules import Finding, corrected
from frontdesk.settings import Capture
from frontdesk.trace_context import traceparent
from frontdesk.watch import failed

#: a first login this soon after `date_joined` belongs to the registration
_JOINING: Final = timedelta(minutes=1)
#: where a request keeps what happened in it: META, which every wrapper of a request shares
_KEY: Final = "frontdesk.contrib.django"
#: given with a login that came by no request, such as one over a socket (Channels)
_NO_ROUTE: Final = "user_logged_in"


class Told:
    """What one request has told already: of whom, and whether a login was their first."""

    __slots__ = ("is_first", "users")

    def __init__(self) -> None:
        self.is_first = True
        self.users: set[str] = set()


class Receivers:
    """The receivers of one process. Nothing is opened before the first message.

    An error of ours is counted, and never becomes the login's: signals pass exceptions on.
    """

    def __init__(self, settings: Capture) -> None:
        self.desk: Desk = desk_of(settings)
        self._privacy = settings.privacy
        #: registrations are told by a signal, so no login has to be taken for one
        self.has_sign_ups = False

    def started(self, *, scope: Any = None, environ: Any = None, **_: Any) -> None:
        """`request_started`: where the middleware watches too, say which of both is to tell.

        Costs one look-up for a request that nobody watches, and one of its route for the others.
        """
        request = environ if scope is None else scope
        if request is None or MARK not in request:
            return
        try:
            notes = notes_of(request)
            if notes is not None and is_told_by_signals(match_of_scope(request)):
                notes.tell()
        except Exception as error:  # noqa: BLE001 - see the class
            failed(self.desk, error)

    def before_login(self, *, request: Any, user: Any, **_: Any) -> None:
        """Runs ahead of Django's own receiver, which overwrites the user's last login."""
        try:
            if _is_request(request):
                last = getattr(unwrapped(user), "__dict__", {}).get("last_login")
                _told(request).is_first = last is None
        except Exception as error:  # noqa: BLE001 - see the class
            failed(self.desk, error)

    def logged_in(self, *, request: Any, user: Any, **_: Any) -> None:
        """`user_logged_in`: of Django, of whoever else sends it, with any request or none."""
        try:
            user = unwrapped(user)
            self._receive(self._event(request, user), request, user)
        except Exception as error:  # noqa: BLE001 - see the class
            failed(self.desk, error)

    def signed_up(self, *, request: Any, user: Any, **_: Any) -> None:
        """`user_signed_up` of allauth, which logs the user in afterwards, or waits for a mail."""
        try:
            self._receive(SIGNED_UP, request, unwrapped(user))
        except Exception as error:  # noqa: BLE001 - see the class
            failed(self.desk, error)

    def _event(self, request: Any, user: Any) -> str:
        if self.has_sign_ups or not _is_request(request):
            return LOGGED_IN
        if not _told(request).is_first or not _has_just_joined(user):
            return LOGGED_IN
        # Where the middleware watches, it has seen the page that registers and does not log in.
        was_seen = notes_of(request) is not None and is_login_view(match_of(request))
        return LOGGED_IN if was_seen else SIGNED_UP

    def _receive(self, event: str, request: Any, user: Any) -> None:
        request = request if _is_request(request) else None
        notes = notes_of(request)
        route = _NO_ROUTE if request is None else _route(request, notes)
        if route is None or (notes is not None and notes.is_vetoed):
            return  # a veto is counted by the middleware
        person = person_of_user(user)
        if notes is not None:
            person = corrected(person, notes)
        if person.email is None:
            if notes is None or notes.is_told:  # else the middleware may know more, and counts
                self.desk.count("skipped.anonymous")
            return
        user_id = person.user_id or person.email.lower()
        if request is not None:
            told = _told(request).users
            if user_id in told:
                return
            told.add(user_id)
        if notes is not None:
            notes.tell()
        self._hand_in(request, user, Finding(event, user_id, person.traits, route))

    def _hand_in(self, request: Any, user: Any, finding: Finding) -> None:
        """Keep what may not leave; the rest is written now, or with the transaction."""
        privacy = self._privacy
        if not privacy.is_none():
            consent = privacy.consent
            if consent is not None and not consent.is_given(
                exchange_of(request, user), finding.traits
            ):
                self.desk.count("skipped.no_consent")
                return
            user_id, traits = privacy.protect(finding.user_id, finding.traits)
            finding = finding._replace(user_id=user_id, traits=traits)
        trace = None if request is None else traceparent(request.META.get("HTTP_TRACEPARENT"))
        self._write(finding, trace, getattr(getattr(user, "_state", None), "db", None))

    def _write(self, finding: Finding, trace: str | None, using: str | None) -> None:
        if using is None or not connections[using].in_atomic_block:
            self.desk.note(finding, trace)
            return

        def write() -> None:
            try:
                self.desk.note(finding, trace)
            except Exception as error:  # noqa: BLE001 - Django would log it, with the finding
                failed(self.desk, error)

        # A registration that is rolled back never was one.
        transaction.on_commit(write, using=using, robust=True)


def _route(request: Any, notes: Notes | None) -> str | None:
    """The route by which a customer came in; None for staff, and for nobody at all."""
    if request.method is None:
        return None  # made up, as the test client's force_login does
    match = match_of(request)
    if is_for_staff(match):
        if notes is not None:
            notes.is_vetoed = True
        return None
    return route_of(request, match)


def _is_request(request: Any) -> bool:
    """True for a request of Django's, or one that stands for it; a socket has none."""
    return isinstance(getattr(request, "META", None), dict)


def _told(request: Any) -> Told:
    told: Told = request.META.setdefault(_KEY, Told())
    return told


def _has_just_joined(user: Any) -> bool:
    joined = getattr(user, "__dict__", {}).get("date_joined")
    if not isinstance(joined, datetime):
        return False
    now = timezone.now() if timezone.is_aware(joined) else timezone.make_naive(timezone.now())
    return bool(abs(now - joined) < _JOINING)
