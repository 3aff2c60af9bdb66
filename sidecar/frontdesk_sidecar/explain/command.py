"""The command: recorded or live exchanges in, explanations out."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import anyio
import orjson

from frontdesk import Capture, ConfigurationError
from frontdesk.explain import Explanation, explain
from frontdesk.named import named_app
from frontdesk.routes import RouteTable
from frontdesk_sidecar.explain import live
from frontdesk_sidecar.explain.recordings import NotARecording, Recorded, read
from frontdesk_sidecar.explain.report import as_data, as_text

CAPTURED: Final = 0
NOT_CAPTURED: Final = 1


def run(
    settings: Capture,
    files: Sequence[Path],
    *,
    app: str | None = None,
    url: str | None = None,
    port: int = 0,
    presets: Sequence[str] = (),
    as_json: bool = False,
) -> int:
    """Explain; 0 when something was captured, else 1.

    `files`: recordings. `app`: `module:attribute` of an ASGI app to serve here; without files it is
    served until interrupted. `url`: a running app that the files' requests are sent to. Raises
    ConfigurationError.
    """
    settings = replace(settings, presets=[*settings.presets, *presets])
    recorded = [one for path in files for one in _read(path)]
    if app is not None:
        return anyio.run(_with_app, settings, app, port, recorded, as_json)
    if url is not None:
        recorded = anyio.run(live.ask, url, recorded)
    unanswered = sum(one.status is None for one in recorded)
    if unanswered or not recorded:
        raise ConfigurationError(["explain: a request without an answer needs --app or --url"])
    table = RouteTable(settings.all_rules())
    return _tell([explain(table, one.exchange()) for one in recorded], as_json=as_json)


async def _with_app(
    settings: Capture, name: str, port: int, recorded: list[Recorded], as_json: bool
) -> int:
    """Serve the app named; send it the recorded requests, or wait for a person's."""
    watched = named_app({"FRONTDESK_APP": name})
    # After the import: which presets are chosen goes by what the app has loaded.
    table = RouteTable(settings.all_rules())
    explained: list[Explanation] = []

    def on_explained(explanation: Explanation) -> None:
        explained.append(explanation)
        if not as_json:
            _say(as_text(explanation) + "\n")

    async with live.serving(live.Explaining(watched, table, on_explained), port) as base:
        if recorded:
            await live.ask(base, recorded)
        else:
            print(f"{name} on {base}; log in there. Ctrl-C ends.", file=sys.stderr)  # noqa: T201 - its answer to a person
            await anyio.sleep_forever()
    return _tell(explained, as_json=True) if as_json else _exit_code(explained)


def _read(path: Path) -> Iterator[Recorded]:
    try:
        yield from read(path.read_bytes())
    except NotARecording as error:
        raise ConfigurationError([f"{path}: {error}"]) from None
    except OSError as error:
        raise ConfigurationError([f"{path}: cannot be read: {error.strerror}"]) from None


def _tell(explanations: list[Explanation], *, as_json: bool) -> int:
    if as_json:
        data = [as_data(explanation) for explanation in explanations]
        _say(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode())
    else:
        _say("\n\n".join(map(as_text, explanations)))
    return _exit_code(explanations)


def _exit_code(explanations: list[Explanation]) -> int:
    return CAPTURED if any(one.captured for one in explanations) else NOT_CAPTURED


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the command line speaks
