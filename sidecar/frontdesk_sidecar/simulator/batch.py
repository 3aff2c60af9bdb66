"""`POST {object}/$batch`: its parts one after the other, each changeset as one transaction.

Sources: SAP Help, "Integration API Module", on batch and bulk requests; Olingo's
`BatchHandlerImpl`. As there, `Content-Id` is repeated in answers to GET and in answers to the
changes of a changeset that succeeded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from frontdesk_sidecar.simulator.batch_answer import batch_answer, changeset_part, http_part
from frontdesk_sidecar.simulator.envelope import parse_envelope
from frontdesk_sidecar.simulator.errors import (
    ODataError,
    entity_not_found,
    error_answer,
    method_not_allowed,
)
from frontdesk_sidecar.simulator.fault_answers import answer_of
from frontdesk_sidecar.simulator.journal import Rollback
from frontdesk_sidecar.simulator.media import error_notation
from frontdesk_sidecar.simulator.paths import parse_path
from frontdesk_sidecar.simulator.subject import uid_of

if TYPE_CHECKING:
    from frontdesk_sidecar.simulator.access import User
    from frontdesk_sidecar.simulator.call import ServiceRequest
    from frontdesk_sidecar.simulator.config import SimulatorConfig
    from frontdesk_sidecar.simulator.envelope import Part
    from frontdesk_sidecar.simulator.faults import FaultBoard
    from frontdesk_sidecar.simulator.media import Answer
    from frontdesk_sidecar.simulator.monitoring import Monitor
    from frontdesk_sidecar.simulator.service import IntegrationService

_NAMES: Final = frozenset({"$batch", "%24batch"})


class Batch:
    """One `$batch` request on its way: read once, and only when somebody wants to know.

    `statuses` grows while the parts are answered, one status a part; `fault` is the kind of the
    first fault that struck a part.
    """

    def __init__(self, request: ServiceRequest) -> None:
        self.request = request
        self.statuses: list[int] = []
        self.fault: str | None = None
        self._parts: list[Part] | ODataError | None = None

    def parts(self) -> list[Part]:
        """The parts. Raises `ODataError` for an envelope that cannot be read."""
        if self._parts is None:
            try:
                code = parse_path(self.request.path).object_code
                self._parts = parse_envelope(self.request, code)
            except ODataError as error:
                self._parts = error
        if isinstance(self._parts, ODataError):
            raise self._parts
        return self._parts

    def count(self) -> int | None:
        """The number of parts, None for an envelope that cannot be read."""
        try:
            return len(self.parts())
        except ODataError:
            return None

    def uids(self) -> set[str]:
        """The uids of all parts, as far as they can be told."""
        try:
            return set().union(*map(uids_of, self.parts()))
        except ODataError:
            return set()


def is_batch(path: str) -> bool:
    """Whether a path below `/odata2webservices/`, still percent-encoded, is that of a `$batch`."""
    return path.partition("/")[2] in _NAMES


def uids_of(part: Part) -> set[str]:
    """The uids a part is about, as far as they can be told."""
    requests = [operation.request for operation in part.operations]
    found = {uid_of(request.method, request.path, request.body) for request in requests}
    return {uid for uid in found if uid is not None}


class BatchProcessor:
    """Answers batches over a service, with the faults that strike single parts."""

    def __init__(
        self,
        config: SimulatorConfig,
        service: IntegrationService,
        faults: FaultBoard,
        monitor: Monitor,
    ) -> None:
        self._config = config
        self._limit = config.batch_limit
        self._service = service
        self._faults = faults
        self._monitor = monitor

    def answer(self, batch: Batch, now: float) -> Answer:
        """202 with an answer for each part, or an error for the whole; `now` in epoch seconds."""
        try:
            parts = self._parts(batch)
        except ODataError as error:
            answer = error_answer(error, error_notation(batch.request.header("accept"), None))
            self._monitor.note(batch.request, answer, batch.request.body, batch.request)
            return answer
        if len(parts) > self._limit:
            answer = error_answer(_limit_exceeded(self._limit), "json")
            self._monitor.note(batch.request, answer, None, batch.request)
            return answer
        return batch_answer([self._part(part, batch, now) for part in parts])

    def _parts(self, batch: Batch) -> list[Part]:
        code = parse_path(batch.request.path).object_code
        if self._service.find(code) is None:
            raise entity_not_found("IntegrationObject", code)
        if batch.request.method != "POST":
            raise method_not_allowed()
        return batch.parts()

    def _part(self, part: Part, batch: Batch, now: float) -> bytes:
        effects = self._faults.consult("odata", lambda: uids_of(part), now, scope="part")
        fault = effects.before or effects.after
        answers = [] if effects.before else self._run(part, batch.request.user)
        if fault is not None:
            batch.fault = batch.fault or fault.kind
            answers = [answer_of(fault, self._config, uids_of(part))]
        last = part.operations[-1].request
        self._monitor.note(last, answers[-1], last.body, batch.request)
        status = answers[-1].status
        batch.statuses.append(status)
        if fault is not None or (part.is_changeset and status >= 400):
            return http_part(answers[-1])
        if part.is_changeset:
            return changeset_part(zip(part.operations, answers, strict=True))
        return http_part(answers[0], part.operations[0])

    def _run(self, part: Part, user: User | None) -> list[Answer]:
        """The answers of a part; the only one, an error, of a changeset that failed."""
        for operation in part.operations:
            operation.request.user = user
        limit = self._config.switches.maxChanges
        if limit is not None and len(part.operations) > limit:
            return [error_answer(_too_many(limit), "json")]
        if len(part.operations) == 1:
            return [self._service.handle(part.operations[0].request)]
        answers: list[Answer] = []
        with self._service.journal.transaction():
            for change in part.operations:
                answer = self._service.handle(change.request)
                if answer.status >= 400:
                    answers = [answer]
                    raise Rollback
                answers.append(answer)
        return answers


def _too_many(limit: int) -> ODataError:
    text = f"The changeset has more than {limit} changes."
    return ODataError(400, "runtime_error", text)


def _limit_exceeded(limit: int) -> ODataError:
    text = (
        "The number of parts in the request exceeds the limit 'odata2services.batch.limit',"
        f" which is set to {limit}."
    )
    return ODataError(400, "batch_limit_exceeded", text)
