"""Reads the proxy's options: `[proxy]` of `frontdesk.toml`, the environment, the command line.

The later wins. Files that are named are looked at here, so that what is wrong with them is said
before anything listens.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from frontdesk import ConfigurationError
from frontdesk.settings import read_file
from frontdesk_sidecar.proxy.dial import tls_to
from frontdesk_sidecar.proxy.options import OPTIONS, PREFIX, SECTION, Options, read_options
from frontdesk_sidecar.secret_files import read_secret


def load_options(
    path: str | None, given: Mapping[str, Any], environ: Mapping[str, str] = os.environ
) -> Options:
    """The options. Raises ConfigurationError with every problem at once."""
    section = read_file(path or environ.get("FRONTDESK_CONFIG")).get(SECTION, {})
    if not isinstance(section, dict):
        raise ConfigurationError([f"{SECTION}: expected a table"])
    problems: list[str] = []
    variables = {one.variable: one.key for one in OPTIONS}
    from_environment = {key: environ[name] for name, key in variables.items() if name in environ}
    problems += [
        f"{name}: is not a setting"
        for name in sorted(environ)
        if name.startswith(PREFIX) and name not in variables
    ]
    options = read_options({**section, **from_environment, **given}, problems)
    if options is not None:
        options = _with_files(options, problems)
    if problems or options is None:
        raise ConfigurationError(problems)
    return options


def _with_files(options: Options, problems: list[str]) -> Options:
    """The options with the key that a file holds; the other files are tried."""
    try:
        tls_to(
            *(options.upstream, options.upstream_ca_file),
            *(options.upstream_cert_file, options.upstream_key_file),
        )
    except OSError as error:
        problems.append(f"{SECTION}.upstream_…_file: cannot be used: {error.strerror or error}")
    if options.tls_cert_file is not None:
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(options.tls_cert_file, options.tls_key_file, lambda: "")
        except OSError as error:
            problems.append(f"{SECTION}.tls_…_file: cannot be used: {error.strerror or error}")
    if options.key_file is not None:
        try:
            return replace(options, key=read_secret(options.key_file), key_file=None)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            problems.append(f"{SECTION}.key_file: cannot be read: {reason}")
    return options
