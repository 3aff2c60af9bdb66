"""`python -m chaos`: four minutes of faults around frontdesk, and the proof that it kept its word.

Web app, sidecar and simulated SAP run as processes on 127.0.0.1. As root, the sidecar runs as an
unprivileged user with its store on a small disk of its own; otherwise what needs that is left out
and told. Exit codes: 0 nothing was violated, 1 something was, 2 usage.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

import httpx
from benchmarks.processes import stoppable

from chaos import faults_files, faults_process, faults_sap, report, settings
from chaos.faults import FAULTS, OFF, Fault
from chaos.run import Run, Story
from chaos.town import Town
from chaos.verdict import conclude
from frontdesk_sidecar.demo.stack import StackError

#: These modules put their faults into the table.
_HOMES = (faults_files, faults_process, faults_sap)


def main() -> int:
    """Run, report, and say by the exit code whether anything was violated."""
    options = _options()
    print(f"seed {options.seed}: again with --seed {options.seed}", flush=True)
    for name in settings.unknown():
        print(f"left out: this frontdesk has no setting {name}")
    story = Story()
    town = Town(story.say)
    try:
        with stoppable():
            return _run(options, town, story)
    except KeyboardInterrupt:
        print("stopped; everything that was started has ended", file=sys.stderr)
        return 130
    except (StackError, TimeoutError, httpx.HTTPError) as error:
        print(f"failed: {type(error).__name__} {error}", file=sys.stderr)
        return 1
    finally:
        town.close()


def _run(options: argparse.Namespace, town: Town, story: Story) -> int:
    faults = _chosen(options.only, town)
    if not faults:
        print("none of these faults can be injected here", file=sys.stderr)
        return 2
    town.start()
    run = Run.prepare(options.seed, options.seconds, options.customers, faults, town, story)
    run.go()
    conclude(run)
    found = report.document(run)
    print(report.text(found))
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    if not run.judge.violations:
        return 0
    print(report.explanation(run))
    kept = Path(tempfile.mkdtemp(prefix=f"frontdesk-chaos-{options.seed}-"))
    for log in town.directory.glob("*.log"):
        shutil.copy(log, kept)
    (kept / "report.json").write_text(json.dumps(found, indent=1) + "\n")
    print(f"--- kept in {kept}: the logs and the report\n--- again: --seed {options.seed}")
    return 1


def _chosen(only: list[str], town: Town) -> list[Fault]:
    """The faults to inject; tells which are left out and why."""
    chosen = []
    for name in sorted(only or FAULTS):
        one = FAULTS[name]
        why = one.needs(town) or ("" if only else OFF.get(name))
        if why:
            print(f"left out: {name}: {why}")
        else:
            chosen.append(one)
    return chosen


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m chaos",
        description=__doc__,
        epilog="faults: " + ", ".join(sorted(FAULTS)),
    )
    parser.add_argument("--seed", type=int, help="which faults when; a random one is taken")
    parser.add_argument(
        "--seconds", type=float, default=210.0, help="how long faults are injected (%(default)s)"
    )
    parser.add_argument("--customers", type=int, default=60, help="(default: %(default)s)")
    parser.add_argument(
        "--only", action="append", default=[], choices=sorted(FAULTS), metavar="FAULT",
        help="this fault alone; may be repeated",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the report")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1_000_000)
    if options.seconds <= 0 or options.customers < 2:
        parser.error("--seconds: expected more than 0; --customers: expected 2 or more")
    return options


if __name__ == "__main__":
    sys.exit(main())
