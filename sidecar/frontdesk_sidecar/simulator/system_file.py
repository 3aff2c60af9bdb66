"""A definition file as a whole: objects, and around them users, clients, hooks and switches.

    {"objects": [{"object": "InboundCustomer", "items": [...]}, ...],
     "languages": ["en", "de"], "principals": ["admin"], "caseSensitive": true,
     "users": [{"uid": "integration", "password": "nimda", "groups": ["integrationcreategroup"],
                "rights": {"Customer": ["read", "create", "change"]}}],
     "clients": [{"id": "other", "secret": "secret", "user": "integration"}],
     "clientUser": "integration", "hooks": {"failing": {"does": "fail"}},
     "webhook": "http://127.0.0.1:9000/saved", "batchLimit": 200, "switches": {"monitoring": true}}

A file with one object can have its fields at the top; a list is one of objects.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, cast, get_args

import orjson

from frontdesk_sidecar.simulator.access import GROUPS, Client, User, is_right
from frontdesk_sidecar.simulator.definition import OF_OBJECT, parse_object, read_json
from frontdesk_sidecar.simulator.errors import ODataError
from frontdesk_sidecar.simulator.fields import DefinitionError, Fields, no_repeats
from frontdesk_sidecar.simulator.hooks import Does, Hook
from frontdesk_sidecar.simulator.service import IntegrationService
from frontdesk_sidecar.simulator.switches import SwitchError
from frontdesk_sidecar.simulator.webhooks import Webhook

if TYPE_CHECKING:
    from pathlib import Path

    from frontdesk_sidecar.simulator.config import SimulatorConfig

_AROUND: Final[dict[str, type]] = {
    "objects": list,
    "languages": list,
    "principals": list,
    "caseSensitive": bool,
    "users": list,
    "clients": list,
    "clientUser": str,
    "hooks": dict,
    "webhook": str,
    "batchLimit": int,
    "switches": dict,
}
_OF_USER: Final[dict[str, type]] = {"uid": str, "password": str, "groups": list, "rights": dict}
_OF_CLIENT: Final[dict[str, type]] = {"id": str, "secret": str, "user": str}
_OF_HOOK: Final[dict[str, type]] = {"does": str, "set": dict}
SHIPPED: Final = ("flat", "standard", "surprising")


def load_config(path: Path, config: SimulatorConfig) -> SimulatorConfig:
    """The settings with what a definition file says.

    Raises `DefinitionError`, and `OSError` when the file cannot be read.
    """
    return parse_config(read_json(path), config)


def shipped_config(name: str, config: SimulatorConfig) -> SimulatorConfig:
    """The settings with an object that comes with the simulator: one of `SHIPPED`.

    Raises `DefinitionError` for another name.
    """
    if name not in SHIPPED:
        raise DefinitionError(f"object: expected one of {', '.join(SHIPPED)}")
    if name == "flat":
        return config
    file = files("frontdesk_sidecar.simulator") / "objects" / f"{name}.json"
    return parse_config(orjson.loads(file.read_bytes()), config)


def parse_config(document: object, config: SimulatorConfig) -> SimulatorConfig:
    """The settings with what the JSON of a definition file says. Raises `DefinitionError`."""
    if isinstance(document, list):
        document = {"objects": document}
    fields = Fields(document, "definition", OF_OBJECT | _AROUND)
    changes = _objects(fields) | _people(fields, config) | _behaviour(fields, config)
    made = replace(config, **changes)
    _check(made)
    return made


def with_webhook(url: str, config: SimulatorConfig) -> SimulatorConfig:
    """The settings with a webhook. Raises `DefinitionError` when it is no web address."""
    made = replace(config, webhook=url)
    _check(made)
    return made


def _objects(fields: Fields) -> dict[str, Any]:
    if "objects" not in fields:
        return {"definition": parse_object(fields), "others": ()}
    entries = fields.list("objects")
    if "object" in fields or not entries:
        raise fields.error("objects", "expected a list of objects, and no object beside it")
    made = [parse_object(Fields(one, where, OF_OBJECT)) for one, where in entries]
    no_repeats([one.code for one in made], "definition.objects")
    return {"definition": made[0], "others": tuple(made[1:])}


def _people(fields: Fields, config: SimulatorConfig) -> dict[str, Any]:
    users = tuple(_user(Fields(one, where, _OF_USER)) for one, where in fields.list("users"))
    clients = tuple(_client(Fields(one, at, _OF_CLIENT)) for one, at in fields.list("clients"))
    users, clients = (*config.users, *users), (*config.clients, *clients)
    uids = {user.uid for user in users}
    for client in clients:
        if client.user is not None and client.user not in uids:
            raise fields.error("clients", f"{client.id}: there is no user {client.user}")
    if "clientUser" in fields and fields.text("clientUser") not in uids:
        raise fields.error("clientUser", f"there is no user {fields.text('clientUser')}")
    changes: dict[str, Any] = {"users": users, "clients": clients}
    if "clientUser" in fields:
        changes["client_user"] = fields.text("clientUser")
    return changes


def _user(fields: Fields) -> User:
    uid = fields.text("uid")
    if uid in {"", "admin"}:
        raise fields.error("uid", "expected a uid, and admin cannot be a technical user")
    groups = frozenset(fields.texts("groups"))
    if unknown := sorted(groups - GROUPS):
        known = ", ".join(sorted(GROUPS))
        raise fields.error("groups", f"unknown {unknown[0]}; known are {known}")
    given = cast("dict[str, object] | None", fields.raw("rights"))
    rights = None if given is None else {code: _rights(fields, one) for code, one in given.items()}
    return User(uid, cast("str | None", fields.raw("password")), groups, rights)


def _rights(fields: Fields, given: object) -> frozenset[str]:
    if not isinstance(given, list) or not all(
        isinstance(one, str) and is_right(one) for one in given
    ):
        raise fields.error("rights", "expected lists of read, change, create, remove")
    return frozenset(given)


def _client(fields: Fields) -> Client:
    for field in ("id", "secret"):
        if not fields.text(field):
            raise fields.error(field, "a client needs it")
    return Client(fields.text("id"), fields.text("secret"), fields.text("user") or None)


def _behaviour(fields: Fields, config: SimulatorConfig) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if languages := fields.texts("languages"):
        changes["languages"] = frozenset(one.lower() for one in languages)
        changes["language"] = languages[0].lower()
    if "principals" in fields:
        changes["other_principals"] = frozenset(fields.texts("principals"))
    if "caseSensitive" in fields:
        changes["case_sensitive"] = fields.flag("caseSensitive")
    if (limit := fields.number("batchLimit")) is not None:
        changes["batch_limit"] = limit
    if "webhook" in fields:
        changes["webhook"] = fields.text("webhook")
    given = cast("dict[str, object]", fields.raw("hooks") or {})
    made = {name: _hook(Fields(one, f"hooks.{name}", _OF_HOOK)) for name, one in given.items()}
    changes["hooks"] = {**config.hooks, **made}
    changes["switches"] = switches = copy(config.switches)
    try:
        switches.change(fields.raw("switches") or {})
    except SwitchError as error:
        raise DefinitionError(f"switches.{error}") from None
    return changes


def _hook(fields: Fields) -> Hook:
    does = cast("Does", fields.choice("does", "nothing", get_args(Does)))
    return Hook(does, cast("dict[str, object]", fields.raw("set") or {}))


def _check(config: SimulatorConfig) -> None:
    """Whether the presets can be stored and the webhook is an address."""
    try:
        if config.webhook is not None:
            Webhook(config.webhook)
        IntegrationService(config)
    except ODataError as error:
        raise DefinitionError(f"presets: {error.message}") from None
    except ValueError as error:
        raise DefinitionError(str(error)) from None
