"""The person that a user of Django's is, read from what its model instance stores."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from typing import Any

from django.db.models import FileField
from django.utils.functional import LazyObject
from django.utils.timezone import is_naive, make_aware

from frontdesk.documents import person_of
from frontdesk.persons import NAMES, Person
from frontdesk.stored import plain
from frontdesk.traits import SPELLINGS, clean, email


def unwrapped(user: Any) -> Any:
    """The user behind `request.user`, which is not loaded for our sake."""
    while issubclass(type(user), LazyObject):
        user = user._wrapped
    return user


def person_of_user(user: Any) -> Person:
    """Who an (unwrapped) user is: stored columns alone, so no query is made, deferred or not.

    `email` is None when no column that says who logs in holds a usable address.
    """
    stored: Mapping[str, Any] = getattr(user, "__dict__", {})
    person = person_of(_columns(user, stored))
    person.email = _address(type(user), stored) or person.email
    person.user_id = _key(user, stored) or person.user_id
    if person.email is not None:
        person.traits["email"] = person.email
    return person


def _address(kind: Any, stored: Mapping[str, Any]) -> str | None:
    for field in (getattr(kind, "EMAIL_FIELD", "email"), getattr(kind, "USERNAME_FIELD", "")):
        address = email(stored.get(field))
        if address is not None:
            return address
    return None


def _key(user: Any, stored: Mapping[str, Any]) -> str | None:
    meta = getattr(type(user), "_meta", None)
    key = None if meta is None else stored.get(meta.pk.attname)
    return None if key is None else clean(str(key))


def _columns(user: Any, stored: Mapping[str, Any]) -> dict[str, Any]:
    """The user's columns as plain data."""
    columns: dict[str, Any] = plain(user, NAMES) or {}
    model: Any = type(user)
    for field in _fields(model):
        value = stored.get(field.attname)
        if isinstance(field, FileField):
            columns.pop(field.attname, None)  # a file's name is no address to look at
        elif type(value) is datetime and is_naive(value):  # USE_TZ = False
            columns[field.attname] = make_aware(value).isoformat()
        elif value is not None and not isinstance(value, str | int | date):
            # A phone number's object, say, as it is stored in its column.
            columns[field.attname] = field.get_prep_value(value)
    return columns


@cache
def _fields(model: Any) -> tuple[Any, ...]:
    """The fields of a model that hold a trait by their names."""
    fields = getattr(getattr(model, "_meta", None), "concrete_fields", ())
    return tuple(field for field in fields if field.attname in SPELLINGS)
