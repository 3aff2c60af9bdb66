"""`[ingest]` of the settings: who may come in, and from pages of which origins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from frontdesk_sidecar.ingest.keys import KeyFile, Keys, Source, given, no_keys
from frontdesk_sidecar.secret_files import check_secret


@dataclass(frozen=True, slots=True)
class Options:
    """What the settings say of the door; without keys it is closed."""

    keys: Keys = field(default_factory=Keys, repr=False)
    origins: tuple[str, ...] = ()


def read_options(values: Mapping[str, Any], problems: list[str]) -> Options:
    """The options from values by `section.key`; appends what is wrong with them."""
    for name in ("ingest.write_key", "ingest.hmac_key"):
        check_secret(name, values, problems)
    write, sign = (_source(name, values) for name in ("ingest.write_key", "ingest.hmac_key"))
    return Options(Keys(write, sign), values["ingest.origins"] or ())


def _source(name: str, values: Mapping[str, Any]) -> Source:
    inline, path = values[name], values[f"{name}_file"]
    if path is not None:
        return KeyFile(path)
    return no_keys if inline is None else given(inline.strip())
