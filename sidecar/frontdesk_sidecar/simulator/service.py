"""The OData service itself: a request in, an answer out, no HTTP server and no waiting.

A `$batch` is built on it: each of its changes is one more `ServiceRequest`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from frontdesk_sidecar.simulator import edmx
from frontdesk_sidecar.simulator.call import VERSION, Call, ServiceRequest
from frontdesk_sidecar.simulator.commits import CommitLog
from frontdesk_sidecar.simulator.errors import (
    ODataError,
    entity_not_found,
    error_answer,
    method_not_allowed,
    odata_error,
    segment_not_found,
)
from frontdesk_sidecar.simulator.journal import Journal
from frontdesk_sidecar.simulator.keys import KeyFormatError
from frontdesk_sidecar.simulator.media import JSON_UTF8, XML, Answer, error_notation
from frontdesk_sidecar.simulator.paths import Resource, parse_path
from frontdesk_sidecar.simulator.query import parse_query
from frontdesk_sidecar.simulator.reading import read
from frontdesk_sidecar.simulator.state import ItemStore
from frontdesk_sidecar.simulator.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frontdesk_sidecar.simulator.config import SimulatorConfig

_SERVICE_DOCUMENT = "application/atomsvc+xml;charset=utf-8"


class IntegrationService:
    """The exposed object over its stores. Not to be shared between threads."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._definition = config.definition
        self.journal = Journal()
        self.commits = CommitLog(config.commit_log_size)
        self._writer = Writer(config, self.journal, self.commits)
        self._metadata = edmx.metadata_document(config.definition)
        self.stores = {
            item.entity_set: ItemStore(
                len(item.key), case_sensitive=config.case_sensitive, journal=self.journal
            )
            for item in config.definition.items
        }

    def handle(self, request: ServiceRequest) -> Answer:
        """Answers the request; an OData error is an answer too."""
        format_option = None
        try:
            options = parse_query(request.query)
            format_option = options.get("$format")
            return self._dispatch(request, options)
        except ODataError as error:
            return error_answer(error, error_notation(request.header("accept"), format_option))

    def _dispatch(self, request: ServiceRequest, options: Mapping[str, str]) -> Answer:
        try:
            resource = parse_path(request.path)
        except KeyFormatError:
            raise odata_error("Invalid URI syntax.") from None
        if resource.object_code != self._definition.code:
            raise entity_not_found("IntegrationObject", resource.object_code)
        if resource.entity_set in {"", "$metadata"}:
            return self._describe(request, resource, options)
        if resource.entity_set == "$batch":
            raise ODataError(501, None, "$batch is not simulated.")
        item = self._definition.by_entity_set.get(resource.entity_set)
        if item is None:
            raise segment_not_found(resource.entity_set)
        store = self.stores[item.entity_set]
        return self._run(Call(request, options, item, resource, store, self._service(request)))

    def _run(self, call: Call) -> Answer:
        method, resource = call.request.method, call.resource
        if method == "GET":
            return read(call)
        if resource.below:
            raise method_not_allowed()
        if method == "POST" and resource.predicate is None:
            return self._writer.post(call)
        if method == "PATCH" and resource.predicate is not None:
            return self._writer.patch(call)
        if method == "DELETE" and resource.predicate is not None:
            return self._writer.delete(call)
        raise method_not_allowed()

    def _describe(
        self, request: ServiceRequest, resource: Resource, options: Mapping[str, str]
    ) -> Answer:
        if request.method != "GET":
            raise method_not_allowed()
        if resource.entity_set == "$metadata":
            return Answer(200, self._metadata, XML, VERSION)
        if request.notation(options) == "json":
            body = edmx.service_document_json(self._definition)
            return Answer(200, body, JSON_UTF8, VERSION)
        body = edmx.service_document_xml(self._definition, self._service(request))
        return Answer(200, body, _SERVICE_DOCUMENT, VERSION)

    def _service(self, request: ServiceRequest) -> str:
        return f"{request.base}/{self._definition.code}"
