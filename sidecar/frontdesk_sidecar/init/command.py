"""`frontdesk init`: gives the exit code 0, 1, or 2 when something must be chosen; 78 is raised."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

import anyio

from frontdesk import ConfigurationError
from frontdesk_sidecar import settings
from frontdesk_sidecar.admin.terminal import Terminal
from frontdesk_sidecar.init import report
from frontdesk_sidecar.init.asking import Asked, SecretFrom, find_destination
from frontdesk_sidecar.init.finding import FAILED, USAGE, Found, Stop, ask, read_file
from frontdesk_sidecar.init.impex import as_impex
from frontdesk_sidecar.init.impex_model import Unknown, check_names, of_attributes, of_metadata
from frontdesk_sidecar.init.line import Proposal
from frontdesk_sidecar.init.proposal import propose
from frontdesk_sidecar.init.toml_text import Where, as_toml
from frontdesk_sidecar.init.writing import CannotWrite, check_free, keep_secret, places, write
from frontdesk_sidecar.metadata.fit import Level
from frontdesk_sidecar.plan import make_plan
from frontdesk_sidecar.sap.destination import parse_base_url

OK: Final = 0
_CLIENT: Final = "frontdesk"
#: What a file from an EDMX says as long as nobody knows better.
_MADE_UP: Final = {"base_url": "odata.example.com", "client_id": _CLIENT}


def run(options: Namespace) -> int:
    """Run it; says why when it cannot. Raises ConfigurationError."""
    terminal = Terminal()
    try:
        if options.impex:
            return _impex(options, terminal)
        check_free(options.output, force=options.force)
        if options.offline is not None:
            return _offline(options, terminal)
        return _online(options, terminal)
    except Stop as stop:
        for line in stop.lines:
            terminal.complain(f"init: {line}")
        return stop.code
    except CannotWrite as error:
        terminal.complain(f"init: {error}")
        return FAILED
    except Unknown as error:
        terminal.complain(f"init: {error}")
        return USAGE
    except BrokenPipeError:  # `| head` has enough
        terminal.hang_up()
        return FAILED


def _online(options: Namespace, terminal: Terminal) -> int:
    asked = find_destination(_sap(options), terminal)
    found = anyio.run(ask, asked.destination, options.object, options.entity_set)
    kept = _keep(asked, options.output, terminal)
    secret_file = kept or asked.secret_file
    journal, store = places()
    where = Where(
        asked.destination.base_url,
        found.object,
        asked.destination.client_id,
        None if secret_file is None else str(secret_file.absolute()),
        _others(options),
        journal,
        store,
    )
    try:
        return _write(where, found, options, terminal)
    except BaseException:
        if kept is not None:
            kept.unlink(missing_ok=True)
        raise


def _offline(options: Namespace, terminal: Terminal) -> int:
    found = read_file(options.offline, options.object, options.entity_set)
    given = {"base_url": _base_url(options.host), "client_id": options.client_id}
    made_up = [key for key, value in given.items() if value is None]
    if options.object is None:
        made_up.insert(0, "integration_object")
    secret_file = options.client_secret_file
    journal, store = places()
    where = Where(
        given["base_url"] or _MADE_UP["base_url"],
        found.object,
        given["client_id"] or _MADE_UP["client_id"],
        None if secret_file is None else str(Path(secret_file).absolute()),
        _others(options),
        journal,
        store,
        tuple(made_up),
        is_offline=True,
    )
    return _write(where, found, options, terminal)


def _impex(options: Namespace, terminal: Terminal) -> int:
    wanted, client_id = options.attributes, options.client_id or _CLIENT
    check_names([client_id])
    if options.offline is not None:
        found = read_file(options.offline, options.object, options.entity_set)
        model = of_metadata(found.object, found.metadata, found.item, wanted)
    elif options.host is not None:
        asked = find_destination(_sap(options), terminal)
        found = anyio.run(ask, asked.destination, options.object, options.entity_set)
        model = of_metadata(found.object, found.metadata, found.item, wanted)
    else:
        item_type = options.item_type or "Customer"
        model = of_attributes(options.object or f"Inbound{item_type}", item_type, wanted)
    # Not broken at the terminal's width: it is copied from there.
    print(as_impex(model, client_id), end="", flush=True)  # noqa: T201 - its answer to a person
    return OK


def _write(where: Where, found: Found, options: Namespace, terminal: Terminal) -> int:
    proposal = propose(found.metadata, found.entity_set, found.codes)
    path = str(options.output)
    write(
        options.output,
        as_toml(where, proposal),
        partial(_check, where, proposal),
        force=options.force,
    )
    if options.json:
        terminal.data(report.document(where, proposal, path, found.misses))
    else:
        terminal.say(report.lines(where, proposal, path, found.misses))
    return OK


def _check(where: Where, proposal: Proposal, path: Path) -> None:
    """The file as the sidecar will load it; what is undecided may misfit, and nothing else."""
    given = {} if where.secret_file else {"FRONTDESK_SAP__CLIENT_SECRET": "of another time"}
    target = settings.load(str(path), given).default
    plan = make_plan(target.mapping, proposal.metadata, target.destination.entity_set)
    undecided = {line.name for line in proposal.undecided}
    misfits = [
        str(one)
        for one in plan.findings
        if one.level is Level.ERROR and one.attribute.partition(".")[0] not in undecided
    ]
    if misfits:
        raise Stop("the mapping made for this object does not fit it; please report it", *misfits)


def _keep(asked: Asked, output: Path, terminal: Terminal) -> Path | None:
    """The file with a secret that was typed, if it is to be kept in one."""
    if asked.secret_from is not SecretFrom.PERSON:
        return None
    path = output.with_suffix(".secret").absolute()
    if not terminal.confirmed(f"Keep the secret in {path}, which you alone can read?"):
        return None
    keep_secret(path, asked.typed)
    return path


def _sap(options: Namespace) -> Mapping[str, str | None]:
    return {
        "base_url": options.host,
        "client_id": options.client_id,
        "client_secret_file": options.client_secret_file,
        **dict(_others(options)),
    }


def _others(options: Namespace) -> tuple[tuple[str, str], ...]:
    given = {"auth": options.auth, "ca_file": options.ca_file}
    return tuple((key, value) for key, value in given.items() if value is not None)


def _base_url(host: str | None) -> str | None:
    try:
        return None if host is None else parse_base_url(host)
    except ValueError as error:
        raise ConfigurationError([f"sap.base_url: {error}"]) from None
