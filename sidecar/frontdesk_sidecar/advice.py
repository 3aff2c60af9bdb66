"""What operations can do about an outcome: one sentence per code."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

ADVICE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "connect": "Check that this host may reach SAP: egress rules here, the IP filter set of"
        " the endpoint there.",
        "dns": "Check sap.base_url and the name resolution of this host.",
        "tls": "Check that sap.base_url names the right host and that its certificate is trusted"
        " here.",
        "timeout": "SAP's own proxy gives up after 60 s; if this goes on, look at the load there.",
        "redirected": "Something in front of the Integration API redirects; check sap.base_url"
        " and the endpoint's redirects.",
        "answer.no_entity": "Something other than the Integration API answered; check"
        " sap.base_url and what stands in between.",
        "http.401": "Give the integration object an inbound channel configuration of type OAUTH"
        " and use a client of type IntegrationClientCredentialsDetails.",
        "http.403": "Add this host's outgoing IP address to the endpoint's filter set; if it is"
        " there, check the rights of the client's user.",
        "http.404": "Check sap.integration_object and sap.entity_set, the object's inbound channel"
        " configuration, and that this host serves odata2webservices.",
        "http.405": "Check sap.entity_set and that the integration object accepts POST.",
        "http.413": "Shorten the record or raise the limit of the ingress.",
        "http.415": "Check that nothing in between changes the Content-Type.",
        "http.429": "The ingress limits requests per IP address; lower the rate here or raise the"
        " threshold there.",
        "http.503": "SAP is in maintenance or this side is inactive; sending resumes alone.",
        "odata.ambiguous_keys": "If it stays, the uid already belongs to an employee or a user"
        " group.",
        "odata.forbidden": "Put the client's user into integrationcreategroup and give it create,"
        " read and change rights on the types.",
        "odata.hook_not_found": "Deploy the persistence hook or correct its name.",
        "odata.inaccessible_integration_object": "The object is built from POJO classes; use one"
        " built from types.",
        "odata.internal_error": "If it stays for one customer, look into the inbound monitoring of"
        " the Backoffice.",
        "odata.invalid_attribute_value": "A validation or an interceptor in SAP refused the value;"
        " the message names the type.",
        "odata.invalid_key_definition": "Correct the integration object's unique attributes.",
        "odata.invalid_property": "Remove the attribute from sap.mapping or add it to the"
        " integration object.",
        "odata.invalid_property_definition": "Correct the integration object's definition.",
        "odata.misconfigured_attribute": "Correct the integration object's definition.",
        "odata.missing_key": "Map every key attribute of the integration object.",
        "odata.missing_nav_property": "Create the referenced item in SAP first or make the"
        " attribute autoCreate.",
        "odata.missing_property": "Map the attribute or make it optional in the integration"
        " object.",
        "odata.odata_error": "Compare the types in sap.mapping with the object's $metadata.",
        "odata.post_persist_error": "The project's own persistence hook failed; see SAP's log.",
        "odata.pre_persist_error": "The project's own persistence hook failed; see SAP's log.",
        "odata.schema_generation_error": "Correct the integration object's definition.",
        "token": "Check sap.client_id, the client secret and the token endpoint.",
        "token.http.404": "Check that this host serves /authorizationserver.",
        "token.invalid_client": "Check sap.client_id and the client secret, and that the client is"
        " not disabled.",
        "token.secret_unreadable": "Check that the client secret's file exists, is readable and is"
        " not empty.",
        "token.unauthorized_client": "Give the client the grant type client_credentials.",
        "token.unreadable": "Something other than the authorization server answered; check"
        " sap.base_url.",
        "token.unsupported_grant_type": "Give the client the grant type client_credentials.",
    }
)


def advice_for(*codes: str) -> str:
    """The sentence of the first of ``codes`` that has one; empty when none has."""
    return next((ADVICE[code] for code in codes if code in ADVICE), "")
