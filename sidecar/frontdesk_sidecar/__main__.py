"""`frontdesk`, and `python -m frontdesk_sidecar`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; says in one sentence when the sidecar's dependencies are missing."""
    try:
        from frontdesk_sidecar.cli import main as run

        return run()  # a command imports what it needs when it is run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("frontdesk"):
            raise
        remedy = 'install the sidecar: pip install "frontdesk[sidecar]"'
        sys.stderr.write(f"frontdesk: {error.name} is missing; {remedy}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
