"""A local SAP Commerce Integration API (`odata2webservices`) to develop and test against.

In a test, over a real port:

    with running() as url:
        ...  # POST f"{url}/odata2webservices/InboundCustomer/Customers"

or in the same process, with `httpx.ASGITransport(create_app())`. From a shell:
`frontdesk simulate --port 8090`. What it knows so far is the flat upsert of simple attributes,
PATCH, DELETE, reads by key and by `attribute eq value`, `$batch`, both token endpoints, and
faults.
"""

from frontdesk_sidecar.simulator.app import create_app
from frontdesk_sidecar.simulator.config import SimulatorConfig
from frontdesk_sidecar.simulator.definition import (
    DefinitionError,
    load_definition,
    parse_definition,
)
from frontdesk_sidecar.simulator.edm import INBOUND_CUSTOMER, Attribute, IntegrationObject, Item
from frontdesk_sidecar.simulator.ingress import Simulator
from frontdesk_sidecar.simulator.server import running, serve
from frontdesk_sidecar.simulator.wire import ConnectionCutError

__all__ = [
    "INBOUND_CUSTOMER",
    "Attribute",
    "ConnectionCutError",
    "DefinitionError",
    "IntegrationObject",
    "Item",
    "Simulator",
    "SimulatorConfig",
    "create_app",
    "load_definition",
    "parse_definition",
    "running",
    "serve",
]
