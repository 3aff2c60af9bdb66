"""Literals of a `$filter`. Source: OData V2 "Overview", on primitive types in addresses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from frontdesk_sidecar.simulator.errors import odata_error
from frontdesk_sidecar.simulator.keys import KeyFormatError, parse_string_literal
from frontdesk_sidecar.simulator.values import read_value

if TYPE_CHECKING:
    from frontdesk_sidecar.simulator.edm import Attribute, Value


def read_literal(attribute: Attribute, literal: str) -> Value:
    """The value a literal means for an attribute. Raises `ODataError` for a wrong one."""
    if literal == "null":
        return None
    wrong = odata_error(f"Wrong literal format for literal: '{literal}'.")
    if attribute.type == "Edm.String":
        try:
            return parse_string_literal(literal)
        except KeyFormatError:
            raise wrong from None
    if attribute.type == "Edm.Boolean" and literal in {"true", "false"}:
        return literal == "true"
    if attribute.type == "Edm.DateTime" and literal.lower().startswith("datetime'"):
        return read_value(attribute, literal[len("datetime'") : -1])
    if attribute.type in {"Edm.Byte", "Edm.SByte", "Edm.Int16", "Edm.Int32"}:
        if re.fullmatch("-?[0-9]{1,10}", literal):
            return int(literal)
        raise wrong
    if attribute.type in {"Edm.Int64", "Edm.Single", "Edm.Double", "Edm.Decimal"}:
        return read_value(attribute, literal.rstrip("LlMmDdFf"))
    raise wrong
