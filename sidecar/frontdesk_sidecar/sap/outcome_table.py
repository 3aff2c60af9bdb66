"""The outcome table: every reason an attempt can end with, what it means and what to do about it.

Data alone; `outcome` finds the reason of an answer. Sources: SAP Help topics "Error Messages",
"POST" and "Inbound Integration Authentication" of the Integration API Module, "Endpoints" of the
Cloud Portal, RFC 6749, section 5.2, and RFC 9110, section 15.

Why a reason has its kind, where SAP's documents leave it open:

* Delivered is a positive list: 200 or 201 with the entity. Whatever else claims success may come
  from somebody in between, so the same is sent again, which is harmless.
* Setup is what does not depend on the customer: address, method and headers of every request are
  the same, so whoever refuses these (403, 404, 405, 406, 407, 410, 411, 421, 426, 428, 501, 505,
  511) refuses everybody. To pause loses nothing; a dead letter would.
* Rejected is what depends on the body, or may: 400, 409, 412, 413, 414, 415, 422, 431. When all
  of them are refused, the forwarder's guard finds the mapping broken.
* A page with 400 is rejected all the same: somebody in between refuses what is in this body.
* SAP's own code says more than the status it came with, so a known code has one kind.
* Everything else is transient: nothing is known that speaks against trying again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Kind(StrEnum):
    """What follows from an outcome."""

    DELIVERED = "delivered"
    """SAP has the customer."""
    UNCHANGED = "unchanged"
    """Nothing new to send; decided before any call."""
    THROTTLED = "throttled"
    """Silence towards SAP, at least for ``retry_after_s``."""
    TRANSIENT = "transient"
    """Nobody's fault; the same call may succeed later."""
    SETUP = "setup"
    """Every customer would fail the same way; somebody must change something."""
    REJECTED = "rejected"
    """SAP refuses this customer's record."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One row: a code, or a family of codes such as ``http.4xx`` or ``odata.*``.

    ``means`` and ``todo`` are sentences for operations; ``todo`` is empty when nothing is to be
    done. ``is_unknown``: SAP may have acted, or may still be at it. ``is_about_record``: SAP
    worked on this customer's record, so the way to it and the rights are in order. ``also`` are
    the kinds that the same code has in other circumstances, which ``means`` tells.
    """

    code: str
    kind: Kind
    means: str
    todo: str = ""
    is_unknown: bool = False
    is_about_record: bool = False
    also: tuple[Kind, ...] = ()

    @property
    def advice(self) -> str:
        """Both texts, as operations read them in a log; empty when all is well."""
        return f"{self.means} {self.todo}" if self.todo else ""


_FAILURES: Final = (
    Reason(
        "connect",
        Kind.TRANSIENT,
        "No connection to SAP came about.",
        "If SAP is down or being deployed, wait: sending resumes alone. Else check that this host"
        " may reach SAP: egress rules and proxy here, the endpoint there.",
    ),
    Reason(
        "refused",
        Kind.TRANSIENT,
        "SAP's host refused the connection: nothing listens there.",
        "If SAP is down or being deployed, wait: sending resumes alone. Else check the port in"
        " sap.base_url; a proxy or a firewall on the way may refuse as well.",
    ),
    Reason(
        "connect_timeout",
        Kind.TRANSIENT,
        "Nobody answered when a connection was asked for.",
        "If SAP is down, wait: sending resumes alone. Else check egress rules and network policies"
        " on the way from this host to SAP; a wrong address looks the same.",
    ),
    Reason(
        "tls",
        Kind.SETUP,
        "The TLS handshake failed.",
        "Check that sap.base_url names the right host, that its certificate is trusted here"
        " (sap.ca_file), and whether the endpoint asks for a client certificate.",
    ),
    Reason(
        "dns",
        Kind.SETUP,
        "The name of SAP's host does not resolve.",
        "Check sap.base_url for a slip and the name resolution of this host.",
    ),
    Reason(
        "timeout",
        Kind.TRANSIENT,
        "No answer came in time; SAP may have stored the customer.",
        "Sending again is harmless. If it goes on, look at the load of SAP, whose own proxy gives"
        " up after 60 s.",
        is_unknown=True,
    ),
    Reason(
        "disconnected",
        Kind.TRANSIENT,
        "The connection broke before the answer was whole.",
        "Sending again is harmless. If it goes on, look for restarts of SAP and for a proxy that"
        " ends connections early.",
        is_unknown=True,
    ),
    Reason(
        "protocol",
        Kind.TRANSIENT,
        "What came back was not valid HTTP, or it was packed although that was not asked for.",
        "Check that sap.base_url has the port of the HTTPS endpoint, and what stands in between.",
        is_unknown=True,
    ),
    Reason(
        "too_large",
        Kind.TRANSIENT,
        "The answer was larger than any answer about customers should be.",
        "Check that sap.base_url leads to the Integration API; if it does, make the integration"
        " object smaller.",
        is_unknown=True,
    ),
)

