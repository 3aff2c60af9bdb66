"""The command line. Exit codes: 0 fine, 1 failed, 2 usage, 78 configuration (sysexits(3))."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from frontdesk import ConfigurationError, __version__
from frontdesk_sidecar.admin.parser import add_commands
from frontdesk_sidecar.backfill.parser import add_backfill
from frontdesk_sidecar.check.parser import add_check
from frontdesk_sidecar.init.parser import add_init
from frontdesk_sidecar.proxy.parser import add_proxy
from frontdesk_sidecar.top.parser import add_top

OK: Final = 0
FAILED: Final = 1
EX_CONFIG: Final = 78


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except ConfigurationError as error:
        for problem in error.problems:
            _say(f"frontdesk: {problem}")
        if getattr(options, "config", "") is None:
            _say("frontdesk: (a file is named by --config, or by FRONTDESK_CONFIG)")
        return EX_CONFIG
    except KeyboardInterrupt:
        return 130


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 - the command line speaks


def _run(options: argparse.Namespace) -> int:
    # Until it is heard it must not end the process; the settings are read in a moment anyway.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    from frontdesk_sidecar import app, settings

    try:
        app.run(settings.load(options.config), lambda: settings.load(options.config))
    except app.CannotRun as error:
        _say(f"frontdesk: {error}")
        return EX_CONFIG if isinstance(error, app.NeverRuns) else FAILED
    return OK


def _simulate(options: argparse.Namespace) -> int:
    from frontdesk_sidecar.simulator import DefinitionError
    from frontdesk_sidecar.simulator.server import Tls, serve

    if (options.tls_cert is None) != (options.tls_key is None):
        raise ConfigurationError(["simulate: --tls-cert and --tls-key go together"])
    tls = options.tls_cert and Tls(options.tls_cert, options.tls_key, options.tls_client_ca)

    def ready(port: int) -> None:
        base = f"{'https' if tls else 'http'}://{options.host}:{port}"
        _say(f"SAP Commerce simulator on {base}  (client_id frontdesk)")
        _say(f"  customers {base}/_sim/customers   requests {base}/_sim/requests")

    try:
        serve(
            host=options.host,
            port=options.port,
            mode=options.tokens,
            client_secret=options.client_secret,
            shipped=options.object,
            definition=options.definition,
            token_lifetime_s=options.token_lifetime,
            webhook=options.webhook,
            tls=tls,
            on_ready=ready,
        )
    except OSError as error:
        _say(f"frontdesk: simulate: {error.strerror or error}")
        return FAILED
    except DefinitionError as error:
        raise ConfigurationError([f"definition: {error}"]) from None
    return OK


def _demo(options: argparse.Namespace) -> int:
    from frontdesk_sidecar.demo import run

    return run(once=options.once)


def _explain(options: argparse.Namespace) -> int:
    from frontdesk.settings import load_capture
    from frontdesk_sidecar.explain import run

    return run(
        load_capture(path=options.config),
        options.file,
        app=options.app,
        url=options.url,
        port=options.port,
        presets=options.preset,
        as_json=options.json,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="frontdesk",
        description="Puts the customers of a web storefront into SAP Commerce Cloud.",
    )
    parser.add_argument("--version", action="version", version=f"frontdesk {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    run = _command(
        commands,
        "run",
        _run,
        "run the sidecar",
        "FRONTDESK_SAP__CLIENT_SECRET_FILE=/run/secrets/sap frontdesk run --config frontdesk.toml",
    )
    run.add_argument("--config", help="frontdesk.toml; else FRONTDESK_CONFIG names it")

    simulate = _command(
        commands,
        "simulate",
        _simulate,
        "a local SAP Commerce Integration API to try and test against",
        "frontdesk simulate --port 8090 --tokens jdk21",
    )
    simulate.add_argument("--host", default="127.0.0.1", help="address (default: %(default)s)")
    simulate.add_argument("--port", type=int, default=8090, help="0 is a free one (default: 8090)")
    simulate.add_argument(
        "--tokens",
        choices=("classic", "jdk21"),
        default="classic",
        help="the token endpoint's manner (default: %(default)s)",
    )
    simulate.add_argument("--token-lifetime", type=int, metavar="SECONDS", help="of each token")
    simulate.add_argument("--client-secret", default="secret", help="(default: %(default)s)")
    simulate.add_argument(
        "--object",
        choices=("flat", "standard", "surprising"),
        default="flat",
        help="which InboundCustomer (default: %(default)s)",
    )
    simulate.add_argument("--definition", type=Path, metavar="FILE", help="another object, as JSON")
    simulate.add_argument("--webhook", metavar="URL", help="post every saved customer to it")
    simulate.add_argument("--tls-cert", type=Path, metavar="FILE", help="serve HTTPS, PEM")
    simulate.add_argument("--tls-key", type=Path, metavar="FILE", help="its key, PEM")
    simulate.add_argument("--tls-client-ca", type=Path, metavar="FILE", help="ask for certificates")

    demo = _command(
        commands,
        "demo",
        _demo,
        "a storefront, the sidecar and a simulated SAP together on this machine",
        "frontdesk demo --once",
    )
    demo.add_argument(
        "--once", action="store_true", help="let shoppers in, wait until they are in SAP, end"
    )
    _explain_options(commands)
    add_check(commands, _command)
    add_init(commands, _command)
    add_proxy(commands, _command)
    add_commands(commands, _command)
    add_top(commands, _command)
    add_backfill(commands, _command)
    return parser


def _explain_options(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    explain = _command(
        commands,
        "explain",
        _explain,
        "why logins are captured or not: of recorded exchanges, or of a live app",
        "frontdesk explain --app shop.main:app\n  frontdesk explain login.har",
    )
    explain.add_argument(
        "file", nargs="*", type=Path, help="a HAR file, or requests and answers as text"
    )
    explain.add_argument("--config", help="frontdesk.toml; else FRONTDESK_CONFIG names it")
    live = explain.add_mutually_exclusive_group()
    live.add_argument("--app", metavar="MODULE:NAME", help="serve this ASGI app and watch it")
    live.add_argument("--url", help="send the files' requests to this running app")
    explain.add_argument("--port", type=int, default=0, help="for --app (default: a free one)")
    explain.add_argument(
        "--preset", action="append", default=[], metavar="NAME", help="beside those configured"
    )
    explain.add_argument("--json", action="store_true", help="for scripts")


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    function: object,
    text: str,
    example: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=function)
    return parser
