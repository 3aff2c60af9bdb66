"""The sidecar's settings in a chaos run: what takes minutes in production takes seconds here.

All in one place. A setting that the sidecar does not know (yet) is left out and told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from frontdesk_sidecar.settings_table import SETTINGS as KNOWN

SETTINGS: Final[Mapping[str, float | int | str]] = {
    "sap.connect_timeout_s": 1,
    "sap.total_timeout_s": 2,
    "store.ballast_bytes": 1_048_576,
    "forward.rate": 100,
    "forward.concurrency": 8,
    "forward.batch_above": 5,
    "forward.batch_size": 20,
    "forward.retry_base_s": 0.2,
    "forward.retry_cap_s": 2,
    "forward.retry_tries": 20,
    "forward.reject_base_s": 2,
    "forward.reject_tries": 3,
    "forward.rest_s": 5,
    "forward.quiet_s": 1,
    "forward.breaker_s": 0.5,
    "forward.probe_s": 0.5,
    "forward.probe_cap_s": 2,
}

#: SAP's longest latency: above `sap.total_timeout_s`, so that outcomes are unknown, and below
#: `forward.rest_s`, which is how long a customer is left alone then. That is the assumption behind
#: the promise that no older state follows a newer one; see "Endpoints" of the Cloud Portal.
SLOWEST_S: Final = 3.0
#: How long SAP's process stands still: with `SLOWEST_S` still below `forward.rest_s`.
FROZEN_S: Final = 0.8
#: The throttle's cool-down: below `forward.quiet_s`.
COOLDOWN_S: Final = 0.6
#: The web processes look at a full journal again after a second, or somewhat later when to look
#: takes long.
JOURNAL_REVIEW_S: Final = 3.0
#: The store's file system, where one of its own can be mounted.
DISK_BYTES: Final = 48 * 1024 * 1024


def environment() -> dict[str, str]:
    """The settings as the sidecar's environment variables."""
    return {one.variable: str(SETTINGS[one.name]) for one in KNOWN if one.name in SETTINGS}


def unknown() -> list[str]:
    """Settings that this frontdesk does not have."""
    return sorted(SETTINGS.keys() - {one.name for one in KNOWN})
