"""What to do in SAP, as ImpEx to paste and as ways through the Backoffice. Pure texts.

Types and columns are those of SAP Help, "Integration API Module"; the ways through the Backoffice
those of learning.sap.com, "Adding Security to the Integration APIs".
"""

from __future__ import annotations

from typing import Final

from frontdesk_sidecar.check.result import Where

AUTHENTICATION: Final = "Backoffice > Integration UI Tool > Integration APIs > Authentication"
CLIENTS: Final = "Backoffice > System > OAuth > OAuth Clients"
MONITORING: Final = "Backoffice > Integration UI Tool > Monitoring > Inbound"
MODELING: Final = "Backoffice > Integration UI Tool > Integration APIs > Modeling"
CUSTOMERS: Final = "Backoffice > User > Customers"
EMPLOYEES: Final = "Backoffice > User > Employees"
ENDPOINTS: Final = "Cloud Portal > Environments > your environment > Endpoints"


def channel(where: Where) -> tuple[str, ...]:
    """Expose the object, with the way of proving who asks that is configured here."""
    kind = "BASIC" if where.is_basic else "OAUTH"
    return (
        (
            f"{AUTHENTICATION}: choose {where.object}, authentication type"
            f" {'Basic' if where.is_basic else 'OAuth2'}; or import as ImpEx:"
        ),
        (
            "INSERT_UPDATE InboundChannelConfiguration; integrationObject(code)[unique = true];"
            " authenticationType(code)"
        ),
        f"; {where.object} ; {kind}",
    )


def client(where: Where) -> tuple[str, ...]:
    """A client that an Integration Object takes."""
    return (
        "an ordinary OAuthClientDetails is not enough, import as ImpEx:",
        (
            "INSERT_UPDATE IntegrationClientCredentialsDetails; clientId[unique = true];"
            " authorities; clientSecret; user(uid)"
        ),
        f"; {where.client_id} ; ROLE_INTEGRATIONCREATEGROUP ; <secret> ; <integration user>",
    )


def new_secret(where: Where) -> tuple[str, ...]:
    """Give the client another secret."""
    return (
        "or give the client a new secret as ImpEx, and put the same into sap.client_secret_file:",
        "UPDATE IntegrationClientCredentialsDetails; clientId[unique = true]; clientSecret",
        f"; {where.client_id} ; <new secret>",
    )


def groups(where: Where) -> tuple[str, ...]:
    """Let the user create."""
    whose = f"{where.client_id}" if where.is_basic else f"the user of client {where.client_id}"
    user = where.client_id if where.is_basic else "<integration user>"
    return (
        (
            f"{EMPLOYEES}: add {whose} to integrationcreategroup (writing, $metadata) and"
            " integrationviewgroup (reading); or import as ImpEx:"
        ),
        "INSERT_UPDATE Employee; uid[unique = true]; groups(uid)[mode = append]",
        f"; {user} ; integrationcreategroup,integrationviewgroup",
    )


def type_rights() -> tuple[str, ...]:
    """Rights on types, where they are checked."""
    return (
        (
            "where integrationservices.authorization.accessrights.enabled=true, give its group"
            " rights on each type of the object, import as ImpEx:"
        ),
        "$START_USERRIGHTS",
        "Type ;UID ;MemberOfGroups;Password;Target ;read;change;create;remove",
        "UserGroup ;<its group> ;;;;;;;",
        ";;;;Customer ;+ ;+ ;+ ;-",
        "$END_USERRIGHTS",
    )


def ip_filter() -> tuple[str, ...]:
    """Let this host through."""
    return (
        (
            f"{ENDPOINTS}: add the address that this host goes out with to the endpoint's IP filter"
            " set"
        ),
    )


def right_host(where: Where) -> tuple[str, ...]:
    """The aspect that serves the Integration API."""
    return (
        (
            f"sap.base_url: name the host that serves odata2webservices, often the backoffice"
            f" endpoint; {where.host} does not seem to be it ({ENDPOINTS} lists them)"
        ),
        (
            "or let this aspect serve it: manifest.json, aspects[].webapps, add"
            ' {"name": "odata2webservices", "contextPath": "/odata2webservices"}'
        ),
    )


def maintenance() -> tuple[str, ...]:
    """SAP is not there for now."""
    return (
        (
            f"{ENDPOINTS}: see that maintenance mode is off, that a deployment is not under way,"
            " and that this host is the active side; frontdesk goes on by itself"
        ),
    )


def too_much() -> tuple[str, ...]:
    """The firewall counts."""
    return (
        (
            "wait a few seconds without any request, then check again; a running frontdesk slows"
            " down by itself"
        ),
        f"if it comes back: forward.rate lower, or a higher threshold of the WAF ({ENDPOINTS})",
    )


def look_for_records(where: Where) -> tuple[str, ...]:
    """Where a customer that does not appear may be."""
    return (
        (
            f"{MONITORING}: each POST with its integrationMessageId, where"
            " inboundservices.monitoring.enabled=true (off by default)"
        ),
        (
            f"{CUSTOMERS}: search the e-mail address in lower case, it is the uid"
            f" in {where.entity_set}"
        ),
        "frontdesk status and frontdesk dead list: what waits, what is paused, what SAP refused",
        "frontdesk explain: whether a login is captured at all",
    )
