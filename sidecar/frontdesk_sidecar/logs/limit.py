"""How often the same is said: once in a while, and then with how often it was not. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Limit:
    """What was said when, by name and by what tells events of one name apart."""

    _said: dict[tuple[str, str], float] = field(default_factory=dict)
    _left_out: dict[tuple[str, str], int] = field(default_factory=dict)

    def pass_(self, name: str, apart: str, every_s: float, now_s: float) -> int | None:
        """How many were left out since the last that was said; None: this one is left out too."""
        key = (name, apart)
        said = self._said.get(key)
        if said is not None and now_s - said < every_s:
            self._left_out[key] = self._left_out.get(key, 0) + 1
            return None
        self._said[key] = now_s
        return self._left_out.pop(key, 0)
