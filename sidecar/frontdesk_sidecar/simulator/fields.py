"""Checks the fields of a definition file and says exactly what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class DefinitionError(ValueError):
    """The object definition is wrong; the text names the field. The author of the file must act."""


class Fields:
    """One JSON object of the file, with its place in it."""

    def __init__(self, entry: object, where: str, kinds: Mapping[str, type]) -> None:
        if not isinstance(entry, dict):
            raise DefinitionError(f"{where}: expected a JSON object")
        for name, value in entry.items():
            if name not in kinds:
                known = ", ".join(kinds)
                raise DefinitionError(f"{where}.{name}: unknown field; known are {known}")
            wanted = kinds[name]
            is_flag = isinstance(value, bool) and wanted is int
            if not isinstance(value, wanted) or is_flag:
                raise DefinitionError(f"{where}.{name}: expected {wanted.__name__}")
        self.where = where
        self._entry: dict[str, object] = entry

    def __contains__(self, field: str) -> bool:
        return field in self._entry

    def error(self, field: str, text: str) -> DefinitionError:
        """What is wrong with a field."""
        return DefinitionError(f"{self.where}.{field}: {text}")

    def raw(self, field: str) -> object:
        """The value as it stands there, None without one."""
        return self._entry.get(field)

    def flag(self, field: str) -> bool:
        """A Boolean, false without one."""
        return bool(self._entry.get(field, False))

    def text(self, field: str, default: str = "") -> str:
        """A text."""
        return cast("str", self._entry.get(field, default))

    def number(self, field: str) -> int | None:
        """An integer, None without one."""
        return cast("int | None", self._entry.get(field))

    def name(self, field: str) -> str:
        """A name as types and attributes have one."""
        name = self.text(field)
        if not name.isidentifier():
            raise self.error(field, f"expected a name, got {name!r}")
        return name

    def choice(self, field: str, default: str, choices: Sequence[str]) -> str:
        """One of several texts."""
        value = self.text(field, default)
        if value not in choices:
            raise self.error(field, f"expected one of {', '.join(choices)}")
        return value

    def list(self, field: str) -> list[tuple[object, str]]:
        """The members of a list, each with its place."""
        members = cast("list[object]", self._entry.get(field, []))
        prefix = "" if self.where == "definition" else f"{self.where}."
        return [(one, f"{prefix}{field}[{number}]") for number, one in enumerate(members)]

    def texts(self, field: str) -> tuple[str, ...]:
        """A list of texts."""
        for one, where in self.list(field):
            if not isinstance(one, str):
                raise DefinitionError(f"{where}: expected str")
        return tuple(cast("list[str]", self._entry.get(field, [])))


def no_repeats(names: Sequence[str], where: str) -> None:
    """Raises `DefinitionError` when a name is there twice."""
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise DefinitionError(f"{where}: named twice: {', '.join(sorted(repeated))}")
