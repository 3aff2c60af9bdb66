"""What can be done with customers of a target that is no longer in the settings.

Nobody sends them, and nobody deletes them either, until a person says so. As functions over an
open store, a number of customers at a time; `configured` are the targets of the settings. Raises
BadArgument and StoreError.

    target.drop  target, limit      {"dropped": int, "more": bool}
    target.move  target, to, limit  {"moved": int, "more": bool}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from frontdesk_sidecar.admin.arguments import BadArgument, needed_text, number, only
from frontdesk_sidecar.forward.draw import GATE, PAUSE, note_of
from frontdesk_sidecar.store import Store

Operation: TypeAlias = Callable[[Store, Mapping[str, Any], int, Sequence[str]], dict[str, Any]]

#: So many customers at most in one transaction: others have their turn in between.
MOST: Final = 1000


def _drop(
    store: Store, arguments: Mapping[str, Any], now: int, configured: Sequence[str]
) -> dict[str, Any]:
    only(arguments, "target", "limit")
    target, limit = _stray(arguments, configured), number(arguments, "limit", MOST, MOST)
    return _told(store, "dropped", target, store.drop_target(target, limit), limit)


def _move(
    store: Store, arguments: Mapping[str, Any], now: int, configured: Sequence[str]
) -> dict[str, Any]:
    only(arguments, "target", "to", "limit")
    target, limit = _stray(arguments, configured), number(arguments, "limit", MOST, MOST)
    to = one_of(needed_text(arguments, "to"), "to", configured)
    return _told(store, "moved", target, store.move_target(target, to, now, limit), limit)


STRAYS: Final[Mapping[str, Operation]] = MappingProxyType(
    {"target.drop": _drop, "target.move": _move}
)


def one_of(target: str, name: str, configured: Sequence[str]) -> str:
    """The target, which must be in the settings. Raises BadArgument."""
    if target not in configured:
        raise BadArgument(f"{name}: expected a target of the settings: {', '.join(configured)}")
    return target


def _stray(arguments: Mapping[str, Any], configured: Sequence[str]) -> str:
    """Customers of a target that somebody sends are not to be taken away under its hands."""
    target = needed_text(arguments, "target")
    if target in configured:
        raise BadArgument("target: it is in the settings; take it out, then run frontdesk reload")
    return target


def _told(store: Store, what: str, target: str, done: int, limit: int) -> dict[str, Any]:
    if done < limit:
        for name in (GATE, PAUSE, "metadata"):  # of that time; not for another one of that name
            store.remember(note_of(name, target), None)
    return {what: done, "more": done == limit}
