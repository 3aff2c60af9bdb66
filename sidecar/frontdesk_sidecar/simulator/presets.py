"""What is in the stores from the beginning: the presets of every object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from frontdesk_sidecar.simulator.payload import read_document
from frontdesk_sidecar.simulator.saving import Occasion, Saver
from frontdesk_sidecar.simulator.upsert import key_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from frontdesk_sidecar.simulator.config import SimulatorConfig
    from frontdesk_sidecar.simulator.edm import IntegrationObject
    from frontdesk_sidecar.simulator.state import Stores


def store_presets(
    config: SimulatorConfig, stores: Stores, served: Iterable[IntegrationObject]
) -> None:
    """Stores the presets of all served objects.

    Items are taken from the last to the first, so that what others lead to is there already.
    Raises `ODataError` for one that cannot be stored.
    """
    saver = Saver(config, stores)
    now = int(config.clock() * 1000)
    for definition in served:
        for item in reversed(definition.items):
            for preset in item.presets:
                entry = read_document(preset, item, definition.by_code)
                key = key_of(definition, item, entry)
                occasion = Occasion(definition, "POST", config.language, now, key, None)
                saver.save(occasion, item, entry, key)
