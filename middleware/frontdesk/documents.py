"""Where in a document persons stand, and which of them it speaks of.

Plain data alone (dict, list, str, int). Bounded: `_DEPTH` levels, and for each object and list what
`persons` looks at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from frontdesk.addresses import MAX_ELEMENTS, MAX_KEYS
from frontdesk.persons import BARE, NAMES, PART, TYPES, Person, inside, read
from frontdesk.traits import USER_ID_SPELLINGS, ranked, spellings

_USUAL: Final = ("user", "customer", "shopper", "viewer", "me")
_CLEAR: Final = ranked(
    *_USUAL,
    *("current user", "logged in user", "auth user", "user info", "user data", "user details"),
    *("customer data", "customer info", "person", "identity"),
)
_VAGUE: Final = ranked("account", "profile", "member")
_ENVELOPES: Final = ranked("data", "result", "payload", "response", "record")
#: envelopes whose own fields are not a person's
_CONTAINERS: Final = ranked(
    *("session", "auth", "authentication", "authentication result", "login", "register"),
) | {"_embedded": 9}
_BELOW: Final = frozenset((*_CLEAR, *_ENVELOPES, *_CONTAINERS))
_STRUCTURE: Final = _BELOW.union(_VAGUE, ("included",))
_LISTS: Final = frozenset((*_CLEAR, *_ENVELOPES, "included"))
#: every name that reading a document looks at
DOCUMENT_NAMES: Final = NAMES.union(_CLEAR, _VAGUE, _ENVELOPES, _CONTAINERS)
_DEPTH: Final = 3

#: kinds of documents that have somebody's address in them and are nobody
_THINGS: Final = frozenset(
    f"{thing}{plural}"
    for thing in (
        *("order", "cart", "basket", "checkout", "invoice", "payment", "quote", "shipment"),
        *("message", "mail", "email", "notification", "newsletter", "subscription", "ticket"),
        *("invitation", "invite", "store", "shop", "merchant", "address", "review", "error"),
    )
    for plural in ("", "s")
)
_OF_THINGS: Final = spellings(
    *("order number", "order id", "order no", "order items", "line items", "cart id", "cart items"),
    *("invoice number", "ticket id", "ticket number", "subject", "sender", "recipient"),
    *("recipients", "invited by", "store name", "shop name"),
)
_MARKS: Final = _OF_THINGS.union(TYPES)
#: who answers at such an address is rarely who logs in
_OFFICES: Final = frozenset(
    (
        *("support", "help", "helpdesk", "info", "contact", "service", "customerservice"),
        *("customer-service", "sales", "shop", "store", "admin", "administrator", "webmaster"),
        *("postmaster", "hostmaster", "billing", "invoice", "order", "orders", "noreply"),
        *("no-reply", "donotreply", "do-not-reply", "newsletter", "notifications", "mailer"),
        *("mailer-daemon", "privacy", "abuse", "feedback", "team", "office"),
    )
)


def person_in(document: Any, typed: str | None = None) -> Person:
    """What a document says of its person.

    Of several with an address it is the one whose address was typed, else the first. Somebody in
    a list is believed only if their address was typed.
    """
    if type(document) is not dict:
        listed = () if typed is None else _listed(document, typed, _DEPTH)
        return next(iter(listed), Person())
    if _STRUCTURE.isdisjoint(document):
        return _itself(document) or _by_id(document)
    return _person_within(document, typed)


def _person_within(view: Mapping[Any, Any], typed: str | None) -> Person:
    clear: list[Person] = []
    vague: list[Person] = []
    for persons, found in ((_candidates(view, _DEPTH), clear), (_vague(view), vague)):
        for person in persons:
            if person.email is not None and (typed is None or not person.is_somebody_else(typed)):
                return person
            found.append(person)
    # Something else was typed: only a person plainly named is believed against it.
    plain = [person for person in clear if person.email is not None] or clear
    if not plain and typed is not None:
        plain = list(_listed(view, typed, _DEPTH))
    for person in (*plain, *(person for person in vague if person.email is None)):
        if not person.says_nothing():
            return person
    return _by_id(view)


def person_below(holder: Any) -> Person:
    """The first person under a clear name in a holder that is none itself."""
    return next(_below(holder, _DEPTH), Person()) if type(holder) is dict else Person()


def person_of(holder: Any) -> Person:
    """The person that a holder, such as the app's user, is; a text is what they log in with."""
    if type(holder) is str:
        holder = {"login": holder}
    return read(holder, _DEPTH) if type(holder) is dict else Person()


