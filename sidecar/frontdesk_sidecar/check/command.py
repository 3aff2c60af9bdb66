"""`frontdesk check`: takes the steps and tells what they came to."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final

import anyio

from frontdesk import ConfigurationError
from frontdesk.disk import is_memory_backed
from frontdesk_sidecar import settings
from frontdesk_sidecar.admin.client import Client, NotRunning, Refused
from frontdesk_sidecar.admin.screen import mood, status_lines
from frontdesk_sidecar.admin.terminal import Terminal
from frontdesk_sidecar.check import files, judge_arrival, judge_local, judge_places, network, report
from frontdesk_sidecar.check.asking import Asking
from frontdesk_sidecar.check.chain import Chain
from frontdesk_sidecar.check.result import Result, Status
from frontdesk_sidecar.check.steps import STEPS, Step, about, blocked, with_needs
from frontdesk_sidecar.settings import Settings, Target

#: No step that asks somebody else takes longer, and all together not longer than that.
STEP_S: Final = 10.0
TOTAL_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for."""

    config: str | None = None
    only: tuple[str, ...] = ()
    verbose: bool = False
    as_json: bool = False
    write_test: bool = False
    step_s: float = STEP_S
    total_s: float = TOTAL_S


@dataclass(slots=True)
class Telling:
    """Collects the results, and shows each as it comes."""

    terminal: Terminal
    options: Options
    results: list[Result] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def tell(self, result: Result) -> None:
        """Show a step that was asked for, or that stands in the way of one."""
        options = self.options
        if options.only and result.step not in options.only and result.status is not Status.FAILED:
            return
        self.results.append(result)
        if not options.as_json:
            lines = report.lines_of(result, verbose=options.verbose)
            self.terminal.say(lines, mood=report.MOODS.get(result.status))

    def head(self, target: Target) -> None:
        """Name the target that the next steps are about."""
        if not self.options.as_json:
            url = target.destination.entity_url
            self.terminal.say(["", report.heading(target.name, url)])

    @property
    def seconds(self) -> float:
        """How long it has been."""
        return time.monotonic() - self.started

    def end(self) -> int:
        """Say how it went; the exit code."""
        if self.options.as_json:
            self.terminal.data(report.as_data(self.results, self.seconds))
        else:
            line, how = report.summary(self.results, self.seconds)
            self.terminal.say([line], mood=how)
        return report.exit_code(self.results)


def run(options: Options) -> int:
    """Check everything, or what was asked for; gives the exit code."""
    telling = Telling(Terminal(), options)
    try:
        _check(telling, options)
        return telling.end()
    except BrokenPipeError:  # `| head` has enough
        telling.terminal.hang_up()
        return report.FAILED


def _check(telling: Telling, options: Options) -> None:
    named = options.config or "the file of FRONTDESK_CONFIG"
    wanted = with_needs(options.only)
    try:
        found = settings.load(options.config)
    except ConfigurationError as error:
        telling.tell(judge_local.configuration(error.problems, named, ()))
        why = "the configuration cannot be used"
        for step in ("journal", "store", "sidecar", *(one.name for one in STEPS)):
            if step in wanted:
                telling.tell(Result(step, Status.SKIPPED, "", f"not looked at: {why}"))
        return
    names = [target.name for target in found.targets]
    telling.tell(judge_local.configuration((), named, names))
    for name, look in _LOCAL.items():
        if name in wanted:
            telling.tell(_taken(name, partial(look, found), options.step_s))
    for target in found.targets:
        if len(found.targets) > 1:
            telling.head(target)
        shown = target.name if len(found.targets) > 1 else ""
        anyio.run(_walk, found, target, wanted, telling, shown)


def _taken(name: str, look: Callable[[], Result], limit_s: float) -> Result:
    """A look at this machine; a volume that hangs is not waited for."""
    try:
        return network.within(limit_s, look)
    except TimeoutError:
        text = f"no answer of the file system in {limit_s:.0f} s"
        todo = ("see what the volume is on, and whether that is there",)
        return Result(name, Status.FAILED, "look there", text, "The volume hangs.", todo)


async def _walk(
    found: Settings, target: Target, wanted: frozenset[str], telling: Telling, shown: str
) -> None:
    options = telling.options
    try:
        asking = Asking(target, options.step_s)
    except OSError as error:  # ssl.SSLError is one
        text = error.strerror or "a file for TLS cannot be used"
        todo = ("sap.ca_file, sap.client_cert_file, sap.client_key_file: PEM files",)
        telling.tell(Result("tls", Status.FAILED, "read files for TLS", text, "", todo, (), shown))
        return
    async with asking:
        chain = Chain(
            target,
            asking,
            batch_size=found.pace.batch_size,
            write_test=options.write_test,
            limit_s=options.step_s,
        )
        broken: dict[str, str] = {}
        for step in STEPS:
            if step.name in wanted:
                result = about(await _step(step, chain, broken, telling), shown)
                telling.tell(result)


async def _step(step: Step, chain: Chain, broken: dict[str, str], telling: Telling) -> Result:
    """Take it, unless what it stands on failed; `broken` are those, with the first cause."""
    cause = next((broken[name] for name in step.needs if name in broken), None)
    left_s = telling.options.total_s - telling.seconds
    if cause is not None:
        broken[step.name] = cause
        return blocked(step, f"not tried: {cause} failed")
    if left_s <= 0:
        return blocked(step, f"not tried: {telling.options.total_s:.0f} s are over")
    result = None
    with anyio.move_on_after(left_s):
        result = await _guarded(step, chain)
    if result is None:
        text = f"not finished when {telling.options.total_s:.0f} s were over"
        result = Result(step.name, Status.FAILED, "", text, "Something answers too slowly.")
    if result.status is Status.FAILED:
        broken[step.name] = step.name
    return result


async def _guarded(step: Step, chain: Chain) -> Result:
    try:
        return await step.take(chain)
    except TimeoutError:
        return Result(step.name, Status.FAILED, "", "no answer in time", "Something hangs.")


def _journal(found: Settings) -> Result:
    path = found.journal
    return judge_places.journal(
        files.directory(path),
        files.segments(path),
        in_memory=is_memory_backed(str(path)),
        limit_bytes=found.capture.journal_limit_bytes,
        user=files.user(),
    )


def _store(found: Settings) -> Result:
    path = found.store_path
    file = files.store_file(path)
    needed = found.store.max_bytes + found.store.ballast_bytes - file.total_bytes
    place = files.store_directory(path.parent)
    return judge_places.store(place, file, needed_bytes=needed, user=files.user())


def _sidecar(found: Settings) -> Result:
    try:
        document = Client(found.http).call("status", {})
    except NotRunning:
        return judge_arrival.sidecar(None, (), "")
    except Refused as error:
        return judge_arrival.sidecar_refused(str(error))
    lines = status_lines(document, datetime.now().astimezone())
    return judge_arrival.sidecar(document, lines, mood(document))


_LOCAL: Final = {"journal": _journal, "store": _store, "sidecar": _sidecar}
