"""What SAP says to posts: to such as it must refuse, and to the test customer's. Pure.

How a POST is worked on is told by no document in order. Inferred, and so said in the results: who
asks (401), the object (404), the groups of the user (403), the body (400), the key (400), rights
on types (403), the hook (400), the rest, and at last the saving.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from frontdesk_sidecar.check import remedies
from frontdesk_sidecar.check.judge_common import Meanings, failure, outcome_of
from frontdesk_sidecar.check.result import Result, Status, Where
from frontdesk_sidecar.sap.answer import Answer, Failure
from frontdesk_sidecar.sap.odata import read_error
from frontdesk_sidecar.sap.outcome import Kind, Outcome

Reply = Answer | Failure | Outcome


def rights(where: Where, reply: Reply, *, private: Sequence[str], now: float) -> Result:
    """Whether the client may create, by the answer to a record without its key."""
    tried = f"POST {where.service}/{where.entity_set} without a key, which SAP must refuse"
    outcome = outcome_of(reply, private, now)
    if _is_about_content(reply, outcome):
        told = f"refused for its content alone [{outcome.code}]: the groups allow to create"
        return Result("rights", Status.OK, tried, told, _INFERRED)
    if isinstance(reply, Answer) and reply.status in (200, 201):
        told = f"HTTP {reply.status}: SAP took it"
        means = "SAP may have made an item without a key."
        key = f"{remedies.MODELING}: {where.object} should have uid as a unique attribute"
        return Result("rights", Status.WARNING, tried, told, means, (_DELETE, key))
    own = {**forbidden(where, outcome), **_LANGUAGE}
    return failure("rights", where, tried, outcome, own)


_INFERRED: Final = (
    "By the order in which SAP is believed to work, rights on types come after the key;"
    " --write-test tells for sure."
)
_DELETE: Final = f"{remedies.CUSTOMERS}: look for one without an ID made now, delete it"


def not_probed(where: Where, why: str) -> Result:
    """Nothing was posted, for SAP might have stored it."""
    tried = f"POST {where.service}/{where.entity_set} without a key"
    return Result("rights", Status.SKIPPED, tried, f"not posted: {why}; --write-test tells")


def _is_about_content(reply: Reply, outcome: Outcome) -> bool:
    """Whether nothing but the missing key stands in the way."""
    if not isinstance(reply, Answer) or reply.status != 400 or read_error(reply.body) is None:
        return False
    return outcome.kind is not Kind.SETUP and outcome.code not in _LANGUAGE


_LANGUAGE: Final = {
    "odata.invalid_language": (
        "SAP has no language of the name in sap.content_language, and refuses every customer.",
        (
            "sap.content_language: the isocode of a language that SAP has",
            "or Backoffice > Internationalization > Languages: create it",
        ),
    )
}


def forbidden(where: Where, outcome: Outcome) -> Meanings:
    """What a 403 of SAP's own means, by whether its text speaks of a privilege."""
    if "privilege" in outcome.text.lower():
        means = "The user may post, and lacks a right on a type of the object."
        todo = (*remedies.type_rights(), *remedies.groups(where))
    else:
        means = "The user may not create: it is not in integrationcreategroup, or lacks a right."
        todo = (*remedies.groups(where), *remedies.type_rights())
    return {"odata.forbidden": (means, todo)}


def hooks(
    where: Where,
    names: Sequence[str],
    reply: Reply | None,
    *,
    private: Sequence[str],
    now: float,
) -> Result:
    """Whether the hooks exist, as far as it can be told by a post that is refused anyway."""
    settings = " and ".join(names) or "sap.pre_persist_hook or sap.post_persist_hook"
    tried = f"the same POST with {settings}"
    if reply is None:
        return Result("hooks", Status.OK, tried, "none is configured")
    outcome = outcome_of(reply, private, now)
    if outcome.code == "odata.hook_not_found":
        return failure("hooks", where, tried, outcome, no_hook(names))
    told = f"not said: SAP refuses the record first [{outcome.code}]; --write-test tells"
    return Result("hooks", Status.SKIPPED, tried, told)


def no_hook(names: Sequence[str]) -> Meanings:
    """The hook does not exist."""
    return {
        "odata.hook_not_found": (
            "SAP has no bean and no script of this name, and refuses every customer.",
            (
                (
                    f"correct {' or '.join(names) or 'sap.pre_persist_hook'} in frontdesk.toml;"
                    " case counts"
                ),
                (
                    "or deploy the extension with the bean to the aspect that serves"
                    " odata2webservices; a script must be active (Backoffice > System > Scripting)"
                ),
            ),
        )
    }


def batch(
    where: Where, reply: Reply | None, size: int, *, private: Sequence[str], now: float
) -> Result:
    """Whether a `$batch` of the configured size is taken."""
    tried = f"POST {where.service}/$batch with {size} look-ups of nobody"
    if reply is None:
        told = "none is sent: forward.batch_size is 1"
        return Result("batch", Status.OK, f"POST {where.service}/$batch", told)
    if isinstance(reply, Answer) and reply.status == 202:
        told = f"taken with {size} parts (forward.batch_size; SAP's own limit is 200)"
        return Result("batch", Status.OK, tried, told)
    outcome = outcome_of(reply, private, now)
    told = f"{outcome.text} [{outcome.code}]"
    if outcome.code == "odata.batch_limit_exceeded":
        means = f"odata2services.batch.limit is below forward.batch_size ({size}). {_HALVED}"
        return Result("batch", Status.WARNING, tried, told, means, _LIMITS)
    if isinstance(reply, Answer) and reply.status in (404, 405, 406, 415, 501):
        means = "$batch does not work here; customers are sent one by one, which is slower."
        return Result("batch", Status.WARNING, tried, told, means, _NO_BATCH)
    return failure("batch", where, tried, outcome, forbidden(where, outcome))


_HALVED: Final = (
    "frontdesk finds a smaller size by itself, at the price of requests that are refused."
)
_LIMITS: Final = (
    "forward.batch_size: not above odata2services.batch.limit",
    "or odata2services.batch.limit higher (SAP Commerce properties, default 200)",
)
_NO_BATCH: Final = (
    "forward.batch_size = 1, if it is to stay so",
    "else look for a gateway or firewall that does not let $batch or multipart/mixed through",
)