def person_claimed(claims: Mapping[str, Any]) -> Person:
    """The person of a token's claims: one under a clear name in them before themselves."""
    itself = person_of(claims)
    named = person_below(claims)
    if named.email is None:
        return named if itself.says_nothing() else itself
    if itself.email is None or not named.is_somebody_else(itself.email):
        named.fill(itself)
    return named


def plainly_named(document: Any) -> Person | None:
    """The usual answer's person, told without the general way."""
    if type(document) is dict:
        for key in _USUAL:
            if key in document:
                inner = document[key]
                if type(inner) is dict and inner and (key != "user" or "customer" not in document):
                    person = read(inner, _DEPTH - 1)
                    return None if person.email is None else person
                return None
    return None


def has_below(holder: Mapping[Any, Any]) -> bool:
    """False when there is surely nobody below a holder."""
    return not _BELOW.isdisjoint(holder)


def _candidates(holder: Mapping[Any, Any], depth: int) -> Iterator[Person]:
    """The persons of a document, the most clearly named first, the document itself last."""
    yield from _below(holder, depth)
    if holder and (itself := _itself(holder)) is not None:
        yield itself


def _below(holder: Mapping[Any, Any], depth: int) -> Iterator[Person]:
    if depth:
        for inner in inside(holder, _CLEAR):
            yield read(inner, depth - 1)
        for inner in inside(holder, _ENVELOPES):
            yield from _candidates(inner, depth - 1)
        for inner in inside(holder, _CONTAINERS):
            yield from _below(inner, depth - 1)


def _vague(holder: Mapping[Any, Any]) -> Iterator[Person]:
    for inner in inside(holder, _VAGUE):
        person = read(inner, 1)
        if person.user_id is None and inner is holder.get("profile"):
            person.user_id = read(holder, 0, BARE).user_id
        yield person


def _itself(holder: Mapping[Any, Any]) -> Person | None:
    """A document as a person, if it has an address and is not an order, a mail or an office."""
    person = read(holder, 1, BARE)
    if person.email is None or _is_thing(holder):
        return None
    if person.email.partition("@")[0].lower() in _OFFICES and not (
        person.user_id or person.login or "firstName" in person.traits
    ):
        return None
    return person


def _is_thing(holder: Mapping[Any, Any]) -> bool:
    if _MARKS.isdisjoint(holder):
        return False
    kinds = (holder[name] for name in TYPES if name in holder)
    return not _OF_THINGS.isdisjoint(holder) or any(
        type(kind) is str and kind.lower() in _THINGS for kind in kinds
    )


def _listed(document: Any, typed: str, depth: int) -> Iterator[Person]:
    """The persons in a document's lists whose address was typed."""
    if type(document) is list:
        for one in islice(document, MAX_ELEMENTS):
            person = _itself(one) if type(one) is dict else None
            if person is not None and not person.is_somebody_else(typed):
                yield person
    elif type(document) is dict and depth:
        for key in islice(document, MAX_KEYS):
            if key in _LISTS and (type(document[key]) is list or key in _ENVELOPES):
                yield from _listed(document[key], typed, depth - 1)


def _by_id(view: Mapping[Any, Any]) -> Person:
    """Nobody, or who is known by nothing but an id: `{"userId": 7, "token": …}`."""
    for holder in (view, *inside(view, _ENVELOPES)):
        if USER_ID_SPELLINGS.isdisjoint(holder):
            continue
        user_id = read(holder, 0, PART).user_id
        if user_id is not None and not _is_thing(holder):
            return Person(user_id=user_id)
    return Person()
