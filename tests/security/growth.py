"""Finds regular expressions that take more than linear time on some text: `python growth.py`.

Every compiled pattern of both packages is fed texts made of its own characters, in the ways it is
used, at two lengths. What grows too fast is printed as JSON. Runs in a process of its own, for a
search that never ends holds Python.
"""

from __future__ import annotations

import importlib
import itertools
import json
import pkgutil
import re
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from re import _constants, _parser  # type: ignore[attr-defined] # of the standard library, without types
from types import ModuleType
from typing import Any, NamedTuple

#: What runs on nobody's input but that of the person at the terminal, or in tests of others.
LEFT_OUT = ("__main__", "wrap", "wrap_wsgi", "contrib", "simulator", "demo", "init", "explain")
SHORT, LONG = 600, 2400
#: Four times the text may take so many times the time; what is quadratic takes sixteen times.
RATIO = 9.0
#: Less than this is noise.
LEAST_S = 0.0006
_CALLED = r"\b(\w+)\.(match|fullmatch|search|sub|subn|findall|finditer|split)\b"


class Use(NamedTuple):
    """A pattern, by which name it is known and how it is used."""

    name: str
    pattern: re.Pattern[Any]
    methods: frozenset[str]


def modules() -> Iterator[ModuleType]:
    """All of both packages that meet somebody else's input."""
    for package in ("frontdesk", "frontdesk_sidecar"):
        path = importlib.import_module(package).__path__
        for found in pkgutil.walk_packages(path, f"{package}."):
            if not set(found.name.split(".")) & set(LEFT_OUT):
                yield importlib.import_module(found.name)


def uses() -> list[Use]:
    """Every pattern once, with the methods that the packages' sources call on its name."""
    there = list(modules())
    called: dict[str, set[str]] = {}
    for module in there:
        for name, method in re.findall(_CALLED, Path(str(module.__file__)).read_text()):
            called.setdefault(name, set()).add(method)
    found: dict[int, Use] = {}
    for module in there:
        for name, value in vars(module).items():
            bound = getattr(value, "__self__", None)
            whole = f"{module.__name__}.{name}"
            if isinstance(value, re.Pattern):
                methods = frozenset(called.get(name, ()))
                found.setdefault(id(value), Use(whole, value, methods))
            elif isinstance(bound, re.Pattern):
                found.setdefault(id(bound), Use(whole, bound, frozenset((value.__name__,))))
    return sorted(found.values())


def characters(pattern: str, flags: int) -> list[str]:
    """One of each kind that the pattern speaks of, and two that it may not."""
    found: dict[str, None] = {}

    def walk(items: Any) -> None:
        for operator, argument in items:
            if operator in (_constants.LITERAL, _constants.NOT_LITERAL):
                found[chr(argument)] = None
            elif operator is _constants.RANGE:
                found[chr(argument[0])] = None
            elif operator is _constants.CATEGORY:
                found.update({"0": None, "a": None, " ": None})
            else:
                below(argument)

    def below(argument: Any) -> None:
        if isinstance(argument, _parser.SubPattern):
            walk(argument.data)
        elif isinstance(argument, tuple | list):
            for one in argument:
                is_item = isinstance(one, tuple) and len(one) == 2
                walk([one]) if is_item else below(one)

    walk(_parser.parse(pattern, flags).data)
    return [*itertools.islice(found, 10), "!", "\x00"]


def texts(pattern: re.Pattern[Any]) -> Iterator[tuple[str, str, str]]:
    """Beginnings, what is repeated, and endings."""
    source = pattern.pattern
    text = source if isinstance(source, str) else source.decode("latin-1")
    known = characters(text, pattern.flags & re.VERBOSE)
    units = [*known, *map("".join, itertools.permutations(known, 2))]
    yield from itertools.product(("",), units, ("", "\x00"))
    yield from itertools.product((known[0],), known, ("", "\x00"))


class Endless(Exception):  # noqa: N818 - says what is the case
    """It takes longer than anything linear could."""


def _stop(*_: object) -> None:
    raise Endless


def seconds(use: Use, method: str, text: str) -> float:
    """By the clock; what else the machine does is told apart by asking several times."""
    given: Any = text if isinstance(use.pattern.pattern, str) else text.encode("latin-1", "replace")
    call = getattr(use.pattern, method)
    arguments = (b"" if isinstance(given, bytes) else "", given) if "sub" in method else (given,)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.3)
    try:
        began = time.perf_counter()
        result = call(*arguments)
        if method == "finditer":
            sum(1 for _ in result)
        return time.perf_counter() - began
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def is_steep(use: Use, method: str, parts: tuple[str, str, str]) -> bool:
    """Whether it grows too fast with the middle part; what looks so is looked at again."""
    begin, unit, end = parts

    def taken(length: int, times: int) -> float:
        text = begin + (unit * length)[:length] + end
        return min(seconds(use, method, text) for _ in range(times))

    try:
        for times in (1, 3, 7):
            long = taken(LONG, times)
            if long < LEAST_S or long < RATIO * taken(SHORT, 5):
                return False
    except Endless:
        pass
    return True


def steep(all_uses: Iterable[Use]) -> list[tuple[str, str, list[str]]]:
    """Name, method and text of what grows too fast, the first of each."""
    signal.signal(signal.SIGVTALRM, _stop)
    found = []
    for use in all_uses:
        for method in sorted(use.methods):
            bad = next((one for one in texts(use.pattern) if is_steep(use, method, one)), None)
            if bad is not None:
                found.append((use.name, method, list(bad)))
    return found


def known_bad() -> list[Use]:
    """What must be found, or the search says nothing."""
    once = frozenset(("fullmatch",))
    return [
        Use("exponential", re.compile(r"(?:a|a)*b"), once),
        Use("nested", re.compile(r"(?:[\w.]+\.)+com"), once),
        Use("quadratic", re.compile(r"\s*,?\s*x"), once),
        Use("restarted", re.compile(r"a+@"), frozenset(("search",))),
    ]


if __name__ == "__main__":
    chosen = uses()
    told = {
        "names": [use.name for use in chosen],
        "unused": [use.name for use in chosen if not use.methods],
        "steep": steep(chosen),
        "known": [name for name, _, _ in steep(known_bad())],
    }
    sys.stdout.write(json.dumps(told))
