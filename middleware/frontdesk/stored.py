"""What an app's objects hold, as plain data: read without running any of the app's code.

Of an object these are the attributes that it stores, in its `__dict__` or in slots: those of a
dataclass, an attrs or msgspec class, a pydantic, Django or SQLAlchemy model. A property, a proxy's
forwarding, a lazy loader, an overridden `__getattribute__`, `items` or `__str__` is never called.
What a SQLAlchemy object has let expire, and what a Django `SimpleLazyObject` has not yet looked up,
is simply not there.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from datetime import date, datetime
from itertools import islice
from types import GetSetDescriptorType, MappingProxyType, MemberDescriptorType
from typing import Any, Final

from frontdesk.addresses import MAX_KEYS

MAX_DEPTH: Final = 5
#: An app's objects may refer to each other in circles; more of them are not visited.
MAX_OBJECTS: Final = 32
MAX_ELEMENTS: Final = 16

#: what stands between an object and what it holds: Django's lazy objects and sessions, mongoengine,
#: Peewee
_INNER: Final = ("_wrapped", "_session_cache", "_data", "__data__")
_mro_of: Final[Callable[[type], tuple[type, ...]]] = type.__dict__["__mro__"].__get__
_names_of: Final[Callable[[type], Mapping[str, Any]]] = type.__dict__["__dict__"].__get__


def plain(holder: Any, names: Container[object]) -> Any:
    """What `holder` holds as dict, list, str, int, bool or None; None for what cannot be told.

    Of objects and mappings only what is called by one of `names` is kept. Bounded by `MAX_DEPTH`,
    `MAX_OBJECTS` and, for each object, `MAX_KEYS` and `MAX_ELEMENTS`. Never raises.
    """
    return _Reading(names).read(holder, MAX_DEPTH)


class _Reading:
    """One reading, and how many objects it may still visit."""

    __slots__ = ("_left", "_names")

    def __init__(self, names: Container[object]) -> None:
        self._names = names
        self._left = MAX_OBJECTS

    def read(self, value: Any, depth: int) -> Any:
        kind = type(value)  # not isinstance: a proxy's __class__ is code
        if value is None or kind is str or kind is bool:
            return value
        bases = _mro_of(kind)
        if str in bases:
            return str.__str__(value)
        if int in bases:
            number = int.__index__(value)
            return number if -(2**63) <= number < 2**63 else None
        if kind is date or kind is datetime:
            return value.isoformat()
        if _is_uuid(kind):
            return str(value)
        if not depth or not self._left:
            return None
        self._left -= 1
        if list in bases or tuple in bases:
            walk = list.__iter__ if list in bases else tuple.__iter__
            return [self.read(one, depth - 1) for one in islice(walk(value), MAX_ELEMENTS)]
        return self._fields(value, bases, depth)

    def _fields(self, holder: Any, bases: tuple[type, ...], depth: int) -> Any:
        if dict in bases:
            return self._kept(dict.items(holder), depth)
        if bases[0] is MappingProxyType:
            # To ask the proxy would be to ask the mapping below it, which may be the app's.
            return self.read(gc.get_referents(holder)[0], depth)
        stored = _attributes(holder, bases)
        if "_value_" in stored:  # a member of an enumeration
            return self.read(stored["_value_"], depth - 1)
        found = self._kept(stored.items(), depth)
        for name in _INNER:
            if name in stored:
                inner = self.read(stored[name], depth)
                found |= inner if type(inner) is dict else {}
        return found

    def _kept(self, items: Iterable[tuple[Any, Any]], depth: int) -> dict[str, Any]:
        return {
            key: self.read(value, depth - 1)
            for key, value in islice(items, MAX_KEYS)
            if type(key) is str and key in self._names
        }


def _is_uuid(kind: type) -> bool:
    """Told by its looks: this side of the house imports nothing that could make a new one."""
    names = _names_of(kind)
    return names.get("__module__") == "uuid" and "bytes_le" in names


def _attributes(holder: Any, bases: tuple[type, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for base in bases:
        names = _names_of(base)
        for name in _slots(names):
            member = names.get(name)
            if type(member) is MemberDescriptorType and name not in found:
                try:
                    found[name] = member.__get__(holder)
                except AttributeError:  # declared and never set
                    continue
    return found | _dict_of(holder, bases)


def _slots(names: Mapping[str, Any]) -> Iterator[str]:
    slots = names.get("__slots__", ())
    if type(slots) is str:
        yield slots
    elif type(slots) in (tuple, list, dict):
        yield from (name for name in islice(slots, MAX_KEYS) if type(name) is str)


_BUILT_IN: Final = (GetSetDescriptorType, MemberDescriptorType)


def _dict_of(holder: Any, bases: tuple[type, ...]) -> dict[str, Any]:
    """The object's own `__dict__`, unless its class has put something in place of it."""
    for base in bases:
        member = _names_of(base).get("__dict__")
        if member is not None:
            stored = member.__get__(holder) if type(member) in _BUILT_IN else None
            return stored if type(stored) is dict else {}
    return {}
