"""What an outcome means for the customer's row: settled, tried again and when, or a dead letter."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from frontdesk_sidecar.forward.backoff import full_jitter
from frontdesk_sidecar.forward.pace import Pace
from frontdesk_sidecar.sap.outcome import AMBIGUOUS_KEYS, Kind, Outcome, judged_by_status
from frontdesk_sidecar.sap.scrub import scrub, texts_of
from frontdesk_sidecar.store import Claim, Dead, Release, Retry, Settlement

SECOND: Final = 1_000_000  # microseconds
#: A customer that failed is asked about again only when so many others were taken meanwhile.
OTHERS: Final = 3
_REMEMBERED: Final = 10_000


class Culprits:
    """Which customers fail while others are taken: then it is theirs, not the destination's.

    Remembers from how many deliveries on each customer fails; the earliest are forgotten.
    """

    def __init__(self) -> None:
        self._failed_at: OrderedDict[str, int] = OrderedDict()

    def failed(self, key: str, taken: int) -> bool:
        """This customer failed when `taken` had been delivered; True when it failed before, and
        at least `OTHERS` were taken since, or since this was said of it."""
        before = self._failed_at.pop(key, taken)
        is_culprit = taken - before >= OTHERS
        # However often it fails meanwhile, others may come slowly.
        self._failed_at[key] = taken if is_culprit else before
        if len(self._failed_at) > _REMEMBERED:
            self._failed_at.popitem(last=False)
        return is_culprit

    def succeeded(self, key: str) -> None:
        """This customer was taken."""
        self._failed_at.pop(key, None)


def judged(outcome: Outcome, claim: Claim, *, alone: bool) -> Outcome:
    """The outcome as it is to be taken for this customer; `alone`: it failed while others did not.

    "Ambiguous unique keys" is a lost race once; twice, the uid belongs to somebody else. And what
    is wrong with one customer only is not for others to wait for.
    """
    # What is mapped was taken out before; SAP may know the rest of the customer as well.
    traits = claim.customer.traits
    if outcome.family and scrub(word := outcome.code.partition(".")[2], texts_of(traits)) != word:
        outcome = judged_by_status(outcome)
    if outcome.text:
        cleaned = scrub(outcome.text, texts_of(traits))
        outcome = outcome if cleaned == outcome.text else replace(outcome, text=cleaned)
    repeated = outcome.code == AMBIGUOUS_KEYS and claim.code == AMBIGUOUS_KEYS
    if repeated or (outcome.kind is Kind.SETUP and alone):
        return replace(outcome, kind=Kind.REJECTED)
    return outcome


def settlement_of_failure(
    claim: Claim,
    outcome: Outcome,
    message_id: str,
    *,
    now: int,
    elapsed_s: float,
    counts: bool,
    is_shared: bool,
    pace: Pace,
    chance: Callable[[], float],
) -> Settlement:
    """What becomes of a customer whose attempt failed.

    `counts`: the failure is the customer's, not everybody's. One that is not counted is never a
    dead letter. `is_shared`: it was that of a request for many; `now` is in microseconds since
    the epoch.
    """
    tries = claim.attempts + 1
    is_refusal = outcome.kind is Kind.REJECTED
    if counts and _is_last(claim, outcome, tries, pace):
        return Dead(claim, outcome.code, outcome.text, message_id)
    if is_refusal:
        # Half of it evenly spread, so that customers refused together do not come back together.
        wait_s = pace.reject_base_s * 2.0 ** min(claim.attempts, 10) * (0.5 + 0.5 * chance())
    elif outcome.kind is Kind.TRANSIENT:
        base_s, cap_s = pace.retry_base_s, pace.retry_cap_s
        wait_s = full_jitter(tries, base_s=base_s, cap_s=cap_s, random=chance)
    elif is_shared and outcome.kind is Kind.SETUP:
        # The gate waits for all. What one of many is refused for may refuse the company: from now
        # on each of them goes alone.
        wait_s = 0.0
    else:
        # The gate is what waits. Due now puts it behind the others, of whom one is tried next.
        return Release(claim, now)
    if outcome.is_unknown:
        # Not all at once: those who shared a request do not come back together.
        wait_s += max(0.0, pace.rest_s - elapsed_s)
    due_at = now + int(wait_s * SECOND)
    return Retry(claim, due_at, outcome.code, outcome.text, message_id, counted=counts)


def _is_last(claim: Claim, outcome: Outcome, tries: int, pace: Pace) -> bool:
    if outcome.kind is Kind.REJECTED:
        if outcome.code in ("mapping", "mapping.value"):
            return True  # decided here, from the traits alone: it would come out the same
        is_same = claim.attempts == 0 or claim.code == outcome.code
        return tries >= (pace.reject_tries if is_same else max(pace.reject_tries, pace.retry_tries))
    return tries >= pace.retry_tries


def briefly(settlement: Settlement) -> Settlement:
    """The same for a store that has hardly any room: without the text and the history of it."""
    if isinstance(settlement, Retry):
        return replace(settlement, text="", message_id="")
    return settlement