_ANSWERS: Final = (
    Reason("http.200", Kind.DELIVERED, "SAP updated the customer."),
    Reason("http.201", Kind.DELIVERED, "SAP created or updated the customer."),
    Reason("unchanged", Kind.UNCHANGED, "SAP has all of this already; nothing was sent."),
    Reason(
        "answer.no_entity",
        Kind.TRANSIENT,
        "The status says success, but the answer does not hold the customer.",
        "Check sap.base_url and what stands in between; and whether a persistence hook of the"
        " project drops the customer.",
        is_unknown=True,
    ),
    Reason(
        "answer.truncated",
        Kind.TRANSIENT,
        "The status says success, but the JSON of the answer is broken or cut off.",
        "Sending again is harmless. If it goes on, look for a proxy that cuts or rewrites answers.",
        is_unknown=True,
    ),
    Reason(
        "answer.xml",
        Kind.TRANSIENT,
        "The status says success, but the answer is XML although JSON was asked for.",
        "Look for a proxy that removes or rewrites the Accept header.",
        is_unknown=True,
    ),
    Reason(
        "answer.page",
        Kind.TRANSIENT,
        "A web page came instead of the Integration API's answer: a login, a storefront or a"
        " notice.",
        "Check that sap.base_url is the host that serves odata2webservices, often the backoffice"
        " endpoint, and what stands in between.",
    ),
    Reason(
        "answer.error",
        Kind.TRANSIENT,
        "An error document came with a status that says success.",
        "Look for a proxy or a filter of the project that rewrites status codes.",
    ),
    Reason(
        "batch.unreadable",
        Kind.TRANSIENT,
        "The answer to a $batch does not have one readable part for each customer.",
        "Customers are sent one by one instead. If it goes on, look for a proxy that rewrites"
        " multipart bodies.",
        is_unknown=True,
    ),
    Reason(
        "redirected",
        Kind.TRANSIENT,
        "Something in front of the Integration API redirects, to a login or to another address;"
        " redirects are never followed.",
        "Check that sap.base_url begins with https, is the final host and serves"
        " odata2webservices, and check the endpoint's redirects.",
    ),
    Reason(
        "http.1xx",
        Kind.TRANSIENT,
        "An interim status came where the final one should be.",
        "Look for a proxy that does not understand HTTP/1.1.",
        is_unknown=True,
    ),
    Reason(
        "http.2xx",
        Kind.TRANSIENT,
        "A status that says success but is not 200 or 201, which alone mean that SAP stored the"
        " customer.",
        "Check sap.base_url and what stands in between; and whether a persistence hook of the"
        " project drops the customer.",
        is_unknown=True,
    ),
    Reason(
        "http.400",
        Kind.REJECTED,
        "The request was refused without a code that tells why.",
        "When the text is SAP's, compare the record with the object's $metadata; when it was a"
        " page, look into the log of the proxy or firewall in front.",
    ),
    Reason(
        "http.401",
        Kind.SETUP,
        "The Integration API refuses a token that was just issued.",
        "Give the integration object an inbound channel configuration of type OAUTH, with a"
        " client of type IntegrationClientCredentialsDetails; token and API must be of the same"
        " host.",
    ),
    Reason(
        "http.403",
        Kind.SETUP,
        "Refused before the Integration API looked at it, most often by the IP filter.",
        "Add this host's outgoing IP address to the endpoint's filter set; if it is there, check"
        " the roles of the client and the groups of its user.",
    ),
    Reason(
        "http.404",
        Kind.SETUP,
        "There is no Integration API at this address.",
        "Check that the host of sap.base_url serves odata2webservices (often the backoffice"
        " endpoint, not api), and that the object of sap.integration_object exists.",
    ),
    Reason(
        "http.405",
        Kind.SETUP,
        "The address does not take POST.",
        "Check sap.base_url and sap.entity_set, and that nothing in between forbids the method.",
    ),
    Reason(
        "http.406",
        Kind.SETUP,
        "The server does not want to answer in JSON, or a firewall dislikes the request.",
        "Look for a proxy that rewrites the Accept header, and into the log of the firewall.",
    ),
    Reason(
        "http.407",
        Kind.SETUP,
        "A proxy on the way wants a user and a password.",
        "Put them into HTTPS_PROXY, or let this host reach SAP without that proxy (NO_PROXY).",
    ),
    Reason(
        "http.408",
        Kind.TRANSIENT,
        "The server did not receive the whole request in time.",
        "If it goes on, look at the network between here and SAP.",
    ),
    Reason(
        "http.409",
        Kind.REJECTED,
        "The record is in conflict with what SAP has.",
        "SAP itself does not answer so; look into the project's own interceptors and hooks, and at"
        " who else writes this customer.",
    ),
    Reason(
        "http.410",
        Kind.SETUP,
        "The address was withdrawn for good.",
        "Check sap.base_url, sap.integration_object and sap.entity_set.",
    ),
    Reason(
        "http.411",
        Kind.SETUP,
        "A server on the way wants a Content-Length, which was sent.",
        "Look for a proxy that removes it.",
    ),
    Reason(
        "http.412",
        Kind.REJECTED,
        "A precondition for this record did not hold, although none was sent.",
        "Look for a proxy or an extension of the project that adds If-Match.",
    ),
    Reason(
        "http.413",
        Kind.REJECTED,
        "The request is larger than somebody on the way allows.",
        "Map fewer or shorter attributes, lower forward.batch_size, or raise the limit of the"
        " ingress.",
    ),
    Reason(
        "http.414",
        Kind.REJECTED,
        "The address is too long for somebody on the way.",
        "Check sap.base_url and the names of object and set; the address holds nothing else.",
    ),
    Reason(
        "http.415",
        Kind.REJECTED,
        "The media type is not taken, although JSON was sent.",
        "Check that nothing in between changes the Content-Type.",
    ),
    Reason(
        "http.421",
        Kind.SETUP,
        "The request reached a server that is not responsible for this host.",
        "Check sap.base_url, the name resolution and the certificates of the endpoint.",
    ),
    Reason(
        "http.422",
        Kind.REJECTED,
        "The record is understood but not accepted.",
        "SAP itself does not answer so; look into the project's own validations.",
    ),
    Reason(
        "http.425",
        Kind.TRANSIENT,
        "The server did not want to take a request so early on a new connection.",
        "Nothing; if it goes on, switch off TLS early data at the proxy in front.",
    ),
    Reason(
        "http.426",
        Kind.SETUP,
        "The server wants another protocol than HTTP/1.1 over TLS.",
        "Check that sap.base_url begins with https and has the right port.",
    ),
    Reason(
        "http.428",
        Kind.SETUP,
        "The server wants a precondition with every request, which the Integration API ignores.",
        "Look for a proxy or an extension of the project that asks for If-Match.",
    ),
    Reason(
        "http.429",
        Kind.THROTTLED,
        "The firewall of the ingress counts too many requests from this IP address; its cool-down"
        " begins anew with each request.",
        "Sending resumes alone, slowly. If it comes back, lower forward.rate here or raise the"
        " endpoint's threshold there.",
    ),
    Reason(
        "http.431",
        Kind.REJECTED,
        "The headers of the request are larger than somebody on the way allows.",
        "Look for a proxy that adds headers; the access token of a newer SAP is the longest one.",
    ),
    Reason(
        "http.4xx",
        Kind.TRANSIENT,
        "A refusal that the Integration API does not give; somebody in between does.",
        "Look into the log of the proxy or firewall in front of SAP.",
    ),
    Reason(
        "http.500",
        Kind.TRANSIENT,
        "SAP failed without telling why.",
        "If it goes on, look into SAP's log at this time; it was not the Integration API that"
        " answered, or it could not even write an error.",
    ),
    Reason(
        "http.501",
        Kind.SETUP,
        "The server does not know how to do this.",
        "Check that sap.base_url leads to odata2webservices.",
    ),
    Reason(
        "http.502",
        Kind.TRANSIENT,
        "The proxy in front of SAP got no proper answer; SAP may have stored the customer.",
        "Sending again is harmless. If it goes on, look for restarts and the load of the aspect"
        " that serves odata2webservices.",
        is_unknown=True,
    ),
    Reason(
        "http.503",
        Kind.TRANSIENT,
        "SAP is in maintenance, being deployed, or this side is inactive.",
        "Nothing: sending resumes alone. If no maintenance is planned, look at the environment in"
        " the Cloud Portal.",
        also=(Kind.THROTTLED,),
    ),
    Reason(
        "http.504",
        Kind.TRANSIENT,
        "The proxy in front of SAP gave up, by default after 60 s; SAP may still be at it.",
        "Sending again is harmless. If it goes on, look at the load of SAP and at slow"
        " interceptors, and lower forward.batch_size.",
        is_unknown=True,
    ),
    Reason(
        "http.505",
        Kind.SETUP,
        "The server does not take HTTP/1.1.",
        "Check sap.base_url and its port.",
    ),
    Reason(
        "http.511",
        Kind.SETUP,
        "The network of this host wants a login before it lets anything out.",
        "Give this host a way out to SAP without it.",
    ),
    Reason(
        "http.5xx",
        Kind.TRANSIENT,
        "A server on the way failed.",
        "Sending again is harmless. If it goes on, look at what stands in front of SAP, such as a"
        " content delivery network.",
        is_unknown=True,
    ),
    Reason(
        "http.unknown",
        Kind.TRANSIENT,
        "The answer has a status that HTTP does not know.",
        "Look for a proxy that makes up answers.",
        is_unknown=True,
    ),
)

