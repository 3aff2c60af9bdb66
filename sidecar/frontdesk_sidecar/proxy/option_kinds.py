"""What a value of an option must be, in words, and how it is read. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from frontdesk_sidecar.proxy.address import listener_of, upstream_of
from frontdesk_sidecar.proxy.forwarded import Trust, trust_of


@dataclass(frozen=True, slots=True)
class Kind:
    """`read` raises ValueError, KeyError or TypeError for a value that is not `expected`."""

    expected: str
    read: Callable[[Any], Any]
    is_switch: bool = False


def _text(given: Any) -> str:
    if not isinstance(given, str) or not given.strip() or "\0" in given:
        raise ValueError
    return given


def _matching(pattern: str) -> Callable[[Any], str]:
    fits = re.compile(pattern).fullmatch

    def read(given: Any) -> str:
        if not isinstance(given, str) or not fits(given):
            raise ValueError
        return given

    return read


def _number(low: float, high: float, *, is_whole: bool) -> Callable[[Any], Any]:
    def read(given: Any) -> Any:
        if isinstance(given, bool):
            raise ValueError
        number = float(given)
        if not low <= number <= high or (is_whole and not number.is_integer()):
            raise ValueError
        return int(number) if is_whole else number

    return read


def _switch(given: Any) -> bool:
    if isinstance(given, bool):
        return given
    return {"true": True, "false": False}[_text(given).lower()]


def _of_text(read: Callable[[str], Any]) -> Callable[[Any], Any]:
    return lambda given: read(_text(given))


def _host(given: Any) -> str | None:
    return None if given == "keep" else _matching(r"[A-Za-z0-9.\-_:\[\]]+")(given)


def _trust(given: Any) -> Trust:
    words = given.split(",") if isinstance(given, str) else given
    return trust_of([word.strip() for word in words if word.strip()])


def _mode(given: Any) -> int:
    return int(_matching(r"0?[0-7]{3}")(given), 8)


UPSTREAM: Final = Kind("http://host:port, https://host or unix:/path", _of_text(upstream_of))
LISTENER: Final = Kind("host:port, unix:/path or fd:N", _of_text(listener_of))
MODE: Final = Kind("three octal digits", _mode)
FILE: Final = Kind("the name of a file", _text)
TEXT: Final = Kind("text", _text)
SWITCH: Final = Kind("true or false", _switch, is_switch=True)
SECONDS: Final = Kind("seconds above 0", _number(0.001, 86_400, is_whole=False))
SECONDS_OR_NONE: Final = Kind("seconds, 0 or more", _number(0, 3600, is_whole=False))
COUNT: Final = Kind("a whole number from 1", _number(1, 65_536, is_whole=True))
FEW: Final = Kind("a whole number from 1 to 64", _number(1, 64, is_whole=True))
BYTES: Final = Kind("a number of bytes from 1024", _number(1024, 1 << 30, is_whole=True))
LEVEL: Final = Kind("debug, info, warning or error", _matching("debug|info|warning|error"))
FORM: Final = Kind("auto, json or text", _matching("auto|json|text"))
SERVER_NAME: Final = Kind("a host name", _matching(r"[A-Za-z0-9.\-:]+"))
HOST: Final = Kind("keep, upstream or a host", _host)
TRUST: Final = Kind("loopback, unix, addresses or networks", _trust)
PSEUDONYM: Final = Kind("a name, or nothing", _matching(r"[A-Za-z0-9.\-_]*"))
PATH: Final = Kind("a path such as /_frontdesk, or nothing", _matching(r"|(/[A-Za-z0-9\-._~]+)+"))
