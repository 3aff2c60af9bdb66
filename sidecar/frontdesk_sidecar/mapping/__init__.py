"""From a customer's traits to the attributes of an Integration Object.

An attribute is a JMESPath expression (https://jmespath.org/specification.html) over the traits
and `userId`, `event`, `site` and `timestamp`, with the functions of `mapping.functions`.
"""

from types import MappingProxyType
from typing import Final

from frontdesk_sidecar.mapping.expressions import MappingError, Problem
from frontdesk_sidecar.mapping.payload import AttributeMapping, compile_mapping

__all__ = [
    "DEFAULT_MAPPING",
    "AttributeMapping",
    "MappingError",
    "Problem",
    "compile_mapping",
]

#: Used when the settings name no mapping; what the object does not define is left out of it.
DEFAULT_MAPPING: Final = MappingProxyType(
    {
        "uid": "lower(trim(email))",
        "contactEmail": "lower(trim(email))",
        "name": "name || (firstName && lastName && join(' ', [firstName, lastName]))",
        "firstName": "firstName",
        "lastName": "lastName",
    }
)
