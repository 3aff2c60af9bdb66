"""Whether the Integration Object is exposed, to us, and has the entity set. Pure.

Sources: SAP Help, "Inbound Integration Authentication", "Error Messages" and "Entity Data Model".
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Final

from frontdesk_sidecar.admin.figures import counted
from frontdesk_sidecar.check import remedies
from frontdesk_sidecar.check.judge_common import Meanings, failure, is_page, outcome_of
from frontdesk_sidecar.check.result import Result, Status, Where
from frontdesk_sidecar.sap.answer import Answer, Failure
from frontdesk_sidecar.sap.outcome import Kind, Outcome

_COLLECTION: Final = re.compile(
    rb"<(?:\w+:)?collection\b[^>]*?\bhref=[\"']([A-Za-z_]\w{0,127})[\"']"
)
_NAME: Final = re.compile(r"[A-Za-z_]\w{0,127}")


def entity_sets(answer: Answer) -> tuple[str, ...]:
    """The sets that a service document lists, JSON or XML."""
    found = answer.json_object().get("d")
    listed = found.get("EntitySets") if isinstance(found, dict) else None
    if isinstance(listed, list):
        return tuple(one for one in listed if isinstance(one, str) and _NAME.fullmatch(one))
    return tuple(name.decode("ascii", "replace") for name in _COLLECTION.findall(answer.body))


def exposed(
    where: Where,
    reply: Answer | Failure | Outcome,
    *,
    has_metadata: bool,
    private: Sequence[str],
    now: float,
) -> Result:
    """By the answer to the service document; `has_metadata`: $metadata could be read instead."""
    tried = f"GET {where.service} (service document)"
    if isinstance(reply, Answer) and reply.status == 200:
        if sets := entity_sets(reply):
            told = f"{where.object} is exposed, with {counted(len(sets), 'entity set')}"
            return Result("object", Status.OK, tried, told, details=(", ".join(sets),))
        reply = _no_document(reply)
    outcome = outcome_of(reply, private, now)
    if has_metadata:
        told = f"{where.object} is exposed; its service document is not for this client"
        details = ("reading it takes integrationviewgroup; writing does not",)
        return Result("object", Status.OK, tried, told, details=details)
    return failure("object", where, tried, outcome, _refusals(where, reply))


def _no_document(answer: Answer) -> Answer | Outcome:
    if is_page(answer):
        return Outcome(Kind.SETUP, "answer.page", "HTTP 200, a web page")
    return Outcome(Kind.SETUP, "answer.no_entity", "HTTP 200, and no service document")


def _refusals(where: Where, reply: Answer | Failure | Outcome) -> Meanings:
    no_user = () if where.is_basic else ("or the client has no user:", *remedies.client(where))
    modeling = (
        f"{remedies.MODELING}: see whether {where.object} is there, else correct"
        " sap.integration_object or create it"
    )
    hidden = f"odata2webservices is there and does not expose {where.object}: {_HIDDEN}"
    return {
        **{f"odata.{code}": (_FAULTY, _correct(where)) for code in _FAULTY_CODES},
        "http.401": _unauthorized(where, reply),
        "odata.forbidden": (_GROUPS, (*remedies.groups(where), *no_user)),
        "odata.not_found": (hidden, (modeling, *remedies.channel(where))),
        "http.404": (_OTHER_ASPECT, remedies.right_host(where)),
        "odata.inaccessible_integration_object": (_POJO, (_FROM_TYPES,)),
        "answer.no_entity": (
            "Something else answers at this address.",
            remedies.right_host(where),
        ),
    }


_GROUPS: Final = "The user of the client lacks the group that reads this object."
_HIDDEN: Final = "no object has this code (case counts), or it has no InboundChannelConfiguration."
_OTHER_ASPECT: Final = (
    "There is no odata2webservices on this host: it is another aspect's, such as a storefront's"
    " or api."
)
_FAULTY: Final = "SAP cannot make a service of the object: its definition is faulty."
_FAULTY_CODES: Final = (
    "schema_generation_error",
    "invalid_property_definition",
    "invalid_key_definition",
    "misconfigured_attribute",
)
_POJO: Final = "The object is built from POJO classes, which cannot be written to."
_FROM_TYPES: Final = f"{remedies.MODELING}: build an object from the type Customer"


def _correct(where: Where) -> tuple[str, ...]:
    return (f"{remedies.MODELING}: open {where.object}, correct what it marks, save",)


def _unauthorized(where: Where, reply: Answer | Failure | Outcome) -> tuple[str, tuple[str, ...]]:
    header = reply.header("www-authenticate") if isinstance(reply, Answer) else ""
    asks = header.partition(" ")[0].lower()
    if where.is_basic:
        wants = " It asks for a Bearer token." if asks == "bearer" else ""
        return _IS_OAUTH + wants, (
            *remedies.channel(where),
            'or sap.auth = "oauth", with a client of the type IntegrationClientCredentialsDetails',
            f"or correct the password of {where.client_id} ({remedies.EMPLOYEES})",
        )
    wants = " It asks for name and password." if asks == "basic" else ""
    return _IS_BASIC + wants, (
        *remedies.channel(where),
        *remedies.client(where),
        'or sap.auth = "basic", with name and password of a user',
    )


_IS_OAUTH: Final = (
    "SAP takes no password here: the object's channel configuration is OAUTH, or name or password"
    " are wrong."
)
_IS_BASIC: Final = (
    "SAP refuses a token that it has just issued: the object's channel configuration is BASIC, or"
    " the client is an ordinary one without a user."
)


def entity_set(where: Where, sets: Sequence[str]) -> Result:
    """Whether the object has the set; names are case-sensitive."""
    tried = f"look for {where.entity_set} among the entity sets of {where.object}"
    if where.entity_set in sets:
        return Result("entity-set", Status.OK, tried, f"{where.entity_set} is there")
    fold = {one.lower(): one for one in sets}
    near = difflib.get_close_matches(where.entity_set.lower(), fold, 1)
    todo: tuple[str, ...] = (
        "sap.entity_set: the plural of the root item's code, as the object has it",
    )
    if near:
        todo = (f'sap.entity_set = "{fold[near[0]]}"',)
    return Result(
        "entity-set",
        Status.FAILED,
        tried,
        f"there is none of this name; there are {', '.join(sets) or 'none'}",
        f"Every POST would be answered by 404 not_found.{_case(near, where)}",
        todo,
    )


def _case(near: Sequence[str], where: Where) -> str:
    return " Names are case-sensitive." if where.entity_set.lower() in near else ""


def metadata(
    where: Where,
    reply: Answer | Failure | Outcome,
    problem: str,
    *,
    private: Sequence[str],
    now: float,
) -> Result:
    """Whether the object's EDMX can be read; `problem` is what is wrong with one that came."""
    tried = f"GET {where.service}/$metadata"
    if not isinstance(reply, Answer) or reply.status != 200:
        outcome = outcome_of(reply, private, now)
        return failure("metadata", where, tried, outcome, _refusals(where, reply))
    if not problem:
        return Result("metadata", Status.OK, tried, f"read, {len(reply.body):,} bytes")
    page = is_page(reply)
    found = "HTTP 200, a web page" if page else f"HTTP 200, but it {problem}"
    means = "It is no description of an object, so nothing can be said about the mapping."
    todo = remedies.right_host(where) if page else _correct(where)
    return Result("metadata", Status.FAILED, tried, found, means, todo)