_DEFINITION: Final = (
    "Correct the definition of the integration object (Backoffice, Integration UI Tool) and check"
    " it with its $metadata; frontdesk tries again by itself."
)
_HOOK: Final = (
    "Look into SAP's log at this time; if it fails for all customers, the hook is broken and must"
    " be corrected."
)

_ODATA: Final = (
    Reason(
        "odata.ambiguous_keys",
        Kind.TRANSIENT,
        "SAP found another item with this key: a parallel create was faster, or the uid belongs to"
        " an employee or a user group.",
        "Nothing the first time: it is tried once more. If it stays, rename the other item or"
        " widen the object's itemTypeMatch.",
        is_about_record=True,
    ),
    Reason(
        "odata.batch_limit_exceeded",
        Kind.REJECTED,
        "The $batch had more parts than odata2services.batch.limit allows (200 by default).",
        "Nothing: smaller ones are sent from now on. Lower forward.batch_size to spare the detour.",
    ),
    Reason(
        "odata.deletion_failure",
        Kind.REJECTED,
        "SAP did not delete a protected item, although nothing was to be deleted.",
        "Look into the project's persistence hooks and interceptors.",
        is_about_record=True,
    ),
    Reason(
        "odata.forbidden",
        Kind.SETUP,
        "The client's user lacks a right.",
        "Put the user into integrationcreategroup; when the text names a privilege and a type,"
        " give it create, read and change rights on that type and on all types the object refers"
        " to.",
    ),
    Reason(
        "odata.hook_not_found",
        Kind.SETUP,
        "The persistence hook named in the request does not exist in SAP.",
        "Deploy the hook (Spring bean or script) or correct its name.",
    ),
    Reason(
        "odata.inaccessible_integration_object",
        Kind.SETUP,
        "The integration object is built from POJO classes, which cannot be written to.",
        "Use an object built from types such as Customer.",
    ),
    Reason(
        "odata.internal_error",
        Kind.TRANSIENT,
        "SAP failed at this record: another process changed it meanwhile, transactions blocked one"
        " another, or the database is in trouble.",
        "Nothing as long as it passes. If it stays for one customer, look into SAP's log and the"
        " inbound monitoring in the Backoffice.",
        is_about_record=True,
    ),
    Reason(
        "odata.invalid_attribute_value",
        Kind.REJECTED,
        "A validation or an interceptor in SAP refused a value, or it is too long.",
        "Read SAP's reason in the text, and correct the value at its source or the rule in SAP.",
        is_about_record=True,
    ),
    Reason(
        "odata.invalid_key",
        Kind.REJECTED,
        "SAP cannot read the key of this record.",
        "Look at what the key attributes in sap.mapping give for this customer.",
        is_about_record=True,
    ),
    Reason(
        "odata.invalid_key_definition",
        Kind.SETUP,
        "The unique attributes of the integration object are faulty.",
        _DEFINITION,
    ),
    Reason(
        "odata.invalid_language",
        Kind.REJECTED,
        "The language of the request does not exist in SAP.",
        "frontdesk names none, so look for a proxy that adds Content-Language; or create the"
        " language in SAP.",
        is_about_record=True,
    ),
    Reason(
        "odata.invalid_property",
        Kind.REJECTED,
        "The integration object has no attribute of this name; names are case-sensitive.",
        "Remove the attribute from sap.mapping or add it to the integration object.",
        is_about_record=True,
    ),
    Reason(
        "odata.invalid_property_definition",
        Kind.SETUP,
        "An attribute of the integration object is defined wrongly.",
        _DEFINITION,
    ),
    Reason(
        "odata.method_not_allowed",
        Kind.SETUP,
        "The Integration API does not take POST at this address.",
        "Check sap.entity_set: it must be the name of a set of the object, without a key.",
    ),
    Reason(
        "odata.misconfigured_attribute",
        Kind.SETUP,
        "An attribute of the integration object is defined wrongly.",
        _DEFINITION,
    ),
    Reason(
        "odata.missing_key",
        Kind.REJECTED,
        "A key attribute of the integration object is missing in the record.",
        "Map every key attribute in sap.mapping, and see that the trait is always there.",
        is_about_record=True,
    ),
    Reason(
        "odata.missing_nav_property",
        Kind.REJECTED,
        "A referenced item is missing in the record, or does not exist in SAP.",
        "Create the referenced item in SAP first, map the reference, or make the attribute"
        " autoCreate.",
        is_about_record=True,
    ),
    Reason(
        "odata.missing_property",
        Kind.REJECTED,
        "An attribute that SAP requires is missing in the record.",
        "Map the attribute, or make it optional in the integration object.",
        is_about_record=True,
    ),
    Reason(
        "odata.not_found",
        Kind.SETUP,
        "odata2webservices answered, but does not know the object or the set.",
        "Check sap.integration_object and sap.entity_set, case included, and that the object has an"
        " inbound channel configuration.",
    ),
    Reason(
        "odata.odata_error",
        Kind.REJECTED,
        "SAP cannot read the record by the object's $metadata: a wrong type, a list for a single"
        " value, or a number where it wants text.",
        "Compare what sap.mapping gives with the types in the object's $metadata.",
        is_about_record=True,
    ),
    Reason(
        "odata.post_persist_error",
        Kind.REJECTED,
        "The project's own hook failed after saving; SAP took everything back.",
        _HOOK,
        is_about_record=True,
    ),
    Reason(
        "odata.pre_persist_error",
        Kind.REJECTED,
        "The project's own hook failed before saving; nothing was stored.",
        _HOOK,
        is_about_record=True,
    ),
    Reason(
        "odata.runtime_error",
        Kind.REJECTED,
        "SAP failed at this record for a reason it does not know; often the script of a virtual"
        " attribute.",
        "Look into SAP's log at this time.",
        is_about_record=True,
    ),
    Reason(
        "odata.schema_generation_error",
        Kind.SETUP,
        "SAP cannot make the $metadata of the integration object.",
        _DEFINITION,
    ),
    Reason(
        "odata.unknown_error",
        Kind.REJECTED,
        "SAP refused the request and does not know why; it says so of a media type it does not"
        " take.",
        "Check that nothing in between changes the Content-Type, and look into SAP's log.",
    ),
    Reason(
        "odata.*",
        Kind.REJECTED,
        "A code that SAP does not document, likely the project's own; with another status than"
        " 400 it has the kind of that status.",
        "Look for this code in the project's extensions, interceptors and hooks.",
        also=(Kind.SETUP, Kind.TRANSIENT),
    ),
)

