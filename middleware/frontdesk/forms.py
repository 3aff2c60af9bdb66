"""Who was typed: the person of a request's JSON document or form.

Fields of a form may be named as if it were a document (`user[email]`, `Input.Email`,
`login-username`, `loginForm:email`); it is read as that document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from frontdesk.addresses import items_of
from frontdesk.documents import person_in
from frontdesk.persons import NAMES, Person, read

_MAX_PARTS: Final = 4
_MAX_OBJECTS: Final = 64
#: Rails and PHP write `[…]`, ASP.NET `.`, JSF `:`, Web Forms `$`
_SEPARATORS: Final = re.compile(r"[\[\].:$]+")
#: Django and WTForms write `-`, which is also in `first-name`
_NESTED: Final = re.compile(r"[\[.:$-]")
_PASSWORD: Final = re.compile(r"pass-?_?(?:word|wd|phrase)|^pass$|pwd", re.IGNORECASE)


def typed_person(typed: Any) -> Person:
    """Who was typed: a person in the request, who stands beside a password, or its own fields."""
    person = person_in(typed)
    if type(typed) is not dict or person.email is not None:
        return person
    for group in _with_password(typed):
        beside = read(group, 1)
        if beside.email is not None or (beside.login is not None and person.says_nothing()):
            return beside
    return read(typed, 1) if person.says_nothing() else person


def nested(form: Mapping[str, str]) -> dict[str, Any]:
    """A form as the document that its fields' names describe; what stands first stays."""
    if not _NESTED.search("\n".join(form)):
        return dict(form)
    document: dict[str, Any] = {}
    for name, value in items_of(form):
        path = _path(name) if _NESTED.search(name) else [name]
        holder = document
        for step in path[:-1]:
            inner = holder.setdefault(step, {})
            if type(inner) is not dict:
                break
            holder = inner
        else:
            holder.setdefault(path[-1], value)
    return document


def _path(name: str) -> list[str]:
    path = [part for part in _SEPARATORS.split(name) if part]
    if len(path) == 1 and name not in NAMES:
        prefix, _, rest = name.partition("-")
        if prefix and (rest in NAMES or _PASSWORD.search(rest)):
            return [prefix, rest]
    return path if 0 < len(path) <= _MAX_PARTS else [name]


def _with_password(document: Mapping[Any, Any]) -> Iterator[Mapping[Any, Any]]:
    """The objects in a document in which a password was typed: the outermost first."""
    level: list[Mapping[Any, Any]] = [document]
    left = _MAX_OBJECTS
    for _ in range(_MAX_PARTS):
        below: list[Mapping[Any, Any]] = []
        for holder in level[:left]:
            left -= 1
            if any(type(key) is str and _PASSWORD.search(key) for key, _ in items_of(holder)):
                yield holder
            below += [value for _, value in items_of(holder) if type(value) is dict]
        level = below
