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

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from frontdesk.event import LOGGED_IN
from frontdesk.exchange import Exchange, Scope
from frontdesk.traits import (
    ID_SPELLINGS,
    LOGIN_SPELLINGS,
    SPELLINGS,
    TOKEN_SPELLINGS,
    USER_ID_SPELLINGS,
    clean,
    email,
    mask,
    masked,
)

CLEAR_KEYS: Final = ("user", "customer", "shopper", "viewer", "me")
VAGUE_KEYS: Final = ("account", "profile", "member")
ENVELOPE_KEYS: Final = ("data", "result", "payload", "response")
PART_KEYS: Final = ("profile", "attributes", "account", "customer", "user")
BARE_PART_KEYS: Final = PART_KEYS[:2]  # the rest are persons of their own in a document
_PARTS: Final = frozenset(PART_KEYS)
_DEPTH: Final = 3

#: what a field's name means: a trait, the user's id, some id, or what was typed at a login
_USER_ID: Final = "@userId"
_ID: Final = "@id"
_LOGIN: Final = "@login"
_MEANINGS: Final[Mapping[Any, str]] = (
    dict.fromkeys(LOGIN_SPELLINGS, _LOGIN)
    | dict.fromkeys(ID_SPELLINGS, _ID)
    | dict.fromkeys(USER_ID_SPELLINGS, _USER_ID)
    | SPELLINGS
)


class Person:
    """What one part of an exchange says of the person it is about.

    `login` is the name they log in with, in lower case; it is compared, and never leaves.
    `is_typed` is True when nothing but the request speaks of them.
    """

    __slots__ = ("email", "is_typed", "login", "traits", "user_id")

    def __init__(
        self,
        email: str | None = None,
        user_id: str | None = None,
        traits: dict[str, object] | None = None,
        login: str | None = None,
    ) -> None:
        self.email = email
        self.user_id = user_id
        self.traits: dict[str, object] = {} if traits is None else traits
        self.login = login
        self.is_typed = False

    def __repr__(self) -> str:
        return f"Person({mask(self.email)}, traits={masked(self.traits)})"

    def says_nothing(self) -> bool:
        """True when this part is about nobody."""
        return not (self.email or self.user_id or self.login or self.traits)

    def is_somebody_else(self, address: str) -> bool:
        """True when this part names another e-mail address."""
        return self.email is not None and self.email.lower() != address.lower()

    def is_named(self, other: Person) -> bool:
        """True when an id or a login shows that both are the same person."""
        if self.user_id is not None and other.user_id is not None:
            return self.user_id == other.user_id
        names = {self.login, (self.email or "").lower() or None} - {None}
        return other.login in names

    def fill(self, other: Person) -> None:
        """Take from `other` what is not known here."""
        self.user_id = self.user_id or other.user_id
        self.traits = other.traits | self.traits if self.traits else dict(other.traits)


def choose(exchange: Exchange, event: str) -> Person | None:
    """The identified person of a successful exchange, or None when nobody can be told."""
    document = exchange.response.json()
    scope = exchange.scope
    if event == LOGGED_IN and not (
        "user" in scope or _is_there(scope.get("session")) or _is_there(scope.get("state"))
    ):
        answered = _plainly_named(document)
        if answered is not None:
            # Nearly every login: nothing can be added, and nothing is there to contradict.
            answered.traits["email"] = answered.email
            return answered
    typed = _typed(exchange.request.json() or exchange.request.form())
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


def _typed(document: Any) -> Person:
    """Who was typed: a person in the request, or else its own fields, though without an address."""
    person = person_in(document)
    return _person(_view(document), 1) if person.says_nothing() else person


def _plainly_named(document: Any) -> Person | None:
    """The usual answer's person, told without the general way."""
    if type(document) is dict:
        for key in CLEAR_KEYS:
            if key in document:
                inner = document[key]
                if type(inner) is dict and inner:
                    person = _person(inner, _DEPTH - 1)
                    return None if person.email is None else person
                return None
    return None


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
        _of_app(lambda: _person(_view(user), _DEPTH)),
        _of_app(lambda: person_in(scope.get("session"))),
        # What else a state holds is the app's, such as the address it sends from.
        _of_app(lambda: next(_below(_view(state), _DEPTH), Person())),
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