_CLIENT: Final = (
    "If it worked until now, the secret was changed in SAP, or the client disabled: put the present"
    " secret into the file of sap.client_secret_file, which is read anew without a restart. Else"
    " check both for slips and line ends, and the environment."
)
_GRANT: Final = "Give the client (IntegrationClientCredentialsDetails) that grant type."
_TOKEN: Final = (
    Reason("token.ok", Kind.DELIVERED, "SAP issued an access token."),
    Reason(
        "token.secret_unreadable",
        Kind.SETUP,
        "There is no client secret to ask for a token with.",
        "Check that the client secret's file or variable exists, is readable for this user and is"
        " not empty.",
    ),
    Reason(
        "token.unreadable",
        Kind.SETUP,
        "The token endpoint's answer holds no usable token, so it was not the authorization"
        " server that answered.",
        "Check sap.base_url and what stands in between, such as a login page.",
    ),
    Reason(
        "token.xml",
        Kind.SETUP,
        "The token came as XML although JSON was asked for.",
        "Look for a proxy that removes or rewrites the Accept header.",
    ),
    Reason(
        "token.invalid_client",
        Kind.SETUP,
        "The authorization server does not accept the client and its secret.",
        _CLIENT,
    ),
    Reason(
        "token.invalid_grant",
        Kind.SETUP,
        "The authorization server does not accept the grant.",
        "Check that the client is of type IntegrationClientCredentialsDetails and that its user"
        " exists and is active.",
    ),
    Reason(
        "token.invalid_request",
        Kind.SETUP,
        "The authorization server misses a part of the request, which was sent.",
        "Look for a proxy that drops the form body or its Content-Type.",
    ),
    Reason(
        "token.invalid_scope",
        Kind.SETUP,
        "The authorization server does not accept the scope, although none is asked for.",
        "Correct the scopes of the client in SAP; the Integration API needs none.",
    ),
    Reason(
        "token.unauthorized_client",
        Kind.SETUP,
        "The client may not use the grant type client_credentials.",
        _GRANT,
    ),
    Reason(
        "token.unsupported_grant_type",
        Kind.SETUP,
        "The authorization server does not know the grant type client_credentials, or the form"
        " body did not arrive.",
        _GRANT + " If it has it, look for a proxy that drops the body.",
    ),
    Reason(
        "token.redirected",
        Kind.TRANSIENT,
        "The token endpoint redirects, to https or to a login; redirects are never followed.",
        "Check that sap.base_url begins with https and is the final host, and check the"
        " endpoint's redirects.",
    ),
    Reason(
        "token.http.1xx",
        Kind.TRANSIENT,
        "An interim status came where the token should be.",
        "Look for a proxy that does not understand HTTP/1.1.",
    ),
    Reason(
        "token.http.2xx",
        Kind.TRANSIENT,
        "The token endpoint answered with a status that is not 200.",
        "Check sap.base_url and what stands in between.",
    ),
    Reason(
        "token.http.400",
        Kind.SETUP,
        "The token endpoint refused the request without a reason that is known.",
        "Check sap.base_url, and look for a proxy that changes the form body.",
    ),
    Reason(
        "token.http.401",
        Kind.SETUP,
        "The token endpoint refused the client without naming a reason.",
        _CLIENT,
    ),
    Reason(
        "token.http.403",
        Kind.SETUP,
        "The token endpoint may not be reached from here, most often because of the IP filter.",
        "Add this host's outgoing IP address to the endpoint's filter set.",
    ),
    Reason(
        "token.http.404",
        Kind.SETUP,
        "There is no token endpoint at this address.",
        "Check sap.base_url and sap.token_path, and that this host serves /authorizationserver.",
    ),
    Reason(
        "token.http.405",
        Kind.SETUP,
        "The token endpoint does not take POST.",
        "Check sap.base_url and what stands in between.",
    ),
    Reason(
        "token.http.408",
        Kind.TRANSIENT,
        "The token endpoint did not receive the whole request in time.",
        "If it goes on, look at the network between here and SAP.",
    ),
    Reason(
        "token.http.425",
        Kind.TRANSIENT,
        "The server did not want to take a request so early on a new connection.",
        "Nothing; if it goes on, switch off TLS early data at the proxy in front.",
    ),
    Reason(
        "token.http.429",
        Kind.THROTTLED,
        "The firewall of the ingress counts too many requests from this IP address.",
        "Sending resumes alone, slowly. If it comes back, look for others behind the same address"
        " and raise the endpoint's threshold.",
    ),
    Reason(
        "token.http.4xx",
        Kind.SETUP,
        "The token endpoint refuses every request of this kind.",
        "Check sap.base_url, sap.client_id and what stands in between.",
    ),
    Reason(
        "token.http.503",
        Kind.TRANSIENT,
        "SAP is in maintenance, being deployed, or this side is inactive.",
        "Nothing: sending resumes alone. If no maintenance is planned, look at the environment in"
        " the Cloud Portal.",
        also=(Kind.THROTTLED,),
    ),
    Reason(
        "token.http.5xx",
        Kind.TRANSIENT,
        "The token endpoint failed.",
        "It is tried again. If it goes on, look into the log of SAP's authorization server.",
    ),
    Reason(
        "token.http.unknown",
        Kind.TRANSIENT,
        "The answer has a status that HTTP does not know.",
        "Look for a proxy that makes up answers.",
    ),
    Reason(
        "token.silence",
        Kind.TRANSIENT,
        "SAP refused the access token, and wanted silence before another could be asked for.",
        "Nothing: it is tried again with another token after the silence.",
    ),
    # A token is asked for again without harm, so what became of the request does not matter.
    *(replace(row, code=f"token.{row.code}", is_unknown=False) for row in _FAILURES),
)

