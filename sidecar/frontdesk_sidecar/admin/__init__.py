"""What a person can ask of the sidecar and tell it: operations, their HTTP, and the commands."""

from frontdesk_sidecar.admin.controls import Controls

__all__ = ["Controls"]
