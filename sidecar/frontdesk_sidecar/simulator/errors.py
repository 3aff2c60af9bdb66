"""OData errors: every code this simulator answers with, and both bodies they come in.

Codes and texts follow the table "Error Messages" of SAP Help, "Integration API Module"; texts of
errors below that table are Olingo's.
"""

from __future__ import annotations

import orjson

from frontdesk_sidecar.simulator.media import JSON, XML, Answer, Notation, xml_text

_VERSION = (("DataServiceVersion", "1.0"),)
_METADATA_NAMESPACE = "http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"


class ODataError(Exception):
    """An answer of the service that is not a success.

    `code` is None for plain Olingo errors. `inner` is the integration key with encoded values,
    when there is one.
    """

    def __init__(self, status: int, code: str | None, message: str, inner: str | None = None):
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.inner = inner


def error_answer(error: ODataError, notation: Notation) -> Answer:
    """The error as JSON or XML."""
    if notation == "json":
        return Answer(error.status, _json_body(error), JSON, _VERSION)
    return Answer(error.status, _xml_body(error), XML, _VERSION)


def odata_error(message: str) -> ODataError:
    """The payload cannot be read against the EDMX."""
    return ODataError(400, "odata_error", message)


def method_not_allowed() -> ODataError:
    """The verb, or the query options with it, are not allowed here."""
    text = "The request dispatcher does not allow the HTTP method used for the request."
    return ODataError(405, "method_not_allowed", text)


def entity_not_found(code: str, key: str) -> ODataError:
    """No item with this integration key."""
    return ODataError(
        404, "not_found", f"[{code}] with integration key [{key}] was not found.", key
    )


def segment_not_found(segment: str) -> ODataError:
    """No such entity set; names are case-sensitive."""
    text = f"Could not find an entity set or function import for '{segment}'."
    return ODataError(404, "not_found", text)


def property_not_found(name: str) -> ODataError:
    """No such property, in an address or in a query option."""
    return ODataError(404, "not_found", f"Could not find property with name: '{name}'.")


def cannot_save(code: str, reason: str, inner: str | None) -> ODataError:
    """A constraint, an interceptor or the database refuses a value."""
    text = (
        f"An error occurred while attempting to save entries for entityType: {code},"
        f" with error message {reason}"
    )
    return ODataError(400, "invalid_attribute_value", text, inner)


def invalid_language(language: str) -> ODataError:
    """A header or a localized value names a language that the shop does not have."""
    text = f"The language provided [{language}] is not available."
    return ODataError(400, "invalid_language", text)


def inaccessible(code: str) -> ODataError:
    """The object is built from classes; only its `$metadata` can be read."""
    text = f"The Integration Object [{code}] is not accessible through this API."
    return ODataError(405, "inaccessible_integration_object", text)


def definition_error(code: str) -> ODataError:
    """The object itself is modelled wrongly, so nothing can be done with it."""
    return ODataError(400, code, "The definition of the Integration Object is faulty.")


def forbidden(text: str = "User is not authorized for the operation.") -> ODataError:
    """The user is known and lacks the right."""
    return ODataError(403, "forbidden", text)


def ambiguous_key(code: str, keys: str, inner: str, status: int = 500) -> ODataError:
    """The unique value belongs to an item of another type, or a parallel create won."""
    text = (
        f"ambiguous unique keys {{{keys}}} for model {code}Model (<unsaved>)"
        " - found 1 item(s) using the same keys"
    )
    return ODataError(status, "internal_error", text, inner)


def _json_body(error: ODataError) -> bytes:
    content: dict[str, object] = {
        "code": error.code,
        "message": {"lang": "en", "value": error.message},
    }
    if error.inner is not None:
        content["innererror"] = error.inner
    return orjson.dumps({"error": content})


def _xml_body(error: ODataError) -> bytes:
    code = f"<code>{xml_text(error.code)}</code>" if error.code else "<code/>"
    inner = "" if error.inner is None else f"<innererror>{xml_text(error.inner)}</innererror>"
    return (
        "<?xml version='1.0' encoding='UTF-8'?>"
        f'<error xmlns="{_METADATA_NAMESPACE}">{code}'
        f'<message xml:lang="en">{xml_text(error.message)}</message>{inner}</error>'
    ).encode()
