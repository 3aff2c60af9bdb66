"""The options of `frontdesk init`, for argparse. What it needs is imported when it is run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

Add: TypeAlias = Callable[..., argparse.ArgumentParser]
#: What `add_subparsers` gives; its class has no public name.
Group: TypeAlias = Any

_EXAMPLE: Final = """\
frontdesk init api.example.com --client-id frontdesk
  frontdesk init --offline metadata.xml
  frontdesk init --impex --attributes uid,name,title,loyaltyTier:String > frontdesk.impex"""


def add_init(commands: Group, add: Add) -> None:
    """Add `init`; see `admin.parser.add_commands` for the arguments."""
    init = add(
        commands,
        "init",
        _init,
        "look at SAP and write a frontdesk.toml that fits, or print the ImpEx for SAP",
        _EXAMPLE,
    )
    _add_source(init)
    init.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        default=Path("frontdesk.toml"),
        help="(default: %(default)s)",
    )
    init.add_argument("--force", action="store_true", help="replace a file that is there")
    init.add_argument("--json", action="store_true", help="for scripts")
    _add_impex(init.add_argument_group("ImpEx, which is printed and not run"))


def _add_source(init: argparse.ArgumentParser) -> None:
    init.add_argument("host", nargs="?", metavar="HOST", type=_plain, help="that serves the API")
    init.add_argument("--client-id", metavar="ID", type=_plain, help="the OAuth client")
    init.add_argument(
        "--client-secret-file",
        metavar="FILE",
        type=_plain,
        help="holds its secret; else FRONTDESK_SAP__CLIENT_SECRET, or you are asked",
    )
    init.add_argument("--auth", choices=("oauth", "oauth_basic", "basic"), help="see the settings")
    init.add_argument("--ca-file", metavar="FILE", type=_plain, help="authorities to trust, as PEM")
    init.add_argument("--object", metavar="NAME", type=_name, help="the Integration Object")
    init.add_argument("--entity-set", metavar="NAME", type=_name, help="where customers are in it")
    init.add_argument("--offline", metavar="EDMX", type=Path, help="a saved $metadata; no network")


def _add_impex(impex: Group) -> None:
    impex.add_argument("--impex", action="store_true", help="print it; writes no file")
    impex.add_argument(
        "--attributes", metavar="A,B,…", type=_names, default=[], help="your own as name:Type(key)"
    )
    impex.add_argument("--item-type", metavar="TYPE", type=_name, help="Customer or B2BCustomer")


def _plain(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise argparse.ArgumentTypeError("expected printable text")
    return text.strip()


def _name(text: str) -> str:
    if not (text.isascii() and text.isidentifier()):
        raise argparse.ArgumentTypeError("expected letters, digits and underscores")
    return text


def _names(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := _plain(part))]


def _init(options: argparse.Namespace) -> int:
    from frontdesk_sidecar.init.command import run

    return run(options)