def person_in(document: Any, typed: str | None = None) -> Person:
    """What a document (a mapping, or an object's stored attributes) says of its person.

    Of several with an address it is the one whose address was typed, else the first.
    """
    view = _view(document)
    clear = list(_candidates(view, _DEPTH))
    vague = [_person(inner, 1) for inner in _inside(view, VAGUE_KEYS)]
    named = [person for person in (*clear, *vague) if person.email is not None]
    for person in named:
        if typed is not None and not person.is_somebody_else(typed):
            return person
    if typed is None and named:
        return named[0]
    # Something else was typed: only a person plainly named is believed against it.
    plain = [person for person in clear if person.email is not None] or clear
    return next(iter(plain), next((p for p in vague if p.email is None), Person()))


def _candidates(holder: Mapping[Any, Any], depth: int) -> Iterator[Person]:
    """The persons of a document, the most clearly named first, the document itself last."""
    yield from _below(holder, depth)
    if holder:
        itself = _person(holder, 1, is_bare=True)
        if itself.email is not None:
            yield itself


def _below(holder: Mapping[Any, Any], depth: int) -> Iterator[Person]:
    if depth:
        for inner in _inside(holder, CLEAR_KEYS):
            yield _person(inner, depth - 1)
        for inner in _inside(holder, ENVELOPE_KEYS):
            yield from _candidates(inner, depth - 1)


def _person(holder: Mapping[Any, Any], depth: int, *, is_bare: bool = False) -> Person:
    """A person and what stands below them, such as a profile without an address of its own."""
    person = _read(holder, is_bare=is_bare)
    if depth and not _PARTS.isdisjoint(holder):
        for inner in _inside(holder, BARE_PART_KEYS if is_bare else PART_KEYS):
            part = _person(inner, depth - 1)
            if person.email is None or not part.is_somebody_else(person.email):
                person.email = person.email or part.email
                person.fill(part)
    return person


def _inside(holder: Mapping[Any, Any], keys: tuple[str, ...]) -> Iterator[Mapping[Any, Any]]:
    for key in keys:
        if key in holder and (inner := _view(holder[key])):
            yield inner


def _view(holder: Any) -> Mapping[Any, Any]:
    """A holder's own fields, without running any of its code."""
    kind = type(holder)  # not isinstance: a proxy's __class__ is code
    if kind is dict or issubclass(kind, Mapping):
        view: Mapping[Any, Any] = holder
        return view
    if holder is None or issubclass(kind, str | bytes | int | float | list | tuple):
        return {}
    found: dict[str, Any] = {}
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            member = base.__dict__.get(name)
            if hasattr(member, "__objclass__") and name not in found:
                found[name] = _slot(member, holder)
    stored = getattr(holder, "__dict__", None)
    return found | stored if type(stored) is dict else found


def _slot(member: Any, holder: Any) -> Any:
    try:
        return member.__get__(holder)
    except AttributeError:  # declared and never set
        return None


def _read(holder: Mapping[Any, Any], *, is_bare: bool = False) -> Person:
    """One object's own traits; nested objects are other persons or none.

    A bare document may be a session's or a token's: then its `id` is not the user's, and a
    `title` is that of a page.
    """
    traits: dict[str, object] = {}
    address = user_id = some_id = login = None
    for key, value in holder.items():
        meaning = _MEANINGS.get(key)
        if meaning is None:
            continue
        text = clean(value) if type(value) is str else _written(value)
        if text is None:
            continue
        if meaning == "email":
            address = address or email(text)
        elif meaning == _USER_ID:
            user_id = user_id or text
        elif meaning == _ID:
            some_id = some_id or text
        elif meaning == _LOGIN:
            login = login or text
        elif meaning not in traits:
            traits[meaning] = text
    if is_bare:
        traits.pop("title", None)
        if not TOKEN_SPELLINGS.isdisjoint(holder) or holder.get("type") in _NOT_USERS:
            some_id = None
    if login is not None:
        address = address or email(login)
        login = login.lower()
    return Person(address, user_id or some_id, traits, login)


_NOT_USERS: Final = ("session", "sessions", "token", "tokens")


def _written(value: object) -> str | None:
    """Numbers as they are written, such as an id; True, lists and the like are no traits."""
    if isinstance(value, int | str) and not isinstance(value, bool):
        return clean(str(value))
    return None
