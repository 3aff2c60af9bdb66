"""What the way from the journal to SAP costs: `python -m benchmarks.pipeline --help`.

All of it on this machine, over 127.0.0.1, with SAP simulated. An hour with three rounds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks import (
    pipeline_absorb,
    pipeline_forward,
    pipeline_latency,
    pipeline_memory,
    pipeline_outage,
    pipeline_repeat,
)
from benchmarks.pipeline_places import MEMORY, environment, heading
from benchmarks.pipeline_types import Plan
from benchmarks.processes import stoppable
from frontdesk_sidecar.demo.stack import StackError

Section = tuple[Callable[[Plan], dict[str, Any]], Callable[[dict[str, Any]], str]]

SECTIONS: Final[dict[str, Section]] = {
    "absorb": (pipeline_absorb.run, pipeline_absorb.report),
    "forward": (pipeline_forward.run, pipeline_forward.report),
    "repeat": (pipeline_repeat.run, pipeline_repeat.report),
    "memory": (pipeline_memory.run, pipeline_memory.report),
    "outage": (pipeline_outage.run, pipeline_outage.report),
    "latency": (pipeline_latency.run, pipeline_latency.report),
}


def main() -> int:
    """Measure, print Markdown, and keep the figures if asked to."""
    options = _options()
    plan = _plan(options)
    found: dict[str, Any] = {"environment": environment(plan)}
    try:
        with stoppable():
            print(heading(found["environment"]), flush=True)
            for name in options.only or SECTIONS:
                run, report = SECTIONS[name]
                found[name] = run(plan)
                print(report(found[name]), flush=True)
    except KeyboardInterrupt:
        print("stopped; everything that was started has ended", file=sys.stderr)
        return 130
    except StackError as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    finally:
        if options.json is not None:
            options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


def _plan(options: argparse.Namespace) -> Plan:
    rounds = options.rounds or (1 if options.quick else 3)
    if not options.quick:
        return Plan(options.store, options.seed, rounds)
    return Plan(
        options.store,
        options.seed,
        rounds,
        messages=20_000,
        pending=1_000,
        resident=2_000,
        settle_s=10.0,
        idle_s=5.0,
        visits_s=10.0,
        repeats=4_000,
        arrive_s=3.0,
        outage_logins=20_000,
        outage_customers=1_000,
        outage_step_s=60.0,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pipeline", description=__doc__)
    parser.add_argument("--rounds", type=int, help="default 3; more rounds, narrower ranges")
    parser.add_argument(
        "--only", action="append", choices=tuple(SECTIONS), help="a part; may be repeated"
    )
    parser.add_argument("--quick", action="store_true", help="one small round: does it work?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep every round's figures")
    parser.add_argument("--seed", type=int, default=1, help="of the order of the customers")
    parser.add_argument(
        "--store",
        type=Path,
        default=Path(tempfile.gettempdir()),
        metavar="DIRECTORY",
        help="on the disk that the store is measured on (default: %(default)s)",
    )
    options = parser.parse_args()
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds: expected 1 or more")
    if not MEMORY.is_dir():
        parser.error(f"there is no {MEMORY}: the journal needs a memory-backed directory")
    return options


if __name__ == "__main__":
    sys.exit(main())
