"""What the middleware costs, beside its peers: `python -m benchmarks.middleware --help`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks import inprocess, network, network_report
from benchmarks.measure import machine
from benchmarks.processes import stoppable
from benchmarks.table import bullets


def main() -> int:
    """Measure, print Markdown, and keep the figures if asked to."""
    options = _options()
    found: dict[str, Any] = {"machine": machine()}
    try:
        with stoppable():
            print(_heading(found["machine"]), flush=True)
            if options.only != "network":
                found["inprocess"] = inprocess.run(options.rounds, options.seed)
                print(inprocess.report(found["inprocess"]), flush=True)
            if options.only != "inprocess":
                found["network"] = network.run(options.rounds, options.seed)
                print(network_report.report(found["network"]), flush=True)
    except KeyboardInterrupt:
        print("stopped; everything that was started has ended", file=sys.stderr)
        return 130
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.middleware", description=__doc__)
    parser.add_argument("--rounds", type=int, help="default 21; more rounds, narrower ranges")
    parser.add_argument("--only", choices=("inprocess", "network"), help="one of the two parts")
    parser.add_argument("--quick", action="store_true", help="2 rounds, short: does it work?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep every round's figures")
    parser.add_argument("--seed", type=int, default=1, help="of the order of the rows")
    options = parser.parse_args()
    if options.rounds is None:
        options.rounds = 2 if options.quick else 21
    if options.rounds < 1:
        parser.error("--rounds: expected 1 or more")
    return options


def _heading(described: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in described["versions"].items())
    points = [
        f"{described['processor']}, {described['cores']} cores; {described['system']}",
        f"{described['python']} ({described['compiler']}); {versions}",
        f"load at the start: {described['load_at_start']} (0 is best: other work shows)",
    ]
    return f"# The middleware, measured\n\n{bullets(points)}"


if __name__ == "__main__":
    sys.exit(main())
