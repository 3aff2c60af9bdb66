"""Users, their groups, and what those allow.

Sources: SAP Help, "Integration API Module", on authorization: the six integration groups, and
type rights with `integrationservices.authorization.accessrights.enabled`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

from frontdesk_sidecar.simulator.errors import forbidden

if TYPE_CHECKING:
    from frontdesk_sidecar.simulator.edm import IntegrationObject, Item
    from frontdesk_sidecar.simulator.switches import Switches

Right = Literal["read", "change", "create", "remove"]

ADMIN: Final = "integrationadmingroup"
SERVICE: Final = "integrationservicegroup"
MONITORING: Final = "integrationmonitoringgroup"
_VERBS: Final[Mapping[str, frozenset[str]]] = {
    "integrationcreategroup": frozenset({"POST", "PATCH"}),
    "integrationviewgroup": frozenset({"GET", "HEAD"}),
    "integrationdeletegroup": frozenset({"DELETE"}),
}
GROUPS: Final = frozenset({ADMIN, SERVICE, MONITORING, *_VERBS})
_ALL_RIGHTS: Final = frozenset({"read", "change", "create", "remove"})


@dataclass(frozen=True)
class User:
    """An employee for technical use: with a password for Basic, or behind an OAuth client.

    `rights` are those on types, by type code; None for all of them.
    """

    uid: str
    password: str | None = field(default=None, repr=False)
    groups: frozenset[str] = frozenset({ADMIN})
    rights: Mapping[str, frozenset[str]] | None = None

    @cached_property
    def is_admin(self) -> bool:
        """Whether everything is allowed, but for type rights."""
        return ADMIN in self.groups

    @cached_property
    def verbs(self) -> frozenset[str]:
        """The verbs its groups allow on ordinary objects."""
        return frozenset().union(*(_VERBS.get(group, frozenset()) for group in self.groups))

    def may(self, verb: str, definition: IntegrationObject, *, is_metadata: bool) -> bool:
        """Whether its groups allow a verb on an object."""
        if self.is_admin:
            return True
        if definition.group is not None:
            return definition.group in self.groups
        if verb in self.verbs:
            return True
        # Whoever may write may read the `$metadata`; a verb that nobody may use is a 405.
        if verb == "GET":
            return is_metadata and "POST" in self.verbs
        return bool(self.verbs) and verb not in {"POST", "PATCH", "DELETE", "HEAD"}


@dataclass(frozen=True, slots=True)
class Client:
    """An OAuth client. Without a `user` it is an ordinary one, which the Integration API refuses.

    With one it is an `IntegrationClientCredentialsDetails`, whose requests run as that user.
    """

    id: str
    secret: str = field(repr=False)
    user: str | None = None


def check_group(user: User | None, verb: str, definition: IntegrationObject, path: str) -> None:
    """Raises `ODataError` with 403 when the groups of the user do not allow the verb."""
    if user is not None and not user.may(verb, definition, is_metadata=path == "$metadata"):
        raise forbidden()


def check_type(user: User | None, right: Right, item: Item, switches: Switches) -> None:
    """Raises `ODataError` with 403 when type rights are on and the user lacks one."""
    if user is None or user.rights is None or not switches.accessRights:
        return
    code = item.type or item.code
    if item.kind == "item" and right not in user.rights.get(code, frozenset()):
        raise forbidden(f"The user lacks [{right}] privileges for accessing the [{code}] type.")


def is_right(text: str) -> bool:
    """Whether a text names a type right."""
    return text in _ALL_RIGHTS
