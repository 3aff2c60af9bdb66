"""Which file system a place lies on, read from the text of /proc/self/mountinfo. Pure.

Source: proc_pid_mountinfo(5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_OCTAL: Final = re.compile(r"\\([0-7]{3})")  # how it writes blanks and backslashes
_NETWORK: Final = frozenset(
    (
        *("9p", "afs", "beegfs", "ceph", "cifs", "glusterfs", "lustre", "nfs", "nfs4", "smb3"),
        *("smbfs", "virtiofs", "vboxsf"),
    )
)
_MEMORY: Final = frozenset(("tmpfs", "ramfs", "devtmpfs"))
_LAYERS: Final = frozenset(("overlay", "aufs", "overlayfs"))


@dataclass(frozen=True, slots=True)
class Mount:
    """A mount: where, and which kind of file system; both empty when that cannot be told."""

    point: str = ""
    kind: str = ""

    @property
    def is_network(self) -> bool:
        """Whether other machines may write there, whose locks are not to be relied on."""
        return self.kind in _NETWORK or self.kind.startswith("fuse.")

    @property
    def is_memory(self) -> bool:
        """Whether it is gone when the machine, or the pod, is."""
        return self.kind in _MEMORY

    @property
    def is_layer(self) -> bool:
        """Whether it is a container's own, which goes with the container and is shared by none."""
        return self.kind in _LAYERS


#: It cannot be told.
UNKNOWN: Final = Mount()


def mount_of(place: str, mountinfo: str) -> Mount:
    """The mount of a place, whose links were followed."""
    found, depth = UNKNOWN, -1
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5:
            continue
        point = _OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4])
        # Of mounts on the same point the last one covers the others.
        if f"{place}/".startswith(f"{point.rstrip('/')}/") and len(point) >= depth:
            found, depth = Mount(point, after.split(" ")[0]), len(point)
    return found


def holder(device: int, inode: int, locks: str) -> int | None:
    """The process that holds an flock on a file, by the text of /proc/locks; None for nobody.

    0 when it is a process that cannot be seen from here. Source: proc_locks(5).
    """
    major, minor = (device >> 8) & 0xFFF, (device & 0xFF) | ((device >> 12) & 0xFFF00)
    wanted = f"{major:02x}:{minor:02x}:{inode}"
    for line in locks.splitlines():
        fields = line.split()
        if len(fields) >= 6 and fields[1] == "FLOCK" and fields[5] == wanted:
            return max(0, int(fields[4])) if fields[4].lstrip("-").isdigit() else 0
    return None
