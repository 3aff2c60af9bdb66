"""What operations read about an outcome: what it means and what to do, by its code."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from frontdesk_sidecar.sap.outcome_table import REASONS, find_reason

ADVICE: Final[Mapping[str, str]] = MappingProxyType(
    {reason.code: reason.advice for reason in REASONS if reason.advice}
)
"""All of it, by code or family of codes."""


def advice_for(*codes: str) -> str:
    """The advice of the first of ``codes`` that has one; empty when none has."""
    found = (reason.advice for code in codes if (reason := find_reason(code)) is not None)
    return next(filter(None, found), "")
