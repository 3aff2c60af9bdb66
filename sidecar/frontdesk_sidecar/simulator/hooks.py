"""Persistence hooks: what the headers `Pre-Persist-Hook` and `Post-Persist-Hook` name.

Source: SAP Help, "Integration API Module", on persistence hooks. A hook of the simulator does
one of a few things: nothing, fail, or discard (return no item, before persisting only); one that
sets attributes does it before persisting.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from frontdesk_sidecar.simulator.errors import ODataError

if TYPE_CHECKING:
    from collections.abc import Mapping

Does = Literal["nothing", "fail", "discard"]

_PRE: Final = "pre-persist-hook"
_POST: Final = "post-persist-hook"


@dataclass(frozen=True, slots=True)
class Hook:
    """One hook bean: what it does, and the attributes it sets (a JSON entry)."""

    does: Does = "nothing"
    set: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hooks:
    """The hooks of one request with their names as sent."""

    pre: tuple[str, Hook] | None = None
    post: tuple[str, Hook] | None = None

    def before(self, key: str) -> Hook | None:
        """The hook before persisting. Raises `ODataError` when it fails."""
        return _run("PrePersistHook", "pre_persist_error", self.pre, key)

    def after(self, key: str) -> None:
        """The hook after persisting. Raises `ODataError` when it fails: all is undone."""
        _run("PostPersistHook", "post_persist_error", self.post, key)


def find_hooks(headers: Mapping[str, str], known: Mapping[str, Hook]) -> Hooks | None:
    """The hooks the headers ask for, None without any; an empty header is none.

    Raises `ODataError` with `hook_not_found`.
    """
    if _PRE not in headers and _POST not in headers:
        return None
    pre = _find(headers.get(_PRE, ""), "PrePersistHook", known)
    return Hooks(pre, _find(headers.get(_POST, ""), "PostPersistHook", known))


def _find(value: str, kind: str, known: Mapping[str, Hook]) -> tuple[str, Hook] | None:
    name = value.strip()
    if not name:
        return None
    hook = known.get(name.removeprefix("bean://"))
    if hook is None:
        text = f"{kind} [{name}] does not exist. Payload will not be persisted."
        raise ODataError(400, "hook_not_found", text)
    return name, hook


def _run(kind: str, code: str, named: tuple[str, Hook] | None, key: str) -> Hook | None:
    if named is None:
        return None
    name, hook = named
    if hook.does == "fail":
        text = f"Exception occurred during the execution of {kind}: [{name}]."
        raise ODataError(400, code, text, key)
    return hook
