"""Who it was, when a rule names no traits: one choice, made the same way for every app.

1. The exchange speaks for itself: the person in the response, then what was typed in the request.
2. What surrounds it (the app's user, its session, its state) counts only where it does not
   contradict the exchange: a shopper who logs in as somebody else may still carry the old user.
3. In order user, response, session, state, request, the first e-mail address is the customer's;
   a part with another address is somebody else's and gives nothing.
4. A person is an object under a name such as `user` or `customer`, alone or inside an envelope
   such as `data`; the document itself counts as a person only when it holds an e-mail address.
   What stands under a vaguer name, such as `account`, is believed when nothing speaks against it.

Only spellings of the Segment spec's reserved traits are ever picked, so no password, token or
other field leaves. App code is never run: of objects, the attributes they store are read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from frontdesk.event import LOGGED_IN
from frontdesk.exchange import Exchange, Scope
from frontdesk.persons import (
    Person,
    person_below,
    person_in,
    person_of,
    plainly_named,
    typed_person,
)


def choose(exchange: Exchange, event: str) -> Person | None:
    """The identified person of a successful exchange, or None when nobody can be told."""
    document = exchange.response.json()
    scope = exchange.scope
    if event == LOGGED_IN and not (
        "user" in scope or _is_there(scope.get("session")) or _is_there(scope.get("state"))
    ):
        answered = plainly_named(document)
        if answered is not None:
            # Nearly every login: nothing can be added, and nothing is there to contradict.
            answered.traits["email"] = answered.email
            return answered
    typed = typed_person(exchange.request.json() or exchange.request.form())
    answered = person_in(document, typed.email)
    address = answered.email or typed.email
    if address is None:
        return _named_around(_surroundings(scope), answered, typed)
    user, session, state = (_agreeing(person, address) for person in _surroundings(scope))
    if answered.email is not None and event == LOGGED_IN:
        typed = Person()  # a login's request adds nothing to an answer that names the customer
    chosen = _together((user, answered, session, state, typed))
    if chosen is not None:
        around = user.email or session.email or state.email
        chosen.is_typed = around is None and answered.says_nothing()
    return chosen


def _named_around(around: Iterable[Person], answered: Person, typed: Person) -> Person | None:
    """The exchange names no address: who surrounds it, if the exchange is about them."""
    said = [part for part in (answered, typed) if part.login or part.user_id]
    if not said and answered.says_nothing():
        return _together(around)
    parts = [part for part in around if any(part.is_named(other) for other in said)]
    return _together([*parts, *(part for part in said if parts and parts[0].is_named(part))])


def _together(parts: Iterable[Person]) -> Person | None:
    """One person of parts that do not contradict each other, the first to say something first."""
    address: str | None = None
    chosen = Person()
    for part in parts:
        if address is None:
            address = part.email
        if address is None or not part.is_somebody_else(address):
            chosen.fill(part)
    if address is None:
        return None
    chosen.email = chosen.traits["email"] = address
    return chosen


def _is_there(part: Any) -> bool:
    """True for a session or a state that holds something, or that only its own code can tell."""
    return part is not None and (type(part) is not dict or bool(part))


def _surroundings(scope: Scope) -> tuple[Person, Person, Person]:
    """The app's user, its session and its state, as persons."""
    user = scope.get("user")
    state = scope.get("state")
    return (
        _of_app(lambda: person_of(user)),
        _of_app(lambda: person_in(scope.get("session"))),
        # What else a state holds is the app's, such as the address it sends from.
        _of_app(lambda: person_below(state)),
    )


def _of_app(read: Any) -> Person:
    """A person read from the app's own objects; one that cannot be read is nobody."""
    try:
        person: Person = read()
    except Exception:  # noqa: BLE001 - a session that was not loaded, a proxy without its object
        return Person()
    return person


def _agreeing(person: Person, address: str) -> Person:
    """The person if this is their address, else nobody."""
    is_same = person.email is not None and not person.is_somebody_else(address)
    return person if is_same else Person()
