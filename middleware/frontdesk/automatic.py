"""Who it was, when a rule names no traits: one choice, made the same way for every app.

1. The exchange speaks for itself: the person in the response; if it has no address, the claims of
   a token that the response has just issued; then what was typed in the request.
2. What surrounds it (the app's user, its session, its state) counts only where it does not
   contradict the exchange: a shopper who logs in as somebody else may still carry the old user.
   An exchange without an address must share an id or a login with it.
3. In order user, response, session, claims, state, request, the first e-mail address is the
   customer's; a part with another address is somebody else's and gives nothing. Other traits are
   taken from the same parts in the same order. A login's request is not read when the answer or
   the claims name an address.
4. A person is an object under a name such as `user` or `customer`, alone or inside an envelope
   such as `data`; the document itself counts as a person only when it holds an e-mail address and
   is no order, mail or office. What stands under a vaguer name, such as `account`, is believed
   when nothing speaks against it; somebody in a list only if their address was typed.

Only spellings of the Segment spec's reserved traits are ever picked, so no password, token or
other field leaves. App code is never run: of objects, the attributes they store are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from frontdesk.claims import issued
from frontdesk.documents import (
    DOCUMENT_NAMES,
    has_below,
    person_below,
    person_in,
    person_of,
    plainly_named,
)
from frontdesk.event import LOGGED_IN
from frontdesk.exchange import Exchange, Scope
from frontdesk.forms import nested, typed_person
from frontdesk.persons import Person
from frontdesk.stored import plain

#: what became of a part, see `parts`
USED: Final = "used"
NOTHING_NEW: Final = "nothing new"
SOMEBODY_ELSE: Final = "somebody else"
NOT_READ: Final = "not read"
NOBODY: Final = "nobody"

_SOURCES: Final = ("user", "response.json", "session", "response.jwt", "state")
#: A session's id is not its user's.
_NOT_OF_SESSIONS: Final = ("id", "_id", "uuid")


class Part(NamedTuple):
    """One part of an exchange, whom it speaks of, and what became of it."""

    source: str
    person: Person
    verdict: str


def choose(exchange: Exchange, event: str) -> Person | None:
    """The identified person of a successful exchange, or None when nobody can be told."""
    answered = _told_at_once(exchange, event)
    return _together(_judged(exchange, event)) if answered is None else answered


def parts(exchange: Exchange, event: str) -> list[Part]:
    """The parts that `choose` looks at, in its order; it is the used ones together.

    Verdicts: `used`; `nothing new`: known from an earlier part; `somebody else`: contradicts the
    exchange, or cannot be shown to be about the same person; `not read`: there was no need;
    `nobody`: names nobody, or nobody with an address.
    """
    answered = _told_at_once(exchange, event)
    if answered is None:
        return _judged(exchange, event)
    verdicts = (NOBODY, USED, NOBODY, NOT_READ, NOBODY, NOT_READ)
    persons = (answered if verdict == USED else Person() for verdict in verdicts)
    return list(map(Part, (*_SOURCES, _request(exchange)), persons, verdicts))


def _told_at_once(exchange: Exchange, event: str) -> Person | None:
    """Nearly every login: nothing can be added, and nothing is there to contradict."""
    if event != LOGGED_IN or _is_surrounded(exchange.scope):
        return None
    answered = plainly_named(exchange.response.json())
    if answered is not None:
        answered.traits["email"] = answered.email
    return answered


def _judged(exchange: Exchange, event: str) -> list[Part]:
    """Every part with its verdict."""
    typed = typed_person(exchange.request.json() or nested(exchange.request.form()))
    typed.is_typed = True
    answered = person_in(exchange.response.json(), typed.email)
    claimed = Person() if answered.email is not None else _claimed(exchange, typed)
    user, session, state = around = _surroundings(exchange.scope)
    said = (answered, claimed, typed)
    address = answered.email or claimed.email or typed.email
    if address is None:
        kept = _named_around(around, said)
    else:
        kept = [person for person in around if _is_same(person, address)]
        kept += said
    unread = [claimed] if answered.email is not None else []
    if event == LOGGED_IN and (answered.email or claimed.email) is not None:
        unread.append(typed := Person())
    found = Person()
    persons = (user, answered, session, claimed, state, typed)
    verdicts = [
        NOT_READ if person in unread else _verdict(found, person, kept) for person in persons
    ]
    if found.email is None:
        verdicts = [NOBODY if verdict in _THEIRS else verdict for verdict in verdicts]
    return list(map(Part, (*_SOURCES, _request(exchange)), persons, verdicts))


def _verdict(found: Person, person: Person, kept: Sequence[Person]) -> str:
    """What becomes of the next part; `found` is filled with what it adds."""
    if person.says_nothing():
        return NOBODY
    if person not in kept:
        return SOMEBODY_ELSE if kept or person.email is not None else NOBODY
    if found.email is not None and person.is_somebody_else(found.email):
        return SOMEBODY_ELSE
    if not found.adds(person):
        return NOTHING_NEW
    found.email = found.email or person.email
    found.fill(person)
    return USED


def _together(judged: Iterable[Part]) -> Person | None:
    """One person of the parts that are theirs."""
    chosen = Person()
    chosen.is_typed = True
    for _, person, verdict in judged:
        if verdict in _THEIRS:
            chosen.email = chosen.email or person.email
            chosen.fill(person)
            chosen.is_typed = chosen.is_typed and person.is_typed
    if chosen.email is None:
        return None
    chosen.traits["email"] = chosen.email
    return chosen


_THEIRS: Final = (USED, NOTHING_NEW)


#: compared, and never filled
_NONE: Final = Person()


def _named_around(around: Sequence[Person], said: Sequence[Person]) -> list[Person]:
    """The exchange names no address: who surrounds it, if the exchange is about them."""
    named = [part for part in said if part.login or part.user_id]
    if not named:
        return list(around) if all(part.says_nothing() for part in said) else []
    found = [part for part in around if any(part.is_named(other) for other in named)]
    return found + [part for part in named if found and found[0].is_named(part)]


def _claimed(exchange: Exchange, typed: Person) -> Person:
    found = issued(exchange, typed)
    if found is None:
        return Person()
    # Many a cookie is set for whoever comes: without an address it shows no success.
    found.person.is_typed = not found.in_answer and found.person.email is None
    return found.person


def _request(exchange: Exchange) -> str:
    return "request.form" if exchange.request.is_form else "request.json"


def _is_surrounded(scope: Scope) -> bool:
    # Nearly every login has none of these, or an empty dict: neither call is made for it.
    session, state = scope.get("session"), scope.get("state")
    return (
        scope.get("user") is not None
        or (session is not None and _is_there(session))
        or (state is not None and (type(state) is not dict or len(state) > 0) and _may_hold(state))
    )


def _is_there(session: Any) -> bool:
    """True for a session that holds something, or that only its own code can tell."""
    if session is None:
        return False
    return not issubclass(type(session), dict) or dict.__len__(session) > 0


def _may_hold(state: Any) -> bool:
    return state is not None and (type(state) is not dict or (bool(state) and has_below(state)))


def _surroundings(scope: Scope) -> tuple[Person, Person, Person]:
    """The app's user, its session and its state, as persons."""
    if not _is_surrounded(scope):
        return _NONE, _NONE, _NONE
    session = _plain(scope.get("session"))
    if type(session) is dict:
        for name in _NOT_OF_SESSIONS:
            session.pop(name, None)
    return (
        person_of(_plain(scope.get("user"))),
        person_of(session) if type(session) is str else person_in(session),
        # What else a state holds is the app's, such as the address it sends from.
        person_below(_plain(scope.get("state"))),
    )


def _plain(held: Any) -> Any:
    """An app's own object as plain data; one that cannot be read holds nothing."""
    if held is None:
        return None
    try:
        return plain(held, DOCUMENT_NAMES)
    except Exception:  # noqa: BLE001 - an object in C may raise what it likes
        return None


def _is_same(person: Person, address: str) -> bool:
    return person.email is not None and not person.is_somebody_else(address)
