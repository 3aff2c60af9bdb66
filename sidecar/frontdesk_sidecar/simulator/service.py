"""The OData service itself: a request in, an answer out, no HTTP server and no waiting.

A `$batch` is built on it: each of its changes is one more `ServiceRequest`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from frontdesk_sidecar.simulator import edmx
from frontdesk_sidecar.simulator.access import check_group
from frontdesk_sidecar.simulator.call import VERSION, Call, ServiceRequest
from frontdesk_sidecar.simulator.commits import CommitLog
from frontdesk_sidecar.simulator.entries import View
from frontdesk_sidecar.simulator.errors import (
    ODataError,
    definition_error,
    entity_not_found,
    error_answer,
    inaccessible,
    invalid_language,
    method_not_allowed,
    odata_error,
    segment_not_found,
)
from frontdesk_sidecar.simulator.journal import Journal
from frontdesk_sidecar.simulator.keys import KeyFormatError
from frontdesk_sidecar.simulator.media import JSON_UTF8, XML, Answer, error_notation
from frontdesk_sidecar.simulator.paths import parse_path
from frontdesk_sidecar.simulator.presets import store_presets
from frontdesk_sidecar.simulator.query import parse_query
from frontdesk_sidecar.simulator.reading import Reader
from frontdesk_sidecar.simulator.saved import Saves
from frontdesk_sidecar.simulator.state import Stores
from frontdesk_sidecar.simulator.system_objects import system_objects
from frontdesk_sidecar.simulator.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frontdesk_sidecar.simulator.config import SimulatorConfig
    from frontdesk_sidecar.simulator.edm import IntegrationObject
    from frontdesk_sidecar.simulator.paths import Resource
    from frontdesk_sidecar.simulator.webhooks import Webhook

_SERVICE_DOCUMENT = "application/atomsvc+xml;charset=utf-8"
_SHOWN = 256


class IntegrationService:
    """The exposed objects over their stores. Not to be shared between threads."""

    def __init__(self, config: SimulatorConfig, webhook: Webhook | None = None) -> None:
        self._config = config
        self._served = (*config.served, *system_objects(config.served))
        self._objects = {one.code: one for one in self._served}
        self.journal = Journal()
        self.commits = CommitLog(config.commit_log_size)
        self.stores = Stores(self.journal, case_sensitive=config.case_sensitive)
        for one in self._served:
            self.stores.add(one)
        saves = Saves(self.journal, self.commits, webhook)
        self._writer = Writer(config, self.journal, self.stores, saves)
        self._reader = Reader(config)
        self._view = lru_cache(maxsize=_SHOWN)(self._make_view)
        self._metadata = lru_cache(maxsize=_SHOWN)(self._make_metadata)
        self.reset()

    def reset(self) -> None:
        """Forgets everything but the presets."""
        self.stores.clear()
        store_presets(self._config, self.stores, self._served)

    def handle(self, request: ServiceRequest) -> Answer:
        """Answers the request; an OData error is an answer too."""
        format_option = None
        try:
            options = parse_query(request.query)
            format_option = options.get("$format")
            return self._dispatch(request, options)
        except ODataError as error:
            return error_answer(error, error_notation(request.header("accept"), format_option))

    def find(self, code: str) -> IntegrationObject | None:
        """The object of this code."""
        return self._objects.get(code)

    def _dispatch(self, request: ServiceRequest, options: Mapping[str, str]) -> Answer:
        try:
            resource = parse_path(request.path)
        except KeyFormatError:
            raise odata_error("Invalid URI syntax.") from None
        definition = self._objects.get(resource.object_code)
        if definition is None:
            raise entity_not_found("IntegrationObject", resource.object_code)
        check_group(request.user, request.method, definition, resource.entity_set)
        if definition.broken is not None:
            raise definition_error(definition.broken)
        if resource.entity_set in {"", "$metadata"}:
            return self._describe(request, definition, resource, options)
        if definition.pojo:
            raise inaccessible(definition.code)
        if resource.entity_set == "$batch":
            raise ODataError(501, None, "$batch is not simulated.")
        item = definition.by_entity_set.get(resource.entity_set)
        if item is None:
            raise segment_not_found(resource.entity_set)
        view = self._view(definition.code, request.base, self._language(request))
        store = self.stores.of(item)
        return self._run(Call(request, options, definition, item, resource, store, view))

    def _run(self, call: Call) -> Answer:
        method, resource = call.request.method, call.resource
        if method == "GET":
            return self._reader.read(call)
        # The objects of the system itself are read only here.
        if resource.below or call.definition.group is not None:
            raise method_not_allowed()
        if method == "POST" and resource.predicate is None:
            return self._writer.post(call)
        if method == "PATCH" and resource.predicate is not None:
            return self._writer.patch(call)
        if method == "DELETE" and resource.predicate is not None:
            return self._writer.delete(call)
        if method in {"PUT", "MERGE"} and self._config.switches.mergeStatus == 501:
            raise ODataError(501, None, f"{method} is not implemented.")
        raise method_not_allowed()

    def _describe(
        self,
        request: ServiceRequest,
        definition: IntegrationObject,
        resource: Resource,
        options: Mapping[str, str],
    ) -> Answer:
        if request.method != "GET":
            raise method_not_allowed()
        if resource.entity_set == "$metadata":
            root = next((name for name in options if name in definition.by_code), None)
            return Answer(200, self._metadata(definition.code, root), XML, VERSION)
        if request.notation(options) == "json":
            body = edmx.service_document_json(definition)
            return Answer(200, body, JSON_UTF8, VERSION)
        service = f"{request.base}/{definition.code}"
        return Answer(
            200, edmx.service_document_xml(definition, service), _SERVICE_DOCUMENT, VERSION
        )

    def _language(self, request: ServiceRequest) -> str:
        """The language of localized values in the answer: the first one accepted."""
        header = request.headers.get("accept-language")
        if header is None:
            return self._config.language
        accepted = header.partition(",")[0].partition(";")[0].strip()
        if not accepted or accepted == "*":
            return self._config.language
        # A browser's `de-AT` is content with `de`, as Java's locales are.
        for language in (accepted.lower(), accepted.lower().replace("-", "_").partition("_")[0]):
            if language in self._config.languages:
                return language
        raise invalid_language(accepted)

    def _make_metadata(self, code: str, root: str | None) -> bytes:
        return edmx.metadata_document(self._objects[code], root)

    def _make_view(self, code: str, base: str, language: str) -> View:
        definition = self._objects[code]
        return View(definition, self.stores, f"{base}/{code}", language)
