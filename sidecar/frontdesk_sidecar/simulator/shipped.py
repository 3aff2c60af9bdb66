"""The objects that come with the simulator: `flat` in code, the others as definition files."""

from __future__ import annotations

from typing import Final

from frontdesk_sidecar.simulator.edm import Attribute, IntegrationObject, Item

INBOUND_CUSTOMER: Final = IntegrationObject(
    "InboundCustomer",
    (
        Item(
            "Customer",
            "Customers",
            (
                Attribute("uid", unique=True, max_length=255),
                Attribute("name", max_length=255),
                Attribute("contactEmail", max_length=255),
                Attribute("firstName", max_length=255),
                Attribute("lastName", max_length=255),
                Attribute("customerID", max_length=255),
                Attribute("originalUid", max_length=255),
                Attribute("loginDisabled", "Edm.Boolean", default=False),
                Attribute("deactivationDate", "Edm.DateTime"),
            ),
        ),
    ),
)
"""The default object. SAP ships none of this name; every project models its own."""