_OURS: Final = (
    Reason(
        "mapping",
        Kind.REJECTED,
        "The mapping gives nothing that could be sent for these traits.",
        "Correct sap.mapping, then run `frontdesk reload`; or see that the trait that the text is"
        " about is sent; `frontdesk explain` shows what comes of a login.",
    ),
    Reason(
        "mapping.value",
        Kind.REJECTED,
        "A value does not fit the type that the Integration Object gives the attribute.",
        "See that the trait that the text is about is sent in that form; or correct sap.mapping,"
        " then run `frontdesk reload`.",
    ),
    Reason(
        "mapping.unfit",
        Kind.SETUP,
        "sap.mapping does not fit the Integration Object: SAP would refuse every customer.",
        "Correct sap.mapping, then run `frontdesk reload`; or correct the object, which is looked"
        " at again each minute. `frontdesk check` goes through it attribute by attribute.",
    ),
    Reason(
        "internal",
        Kind.TRANSIENT,
        "This is a defect of frontdesk.",
        "Please report it with the type that the text names.",
        is_unknown=True,
        also=(Kind.REJECTED,),
    ),
)

REASONS: Final[tuple[Reason, ...]] = (*_ANSWERS, *_ODATA, *_FAILURES, *_TOKEN, *_OURS)
"""Every reason, families included. `find_reason` gives the one of a code."""

_BY_CODE: Final[Mapping[str, Reason]] = MappingProxyType({row.code: row for row in REASONS})


def find_reason(code: str) -> Reason | None:
    """The row of ``code``, or of the family it is in; None for a code that no outcome has."""
    return _BY_CODE.get(code) or _BY_CODE.get(_family(code))


def _family(code: str) -> str:
    """``http.418`` gives ``http.4xx``, ``odata.own_code`` gives ``odata.*``; else empty."""
    head, dot, last = code.rpartition(".")
    if head in ("http", "token.http") and len(last) == 3 and last.isascii() and last.isdigit():
        return f"{head}.{last[0]}xx"
    return "odata.*" if head == "odata" and dot and last else ""
