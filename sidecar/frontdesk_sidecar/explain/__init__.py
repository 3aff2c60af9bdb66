"""`frontdesk explain`: why was this login captured, or why not?"""

from frontdesk_sidecar.explain.command import run

__all__ = ["run"]
