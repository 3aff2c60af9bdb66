"""What a handler says of its own request: traits to add or correct, or that it is not to be noted.

A watched request carries a `Notes` in its scope (ASGI) or environ (WSGI), under `MARK`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

#: The key in scope or environ; also tells a nested middleware that somebody watches already.
MARK: Final = "frontdesk.notes"


class Notes:
    """What was said of one watched request while it was handled.

    `traits`: to add or correct, None for what is to be left out. `is_told`: somebody who knows
    better, such as the Django app, has written the message; the middleware writes none.
    """

    # Defaults of the class: every login pays for one of these, and hardly any is written to.
    is_touched: bool = False
    is_told: bool = False
    is_vetoed: bool = False
    traits: Mapping[str, object] | None = None
    user_id: str | None = None

    def __repr__(self) -> str:
        return f"Notes(is_told={self.is_told}, is_vetoed={self.is_vetoed})"

    def add(self, traits: Mapping[str, object], user_id: str | None) -> None:
        """Traits to add or correct, and the user's id if it is known."""
        self.is_touched = True
        self.traits = {**(self.traits or {}), **traits}
        if user_id is not None:
            self.user_id = user_id

    def veto(self) -> None:
        """Nothing is to be captured."""
        self.is_touched = self.is_vetoed = True

    def tell(self) -> None:
        """The message has been written already."""
        self.is_touched = self.is_told = True


def notes_of(request: Any) -> Notes | None:
    """The notes of a request, or None when nobody watches it.

    `request` is a framework's request object (Starlette, FastAPI, Django, Litestar, Quart, Flask),
    an ASGI scope or a WSGI environ.
    """
    if isinstance(request, Mapping):
        found = request.get(MARK)
        return found if isinstance(found, Notes) else None
    for name in ("scope", "environ", "META"):
        holder = getattr(request, name, None)
        if isinstance(holder, Mapping) and isinstance(found := holder.get(MARK), Notes):
            return found
    return None


def add_traits(request: Any, traits: Mapping[str, object], *, user_id: str | None = None) -> bool:
    """Add traits to what this request's capture finds, or correct them; None leaves one out.

    Names by the Segment spec or their spellings. They count only if the request turns out to be a
    login or a registration. False when no rule watches the request.
    """
    notes = notes_of(request)
    if notes is None:
        return False
    notes.add(traits, user_id)
    return True


def veto(request: Any) -> bool:
    """Have nothing captured of this request; False when no rule watches it anyway."""
    notes = notes_of(request)
    if notes is None:
        return False
    notes.veto()
    return True
