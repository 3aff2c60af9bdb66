"""A WSGI environ, read as an ASGI scope has it. Source: PEP 3333, section "environ Variables"."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

#: where session middleware for WSGI leave what the app reads and writes
_SESSIONS: Final = ("beaker.session", "werkzeug.session")


class Headers:
    """A request's headers as ASGI has them, made when a rule asks, which few do."""

    __slots__ = ("_environ",)

    def __init__(self, environ: WSGIEnvironment) -> None:
        self._environ = environ.copy()  # the environ itself will hold the watch: a cycle

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        yield from self.about_the_body()
        for name, value in self._environ.items():
            if name[:5] == "HTTP_" and name != "HTTP_CONTENT_ENCODING":
                yield raw(name[5:].replace("_", "-").lower()), raw(value)

    def about_the_body(self) -> list[tuple[bytes, bytes]]:
        """What a body needs to be read."""
        found = ((name, self._environ.get(key)) for key, name in _ABOUT_THE_BODY)
        return [(name, raw(value)) for name, value in found if value]


_ABOUT_THE_BODY: Final = (
    ("CONTENT_TYPE", b"content-type"),
    ("CONTENT_LENGTH", b"content-length"),
    ("HTTP_CONTENT_ENCODING", b"content-encoding"),
)


class Decoded:
    """Paths for rules that are not ASCII: PEP 3333 gives a path's bytes as Latin-1."""

    __slots__ = ("_paths",)

    def __init__(self, paths: Container[object]) -> None:
        self._paths = paths

    def __contains__(self, path: object) -> bool:
        return type(path) is str and decoded(path) in self._paths


def decoded(path: str) -> str:
    """A path as text: its bytes are UTF-8, and PEP 3333 gives them as Latin-1."""
    return path if path.isascii() else raw(path).decode("utf-8", "replace")


def raw(text: str) -> bytes:
    """The bytes that stand in a text of an environ."""
    return text.encode("latin-1", "replace")


def session_of(environ: WSGIEnvironment) -> Any:
    """The app's session, where a middleware left one; never loaded for us."""
    for name in _SESSIONS:
        session = environ.get(name)
        if session is not None:
            stored = getattr(session, "__dict__", {})
            # Beaker's stands for one that is loaded when the app first uses it.
            return stored.get("_sess", session)
    return None
